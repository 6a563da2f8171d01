/*
 * job: work that blocks (disk, SQL, password hashes, directories) is done by threads in lanes;
 * loops give jobs and get them back. job.c owns these threads; nothing else in Postern creates one
 * but the loops and the log writer. The simulator runs jobs inline (jobs_create_inline).
 *
 * A job is one heap object that its kind embeds as first member. Its life: made on a loop thread,
 * submitted, run in a lane, then back on the loop that submitted it: `done` (unless it was
 * cancelled meanwhile), then `free`. Whoever waits for it and dies calls job_cancel() and forgets
 * it; free then runs without done and undoes what the job holds.
 */
#ifndef POSTERN_NET_JOB_H
#define POSTERN_NET_JOB_H

#include <stdatomic.h>

#include "base/list.h"
#include "net/loop.h"

enum job_lane {
    JOB_WRITE,     /* one thread; its function takes everything that waits as one batch */
    JOB_READ,      /* short reads that missed memory */
    JOB_SLOW,      /* SEARCH, import, check: in slices, looking at job_is_cancelled() */
    JOB_HASH,      /* password hashes */
    JOB_DIRECTORY, /* look-ups at other servers */
    JOB_LANE_COUNT
};

struct jobs;
struct job_port;

struct job {
    struct list_node node; /* the lane's or the port's */
    struct job_port *port;
    enum job_lane lane;
    /* Lane thread. Not called in a lane that has a batch function. Sees only what the job holds. */
    void (*run)(struct job *job);
    /* Loop thread, after run, unless cancelled. Set by whoever submits. */
    void (*done)(struct job *job, void *owner);
    void *owner;
    /* Loop thread, last. Never NULL. Also frees the job's memory. */
    void (*free)(struct job *job);
    atomic_bool is_cancelled;
    bool wants_again; /* set by a batch function, cleared by the lane */
};

/* Takes all jobs that wait in the lane, in order, and must leave every one of them finished, or
 * marked wants_again: that one gets its next turn behind those who came meanwhile. The jobs stay in
 * the list; cancelled ones should be skipped. */
typedef void job_batch_fn(void *owner, struct list *jobs);

/* Lanes with their threads; read_threads and hash_threads at least 1. Owned. */
struct jobs *jobs_create(unsigned read_threads, unsigned slow_threads, unsigned hash_threads);
/* Lanes without threads: a submitted job runs at once and its answer is posted to the loop. */
struct jobs *jobs_create_inline(void);
/* Before the first job of that lane. */
void jobs_set_batch(struct jobs *jobs, enum job_lane lane, job_batch_fn *batch, void *owner);
/* Any thread: whether jobs wait in the lane, for a batch function that could end sooner. */
bool jobs_has_waiting(struct jobs *jobs, enum job_lane lane);
/* Finishes what was submitted (so nothing acknowledged is lost), joins the threads, frees. All
 * ports must be gone. */
void jobs_free(struct jobs **jobs);

/* Where a loop's answers come back: one per loop, made and freed on the loop's thread. */
struct job_port *job_port_create(struct jobs *jobs, struct loop *loop);
/* Jobs still under way are cancelled; waits for them. */
void job_port_free(struct job_port **port);

/* Takes the job. */
void job_submit(struct job_port *port, struct job *job, void (*done)(struct job *job, void *owner),
                void *owner);
/* The owner is gone: done will not be called. The caller forgets the pointer. */
void job_cancel(struct job *job);
/* The owner is gone, but the work is to be done (a delivery is to be written down): it runs, also
 * when its port is freed, and nobody is told. The caller forgets the pointer. Loop thread. */
void job_disown(struct job *job);
/* Any thread. */
static inline bool job_is_cancelled(const struct job *job)
{
    return atomic_load_explicit(&job->is_cancelled, memory_order_relaxed);
}

struct loop *job_port_loop(struct job_port *port);

/* For programs without a loop (subcommands, tests): runs the job in the calling thread, in a lane
 * with a batch function as a batch of one. The caller reads its results and calls job->free(). */
void job_run_now(struct jobs *jobs, struct job *job);

#endif
