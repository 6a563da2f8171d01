/*
 * reaper: what nobody waits for, in slices of the write lane so short that a delivery behind one
 * hardly notices: entries whose grace is over, with their messages and bodies; \Recent claims;
 * zeroes ahead of the current segment; dead and half-dead segments (relocate.c).
 *
 * Tests: tests/unit/test_store_reaper.c.
 */
#include "store/reaper_internal.h"

#include "base/mem.h"
#include "store/writer_internal.h"

enum {
    REAP_ENTRIES_MAX = 1000, /* a slice; about 10 ms */
    REAP_RANGES_MAX = 100
};

struct reaper {
    int64_t recent_kept_us; /* when \Recent claims were last written */
};

enum { RECENT_EVERY_US = 60 * 1000000 };

struct reaper *reaper_create(void)
{
    return mem_new(struct reaper);
}

void reaper_free(struct reaper **reaper)
{
    mem_free(*reaper);
    *reaper = NULL;
}

struct reap_request {
    struct request base;
    struct store_reap pub;
};
REQUEST_LAYOUT(reap_request);

/* A range of UIDs that were expunged together, or a whole deleted mailbox. */
struct gone {
    uint64_t id, mailbox;
    uint32_t uid_first, uid_last;
    int64_t at_us;
    bool is_mailbox; /* deleted: all of its entries go, and its row */
};

/* 1: there is one and its grace is over. A time in the future means that the clock was set back:
 * better early than never. */
static int gone_first(struct writer *writer, struct gone *out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_GONE_FIRST, NULL, 0, &rows);
    if (found <= 0)
        return found;
    *out = (struct gone){.id = db_u64_at(&rows, 0),
                         .mailbox = db_u64_at(&rows, 1),
                         .uid_first = db_u32_at(&rows, 2),
                         .uid_last = db_u32_at(&rows, 3),
                         .at_us = db_int_at(&rows, 4),
                         .is_mailbox = db_int_at(&rows, 5) == 0};
    db_done(&rows);
    int64_t grace_us = writer->store->settings.expunge_grace_ms * 1000;
    return out->at_us + grace_us <= writer->now_us || out->at_us > writer->now_us;
}

struct gone_entries {
    uint32_t uids[REAP_ENTRIES_MAX];
    uint64_t messages[REAP_ENTRIES_MAX];
    size_t count;
};

static int gone_collect(struct writer *writer, const struct gone *gone, size_t max,
                        struct gone_entries *out)
{
    struct db_rows rows;
    out->count = 0;
    int err = db_query(writer->db, SQL_ENTRIES_GONE,
                       DB_ARGS(db_u64(gone->mailbox), db_int(gone->uid_first),
                               db_int(gone->uid_last), db_int(gone->is_mailbox), db_u64(max)),
                       &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        out->uids[out->count] = db_u32_at(&rows, 0);
        out->messages[out->count++] = db_u64_at(&rows, 1);
        err = 0;
    }
    return err;
}

static int mailbox_remove(struct writer *writer, uint64_t mailbox)
{
    int err = db_exec(writer->db, SQL_MAILBOX_DELETE, DB_ARGS(db_u64(mailbox)));
    if (err == 0)
        err = db_exec(writer->db, SQL_KEYWORDS_DELETE, DB_ARGS(db_u64(mailbox)));
    if (err == 0)
        err = db_exec(writer->db, SQL_CHANGES_DELETE, DB_ARGS(db_u64(mailbox), db_int(INT64_MAX)));
    return err;
}

/* The range is done when fewer entries than asked for were found. */
static int gone_finish(struct writer *writer, const struct gone *gone,
                       const struct gone_entries *entries, size_t max)
{
    if (entries->count == max && entries->uids[max - 1] < gone->uid_last)
        return db_exec(writer->db, SQL_GONE_CUT,
                       DB_ARGS(db_int((int64_t)entries->uids[max - 1] + 1), db_u64(gone->id)));
    int err = db_exec(writer->db, SQL_GONE_DELETE, DB_ARGS(db_u64(gone->id)));
    if (err == 0 && gone->is_mailbox && gone->uid_last == UINT32_MAX)
        err = mailbox_remove(writer, gone->mailbox);
    return err;
}

static int reap_entries(struct writer *writer, bool *has_more_out)
{
    struct gone_entries *entries = mem_new(struct gone_entries);
    size_t left = REAP_ENTRIES_MAX;
    int err = 0;
    for (int i = 0; i < REAP_RANGES_MAX && left > 0 && err == 0; i++) {
        struct gone gone;
        int found = gone_first(writer, &gone);
        if (found <= 0) {
            mem_free(entries);
            return found;
        }
        err = gone_collect(writer, &gone, left, entries);
        for (size_t j = 0; j < entries->count && err == 0; j++) {
            err = db_exec(writer->db, SQL_ENTRY_DELETE,
                          DB_ARGS(db_u64(gone.mailbox), db_int(entries->uids[j])));
            if (err == 0)
                err = writer_change_refs(writer, entries->messages[j], -1);
        }
        if (err == 0)
            err = gone_finish(writer, &gone, entries, left);
        left -= entries->count;
    }
    *has_more_out = true;
    mem_free(entries);
    return err;
}

/* Claims stay in memory until they are in the rows for certain: only then is the map emptied. */
static int keep_recent(struct writer *writer)
{
    struct store *store = writer->store;
    struct reaper *reaper = writer->reaper;
    int64_t since = writer->now_us - reaper->recent_kept_us;
    if (since >= 0 && since < RECENT_EVERY_US)
        return 0;
    reaper->recent_kept_us = writer->now_us;
    int err = 0;
    (void)pthread_mutex_lock(&store->recent_lock);
    size_t position = 0;
    struct span key;
    void *value;
    while (err == 0 && map_next(&store->recent, &position, &key, &value)) {
        uint64_t mailbox;
        memcpy(&mailbox, key.ptr, sizeof mailbox);
        err = db_exec(writer->db, SQL_MAILBOX_RECENT,
                      DB_ARGS(db_int((int64_t)(uintptr_t)value), db_u64(mailbox)));
    }
    (void)pthread_mutex_unlock(&store->recent_lock);
    return err;
}

static int reap_apply(struct request *base, struct writer *writer)
{
    struct reap_request *request = (struct reap_request *)(void *)base;
    bool *has_more = &request->pub.has_more;
    int err = reap_entries(writer, has_more);
    if (err == 0)
        err = keep_recent(writer);
    if (err == 0)
        err = dead_segments_slice(writer, has_more);
    if (err == 0)
        err = relocate_slice(writer, has_more);
    if (err == 0 && segments_fill_ahead(&writer->segments, writer->store))
        *has_more = true;
    return err;
}

static const struct request_kind reap_kind = {
    .what = "tidy the store",
    .lane = JOB_WRITE,
    .apply = reap_apply,
};

struct store_reap *store_reap_create(struct store *store)
{
    struct reap_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &reap_kind, store, &request->pub.status, &request->pub.fault);
    return &request->pub;
}
