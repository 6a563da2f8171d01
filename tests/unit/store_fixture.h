/*
 * store_fixture: a store in a directory of its own, with inline jobs, a clock turned by hand, and
 * short calls for what most tests do. Every call checks that its job's status is what is wanted.
 */
#ifndef POSTERN_TESTS_UNIT_STORE_FIXTURE_H
#define POSTERN_TESTS_UNIT_STORE_FIXTURE_H

#include <ftw.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "crypto/random.h"
#include "store/accept.h"
#include "store/account.h"
#include "store/entry.h"
#include "store/mailbox.h"
#include "store/queue_rows.h"
#include "store/reaper_internal.h"
#include "store/search.h"

struct fixture_clock {
    struct clock clock;
    int64_t wall_us;
};

struct fixture {
    char dir[64];
    struct fixture_clock clock;
    struct settings_store settings;
    const struct file_ops *files;
    struct jobs *jobs;
    struct store *store;
    uint64_t account; /* alice@example.org */
};

static inline int64_t fixture_wall_us(const struct clock *clock)
{
    return ((const struct fixture_clock *)(const void *)clock)->wall_us;
}

static inline int64_t fixture_monotonic_ms(const struct clock *clock)
{
    return fixture_wall_us(clock) / 1000;
}

static inline void fixture_open(struct fixture *fixture)
{
    struct fault fault;
    struct store_options options = {
        .dir = fixture->dir,
        .settings = &fixture->settings,
        .jobs = fixture->jobs,
        .clock = &fixture->clock.clock,
        .entropy = &random_system,
        .files = fixture->files,
    };
    fixture->store = store_open(&options, &fault);
    if (fixture->store == NULL)
        CHECK_FAILED("store_open: %s", fault.text);
}

static inline void fixture_run(struct fixture *fixture, struct job *job)
{
    job_run_now(fixture->jobs, job);
}

/* Runs a job, checks its status and frees it: for jobs of which only the status matters. */
#define fixture_do(fixture, made, wanted)                                                          \
    do {                                                                                           \
        __typeof__(made) done_job = (made);                                                        \
        fixture_run((fixture), &done_job->job);                                                    \
        if (done_job->status != (wanted))                                                          \
            CHECK_FAILED("%s: wanted %d, got %d (%s)", #made, (int)(wanted), done_job->status,     \
                         done_job->fault.text);                                                    \
        done_job->job.free(&done_job->job);                                                        \
    } while (0)

static inline uint64_t fixture_add_account(struct fixture *fixture, const char *address)
{
    struct store_account account = {0};
    fixture_do(fixture,
               store_change_account_create(fixture->store, STORE_ACCOUNT_ADD, span_of(address),
                                           span_of("verifier")),
               0);
    check_int(store_find_account(fixture->store, span_of(address), &account), 0);
    return account.id;
}

/* parent: where its directory goes. */
static inline void fixture_make_in(struct fixture *fixture, const char *parent)
{
    struct fault fault;
    *fixture =
        (struct fixture){.clock = {{fixture_wall_us, fixture_monotonic_ms}, 1800000000LL * 1000000},
                         .settings = {.body_memory_max = 65536,
                                      .body_memory_total = 1048576,
                                      .segment_size = 4194304,
                                      .expunge_grace_ms = 600000,
                                      .message_parts_max = 100,
                                      .mailboxes_max = 100,
                                      .keywords_max = 30,
                                      .read_threads = 1}};
    (void)snprintf(fixture->dir, sizeof fixture->dir, "%s/postern-store-XXXXXX", parent);
    if (mkdtemp(fixture->dir) == NULL)
        abort();
    check_int(store_make(fixture->dir, &fault), 0);
    fixture->jobs = jobs_create_inline();
    fixture_open(fixture);
    fixture->account = fixture_add_account(fixture, "alice@example.org");
}

static inline void fixture_make(struct fixture *fixture)
{
    fixture_make_in(fixture, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
}

static inline void fixture_reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    fixture_open(fixture);
}

static inline int fixture_unlink(const char *path, const struct stat *info, int type,
                                 struct FTW *place)
{
    (void)info;
    (void)type;
    (void)place;
    return remove(path);
}

static inline void fixture_free(struct fixture *fixture)
{
    store_close(&fixture->store);
    jobs_free(&fixture->jobs);
    (void)nftw(fixture->dir, fixture_unlink, 8, FTW_DEPTH | FTW_PHYS);
}

/* All of the text, flushed and synced when it wants to be. */
static inline struct store_body *fixture_body(struct fixture *fixture, struct span text)
{
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    while (text.len > 0) {
        struct span piece = span_first(text, 16384);
        store_body_add(body, piece);
        text = span_from(text, piece.len);
        if (store_body_wants_flush(body))
            fixture_do(fixture, store_body_flush_create(body), 0);
    }
    if (store_body_wants_sync(body))
        fixture_do(fixture, store_body_sync_create(body), 0);
    return body;
}

/* The UID, or 0 when the status was not 0. */
static inline uint32_t fixture_append(struct fixture *fixture, const char *mailbox,
                                      const char *text, uint64_t flags)
{
    struct store_append *append =
        store_append_create(fixture->store, fixture->account, span_of(mailbox),
                            fixture_body(fixture, span_of(text)), flags, NULL, 0, 0);
    fixture_run(fixture, &append->job);
    if (append->status != 0)
        CHECK_FAILED("append to %s: %s", mailbox, append->fault.text);
    uint32_t uid = append->status == 0 ? append->uid : 0;
    append->job.free(&append->job);
    return uid;
}

/* What a session knows of a mailbox. */
struct fixture_session {
    uint64_t mailbox, modseq;
    uint32_t uidnext, uidvalidity, recent_from;
    struct store_view *view;
};

static inline struct fixture_session fixture_select(struct fixture *fixture, const char *name)
{
    struct fixture_session session = {0};
    struct store_select *select =
        store_select_create(fixture->store, fixture->account, span_of(name), STORE_SELECT);
    fixture_run(fixture, &select->job);
    if (select->status != 0)
        CHECK_FAILED("select %s: %s", name, select->fault.text);
    else
        session = (struct fixture_session){
            select->mailbox.id,          select->delta.modseq, select->delta.uidnext,
            select->mailbox.uidvalidity, select->recent_from,  store_view_ref(select->delta.view)};
    select->job.free(&select->job);
    return session;
}

/* The whole body of the entry as a heap span (mem_free), or NULL bytes. */
static inline struct span fixture_read(struct fixture *fixture, const struct store_blob *blob)
{
    struct store_read *read = store_read_create(fixture->store, blob, 0, (size_t)blob->length);
    fixture_run(fixture, &read->job);
    if (read->status != 0)
        CHECK_FAILED("read: %s", read->fault.text);
    struct span bytes = span_make(read->bytes, read->len);
    read->bytes = NULL;
    read->job.free(&read->job);
    return bytes;
}

/* N of a body that starts with "Subject: N"; -1 where it does not. */
static inline int fixture_number(struct span bytes)
{
    struct span prefix = span_of("Subject: ");
    if (!span_starts(bytes, prefix))
        return -1;
    struct span rest = span_from(bytes, prefix.len);
    uint64_t number;
    return span_to_u64(span_cut(&rest, '\r'), 100000, &number) ? (int)number : -1;
}

#endif
