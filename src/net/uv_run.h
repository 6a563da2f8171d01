/*
 * uv_run: the libuv implementation of loop.h and transport.h, and the threads that loops run on.
 */
#ifndef POSTERN_NET_UV_RUN_H
#define POSTERN_NET_UV_RUN_H

#include "net/loop.h"
#include "net/transport.h"

/* index is loop->index. Owned. */
struct loop *uv_run_create(unsigned index);
/* Runs until uv_run_stop(), then may be called again; the calling thread is the loop's. */
void uv_run_loop(struct loop *loop);
/* Any thread. */
void uv_run_stop(struct loop *loop);
/* Runs the posts and close callbacks that are left. Timers, watches and transports were freed by
 * their owners before, and no other thread posts any more. */
void uv_run_free(struct loop **loop);

/* Outbound transports of this loop. */
struct transport_maker *uv_run_maker(struct loop *loop);
/* Wraps an accepted socket; takes fd. NULL when the kernel refuses it (then fd is closed). */
struct transport *uv_run_wrap(struct loop *loop, int fd);

/* SIGTERM, SIGINT, SIGHUP, ... on this loop, until it is freed. */
void uv_run_on_signal(struct loop *loop, int signal_number, void (*on_signal)(void *owner, int sig),
                      void *owner);

#endif
