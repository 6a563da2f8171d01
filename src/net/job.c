/*
 * Lanes and their threads, and the way back to the loops. A lane is a list under a lock; an answer
 * goes into its port's list and the port's one post wakes the loop, so a batch costs each loop one
 * post. What the jobs do belongs to who makes them (store, auth, dns). Tested by
 * tests/unit/test_net_job.c, also under the thread sanitizer.
 */
#include "net/job.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"

/* Look-ups at other servers mostly wait, some of them for a minute for somebody who never answers:
 * a few of those must not hold up the others. */
enum { DIRECTORY_THREADS = 16, THREAD_NAME_SIZE = 16 };

struct worker {
    struct lane *lane;
    pthread_t thread;
    struct job *current; /* under the lane's lock; NULL in a batch */
};

struct lane {
    pthread_mutex_t lock;
    pthread_cond_t has_work;
    struct list waiting; /* under lock */
    bool is_stopping;    /* under lock */
    /* Held while the batch function runs: job_run_now() must not run beside the lane's thread. */
    pthread_mutex_t batch_lock;
    job_batch_fn *batch;
    void *batch_owner;
    struct worker *workers;
    unsigned worker_count;
};

struct jobs {
    struct lane lanes[JOB_LANE_COUNT];
    bool is_inline;
    atomic_uint port_count;
};

struct job_port {
    struct jobs *jobs;
    struct loop *loop;
    size_t under_way; /* submitted, not delivered; loop thread only */
    bool is_delivering;
    pthread_mutex_t lock;
    pthread_cond_t has_answer;
    struct list finished;  /* under lock */
    size_t finished_count; /* under lock */
    bool is_posted;        /* under lock: post is in the loop's list */
    bool is_freed;         /* loop thread only: memory goes when the post has run */
    struct post post;
};

static const char *const lane_names[JOB_LANE_COUNT] = {
    [JOB_WRITE] = "job-write", [JOB_READ] = "job-read",           [JOB_SLOW] = "job-slow",
    [JOB_HASH] = "job-hash",   [JOB_DIRECTORY] = "job-directory",
};

static void *worker_main(void *arg);

static void lane_init(struct lane *lane)
{
    require(pthread_mutex_init(&lane->lock, NULL) == 0);
    require(pthread_mutex_init(&lane->batch_lock, NULL) == 0);
    require(pthread_cond_init(&lane->has_work, NULL) == 0);
    list_init(&lane->waiting);
}

/* The threads take no signals: those belong to the loop that asked for them. */
static void lane_start(struct lane *lane, enum job_lane number, unsigned threads)
{
    sigset_t all, before;
    (void)sigfillset(&all);
    require(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    lane->workers = mem_zalloc(threads, sizeof *lane->workers);
    lane->worker_count = threads;
    for (unsigned i = 0; i < threads; i++) {
        struct worker *worker = &lane->workers[i];
        worker->lane = lane;
        require(pthread_create(&worker->thread, NULL, worker_main, worker) == 0);
        char name[THREAD_NAME_SIZE];
        (void)snprintf(name, sizeof name, "%s", lane_names[number]);
        (void)pthread_setname_np(worker->thread, name); /* only for whoever looks with top */
    }
    require(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

struct jobs *jobs_create(unsigned read_threads, unsigned slow_threads, unsigned hash_threads)
{
    const unsigned threads[JOB_LANE_COUNT] = {
        [JOB_WRITE] = 1,           [JOB_READ] = read_threads,           [JOB_SLOW] = slow_threads,
        [JOB_HASH] = hash_threads, [JOB_DIRECTORY] = DIRECTORY_THREADS,
    };
    struct jobs *jobs = jobs_create_inline();
    jobs->is_inline = false;
    for (int i = 0; i < JOB_LANE_COUNT; i++)
        lane_start(&jobs->lanes[i], (enum job_lane)i, threads[i] > 0 ? threads[i] : 1);
    return jobs;
}

struct jobs *jobs_create_inline(void)
{
    struct jobs *jobs = mem_new(struct jobs);
    jobs->is_inline = true;
    for (int i = 0; i < JOB_LANE_COUNT; i++)
        lane_init(&jobs->lanes[i]);
    return jobs;
}

void jobs_set_batch(struct jobs *jobs, enum job_lane lane, job_batch_fn *batch, void *owner)
{
    struct lane *self = &jobs->lanes[lane];
    require(pthread_mutex_lock(&self->lock) == 0);
    require(list_is_empty(&self->waiting));
    self->batch = batch;
    self->batch_owner = owner;
    require(pthread_mutex_unlock(&self->lock) == 0);
}

bool jobs_has_waiting(struct jobs *jobs, enum job_lane lane)
{
    struct lane *self = &jobs->lanes[lane];
    require(pthread_mutex_lock(&self->lock) == 0);
    bool is_so = !list_is_empty(&self->waiting);
    require(pthread_mutex_unlock(&self->lock) == 0);
    return is_so;
}

static void lane_deinit(struct lane *lane)
{
    require(pthread_mutex_lock(&lane->lock) == 0);
    lane->is_stopping = true;
    require(pthread_cond_broadcast(&lane->has_work) == 0);
    require(pthread_mutex_unlock(&lane->lock) == 0);
    for (unsigned i = 0; i < lane->worker_count; i++)
        require(pthread_join(lane->workers[i].thread, NULL) == 0);
    mem_free(lane->workers);
    require(list_is_empty(&lane->waiting));
    (void)pthread_cond_destroy(&lane->has_work);
    (void)pthread_mutex_destroy(&lane->batch_lock);
    (void)pthread_mutex_destroy(&lane->lock);
}

void jobs_free(struct jobs **jobs)
{
    if (*jobs == NULL)
        return;
    require(atomic_load(&(*jobs)->port_count) == 0);
    for (int i = 0; i < JOB_LANE_COUNT; i++)
        lane_deinit(&(*jobs)->lanes[i]);
    mem_free(*jobs);
    *jobs = NULL;
}

/* Running. */

static void run_batch(struct lane *lane, struct list *batch)
{
    require(pthread_mutex_lock(&lane->batch_lock) == 0);
    lane->batch(lane->batch_owner, batch);
    require(pthread_mutex_unlock(&lane->batch_lock) == 0);
}

/* All of one port. The post is sent under the lock: after it the port may be freed at any time. */
static void finish_for_port(struct job_port *port, struct list *jobs, size_t count)
{
    require(pthread_mutex_lock(&port->lock) == 0);
    list_move_all(jobs, &port->finished);
    port->finished_count += count;
    if (!port->is_posted) {
        port->is_posted = true;
        loop_post(port->loop, &port->post);
    }
    require(pthread_cond_signal(&port->has_answer) == 0);
    require(pthread_mutex_unlock(&port->lock) == 0);
}

/* Hands finished jobs back, one post for each port. There are as few ports as loops, so walking the
 * batch once for each is cheap. */
static void finish(struct list *jobs)
{
    while (!list_is_empty(jobs)) {
        struct job_port *port = list_entry(list_first(jobs), struct job, node)->port;
        struct list same;
        size_t count = 0;
        list_init(&same);
        list_each (node, jobs) {
            if (list_entry(node, struct job, node)->port != port)
                continue;
            list_remove(node);
            list_append(&same, node);
            count++;
        }
        finish_for_port(port, &same, count);
    }
}

/* Moves the jobs of a batch that are not finished to another list. */
static void take_again(struct list *batch, struct list *again)
{
    list_each (node, batch) {
        struct job *job = list_entry(node, struct job, node);
        if (!job->wants_again)
            continue;
        job->wants_again = false;
        list_remove(node);
        list_append(again, node);
    }
}

/* Called and returns with the lane's lock held. */
static void work_once(struct worker *worker)
{
    struct lane *lane = worker->lane;
    struct list batch, again;
    list_init(&batch);
    list_init(&again);
    if (lane->batch != NULL) {
        list_move_all(&lane->waiting, &batch);
        require(pthread_mutex_unlock(&lane->lock) == 0);
        run_batch(lane, &batch);
        take_again(&batch, &again);
    } else {
        struct list_node *node = lane->waiting.head.next;
        list_remove(node);
        list_append(&batch, node);
        struct job *job = list_entry(node, struct job, node);
        worker->current = job;
        require(pthread_mutex_unlock(&lane->lock) == 0);
        if (!job_is_cancelled(job))
            job->run(job);
        /* Before the job goes back: the loop frees it, and a dying port looks at current. */
        require(pthread_mutex_lock(&lane->lock) == 0);
        worker->current = NULL;
        require(pthread_mutex_unlock(&lane->lock) == 0);
    }
    finish(&batch);
    require(pthread_mutex_lock(&lane->lock) == 0);
    list_move_all(&again, &lane->waiting);
}

static void *worker_main(void *arg)
{
    struct worker *worker = arg;
    struct lane *lane = worker->lane;
    require(pthread_mutex_lock(&lane->lock) == 0);
    for (;;) {
        while (list_is_empty(&lane->waiting) && !lane->is_stopping)
            require(pthread_cond_wait(&lane->has_work, &lane->lock) == 0);
        if (list_is_empty(&lane->waiting))
            break;
        work_once(worker);
    }
    require(pthread_mutex_unlock(&lane->lock) == 0);
    return NULL;
}

/* In the calling thread. The job is in `batch` and nowhere else. */
static void run_here(struct lane *lane, struct job *job, struct list *batch)
{
    list_append(batch, &job->node);
    if (lane->batch == NULL) {
        if (!job_is_cancelled(job))
            job->run(job);
        return;
    }
    do {
        job->wants_again = false;
        run_batch(lane, batch);
    } while (job->wants_again);
}

void job_run_now(struct jobs *jobs, struct job *job)
{
    struct list batch;
    list_init(&batch);
    job->port = NULL;
    run_here(&jobs->lanes[job->lane], job, &batch);
    list_remove(&job->node);
}

void job_submit(struct job_port *port, struct job *job, void (*done)(struct job *job, void *owner),
                void *owner)
{
    require(job->free != NULL && !list_has(&job->node));
    struct lane *lane = &port->jobs->lanes[job->lane];
    job->port = port;
    job->done = done;
    job->owner = owner;
    job->wants_again = false;
    port->under_way++;
    if (port->jobs->is_inline) {
        struct list batch;
        list_init(&batch);
        run_here(lane, job, &batch);
        finish(&batch);
        return;
    }
    require(pthread_mutex_lock(&lane->lock) == 0);
    list_append(&lane->waiting, &job->node);
    require(pthread_cond_signal(&lane->has_work) == 0);
    require(pthread_mutex_unlock(&lane->lock) == 0);
}

void job_cancel(struct job *job)
{
    atomic_store_explicit(&job->is_cancelled, true, memory_order_relaxed);
}

static void tell_nobody(struct job *job, void *owner)
{
    (void)job;
    (void)owner;
}

void job_disown(struct job *job)
{
    job->done = tell_nobody;
}

/* Ports. */

/* Takes what is finished: done, unless cancelled, and free. */
static void deliver(struct job_port *port)
{
    struct list finished;
    list_init(&finished);
    require(pthread_mutex_lock(&port->lock) == 0);
    list_move_all(&port->finished, &finished);
    port->under_way -= port->finished_count;
    port->finished_count = 0;
    require(pthread_mutex_unlock(&port->lock) == 0);

    port->is_delivering = true;
    for (struct list_node *node = list_first(&finished); node != NULL;
         node = list_first(&finished)) {
        list_remove(node);
        struct job *job = list_entry(node, struct job, node);
        if (!job_is_cancelled(job) && !port->is_freed)
            job->done(job, job->owner);
        job->free(job);
    }
    port->is_delivering = false;
}

static void port_drop(struct job_port *port)
{
    (void)pthread_cond_destroy(&port->has_answer);
    (void)pthread_mutex_destroy(&port->lock);
    mem_free(port);
}

static void on_post(struct post *post)
{
    struct job_port *port = list_entry(post, struct job_port, post);
    if (port->is_freed) {
        port_drop(port);
        return;
    }
    require(pthread_mutex_lock(&port->lock) == 0);
    port->is_posted = false;
    require(pthread_mutex_unlock(&port->lock) == 0);
    deliver(port);
}

struct job_port *job_port_create(struct jobs *jobs, struct loop *loop)
{
    struct job_port *port = mem_new(struct job_port);
    port->jobs = jobs;
    port->loop = loop;
    port->post.run = on_post;
    list_init(&port->finished);
    require(pthread_mutex_init(&port->lock, NULL) == 0);
    require(pthread_cond_init(&port->has_answer, NULL) == 0);
    atomic_fetch_add(&jobs->port_count, 1U);
    return port;
}

static void cancel_for(struct job *job, const struct job_port *port)
{
    if (job->port == port && job->done != tell_nobody)
        job_cancel(job);
}

/* Marks what waits or runs for the port. A batch under way is not looked into: it is short. */
static void cancel_in_lane(struct lane *lane, const struct job_port *port)
{
    require(pthread_mutex_lock(&lane->lock) == 0);
    list_each (node, &lane->waiting) {
        cancel_for(list_entry(node, struct job, node), port);
    }
    for (unsigned i = 0; i < lane->worker_count; i++) {
        if (lane->workers[i].current != NULL)
            cancel_for(lane->workers[i].current, port);
    }
    require(pthread_mutex_unlock(&lane->lock) == 0);
}

void job_port_free(struct job_port **port)
{
    struct job_port *self = *port;
    *port = NULL;
    if (self == NULL)
        return;
    require(!self->is_delivering && !self->is_freed);
    for (int i = 0; i < JOB_LANE_COUNT; i++)
        cancel_in_lane(&self->jobs->lanes[i], self);
    self->is_freed = true;

    /* A free function may submit one more job to undo what it holds: that one runs too. */
    while (self->under_way > 0) {
        require(pthread_mutex_lock(&self->lock) == 0);
        while (self->finished_count < self->under_way)
            require(pthread_cond_wait(&self->has_answer, &self->lock) == 0);
        require(pthread_mutex_unlock(&self->lock) == 0);
        deliver(self);
    }
    bool is_posted = self->is_posted;
    atomic_fetch_sub(&self->jobs->port_count, 1U);
    /* The loop still holds the post: the memory goes when it runs. */
    if (!is_posted)
        port_drop(self);
}

struct loop *job_port_loop(struct job_port *port)
{
    return port->loop;
}
