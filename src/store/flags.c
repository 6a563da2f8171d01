/*
 * flags: STORE and EXPUNGE. Both look at the entries first, collect those that change as runs,
 * then change each run by one statement and log it, in slices, so that a change of a million
 * messages holds up nobody's delivery. Expunging sets a bit; the reaper deletes.
 *
 * Tests: tests/unit/test_store_slices.c, test_store_model.c.
 */
#include "base/mem.h"
#include "store/entry.h"
#include "store/entry_internal.h"

enum { SLICE_ROWS = 1000 };

/* Where a change goes on in its ranges. */
struct slice {
    size_t range_at;
    uint32_t uid;  /* the first that is still to be looked at; 0: the range's first */
    unsigned room; /* rows that this batch may still look at */
};

/* The part of the ranges that comes next; false: the slice or all of it is done. */
static bool slice_next(const struct slice *slice, const struct uid_range *ranges, size_t count,
                       struct uid_range *out)
{
    if (slice->room == 0 || slice->range_at >= count)
        return false;
    *out = ranges[slice->range_at];
    if (out->first < slice->uid)
        out->first = slice->uid;
    return true;
}

/* A row was found: false, and its UID is where the next slice begins, when there is no room. */
static bool slice_take(struct slice *slice, uint32_t uid)
{
    if (slice->room > 0) {
        slice->room--;
        return true;
    }
    slice->uid = uid;
    return false;
}

static void slice_end_range(struct slice *slice)
{
    slice->range_at++;
    slice->uid = 0;
}

/* Ends a run when an entry lies between that does not change. */
struct run_builder {
    struct uid_runs *runs;
    bool is_open; /* the last run may grow over UIDs that are not there */
};

static void run_builder_take(struct run_builder *builder, uint32_t uid)
{
    struct uid_runs *runs = builder->runs;
    if (builder->is_open && runs->count > 0)
        runs->items[runs->count - 1].last = uid;
    else
        uid_runs_add(runs, uid, uid);
    builder->is_open = true;
}

int entries_update(struct writer *writer, struct writer_mailbox *mailbox,
                   const struct uid_runs *runs, uint64_t keep, uint64_t set)
{
    uint64_t modseq = writer_modseq(writer, mailbox);
    int err = 0;
    for (size_t i = 0; i < runs->count && err == 0; i++)
        err = db_exec(writer->db, SQL_ENTRIES_FLAG,
                      DB_ARGS(db_u64(keep), db_u64(set), db_u64(modseq), db_u64(mailbox->now.id),
                              db_int(runs->items[i].first), db_int(runs->items[i].last)));
    return err;
}

struct flags_request {
    struct request base;
    struct store_change_flags pub;
    struct delta_since since;
    struct uid_range *ranges;
    size_t range_count;
    enum store_flags_action action;
    uint64_t flags;
    struct span *keywords;
    size_t keyword_count;
    struct slice slice;
};
REQUEST_LAYOUT(flags_request);

/* What a look at entries brings: those to be changed, and how far it came. */
struct looked {
    struct uid_runs runs;
    struct slice *slice;
};

/* New flags are (old & keep) | set. */
struct flags_change {
    uint64_t keep, set;
};

static struct flags_change flags_change_of(enum store_flags_action action, uint64_t flags)
{
    switch (action) {
    case STORE_FLAGS_SET:
        return (struct flags_change){ENTRY_GONE, flags};
    case STORE_FLAGS_ADD:
        return (struct flags_change){(uint64_t)INT64_MAX, flags};
    case STORE_FLAGS_REMOVE:
        return (struct flags_change){(uint64_t)INT64_MAX & ~flags, 0};
    }
    return (struct flags_change){(uint64_t)INT64_MAX, 0};
}

static void count_flags(struct writer_mailbox *mailbox, uint64_t before, uint64_t after)
{
    uint32_t was_unseen = (before & STORE_SEEN) == 0, was_deleted = (before & STORE_DELETED) != 0;
    uint32_t is_unseen = (after & STORE_SEEN) == 0, is_deleted = (after & STORE_DELETED) != 0;
    mailbox->now.unseen += is_unseen - was_unseen;
    mailbox->now.deleted += is_deleted - was_deleted;
}

static int flags_look(struct writer *writer, struct writer_mailbox *mailbox,
                      const struct uid_range *range, struct flags_change change, struct looked *out)
{
    struct run_builder builder = {&out->runs, false};
    struct db_rows rows;
    int err = db_query(writer->db, SQL_ENTRIES_THERE,
                       DB_ARGS(db_u64(mailbox->now.id), db_int(range->first), db_int(range->last)),
                       &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        if (!slice_take(out->slice, db_u32_at(&rows, 0))) {
            db_done(&rows);
            return 0;
        }
        uint64_t before = db_u64_at(&rows, 1);
        uint64_t after = (before & change.keep) | change.set;
        if (before == after) {
            builder.is_open = false;
        } else {
            run_builder_take(&builder, db_u32_at(&rows, 0));
            count_flags(mailbox, before, after);
        }
        err = 0;
    }
    slice_end_range(out->slice);
    return err;
}

static int flags_apply(struct request *base, struct writer *writer)
{
    struct flags_request *request = (struct flags_request *)(void *)base;
    struct writer_mailbox *mailbox;
    uint64_t keywords = 0;
    int err = writer_mailbox(writer, request->since.mailbox, &mailbox);
    if (err == ERR_NOT_FOUND)
        return 0; /* the delta says that it is gone */
    /* A keyword that is to be removed need not be made. */
    if (err == 0 && request->action != STORE_FLAGS_REMOVE)
        err = writer_keyword_bits(writer, mailbox->now.id, request->keywords,
                                  request->keyword_count, &keywords);
    else if (err == 0)
        err = writer_known_keyword_bits(writer, mailbox->now.id, request->keywords,
                                        request->keyword_count, &keywords);
    if (err != 0)
        return err;

    const uint64_t settable = (uint64_t)INT64_MAX & ~ENTRY_GONE;
    struct flags_change change =
        flags_change_of(request->action, (request->flags & settable) | keywords);
    struct looked looked = {.slice = &request->slice};
    struct uid_range range;
    request->slice.room = SLICE_ROWS;
    while (err == 0 && slice_next(&request->slice, request->ranges, request->range_count, &range))
        err = flags_look(writer, mailbox, &range, change, &looked);
    base->is_unfinished = request->slice.range_at < request->range_count;
    if (err == 0 && looked.runs.count > 0)
        err = entries_update(writer, mailbox, &looked.runs, change.keep, change.set);
    if (err == 0 && looked.runs.count > 0)
        err = writer_log_change(writer, mailbox, CHANGE_FLAGS, &looked.runs);
    uid_runs_release(&looked.runs);
    return err;
}

int settled_delta(struct request *base, struct writer *writer, const struct delta_since *since,
                  struct store_delta *out)
{
    int err = db_begin(writer->db);
    if (err == 0)
        err = delta_read(base->store->views, writer->db, since, &base->arena, out);
    if (err != 0)
        (void)db_fault(writer->db, base->fault, "read what changed (the change itself took place)");
    db_rollback(writer->db);
    return err;
}

static int flags_settled(struct request *base, struct writer *writer)
{
    struct flags_request *request = (struct flags_request *)(void *)base;
    return settled_delta(base, writer, &request->since, &request->pub.delta);
}

static void flags_release(struct request *base)
{
    delta_release(&((struct flags_request *)(void *)base)->pub.delta);
}

static const struct request_kind flags_kind = {
    .what = "change the flags",
    .lane = JOB_WRITE,
    .apply = flags_apply,
    .settled = flags_settled,
    .release = flags_release,
};

struct store_change_flags *
/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see entry.h */
store_change_flags_create(struct store *store, uint64_t mailbox, const struct uid_range *ranges,
                          size_t range_count, enum store_flags_action action, uint64_t flags,
                          const struct span *keywords, size_t keyword_count, uint64_t since,
                          uint32_t uidnext_known)
{
    struct flags_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &flags_kind, store, &request->pub.status, &request->pub.fault);
    request->since = (struct delta_since){mailbox, since, uidnext_known};
    request->ranges = request_copy_ranges(&request->base, ranges, range_count);
    request->range_count = range_count;
    request->action = action;
    request->flags = flags;
    request->keywords = request_copy_spans(&request->base, keywords, keyword_count);
    request->keyword_count = keyword_count;
    return &request->pub;
}

struct expunge_request {
    struct request base;
    struct store_expunge pub;
    struct delta_since since;
    struct uid_range *ranges;
    size_t range_count;
    enum store_expunge_which which;
    struct slice slice;
};
REQUEST_LAYOUT(expunge_request);

static int expunge_look(struct writer *writer, struct writer_mailbox *mailbox,
                        const struct uid_range *range, enum store_expunge_which which,
                        struct looked *out)
{
    struct run_builder builder = {&out->runs, false};
    struct db_rows rows;
    int err = db_query(writer->db, SQL_ENTRIES_THERE,
                       DB_ARGS(db_u64(mailbox->now.id), db_int(range->first), db_int(range->last)),
                       &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        if (!slice_take(out->slice, db_u32_at(&rows, 0))) {
            db_done(&rows);
            return 0;
        }
        uint64_t flags = db_u64_at(&rows, 1);
        if (which == STORE_EXPUNGE_DELETED && (flags & STORE_DELETED) == 0) {
            builder.is_open = false;
        } else {
            run_builder_take(&builder, db_u32_at(&rows, 0));
            count_gone(mailbox, flags, db_u64_at(&rows, 2));
        }
        err = 0;
    }
    slice_end_range(out->slice);
    return err;
}

void count_gone(struct writer_mailbox *mailbox, uint64_t flags, uint64_t size)
{
    mailbox->now.messages--;
    mailbox->now.bytes -= size;
    mailbox->now.unseen -= (flags & STORE_SEEN) == 0;
    mailbox->now.deleted -= (flags & STORE_DELETED) != 0;
}

static int expunge_apply(struct request *base, struct writer *writer)
{
    struct expunge_request *request = (struct expunge_request *)(void *)base;
    struct writer_mailbox *mailbox;
    int err = writer_mailbox(writer, request->since.mailbox, &mailbox);
    if (err == ERR_NOT_FOUND)
        return 0; /* the delta says that it is gone */
    struct looked looked = {.slice = &request->slice};
    struct uid_range range;
    request->slice.room = SLICE_ROWS;
    while (err == 0 && slice_next(&request->slice, request->ranges, request->range_count, &range))
        err = expunge_look(writer, mailbox, &range, request->which, &looked);
    base->is_unfinished = request->slice.range_at < request->range_count;
    if (err == 0 && looked.runs.count > 0)
        err = entries_update(writer, mailbox, &looked.runs, (uint64_t)INT64_MAX, ENTRY_GONE);
    if (err == 0 && looked.runs.count > 0)
        err = writer_log_change(writer, mailbox, CHANGE_EXPUNGE, &looked.runs);
    uid_runs_release(&looked.runs);
    return err;
}

static int expunge_settled(struct request *base, struct writer *writer)
{
    struct expunge_request *request = (struct expunge_request *)(void *)base;
    return settled_delta(base, writer, &request->since, &request->pub.delta);
}

static void expunge_release(struct request *base)
{
    delta_release(&((struct expunge_request *)(void *)base)->pub.delta);
}

static const struct request_kind expunge_kind = {
    .what = "expunge the messages",
    .lane = JOB_WRITE,
    .apply = expunge_apply,
    .settled = expunge_settled,
    .release = expunge_release,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see entry.h */
struct store_expunge *store_expunge_create(struct store *store, uint64_t mailbox,
                                           const struct uid_range *ranges, size_t range_count,
                                           enum store_expunge_which which, uint64_t since,
                                           uint32_t uidnext_known)
{
    struct expunge_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &expunge_kind, store, &request->pub.status, &request->pub.fault);
    static const struct uid_range everything = {1, UINT32_MAX};
    if (ranges == NULL) {
        ranges = &everything;
        range_count = 1;
    }
    request->since = (struct delta_since){mailbox, since, uidnext_known};
    request->ranges = request_copy_ranges(&request->base, ranges, range_count);
    request->range_count = range_count;
    request->which = which;
    return &request->pub;
}
