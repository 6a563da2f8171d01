/*
 * entry: reading entries in slices, with what FETCH needs of their messages. Expunged entries are
 * read too while they are in grace: a session that does not know yet still has their numbers.
 *
 * Tests: tests/unit/test_store_mailbox.c, test_store_model.c.
 */
#include "store/entry.h"

#include "base/mem.h"
#include "mail/mime.h"
#include "store/fd_internal.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"

/* A message that has no rendering of this version is scanned when it is read; above this size it
 * is left as it is. */
enum { RENDER_SIZE_MAX = 64 * 1024 * 1024 };

struct fetch_request {
    struct request base;
    struct store_fetch pub;
    uint64_t mailbox;
    struct uid_range *ranges;
    size_t range_count;
    uint32_t from_uid;
    unsigned what;
    size_t size_max;
    size_t size, capacity; /* of this slice so far */
};
REQUEST_LAYOUT(fetch_request);

static struct store_row *fetch_add(struct fetch_request *request)
{
    struct store_fetch *pub = &request->pub;
    pub->rows = array_grow(pub->rows, pub->count, &request->capacity, sizeof *pub->rows);
    struct store_row *row = &pub->rows[pub->count++];
    *row = (struct store_row){0};
    request->size += sizeof *row;
    return row;
}

static void row_read_entry(const struct db_rows *rows, struct store_row *row)
{
    row->uid = db_u32_at(rows, 0);
    row->flags = db_u64_at(rows, 1) & ~ENTRY_GONE;
    row->modseq = db_u64_at(rows, 2);
    row->saved_s = db_int_at(rows, 3);
    row->size = db_u64_at(rows, 4);
    row->message = db_u64_at(rows, 5);
}

/* Into the arena what an old version of the scanner (or none) left behind. */
static int row_render(struct fetch_request *request, struct db *db, struct store_row *row)
{
    struct arena whole;
    struct span bytes;
    arena_init(&whole);
    struct blob_want want = {row->blob.id, RENDER_SIZE_MAX};
    int err = blob_read_all(request->base.store, db, &want, &whole, &bytes);
    if (err == 0) {
        struct mime_result result;
        struct mime_scan *scan = mime_scan_create(request->base.store->settings.message_parts_max);
        mime_scan_feed(scan, bytes);
        mime_scan_finish(scan, &result);
        row->envelope = arena_copy(&request->base.arena, result.envelope);
        row->structure = arena_copy(&request->base.arena, result.structure);
        row->parts = arena_copy(&request->base.arena, result.parts);
        mime_scan_free(&scan);
    }
    arena_reset(&whole);
    return err == ERR_LIMIT ? 0 : err;
}

static int row_read_message(struct fetch_request *request, const struct db_rows *rows,
                            struct store_row *row)
{
    struct arena *arena = &request->base.arena;
    row_read_entry(rows, row);
    row->blob = (struct store_blob){db_u64_at(rows, 8), db_u64_at(rows, 9), db_u64_at(rows, 10),
                                    db_u64_at(rows, 11)};
    const unsigned rendered = STORE_FETCH_ENVELOPE | STORE_FETCH_STRUCTURE | STORE_FETCH_PARTS;
    if ((request->what & rendered) == 0)
        return 0;
    if (db_int_at(rows, 6) < MIME_RENDER_VERSION)
        return row_render(request, rows->db, row);
    if ((request->what & STORE_FETCH_ENVELOPE) != 0)
        row->envelope = arena_copy(arena, db_bytes_at(rows, 12));
    if ((request->what & STORE_FETCH_STRUCTURE) != 0)
        row->structure = arena_copy(arena, db_bytes_at(rows, 13));
    if ((request->what & STORE_FETCH_PARTS) != 0)
        row->parts = arena_copy(arena, db_bytes_at(rows, 14));
    request->size += row->envelope.len + row->structure.len + row->parts.len;
    return 0;
}

static int fetch_range(struct fetch_request *request, struct db *db, uint32_t first, uint32_t last)
{
    bool is_whole = request->what != STORE_FETCH_FLAGS;
    enum sql sql = SQL_ENTRIES; /* no join that is not needed */
    if ((request->what & STORE_FETCH_BLOB) != 0)
        sql = SQL_ENTRIES_MESSAGE;
    else if (is_whole)
        sql = SQL_ENTRIES_RENDERED;
    struct db_rows rows;
    int err =
        db_query(db, sql, DB_ARGS(db_u64(request->mailbox), db_int(first), db_int(last)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        if (request->size >= request->size_max && request->pub.count > 0) {
            request->pub.next_uid = db_u32_at(&rows, 0);
            db_done(&rows);
            return 0;
        }
        err = 0;
        if (is_whole)
            err = row_read_message(request, &rows, fetch_add(request));
        else
            row_read_entry(&rows, fetch_add(request));
    }
    db_done(&rows);
    return err;
}

static int fetch_read(struct request *base, struct db *db)
{
    struct fetch_request *request = (struct fetch_request *)(void *)base;
    int err = 0;
    for (size_t i = 0; i < request->range_count && err == 0 && request->pub.next_uid == 0; i++) {
        struct uid_range range = request->ranges[i];
        if (range.last < request->from_uid)
            continue;
        if (range.first < request->from_uid)
            range.first = request->from_uid;
        err = fetch_range(request, db, range.first, range.last);
        if (job_is_cancelled(&request->pub.job))
            return ERR_CANCELLED;
    }
    return err;
}

static void fetch_release(struct request *base)
{
    struct fetch_request *request = (struct fetch_request *)(void *)base;
    mem_free(request->pub.rows);
    request->pub.rows = NULL;
    request->pub.count = request->capacity = request->size = 0;
    request->pub.next_uid = 0;
}

static const struct request_kind fetch_kind = {
    .what = "read the messages' entries",
    .lane = JOB_READ,
    .read = fetch_read,
    .reset = fetch_release,
    .release = fetch_release,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see entry.h */
struct store_fetch *store_fetch_create(struct store *store, uint64_t mailbox,
                                       const struct uid_range *ranges, size_t range_count,
                                       uint32_t from_uid, unsigned what, size_t size_max)
{
    struct fetch_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &fetch_kind, store, &request->pub.status, &request->pub.fault);
    request->mailbox = mailbox;
    request->ranges = request_copy_ranges(&request->base, ranges, range_count);
    request->range_count = range_count;
    request->from_uid = from_uid;
    request->what = what;
    request->size_max = size_max;
    return &request->pub;
}
