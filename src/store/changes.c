/*
 * changes: what changed in a mailbox since a modseq, from one transaction: the newest view, and
 * the flags of those entries that lie in a logged range and have a higher modseq. New mail is not
 * in it: it is the view's end. Below the mailbox's change_floor the log is not complete any more
 * and all entries are looked at.
 *
 * Tests: tests/unit/test_store_mailbox.c, test_store_model.c.
 */
#include "base/mem.h"
#include "store/mailbox.h"
#include "store/request_internal.h"
#include "store/store_internal.h"
#include "store/view_internal.h"

void mailbox_row_read(const struct db_rows *rows, struct mailbox_row *out)
{
    *out = (struct mailbox_row){
        .id = db_u64_at(rows, 0),
        .account = db_u64_at(rows, 1),
        .attributes = (unsigned)db_int_at(rows, 2),
        .uidvalidity = db_u32_at(rows, 3),
        .uidnext = db_u32_at(rows, 4),
        .modseq = db_u64_at(rows, 5),
        .bytes = db_u64_at(rows, 6),
        .change_floor = db_u64_at(rows, 7),
        .messages = db_u32_at(rows, 8),
        .unseen = db_u32_at(rows, 9),
        .deleted = db_u32_at(rows, 10),
        .recent_from = db_u32_at(rows, 11),
    };
}

static int row_get(struct db_rows *rows, int found, struct mailbox_row *out)
{
    if (found < 0)
        return found;
    if (found == 0)
        return ERR_NOT_FOUND;
    mailbox_row_read(rows, out);
    db_done(rows);
    return 0;
}

int mailbox_row_by_id(struct db *db, uint64_t id, struct mailbox_row *out)
{
    struct db_rows rows;
    int found = db_query_one(db, SQL_MAILBOX_BY_ID, DB_ARGS(db_u64(id)), &rows);
    return row_get(&rows, found, out);
}

int mailbox_row_by_name(struct db *db, uint64_t account, struct span name, struct mailbox_row *out)
{
    struct db_rows rows;
    int found =
        db_query_one(db, SQL_MAILBOX_BY_NAME, DB_ARGS(db_u64(account), db_text(name)), &rows);
    return account == 0 && found == 1 ? (db_done(&rows), ERR_NOT_FOUND)
                                      : row_get(&rows, found, out);
}

int delta_keywords(struct db *db, uint64_t mailbox, struct arena *arena, struct store_delta *out)
{
    struct db_rows rows;
    int err = db_query(db, SQL_KEYWORDS, DB_ARGS(db_u64(mailbox)), &rows);
    if (err != 0)
        return err;
    const char *names[STORE_KEYWORDS_MAX];
    size_t count = 0;
    while ((err = db_next(&rows)) == 1) {
        if (count < STORE_KEYWORDS_MAX)
            names[count++] = arena_text(arena, db_bytes_at(&rows, 1));
    }
    if (err != 0)
        return err;
    const char **kept = arena_alloc(arena, (count + 1) * sizeof *kept);
    memcpy(kept, names, count * sizeof *kept);
    out->keywords = kept;
    out->keyword_count = count;
    return 0;
}

struct changed_rows {
    struct store_flags_row *items;
    size_t count, capacity;
};

static int changes_in_range(struct db *db, const struct delta_since *since, uint32_t first,
                            uint32_t last, struct changed_rows *out)
{
    struct db_rows rows;
    int err = db_query(
        db, SQL_ENTRIES_SINCE,
        DB_ARGS(db_u64(since->mailbox), db_int(first), db_int(last), db_u64(since->since)), &rows);
    if (err != 0)
        return err;
    while ((err = db_next(&rows)) == 1) {
        out->items = array_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] = (struct store_flags_row){.uid = db_u32_at(&rows, 0),
                                                            .flags = db_u64_at(&rows, 1),
                                                            .modseq = db_u64_at(&rows, 2)};
    }
    return err;
}

/* The logged ranges since, below the UIDs that the asker knows. */
static int changes_ranges(struct db *db, const struct delta_since *since, struct uid_runs *out)
{
    struct db_rows rows;
    int err =
        db_query(db, SQL_CHANGES, DB_ARGS(db_u64(since->mailbox), db_u64(since->since)), &rows);
    if (err != 0)
        return err;
    while ((err = db_next(&rows)) == 1) {
        struct uid_range range = {db_u32_at(&rows, 0), db_u32_at(&rows, 1)};
        if (range.first >= since->uidnext_known)
            continue;
        if (range.last >= since->uidnext_known)
            range.last = since->uidnext_known - 1;
        out->items = array_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] = range;
    }
    uid_runs_normalize(out);
    return err;
}

static int changes_flags(struct db *db, const struct delta_since *since,
                         const struct mailbox_row *row, struct store_delta *out)
{
    if (since->since >= row->modseq || since->uidnext_known <= 1)
        return 0;
    struct changed_rows changed = {0};
    struct uid_runs ranges = {0};
    int err = 0;
    if (since->since < row->change_floor)
        uid_runs_add(&ranges, 1, since->uidnext_known - 1);
    else
        err = changes_ranges(db, since, &ranges);
    for (size_t i = 0; i < ranges.count && err == 0; i++)
        err = changes_in_range(db, since, ranges.items[i].first, ranges.items[i].last, &changed);
    uid_runs_release(&ranges);
    out->changed = changed.items;
    out->changed_count = changed.count;
    return err;
}

int delta_read(struct view_cache *cache, struct db *db, const struct delta_since *since,
               struct arena *arena, struct store_delta *out)
{
    *out = (struct store_delta){0};
    struct mailbox_row row;
    int err = mailbox_row_by_id(db, since->mailbox, &row);
    if (err == ERR_NOT_FOUND || (err == 0 && row.account == 0)) {
        out->is_gone = true;
        out->view = store_view_create(NULL, 0);
        return 0;
    }
    if (err == 0)
        err = view_cache_get(cache, db, &row, &out->view);
    if (err == 0)
        err = delta_keywords(db, row.id, arena, out);
    if (err == 0)
        err = changes_flags(db, since, &row, out);
    if (err != 0) {
        delta_release(out);
        return err;
    }
    out->modseq = row.modseq;
    out->uidnext = row.uidnext;
    return 0;
}

void delta_release(struct store_delta *delta)
{
    store_view_unref(&delta->view);
    mem_free(delta->changed);
    delta->changed = NULL;
    delta->changed_count = 0;
}

struct changes_request {
    struct request base;
    struct store_changes pub;
    struct delta_since since;
};
REQUEST_LAYOUT(changes_request);

static int changes_run(struct request *base, struct db *db)
{
    struct changes_request *request = (struct changes_request *)(void *)base;
    return delta_read(base->store->views, db, &request->since, &base->arena, &request->pub.delta);
}

static void changes_release(struct request *base)
{
    delta_release(&((struct changes_request *)(void *)base)->pub.delta);
}

static const struct request_kind changes_kind = {
    .what = "read what changed in the mailbox",
    .lane = JOB_READ,
    .read = changes_run,
    .reset = changes_release,
    .release = changes_release,
};

struct store_changes *store_changes_create(struct store *store, uint64_t mailbox, uint64_t since,
                                           uint32_t uidnext_known)
{
    struct changes_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &changes_kind, store, &request->pub.status, &request->pub.fault);
    request->since = (struct delta_since){mailbox, since, uidnext_known};
    return &request->pub;
}
