/*
 * listener: sockets that accept. They are bound once, before root is dropped, one SO_REUSEPORT
 * socket a loop; each loop then accepts its own share. EMFILE makes a listener pause and try again
 * (accept back-off), connection limits are checked here, before a conn is made (net/quota.h).
 */
#ifndef POSTERN_NET_LISTENER_H
#define POSTERN_NET_LISTENER_H

#include "net/conn.h"

struct listener;
struct quota;

/* Binds and listens, without a loop: returns the fd, or a negative code with the reason in fault
 * ("could not listen on 0.0.0.0:25: permission denied; ..."). Several loops bind the same address
 * (SO_REUSEPORT); a unix socket is bound once and its fd duplicated. A unix socket path is removed
 * first when nobody answers on it. */
int listener_bind(const struct endpoint *endpoint, int backlog, struct fault *fault)
    __attribute__((warn_unused_result));

/* 0, or a code with the reason in fault: somebody else listens there already. Asked before the
 * first of several sockets is bound: SO_REUSEPORT would let two servers of one user share the port,
 * and each would get half of the other's connections. */
int listener_probe(const struct endpoint *endpoint, struct fault *fault)
    __attribute__((warn_unused_result));

/* Accepts on the loop of env, a libuv one. Takes fd. role and quota are borrowed and outlive every
 * connection; over the quota a connection is closed, with one log line a second. */
struct listener *listener_start(struct conn_env *env, int fd, const struct conn_role *role,
                                struct quota *quota);
/* Stops accepting and closes the socket. */
void listener_stop(struct listener **listener);

#endif
