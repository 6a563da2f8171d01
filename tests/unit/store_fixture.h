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
#include "crypto/random.h"
#include "store/accept.h"
#include "store/account.h"
#include "store/entry.h"
#include "store/mailbox.h"
#include "store/queue_rows.h"
#include "store/reaper_internal.h"
#include "store/search.h"
#include "tests/unit/check.h"

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

/* NULL with fault: for tests of stores that do not open. */
static inline struct store *fixture_try_open(struct fixture *fixture, struct fault *fault)
{
    struct store_options options = {
        .dir = fixture->dir,
        .settings = &fixture->settings,
        .jobs = fixture->jobs,
        .clock = &fixture->clock.clock,
        .entropy = &random_system,
        .files = fixture->files,
    };
    fixture->store = store_open(&options, fault);
    return fixture->store;
}

static inline void fixture_open(struct fixture *fixture)
{
    struct fault fault;
    if (fixture_try_open(fixture, &fault) == NULL)
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

static inline uint64_t fixture_add_account(struct fixture *fixture, const char *address);

/* On `files` (NULL: the machine's) in an existing empty directory, which is copied. */
static inline void fixture_make_on(struct fixture *fixture, const char *dir,
                                   const struct file_ops *files)
{
    struct fault fault;
    *fixture =
        (struct fixture){.clock = {{fixture_wall_us, fixture_monotonic_ms}, 1800000000LL * 1000000},
                         .files = files,
                         .settings = {.body_memory_max = 65536,
                                      .body_memory_total = 1048576,
                                      .segment_size = 4194304,
                                      .expunge_grace_ms = 600000,
                                      .message_parts_max = 100,
                                      .mailboxes_max = 100,
                                      .keywords_max = 30,
                                      .read_threads = 1}};
    (void)snprintf(fixture->dir, sizeof fixture->dir, "%s", dir);
    check_int(store_make(fixture->dir, files, &fault), 0);
    fixture->jobs = jobs_create_inline();
    fixture_open(fixture);
    fixture->account = fixture_add_account(fixture, "alice@example.org");
}

/* parent: where its directory goes. */
static inline void fixture_make_in(struct fixture *fixture, const char *parent)
{
    char dir[64];
    (void)snprintf(dir, sizeof dir, "%s/postern-store-XXXXXX", parent);
    if (mkdtemp(dir) == NULL)
        abort();
    fixture_make_on(fixture, dir, NULL);
}

static inline void fixture_make(struct fixture *fixture)
{
    fixture_make_in(fixture, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
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

#include "tests/unit/store_steps.h"

#endif
