/*
 * loop: the contract of an event loop: the time, timers, posts from other threads, file
 * descriptors to watch. net/uv_loop.c fulfils it with libuv, tests/sim/sim_loop.c in virtual time.
 * Everything but loop_post() is called on the loop's own thread only.
 */
#ifndef POSTERN_NET_LOOP_H
#define POSTERN_NET_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct loop;
struct timer;
struct watch;

typedef void timer_fn(void *owner);

enum watch_events { WATCH_READ = 1, WATCH_WRITE = 2 };
typedef void watch_fn(void *owner, unsigned events);

/* A message to a loop: embedded in what it belongs to, not copied; in one loop at most at a time.
 * run is called once on the loop's thread and may free the memory that the post lies in. */
struct post {
    struct list_node node;
    void (*run)(struct post *post);
};

struct loop_ops {
    int64_t (*now_ms)(struct loop *loop);
    void (*post)(struct loop *loop, struct post *post);
    struct timer *(*timer_create)(struct loop *loop, timer_fn *on_timer, void *owner);
    void (*timer_start)(struct timer *timer, int64_t delay_ms);
    void (*timer_stop)(struct timer *timer);
    void (*timer_free)(struct timer *timer);
    struct watch *(*watch_create)(struct loop *loop, int fd, unsigned events, watch_fn *on_watch,
                                  void *owner);
    void (*watch_free)(struct watch *watch);
};

/* First member of every implementation. */
struct loop {
    const struct loop_ops *ops;
    unsigned index; /* 0, 1, ...: which of the process's loops */
};

/* First members of every implementation's timer and watch. */
struct timer {
    struct loop *loop;
};
struct watch {
    struct loop *loop;
};

/* Milliseconds that only go forward, as of the start of this round of the loop. */
static inline int64_t loop_now_ms(struct loop *loop)
{
    return loop->ops->now_ms(loop);
}

/* Any thread. Posts run in the order in which they came, in the loop's next round. */
static inline void loop_post(struct loop *loop, struct post *post)
{
    loop->ops->post(loop, post);
}

/* Created stopped. on_timer is called once per start. Owned; freed with loop_timer_free(). */
static inline struct timer *loop_timer_create(struct loop *loop, timer_fn *on_timer, void *owner)
{
    return loop->ops->timer_create(loop, on_timer, owner);
}

/* Starting a started timer moves it. A delay of 0 fires in the next round. */
static inline void loop_timer_start(struct timer *timer, int64_t delay_ms)
{
    timer->loop->ops->timer_start(timer, delay_ms);
}

static inline void loop_timer_stop(struct timer *timer)
{
    timer->loop->ops->timer_stop(timer);
}

/* After it the callback is never called. Clears the pointer; accepts a pointer to NULL. */
static inline void loop_timer_free(struct timer **timer)
{
    if (*timer != NULL)
        (*timer)->loop->ops->timer_free(*timer);
    *timer = NULL;
}

/* Calls back, again and again, while fd is readable or writable. fd stays the caller's. */
static inline struct watch *loop_watch_create(struct loop *loop, int fd, unsigned events,
                                              watch_fn *on_watch, void *owner)
{
    return loop->ops->watch_create(loop, fd, events, on_watch, owner);
}

static inline void loop_watch_free(struct watch **watch)
{
    if (*watch != NULL)
        (*watch)->loop->ops->watch_free(*watch);
    *watch = NULL;
}

#endif
