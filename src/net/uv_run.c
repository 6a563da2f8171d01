/*
 * Making, running and ending libuv loops, and their signals. What happens on a loop is uv_loop.c
 * and uv_transport.c. Threads belong to the caller: uv_run() makes the calling thread the loop's.
 * Tested by tests/unit/test_net_uv.c.
 */
#include "net/uv_run.h"

#include <signal.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/uv_internal.h"

/* Rounds that a freed loop gets for close callbacks and last posts. A handle that is still open
 * then was forgotten by its owner: it is left alone with a log line. */
enum { CLOSE_ROUNDS = 100 };

struct run_signal {
    struct list_node node; /* in the loop's signals */
    uv_signal_t uv;
    void (*on_signal)(void *owner, int sig);
    void *owner;
};

static void on_async(uv_async_t *async)
{
    struct run_loop *loop = async->data;
    (void)run_posts(loop);
    if (atomic_load(&loop->is_stop_wanted))
        uv_stop(&loop->uv);
}

struct loop *uv_run_create(unsigned index)
{
    struct run_loop *loop = mem_new(struct run_loop);
    loop->base = (struct loop){&run_loop_ops, index};
    list_init(&loop->soon);
    list_init(&loop->posts);
    list_init(&loop->signals);
    require(pthread_mutex_init(&loop->posts_lock, NULL) == 0);
    require(uv_loop_init(&loop->uv) == 0);
    require(uv_async_init(&loop->uv, &loop->async, on_async) == 0);
    require(uv_idle_init(&loop->uv, &loop->idle) == 0);
    loop->async.data = loop;
    loop->idle.data = loop;
    run_maker_init(&loop->maker, loop);
    /* libuv writes with write(), which raises SIGPIPE on a closed socket: EPIPE says it better. */
    (void)signal(SIGPIPE, SIG_IGN);
    return &loop->base;
}

void uv_run_loop(struct loop *base)
{
    struct run_loop *loop = run_loop_of(base);
    uv_update_time(&loop->uv);
    while (!atomic_load(&loop->is_stop_wanted))
        (void)uv_run(&loop->uv, UV_RUN_DEFAULT);
    atomic_store(&loop->is_stop_wanted, false);
}

void uv_run_stop(struct loop *base)
{
    struct run_loop *loop = run_loop_of(base);
    atomic_store(&loop->is_stop_wanted, true);
    require(uv_async_send(&loop->async) == 0);
}

static void on_signal_closed(uv_handle_t *handle)
{
    mem_free(handle->data);
}

/* Until nothing that was closed, posted or put off is left. */
static void settle(struct run_loop *loop)
{
    for (int i = 0; i < CLOSE_ROUNDS; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
        bool has_run = run_posts(loop);
        if (i > 0 && !has_run && list_is_empty(&loop->soon))
            return;
    }
}

void uv_run_free(struct loop **base)
{
    if (*base == NULL)
        return;
    struct run_loop *loop = run_loop_of(*base);
    *base = NULL;
    list_each (node, &loop->signals)
        uv_close((uv_handle_t *)&list_entry(node, struct run_signal, node)->uv, on_signal_closed);
    settle(loop);
    uv_close((uv_handle_t *)&loop->async, NULL);
    uv_close((uv_handle_t *)&loop->idle, NULL);
    int err = UV_EBUSY;
    for (int i = 0; i < CLOSE_ROUNDS && err == UV_EBUSY; i++) {
        (void)uv_run(&loop->uv, UV_RUN_NOWAIT);
        err = uv_loop_close(&loop->uv);
    }
    if (err != 0) {
        log_event(LOG_WARN, "net", "loop-left-open", "why", uv_strerror(err));
        return;
    }
    (void)pthread_mutex_destroy(&loop->posts_lock);
    mem_free(loop);
}

struct transport_maker *uv_run_maker(struct loop *loop)
{
    return &run_loop_of(loop)->maker.base;
}

static void on_uv_signal(uv_signal_t *uv, int number)
{
    struct run_signal *self = uv->data;
    self->on_signal(self->owner, number);
}

void uv_run_on_signal(struct loop *base, int signal_number, void (*on_signal)(void *owner, int sig),
                      void *owner)
{
    struct run_loop *loop = run_loop_of(base);
    struct run_signal *self = mem_new(struct run_signal);
    self->on_signal = on_signal;
    self->owner = owner;
    self->uv.data = self;
    list_append(&loop->signals, &self->node);
    require(uv_signal_init(&loop->uv, &self->uv) == 0);
    require(uv_signal_start(&self->uv, on_uv_signal, signal_number) == 0);
}
