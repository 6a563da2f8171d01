/*
 * message: the rows of a stored message: entry, message, blob and its references. A blob lives as
 * long as an entry or a queue row refers to it; expunged entries do so until they are reaped.
 *
 * Tests: tests/unit/test_store_accept.c, test_store_reaper.c.
 */
#include "base/mem.h"
#include "store/body_internal.h"
#include "store/writer_internal.h"

int writer_add_message(struct writer *writer, struct store_body *body, uint64_t refs)
{
    if (body->is_failed || store_body_wants_sync(body))
        return ERR_INVALID;
    body_finish(body);
    const struct mime_result *result = &body->result;
    int render_version = body->scan != NULL ? MIME_RENDER_VERSION : 0;
    int err = db_exec(writer->db, SQL_MESSAGE_ADD,
                      DB_ARGS(db_u64(body->id), db_u64(body->id), db_int(writer->now_us),
                              db_int(result->sent_s), db_bytes(result->envelope),
                              db_bytes(result->structure), db_bytes(result->parts),
                              db_int(render_version)));
    if (err == 0)
        err = db_exec(writer->db, SQL_BLOB_ADD,
                      DB_ARGS(db_u64(body->id), db_u64(body->segment), db_u64(body->offset),
                              db_u64(body->size), db_int(body->crc), db_u64(refs)));
    body->has_row = err == 0;
    if (err == 0 && body->segment != 0)
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_SEGMENT,
                                                      .id = body->segment,
                                                      .blob = body->id,
                                                      .bytes = (int64_t)body->size});
    return err;
}

int writer_add_entry(struct writer *writer, struct writer_mailbox *mailbox,
                     const struct new_entry *entry, uint32_t *uid_out)
{
    int err = writer_take_uid(writer, mailbox, entry->flags, entry->size, uid_out);
    if (err != 0)
        return err;
    uint64_t modseq = writer_modseq(writer, mailbox);
    return db_exec(writer->db, SQL_ENTRY_ADD,
                   DB_ARGS(db_u64(mailbox->now.id), db_int(*uid_out), db_u64(entry->message),
                           db_u64(modseq), db_u64(entry->flags), db_int(entry->saved_s),
                           db_u64(entry->size)));
}

static int blob_delete(struct writer *writer, uint64_t message, uint64_t blob, uint64_t segment,
                       uint64_t length)
{
    int err = db_exec(writer->db, SQL_BLOB_DELETE, DB_ARGS(db_u64(blob)));
    if (err == 0)
        err = db_exec(writer->db, SQL_MESSAGE_DELETE, DB_ARGS(db_u64(message)));
    if (segment != 0)
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_SEGMENT,
                                                      .id = segment,
                                                      .bytes = -(int64_t)length});
    else if (length > 0)
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_UNLINK, .id = blob});
    return err;
}

int writer_change_refs(struct writer *writer, uint64_t message, int64_t refs)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_BLOB_OF_MESSAGE, DB_ARGS(db_u64(message)), &rows);
    if (found <= 0)
        return found; /* no row: it was corrupt before; nothing to count */
    uint64_t blob = db_u64_at(&rows, 0), segment = db_u64_at(&rows, 1);
    uint64_t length = db_u64_at(&rows, 2);
    int64_t left = db_int_at(&rows, 3) + refs;
    db_done(&rows);
    if (left <= 0)
        return blob_delete(writer, message, blob, segment, length);
    return db_exec(writer->db, SQL_BLOB_REFS, DB_ARGS(db_int(refs), db_u64(blob)));
}

int writer_count_up(struct writer *writer, const char *name, uint64_t least, uint64_t *out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_META, DB_ARGS(db_text(span_of(name))), &rows);
    if (found <= 0)
        return found == 0 ? ERR_CORRUPT : found;
    uint64_t value = db_u64_at(&rows, 0) + 1;
    db_done(&rows);
    if (value < least)
        value = least;
    *out = value;
    return db_exec(writer->db, SQL_META_SET, DB_ARGS(db_u64(value), db_text(span_of(name))));
}

struct keywords {
    const struct span *names;
    uint64_t *bits; /* out: 0 where the mailbox does not know the name */
    size_t count;
};

/* Which bits the mailbox has names for, and those of the names asked for. */
static int keyword_look(struct writer *writer, uint64_t mailbox, const struct keywords *wanted,
                        unsigned *next_out)
{
    struct db_rows rows;
    int err = db_query(writer->db, SQL_KEYWORDS, DB_ARGS(db_u64(mailbox)), &rows);
    if (err != 0)
        return err;
    *next_out = 0;
    while ((err = db_next(&rows)) == 1) {
        unsigned bit = (unsigned)db_int_at(&rows, 0);
        for (size_t i = 0; i < wanted->count; i++) {
            if (span_equal_nocase(wanted->names[i], db_bytes_at(&rows, 1)))
                wanted->bits[i] = (uint64_t)1 << (STORE_KEYWORD_FIRST + bit);
        }
        *next_out = bit + 1;
    }
    return err;
}

int writer_keyword_bits(struct writer *writer, uint64_t mailbox, const struct span *names,
                        size_t count, uint64_t *bits_out)
{
    *bits_out = 0;
    if (count == 0)
        return 0;
    unsigned max = store_keywords_max(writer->store);
    uint64_t *bits = mem_zalloc(count, sizeof *bits);
    unsigned next = 0;
    int err = keyword_look(writer, mailbox, &(struct keywords){names, bits, count}, &next);
    for (size_t i = 0; i < count && err == 0; i++) {
        for (size_t j = 0; j < i && bits[i] == 0; j++) {
            if (span_equal_nocase(names[i], names[j]))
                bits[i] = bits[j]; /* given twice */
        }
        if (bits[i] == 0 && next >= max) {
            err = ERR_LIMIT;
        } else if (bits[i] == 0) {
            bits[i] = (uint64_t)1 << (STORE_KEYWORD_FIRST + next);
            err = db_exec(writer->db, SQL_KEYWORD_ADD,
                          DB_ARGS(db_u64(mailbox), db_int(next), db_text(names[i])));
            next++;
        }
        *bits_out |= bits[i];
    }
    mem_free(bits);
    return err;
}

int writer_known_keyword_bits(struct writer *writer, uint64_t mailbox, const struct span *names,
                              size_t count, uint64_t *bits_out)
{
    *bits_out = 0;
    if (count == 0)
        return 0;
    uint64_t *bits = mem_zalloc(count, sizeof *bits);
    unsigned next;
    int err = keyword_look(writer, mailbox, &(struct keywords){names, bits, count}, &next);
    for (size_t i = 0; i < count; i++)
        *bits_out |= bits[i];
    mem_free(bits);
    return err;
}
