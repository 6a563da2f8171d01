/* Lanes, batches, answers and cancellation, inline and with threads. */
#include <pthread.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "net/job.h"
#include "tests/sim/sim.h"

/* The smallest real loop: posts under a lock, run by whoever waits for them. */
struct post_loop {
    struct loop base;
    pthread_mutex_t lock;
    pthread_cond_t has_post;
    struct list posts;
    unsigned post_count;
};

static void take_post(struct loop *loop, struct post *post)
{
    struct post_loop *self = (struct post_loop *)(void *)loop;
    require(pthread_mutex_lock(&self->lock) == 0);
    list_append(&self->posts, &post->node);
    self->post_count++;
    require(pthread_cond_signal(&self->has_post) == 0);
    require(pthread_mutex_unlock(&self->lock) == 0);
}

static const struct loop_ops post_loop_ops = {.post = take_post};

static void post_loop_init(struct post_loop *loop)
{
    *loop = (struct post_loop){.base = {&post_loop_ops, 0}};
    require(pthread_mutex_init(&loop->lock, NULL) == 0);
    require(pthread_cond_init(&loop->has_post, NULL) == 0);
    list_init(&loop->posts);
}

/* Runs one post; waits for it when none is there and is_patient. */
static bool run_post(struct post_loop *loop, bool is_patient)
{
    require(pthread_mutex_lock(&loop->lock) == 0);
    while (is_patient && list_is_empty(&loop->posts))
        require(pthread_cond_wait(&loop->has_post, &loop->lock) == 0);
    struct list_node *node = list_first(&loop->posts);
    if (node != NULL)
        list_remove(node);
    require(pthread_mutex_unlock(&loop->lock) == 0);
    if (node == NULL)
        return false;
    struct post *post = list_entry(node, struct post, node);
    post->run(post);
    return true;
}

static void post_loop_deinit(struct post_loop *loop)
{
    while (run_post(loop, false))
        continue;
    (void)pthread_mutex_destroy(&loop->lock);
    (void)pthread_cond_destroy(&loop->has_post);
}

struct counts {
    unsigned done, freed;
    unsigned order; /* numbers of the jobs done, as decimal digits */
};

struct sum_job {
    struct job job;
    struct counts *counts;
    unsigned number, result;
};

static void sum_run(struct job *job)
{
    struct sum_job *self = (struct sum_job *)(void *)job;
    self->result = self->number * 2;
}

static void sum_free(struct job *job)
{
    ((struct sum_job *)(void *)job)->counts->freed++;
    mem_free(job);
}

static void sum_done(struct job *job, void *owner)
{
    struct sum_job *self = (struct sum_job *)(void *)job;
    struct counts *counts = owner;
    counts->done++;
    counts->order = counts->order * 10 + self->number;
    check_int(self->result, self->number * 2);
}

static struct job *sum_create(struct counts *counts, enum job_lane lane, unsigned number)
{
    struct sum_job *self = mem_new(struct sum_job);
    self->job.lane = lane;
    self->job.run = sum_run;
    self->job.free = sum_free;
    self->counts = counts;
    self->number = number;
    return &self->job;
}

TEST(test_inline_jobs_answer_through_a_post)
{
    struct sim *sim = sim_create(1);
    struct jobs *jobs = jobs_create_inline();
    struct job_port *port = job_port_create(jobs, sim_loop(sim));
    struct counts counts = {0};
    job_submit(port, sum_create(&counts, JOB_READ, 1), sum_done, &counts);
    job_submit(port, sum_create(&counts, JOB_HASH, 2), sum_done, &counts);
    struct job *cancelled = sum_create(&counts, JOB_SLOW, 3);
    job_submit(port, cancelled, sum_done, &counts);
    job_cancel(cancelled);
    check_int(counts.done, 0);
    sim_run(sim);
    check_int(counts.order, 12);
    check_int(counts.freed, 3);
    check(job_port_loop(port) == sim_loop(sim));
    job_port_free(&port);
    jobs_free(&jobs);
    sim_free(&sim);
}

TEST(test_inline_port_freed_before_its_post_runs)
{
    struct sim *sim = sim_create(1);
    struct jobs *jobs = jobs_create_inline();
    struct job_port *port = job_port_create(jobs, sim_loop(sim));
    struct counts counts = {0};
    job_submit(port, sum_create(&counts, JOB_READ, 1), sum_done, &counts);
    job_port_free(&port);
    check_int(counts.done, 0);
    check_int(counts.freed, 1);
    jobs_free(&jobs);
    sim_free(&sim);
}

static void run_all(void *owner, struct list *jobs)
{
    unsigned *batches = owner;
    ++*batches;
    list_each (node, jobs) {
        struct job *job = list_entry(node, struct job, node);
        if (!job_is_cancelled(job))
            sum_run(job);
    }
}

TEST(test_run_now_needs_no_loop)
{
    struct jobs *jobs = jobs_create_inline();
    struct counts counts = {0};
    unsigned batches = 0;
    jobs_set_batch(jobs, JOB_WRITE, run_all, &batches);
    static const enum job_lane lanes[] = {JOB_WRITE, JOB_READ};
    for (size_t i = 0; i < 2; i++) {
        struct job *job = sum_create(&counts, lanes[i], 4);
        job_run_now(jobs, job);
        check_int(((struct sum_job *)(void *)job)->result, 8);
        job->free(job);
    }
    check_int(batches, 1);
    jobs_free(&jobs);
}

TEST(test_threads_finish_everything)
{
    enum { JOBS_PER_LANE = 200 };
    struct post_loop loop;
    post_loop_init(&loop);
    struct jobs *jobs = jobs_create(2, 2, 2);
    struct job_port *port = job_port_create(jobs, &loop.base);
    struct counts counts = {0};
    unsigned batches = 0, all = JOBS_PER_LANE * JOB_LANE_COUNT;
    jobs_set_batch(jobs, JOB_WRITE, run_all, &batches);
    for (unsigned i = 0; i < all; i++)
        job_submit(port, sum_create(&counts, (enum job_lane)(i % JOB_LANE_COUNT), i % 10), sum_done,
                   &counts);
    while (counts.freed < all)
        (void)run_post(&loop, true);
    check_int(counts.done, all);
    job_port_free(&port);
    jobs_free(&jobs);
    check(batches >= 1 && batches <= JOBS_PER_LANE);
    post_loop_deinit(&loop);
}

/* A batch function that waits for the test before it takes its first batch. */
struct gate {
    pthread_mutex_t lock;
    pthread_cond_t has_changed;
    bool is_entered, is_open;
    bool is_first_unfinished; /* the first batch's job wants another turn */
    unsigned batch_lens[4];
    unsigned batches;
};

static void gate_set(struct gate *gate, bool *flag)
{
    require(pthread_mutex_lock(&gate->lock) == 0);
    *flag = true;
    require(pthread_cond_broadcast(&gate->has_changed) == 0);
    require(pthread_mutex_unlock(&gate->lock) == 0);
}

static void gate_wait(struct gate *gate, const bool *flag)
{
    require(pthread_mutex_lock(&gate->lock) == 0);
    while (!*flag)
        require(pthread_cond_wait(&gate->has_changed, &gate->lock) == 0);
    require(pthread_mutex_unlock(&gate->lock) == 0);
}

static void gated_batch(void *owner, struct list *jobs)
{
    struct gate *gate = owner;
    gate_set(gate, &gate->is_entered);
    gate_wait(gate, &gate->is_open);
    require(gate->batches < 4);
    list_each (node, jobs) {
        sum_run(list_entry(node, struct job, node));
        list_entry(node, struct job, node)->wants_again =
            gate->batches == 0 && gate->is_first_unfinished;
        gate->batch_lens[gate->batches]++;
    }
    gate->batches++;
}

TEST(test_write_lane_takes_all_that_waits_and_answers_in_one_post)
{
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .has_changed = PTHREAD_COND_INITIALIZER};
    struct post_loop loop;
    post_loop_init(&loop);
    struct jobs *jobs = jobs_create(1, 1, 1);
    jobs_set_batch(jobs, JOB_WRITE, gated_batch, &gate);
    struct job_port *port = job_port_create(jobs, &loop.base);
    struct counts counts = {0};
    job_submit(port, sum_create(&counts, JOB_WRITE, 1), sum_done, &counts);
    gate_wait(&gate, &gate.is_entered);
    for (unsigned i = 2; i <= 6; i++)
        job_submit(port, sum_create(&counts, JOB_WRITE, i), sum_done, &counts);
    gate_set(&gate, &gate.is_open);
    while (counts.freed < 6)
        (void)run_post(&loop, true);
    check_int(counts.order, 123456);
    check_int(gate.batches, 2);
    check_int(gate.batch_lens[0], 1);
    check_int(gate.batch_lens[1], 5);
    check(loop.post_count <= 2);
    job_port_free(&port);
    jobs_free(&jobs);
    post_loop_deinit(&loop);
}

TEST(test_unfinished_job_goes_behind_those_that_wait)
{
    struct gate gate = {.lock = PTHREAD_MUTEX_INITIALIZER,
                        .has_changed = PTHREAD_COND_INITIALIZER,
                        .is_first_unfinished = true};
    struct post_loop loop;
    post_loop_init(&loop);
    struct jobs *jobs = jobs_create(1, 1, 1);
    jobs_set_batch(jobs, JOB_WRITE, gated_batch, &gate);
    struct job_port *port = job_port_create(jobs, &loop.base);
    struct counts counts = {0};
    job_submit(port, sum_create(&counts, JOB_WRITE, 1), sum_done, &counts);
    gate_wait(&gate, &gate.is_entered);
    for (unsigned i = 2; i <= 4; i++)
        job_submit(port, sum_create(&counts, JOB_WRITE, i), sum_done, &counts);
    gate_set(&gate, &gate.is_open);
    while (counts.freed < 4)
        (void)run_post(&loop, true);
    check_int(counts.order, 2341);
    check_int(gate.batches, 2);
    check_int(gate.batch_lens[1], 4);
    job_port_free(&port);
    jobs_free(&jobs);
    post_loop_deinit(&loop);
}

/* Runs until it is cancelled, as a SEARCH in slices does. */
static void until_cancelled(struct job *job)
{
    while (!job_is_cancelled(job))
        (void)usleep(100);
}

TEST(test_port_free_cancels_what_runs_and_what_waits)
{
    struct post_loop loop;
    post_loop_init(&loop);
    struct jobs *jobs = jobs_create(1, 1, 1);
    struct job_port *port = job_port_create(jobs, &loop.base);
    struct counts counts = {0};
    for (unsigned i = 0; i < 5; i++) {
        struct job *job = sum_create(&counts, JOB_SLOW, i);
        job->run = until_cancelled;
        job_submit(port, job, sum_done, &counts);
    }
    job_port_free(&port);
    check_int(counts.freed, 5);
    check_int(counts.done, 0);
    jobs_free(&jobs);
    post_loop_deinit(&loop);
}

CHECK_MAIN({"inline", test_inline_jobs_answer_through_a_post},
           {"inline_port_freed", test_inline_port_freed_before_its_post_runs},
           {"run_now", test_run_now_needs_no_loop}, {"threads", test_threads_finish_everything},
           {"write_batch", test_write_lane_takes_all_that_waits_and_answers_in_one_post},
           {"unfinished", test_unfinished_job_goes_behind_those_that_wait},
           {"port_free", test_port_free_cancels_what_runs_and_what_waits})
