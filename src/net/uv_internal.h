/*
 * What net/uv_*.c share: the loop's struct and the queue of things to do in its next round. The
 * only header of ours that knows libuv; nothing else may include it.
 */
#ifndef POSTERN_NET_UV_INTERNAL_H
#define POSTERN_NET_UV_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <uv.h>

#include "net/loop.h"
#include "net/transport.h"

enum { RUN_READ_SIZE = 65536 };

struct run_loop;

/* Work for the loop's next round, embedded in what it belongs to. Loop thread only. Taking it out
 * of the list (list_remove) cancels it. */
struct run_soon {
    struct list_node node;
    void (*run)(struct run_soon *soon);
};

struct run_maker {
    struct transport_maker base;
    struct run_loop *loop;
};

struct run_loop {
    struct loop base;
    uv_loop_t uv;
    uv_async_t async; /* posts and stop */
    uv_idle_t idle;   /* runs while soon has something */
    struct list soon;
    pthread_mutex_t posts_lock;
    struct list posts; /* under posts_lock */
    atomic_bool is_stop_wanted;
    struct list signals;
    struct run_maker maker;
    /* The one read buffer: on_read gets it borrowed, and no two reads happen at once. */
    char read_buffer[RUN_READ_SIZE];
};

static inline struct run_loop *run_loop_of(struct loop *loop)
{
    return (struct run_loop *)(void *)loop;
}

/* uv_loop.c */
extern const struct loop_ops run_loop_ops;
/* Doing it twice before it ran does nothing. */
void run_soon_add(struct run_loop *loop, struct run_soon *soon);
void run_soon_all(struct run_loop *loop);
/* Whether there was any. */
bool run_posts(struct run_loop *loop);

/* uv_transport.c */
void run_maker_init(struct run_maker *maker, struct run_loop *loop);

#endif
