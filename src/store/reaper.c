/*
 * reaper: what nobody waits for, in slices of the write lane so short that a delivery behind one
 * hardly notices: entries whose grace is over, with their messages and bodies; \Recent claims;
 * zeroes ahead of the current segment; dead and half-dead segments (relocate.c).
 *
 * Tests: tests/unit/test_store_reaper.c.
 */
#include "store/reaper_internal.h"

#include "base/mem.h"
#include "store/history_internal.h"
#include "store/writer_internal.h"

enum {
    REAP_ENTRIES_MAX = 1000, /* a slice; about 10 ms */
    REAP_RANGES_MAX = 100
};

enum {
    RECENT_EVERY_US = 60 * 1000000,
    CLAIMS_MAX = 500 /* a slice; the rest follows with the next */
};

/* A SELECT's claim of \Recent on its way from memory into the mailbox's row. */
struct claim {
    uint64_t mailbox;
    uint32_t recent_from;
};

struct reaper {
    int64_t recent_kept_us; /* when all claims were last written */
    struct claim claims[CLAIMS_MAX];
    size_t claim_count;
};

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
    uint64_t modseq; /* of the expunge: a later one in the same range has its own grace */
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
                         .is_mailbox = db_int_at(&rows, 5) == 0,
                         .modseq = db_u64_at(&rows, 6)};
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
    int err =
        db_query(writer->db, SQL_ENTRIES_GONE,
                 DB_ARGS(db_u64(gone->mailbox), db_int(gone->uid_first), db_int(gone->uid_last),
                         db_u64(gone->modseq), db_int(gone->is_mailbox), db_u64(max)),
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

static int keep_claims(struct writer *writer)
{
    struct store *store = writer->store;
    struct reaper *reaper = writer->reaper;
    int err = 0;
    reaper->claim_count = 0;
    (void)pthread_mutex_lock(&store->recent_lock);
    size_t position = 0;
    struct span key;
    void *value;
    while (err == 0 && reaper->claim_count < CLAIMS_MAX &&
           map_next(&store->recent, &position, &key, &value)) {
        struct claim *claim = &reaper->claims[reaper->claim_count++];
        memcpy(&claim->mailbox, key.ptr, sizeof claim->mailbox);
        claim->recent_from = (uint32_t)(uintptr_t)value;
        err = db_exec(writer->db, SQL_MAILBOX_RECENT,
                      DB_ARGS(db_int(claim->recent_from), db_u64(claim->mailbox)));
    }
    (void)pthread_mutex_unlock(&store->recent_lock);
    return err;
}

/* After the commit, memory need not know them any more, but for those claimed again meanwhile. */
static void forget_claims(struct writer *writer)
{
    struct store *store = writer->store;
    struct reaper *reaper = writer->reaper;
    (void)pthread_mutex_lock(&store->recent_lock);
    for (size_t i = 0; i < reaper->claim_count; i++) {
        const struct claim *claim = &reaper->claims[i];
        void *value = map_get_u64(&store->recent, claim->mailbox);
        if ((uint32_t)(uintptr_t)value == claim->recent_from)
            (void)map_remove_u64(&store->recent, claim->mailbox);
    }
    (void)pthread_mutex_unlock(&store->recent_lock);
    reaper->claim_count = 0;
}

static int keep_recent(struct writer *writer)
{
    struct reaper *reaper = writer->reaper;
    int64_t since = writer->now_us - reaper->recent_kept_us;
    if (since >= 0 && since < RECENT_EVERY_US)
        return 0;
    int err = keep_claims(writer);
    if (err == 0 && reaper->claim_count < CLAIMS_MAX)
        reaper->recent_kept_us = writer->now_us;
    return err;
}

void reaper_finish(struct writer *writer)
{
    int err = db_begin(writer->db);
    if (err == 0)
        err = keep_claims(writer);
    if (err == 0)
        err = db_commit(writer->db);
    if (err != 0)
        db_rollback(writer->db); /* a message may be \Recent once more: no harm */
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
    if (err == 0)
        err = history_forget(writer, has_more);
    if (err == 0 && segments_fill_ahead(&writer->segments, writer->store))
        *has_more = true;
    return err;
}

static int reap_settled(struct request *base, struct writer *writer)
{
    (void)base;
    forget_claims(writer);
    return 0;
}

static const struct request_kind reap_kind = {
    .what = "tidy the store",
    .lane = JOB_WRITE,
    .apply = reap_apply,
    .settled = reap_settled,
};

struct store_reap *store_reap_create(struct store *store)
{
    struct reap_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &reap_kind, store, &request->pub.status, &request->pub.fault);
    return &request->pub;
}
