/*
 * writer_mailbox: the counters of mailboxes in the writer's memory. UIDs and modseqs are taken
 * from there and written by one UPDATE per mailbox and batch; the log of changes gets one row per
 * range. Kept between batches, forgotten when a batch fails.
 *
 * Tests: tests/unit/test_store_accept.c, test_store_model.c.
 */
#include "base/mem.h"
#include "store/writer_internal.h"

enum {
    MAILBOXES_KEPT_MAX = 8192, /* at the limit all are forgotten and read again */
    CHANGE_RANGES_MAX = 128, /* per change; above it neighbours are merged: a range may be wider */
    /* So many modseqs back the log is complete; whoever asks for older ones has all entries looked
     * at. Cut every CHANGE_CUT_EVERY modseqs. */
    CHANGE_KEPT = 4096,
    CHANGE_CUT_EVERY = 256
};

static int mailbox_load(struct writer *writer, const struct mailbox_row *row,
                        struct writer_mailbox **out)
{
    struct writer_mailbox *mailbox = mem_new(struct writer_mailbox);
    mailbox->now = (struct mailbox_state){
        .id = row->id,
        .account = row->account,
        .uidvalidity = row->uidvalidity,
        .uidnext = row->uidnext,
        .modseq = row->modseq,
        .bytes = row->bytes,
        .change_floor = row->change_floor,
        .messages = row->messages,
        .unseen = row->unseen,
        .deleted = row->deleted,
    };
    mailbox->is_loaded_now = true;
    (void)map_set_u64(&writer->mailboxes, row->id, mailbox);
    *out = mailbox;
    return 0;
}

static void mailbox_touch(struct writer *writer, struct writer_mailbox *mailbox)
{
    if (mailbox->is_touched)
        return;
    mailbox->is_touched = true;
    mailbox->before = mailbox->now;
    writer->touched = array_grow(writer->touched, writer->touched_count, &writer->touched_capacity,
                                 sizeof(struct writer_mailbox *));
    writer->touched[writer->touched_count++] = mailbox;
}

int writer_mailbox(struct writer *writer, uint64_t id, struct writer_mailbox **out)
{
    struct writer_mailbox *mailbox = map_get_u64(&writer->mailboxes, id);
    if (mailbox == NULL) {
        struct mailbox_row row;
        int err = mailbox_row_by_id(writer->db, id, &row);
        if (err != 0)
            return err;
        (void)mailbox_load(writer, &row, &mailbox);
    }
    if (mailbox->now.account == 0)
        return ERR_NOT_FOUND;
    mailbox_touch(writer, mailbox);
    *out = mailbox;
    return 0;
}

void writer_mailbox_take_back(struct writer *writer, struct writer_mailbox *mailbox)
{
    mailbox->now = mailbox->before;
    mailbox->is_touched = false;
    if (!mailbox->is_loaded_now)
        return;
    for (size_t i = 0; i < writer->dirty_count; i++) {
        if (writer->dirty[i] == mailbox)
            writer->dirty[i--] = writer->dirty[--writer->dirty_count];
    }
    (void)map_remove_u64(&writer->mailboxes, mailbox->now.id);
    mem_free(mailbox);
}

int writer_find_mailbox(struct writer *writer, uint64_t account, struct span name,
                        struct writer_mailbox **out)
{
    struct mailbox_row row;
    int err = mailbox_row_by_name(writer->db, account, name, &row);
    return err != 0 ? err : writer_mailbox(writer, row.id, out);
}

/* A failed request may leave a mailbox dirty or bumped: its modseq then goes on without use. */
static void mailbox_mark_dirty(struct writer *writer, struct writer_mailbox *mailbox)
{
    if (mailbox->is_dirty)
        return;
    mailbox->is_dirty = true;
    writer->dirty = array_grow(writer->dirty, writer->dirty_count, &writer->dirty_capacity,
                               sizeof(struct writer_mailbox *));
    writer->dirty[writer->dirty_count++] = mailbox;
}

uint64_t writer_modseq(struct writer *writer, struct writer_mailbox *mailbox)
{
    if (!mailbox->is_bumped) {
        mailbox->is_bumped = true;
        mailbox->now.modseq++;
        mailbox->before.modseq++; /* survives the request: one modseq a batch, taken once */
        mailbox_mark_dirty(writer, mailbox);
    }
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = mailbox->now.id});
    return mailbox->now.modseq;
}

int writer_take_uid(struct writer *writer, struct writer_mailbox *mailbox, uint64_t flags,
                    uint64_t size, uint32_t *uid_out)
{
    if (mailbox->now.uidnext == UINT32_MAX)
        return ERR_LIMIT;
    mailbox_mark_dirty(writer, mailbox);
    *uid_out = mailbox->now.uidnext++;
    mailbox->now.messages++;
    mailbox->now.bytes += size;
    mailbox->now.unseen += (flags & STORE_SEEN) == 0;
    mailbox->now.deleted += (flags & STORE_DELETED) != 0;
    return 0;
}

static int mailbox_cut_log(struct writer *writer, struct writer_mailbox *mailbox)
{
    uint64_t modseq = mailbox->now.modseq;
    if (modseq % CHANGE_CUT_EVERY != 0 || modseq <= CHANGE_KEPT)
        return 0;
    mailbox->now.change_floor = modseq - CHANGE_KEPT;
    return db_exec(writer->db, SQL_CHANGES_DELETE,
                   DB_ARGS(db_u64(mailbox->now.id), db_u64(mailbox->now.change_floor)));
}

int writer_keep_mailboxes(struct writer *writer)
{
    for (size_t i = 0; i < writer->dirty_count; i++) {
        struct writer_mailbox *mailbox = writer->dirty[i];
        int err = mailbox->is_bumped ? mailbox_cut_log(writer, mailbox) : 0;
        const struct mailbox_state *now = &mailbox->now;
        if (err == 0)
            err = db_exec(writer->db, SQL_MAILBOX_KEEP,
                          DB_ARGS(db_int(now->uidnext), db_u64(now->modseq), db_int(now->messages),
                                  db_int(now->unseen), db_int(now->deleted), db_u64(now->bytes),
                                  db_u64(now->change_floor), db_u64(now->id)));
        if (err != 0)
            return err;
    }
    return 0;
}

void writer_batch_done(struct writer *writer)
{
    for (size_t i = 0; i < writer->dirty_count; i++) {
        writer->dirty[i]->is_dirty = writer->dirty[i]->is_bumped = false;
        writer->dirty[i]->now.last_message = 0;
    }
    writer->dirty_count = 0;
    if (writer->mailboxes.count > MAILBOXES_KEPT_MAX)
        writer_forget(writer);
}

int writer_log_change(struct writer *writer, struct writer_mailbox *mailbox, enum change_kind kind,
                      const struct uid_runs *runs)
{
    uint64_t modseq = writer_modseq(writer, mailbox), id = mailbox->now.id;
    struct uid_runs coarse = {0};
    for (size_t i = 0; i < runs->count; i++)
        uid_runs_add(&coarse, runs->items[i].first, runs->items[i].last);
    uid_runs_coarsen(&coarse, CHANGE_RANGES_MAX);

    int err = 0;
    for (size_t i = 0; i < coarse.count && err == 0; i++) {
        struct db_value first = db_int(coarse.items[i].first), last = db_int(coarse.items[i].last);
        err = db_exec(writer->db, SQL_CHANGE_ADD,
                      DB_ARGS(db_u64(id), db_u64(modseq), first, last, db_int(kind)));
        if (err == 0 && kind == CHANGE_EXPUNGE)
            err = db_exec(writer->db, SQL_GONE_ADD,
                          DB_ARGS(db_u64(store_next_id(writer->store)), db_u64(id), first, last,
                                  db_u64(modseq), db_int(writer->now_us)));
    }
    uid_runs_release(&coarse);
    return err;
}
