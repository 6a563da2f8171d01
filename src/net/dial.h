/*
 * dial: an outbound connection with a client session on it. The session's type decides when to ask
 * for the upgrade; with CONN_IMPLICIT it starts secure.
 */
#ifndef POSTERN_NET_DIAL_H
#define POSTERN_NET_DIAL_H

#include "net/conn.h"

struct dial {
    struct endpoint to;
    /* Further addresses of the same host, tried beside it (net/race.h). Borrowed until return. */
    const struct endpoint *also;
    size_t also_count;             /* at most RACE_MAX - 1 */
    int64_t stagger_ms;            /* where there are any */
    const struct endpoint *source; /* NULL: the kernel's choice */
    enum conn_security security;
    const struct tls_client_policy *tls; /* borrowed until the connection is gone */
    int64_t connect_timeout_ms;
    int64_t handshake_timeout_ms; /* 0: that of the settings of net */
    bool is_traced;               /* env->trace sees it */
    const struct session_type *type;
    void *owner; /* the session's service and the owner of these events */
    const struct conn_owner_events *events;
};

/* Never calls back inside this call. The conn is valid until on_gone. */
struct conn *dial_start(struct conn_env *env, const struct dial *dial);

#endif
