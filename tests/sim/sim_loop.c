/*
 * The simulator's loops: virtual time, timers, posts, watches (real descriptors, polled without
 * waiting once a round), clock and entropy. Byte streams are in sim_transport.c. Tested by
 * tests/unit/test_net_sim.c.
 */
#include "tests/sim/sim.h"

#include <limits.h>
#include <poll.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/sim/sim_internal.h"

enum { ROUND_MAX = 1000000 };

struct sim_timer {
    struct timer base;
    struct list_node node; /* in the loop's timers, started or not */
    bool is_started;
    int64_t due_ms;
    uint64_t sequence;
    timer_fn *on_timer;
    void *owner;
};

struct sim_watch {
    struct watch base;
    struct list_node node;
    int fd;
    unsigned events;
    uint64_t sequence;
    watch_fn *on_watch;
    void *owner;
};

static const struct loop_ops sim_loop_ops;

static int64_t wall_us(const struct clock *clock)
{
    const struct sim *sim = ((const struct sim_clock *)(const void *)clock)->sim;
    return sim->wall_offset_us + sim->now_ms * 1000;
}

static int64_t monotonic_ms(const struct clock *clock)
{
    return ((const struct sim_clock *)(const void *)clock)->sim->now_ms;
}

/* splitmix64: any seed, zero too, gives a good stream. */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += 0x9e3779b97f4a7c15U;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

static void fill(const struct entropy *entropy, void *bytes, size_t size)
{
    uint64_t *state = ((const struct sim_entropy *)(const void *)entropy)->state;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(next_random(state) >> 32);
}

struct sim *sim_create(uint64_t seed)
{
    struct sim *sim = mem_new(struct sim);
    sim->now_ms = 1000;
    sim->random_state = seed;
    sim->clock = (struct sim_clock){{wall_us, monotonic_ms}, sim};
    sim->entropy = (struct sim_entropy){{fill}, &sim->random_state};
    sim->policy = (struct sim_policy){SIM_WHOLE, SIM_CAPACITY_DEFAULT};
    sim_set_wall_us(sim, (int64_t)SIM_WALL_START_S * 1000000);
    sim_connect_init(sim);
    return sim;
}

void sim_free(struct sim **sim)
{
    if (*sim == NULL)
        return;
    sim_run(*sim);
    sim_connect_deinit(*sim);
    for (size_t i = 0; i < SIM_LOOP_MAX; i++) {
        struct sim_loop *loop = (*sim)->loops[i];
        if (loop == NULL)
            continue;
        require(list_is_empty(&loop->timers));
        require(list_is_empty(&loop->watches));
        mem_free(loop);
    }
    mem_free(*sim);
    *sim = NULL;
}

struct loop *sim_loop(struct sim *sim)
{
    return sim_loop_at(sim, 0);
}

struct loop *sim_loop_at(struct sim *sim, unsigned index)
{
    require(index < SIM_LOOP_MAX);
    if (sim->loops[index] == NULL) {
        struct sim_loop *loop = mem_new(struct sim_loop);
        loop->base = (struct loop){&sim_loop_ops, index};
        loop->sim = sim;
        loop->pace = 1;
        list_init(&loop->posts);
        list_init(&loop->timers);
        list_init(&loop->watches);
        sim_maker_init(&loop->maker, loop);
        sim->loops[index] = loop;
    }
    return &sim->loops[index]->base;
}

void sim_set_pace(struct loop *loop, unsigned pace)
{
    ((struct sim_loop *)(void *)loop)->pace = pace;
}

const struct clock *sim_clock(const struct sim *sim)
{
    return &sim->clock.base;
}

void sim_set_wall_us(struct sim *sim, int64_t wall)
{
    sim->wall_offset_us = wall - sim->now_ms * 1000;
}

const struct entropy *sim_entropy(const struct sim *sim)
{
    return &sim->entropy.base;
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
    require(below > 0);
    return next_random(&sim->random_state) % below;
}

int64_t sim_now_ms(const struct sim *sim)
{
    return sim->now_ms;
}

/* Only what waited when the round began: a post that posts again waits for the next round. */
static bool run_posts(struct sim_loop *loop)
{
    struct list posts;
    list_init(&posts);
    list_move_all(&loop->posts, &posts);
    bool has_run = false;
    for (struct list_node *node = list_first(&posts); node != NULL; node = list_first(&posts)) {
        list_remove(node);
        struct post *post = list_entry(node, struct post, node);
        post->run(post);
        has_run = true;
    }
    return has_run;
}

/* The earliest started timer that was started before `before`, or NULL. */
static struct sim_timer *first_timer(struct sim_loop *loop, uint64_t before)
{
    struct sim_timer *first = NULL;
    list_each (node, &loop->timers) {
        struct sim_timer *timer = list_entry(node, struct sim_timer, node);
        if (!timer->is_started || timer->sequence >= before)
            continue;
        if (first == NULL || timer->due_ms < first->due_ms ||
            (timer->due_ms == first->due_ms && timer->sequence < first->sequence))
            first = timer;
    }
    return first;
}

static bool run_timers(struct sim_loop *loop)
{
    uint64_t before = loop->sim->sequence;
    bool has_run = false;
    for (;;) {
        struct sim_timer *timer = first_timer(loop, before);
        if (timer == NULL || timer->due_ms > loop->sim->now_ms)
            return has_run;
        timer->is_started = false;
        timer->on_timer(timer->owner);
        has_run = true;
    }
}

/* A callback may free any watch, so each is looked up anew by its number. */
static struct sim_watch *next_watch(struct sim_loop *loop, uint64_t after)
{
    list_each (node, &loop->watches) {
        struct sim_watch *watch = list_entry(node, struct sim_watch, node);
        if (watch->sequence > after)
            return watch;
    }
    return NULL;
}

static bool run_watches(struct sim_loop *loop)
{
    bool has_run = false;
    struct sim_watch *watch = next_watch(loop, 0);
    while (watch != NULL) {
        uint64_t sequence = watch->sequence;
        short wanted = (short)(((watch->events & WATCH_READ) ? POLLIN : 0) |
                               ((watch->events & WATCH_WRITE) ? POLLOUT : 0));
        struct pollfd poll_fd = {.fd = watch->fd, .events = wanted};
        if (poll(&poll_fd, 1, 0) > 0) {
            unsigned events = ((poll_fd.revents & ~POLLOUT) ? WATCH_READ : 0U) |
                              ((poll_fd.revents & POLLOUT) ? WATCH_WRITE : 0U);
            watch->on_watch(watch->owner, events);
            has_run = true;
        }
        watch = next_watch(loop, sequence);
    }
    return has_run;
}

static bool run_round(struct sim *sim)
{
    bool has_run = false;
    for (size_t i = 0; i < SIM_LOOP_MAX; i++) {
        if (sim->loops[i] == NULL)
            continue;
        has_run |= run_posts(sim->loops[i]);
        has_run |= run_timers(sim->loops[i]);
        has_run |= run_watches(sim->loops[i]);
    }
    has_run |= sim_transport_round(sim);
    return has_run;
}

void sim_run(struct sim *sim)
{
    unsigned rounds = 0;
    while (run_round(sim))
        require(++rounds < ROUND_MAX);
}

/* When the next timer of any loop is due; INT64_MAX: none. */
static int64_t next_due_ms(struct sim *sim)
{
    int64_t due_ms = INT64_MAX;
    for (size_t i = 0; i < SIM_LOOP_MAX; i++) {
        if (sim->loops[i] == NULL)
            continue;
        struct sim_timer *timer = first_timer(sim->loops[i], UINT64_MAX);
        if (timer != NULL && timer->due_ms < due_ms)
            due_ms = timer->due_ms;
    }
    return due_ms;
}

bool sim_step(struct sim *sim, int64_t until_ms)
{
    if (run_round(sim))
        return true;
    if (sim->now_ms >= until_ms)
        return false;
    int64_t due_ms = next_due_ms(sim);
    sim->now_ms = due_ms < until_ms ? due_ms : until_ms;
    return true;
}

void sim_advance_ms(struct sim *sim, int64_t ms)
{
    int64_t end_ms = sim->now_ms + ms;
    sim_run(sim);
    for (int64_t due_ms = next_due_ms(sim); due_ms <= end_ms; due_ms = next_due_ms(sim)) {
        if (due_ms > sim->now_ms)
            sim->now_ms = due_ms;
        sim_run(sim);
    }
    sim->now_ms = end_ms;
    sim_run(sim);
}

/* The contract of net/loop.h. */

static struct sim_loop *as_loop(struct loop *loop)
{
    require(loop->ops == &sim_loop_ops);
    return (struct sim_loop *)(void *)loop;
}

static int64_t loop_now(struct loop *loop)
{
    return as_loop(loop)->sim->now_ms;
}

static void loop_take_post(struct loop *loop, struct post *post)
{
    require(!list_has(&post->node));
    list_append(&as_loop(loop)->posts, &post->node);
}

static struct timer *timer_make(struct loop *loop, timer_fn *on_timer, void *owner)
{
    struct sim_timer *timer = mem_new(struct sim_timer);
    timer->base.loop = loop;
    timer->on_timer = on_timer;
    timer->owner = owner;
    list_append(&as_loop(loop)->timers, &timer->node);
    return &timer->base;
}

static void timer_begin(struct timer *base, int64_t delay_ms)
{
    struct sim_timer *timer = (struct sim_timer *)(void *)base;
    struct sim *sim = as_loop(base->loop)->sim;
    timer->is_started = true;
    timer->due_ms = sim->now_ms + (delay_ms > 0 ? delay_ms * as_loop(base->loop)->pace : 0);
    timer->sequence = sim->sequence++;
}

static void timer_end(struct timer *base)
{
    ((struct sim_timer *)(void *)base)->is_started = false;
}

static void timer_drop(struct timer *base)
{
    list_remove(&((struct sim_timer *)(void *)base)->node);
    mem_free(base);
}

static struct watch *watch_make(struct loop *loop, int fd, unsigned events, watch_fn *on_watch,
                                void *owner)
{
    struct sim_watch *watch = mem_new(struct sim_watch);
    watch->base.loop = loop;
    watch->fd = fd;
    watch->events = events;
    watch->sequence = ++as_loop(loop)->sim->sequence;
    watch->on_watch = on_watch;
    watch->owner = owner;
    list_append(&as_loop(loop)->watches, &watch->node);
    return &watch->base;
}

static void watch_drop(struct watch *base)
{
    list_remove(&((struct sim_watch *)(void *)base)->node);
    mem_free(base);
}

static const struct loop_ops sim_loop_ops = {
    .now_ms = loop_now,
    .post = loop_take_post,
    .timer_create = timer_make,
    .timer_start = timer_begin,
    .timer_stop = timer_end,
    .timer_free = timer_drop,
    .watch_create = watch_make,
    .watch_free = watch_drop,
};
