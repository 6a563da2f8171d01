/*
 * The loop's contract on libuv: time, posts, timers, watched descriptors. Making, running and
 * ending loops is uv_run.c. libuv's memory is freed in close callbacks only, so a timer's or a
 * watch's memory outlives its free by one round. Tested by tests/unit/test_net_uv.c.
 */
#include "net/uv_internal.h"

#include "base/mem.h"
#include "base/require.h"

struct run_timer {
    struct timer base;
    uv_timer_t uv;
    struct run_soon soon; /* a delay of 0: see timer_start() */
    timer_fn *on_timer;
    void *owner;
};

struct run_watch {
    struct watch base;
    uv_poll_t uv;
    unsigned events;
    watch_fn *on_watch;
    void *owner;
};

static int64_t now_ms(struct loop *loop)
{
    return (int64_t)uv_now(&run_loop_of(loop)->uv);
}

static void take_post(struct loop *base, struct post *post)
{
    struct run_loop *loop = run_loop_of(base);
    require(pthread_mutex_lock(&loop->posts_lock) == 0);
    require(!list_has(&post->node));
    list_append(&loop->posts, &post->node);
    /* Under the lock: once it is given up, the loop may run the post, stop and be freed. */
    require(uv_async_send(&loop->async) == 0);
    require(pthread_mutex_unlock(&loop->posts_lock) == 0);
}

/* Only what waits now: a post that posts again is run in the next round. */
bool run_posts(struct run_loop *loop)
{
    struct list posts;
    list_init(&posts);
    require(pthread_mutex_lock(&loop->posts_lock) == 0);
    list_move_all(&loop->posts, &posts);
    require(pthread_mutex_unlock(&loop->posts_lock) == 0);
    bool has_any = !list_is_empty(&posts);
    for (struct list_node *node = list_first(&posts); node != NULL; node = list_first(&posts)) {
        list_remove(node);
        struct post *post = list_entry(node, struct post, node);
        post->run(post);
    }
    return has_any;
}

static void on_idle(uv_idle_t *idle)
{
    run_soon_all(idle->data);
}

void run_soon_add(struct run_loop *loop, struct run_soon *soon)
{
    if (list_has(&soon->node))
        return;
    list_append(&loop->soon, &soon->node);
    require(uv_idle_start(&loop->idle, on_idle) == 0);
}

void run_soon_all(struct run_loop *loop)
{
    struct list now;
    list_init(&now);
    list_move_all(&loop->soon, &now);
    for (struct list_node *node = list_first(&now); node != NULL; node = list_first(&now)) {
        list_remove(node);
        struct run_soon *soon = list_entry(node, struct run_soon, node);
        soon->run(soon);
    }
    if (list_is_empty(&loop->soon))
        require(uv_idle_stop(&loop->idle) == 0);
}

/* Timers. */

static void on_uv_timer(uv_timer_t *uv)
{
    struct run_timer *timer = uv->data;
    timer->on_timer(timer->owner);
}

static void on_soon_timer(struct run_soon *soon)
{
    struct run_timer *timer = list_entry(soon, struct run_timer, soon);
    timer->on_timer(timer->owner);
}

static struct timer *timer_make(struct loop *base, timer_fn *on_timer, void *owner)
{
    struct run_timer *timer = mem_new(struct run_timer);
    timer->base.loop = base;
    timer->soon.run = on_soon_timer;
    timer->on_timer = on_timer;
    timer->owner = owner;
    require(uv_timer_init(&run_loop_of(base)->uv, &timer->uv) == 0);
    timer->uv.data = timer;
    return &timer->base;
}

static void timer_end(struct timer *base)
{
    struct run_timer *timer = (struct run_timer *)(void *)base;
    list_remove(&timer->soon.node);
    require(uv_timer_stop(&timer->uv) == 0);
}

/* libuv runs a timer of 0 ms that is started in a timer's callback within the same round, so two of
 * them would starve the sockets. Those go into the queue of the next round instead. */
static void timer_begin(struct timer *base, int64_t delay_ms)
{
    struct run_timer *timer = (struct run_timer *)(void *)base;
    timer_end(base);
    if (delay_ms <= 0)
        run_soon_add(run_loop_of(base->loop), &timer->soon);
    else
        require(uv_timer_start(&timer->uv, on_uv_timer, (uint64_t)delay_ms, 0) == 0);
}

static void on_timer_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

static void timer_drop(struct timer *base)
{
    struct run_timer *timer = (struct run_timer *)(void *)base;
    timer_end(base);
    uv_close((uv_handle_t *)&timer->uv, on_timer_closed);
}

/* Watches. */

/* An error is told as readiness: the owner's read or accept meets it and knows what it means. */
static void on_uv_poll(uv_poll_t *uv, int status, int events)
{
    struct run_watch *watch = uv->data;
    unsigned ready =
        ((events & UV_READABLE) ? WATCH_READ : 0U) | ((events & UV_WRITABLE) ? WATCH_WRITE : 0U);
    watch->on_watch(watch->owner, status < 0 ? watch->events : ready);
}

static struct watch *watch_make(struct loop *base, int fd, unsigned events, watch_fn *on_watch,
                                void *owner)
{
    struct run_watch *watch = mem_new(struct run_watch);
    watch->base.loop = base;
    watch->events = events;
    watch->on_watch = on_watch;
    watch->owner = owner;
    watch->uv.data = watch;
    int uv_events =
        ((events & WATCH_READ) ? UV_READABLE : 0) | ((events & WATCH_WRITE) ? UV_WRITABLE : 0);
    require(uv_poll_init(&run_loop_of(base)->uv, &watch->uv, fd) == 0);
    require(uv_poll_start(&watch->uv, uv_events, on_uv_poll) == 0);
    return &watch->base;
}

static void on_watch_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* The caller may close its descriptor right after this: libuv has let go of it. */
static void watch_drop(struct watch *base)
{
    struct run_watch *watch = (struct run_watch *)(void *)base;
    uv_close((uv_handle_t *)&watch->uv, on_watch_closed);
}

const struct loop_ops run_loop_ops = {
    .now_ms = now_ms,
    .post = take_post,
    .timer_create = timer_make,
    .timer_start = timer_begin,
    .timer_stop = timer_end,
    .timer_free = timer_drop,
    .watch_create = watch_make,
    .watch_free = watch_drop,
};
