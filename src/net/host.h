/*
 * host: what a session knows of its connection, and the little that it may ask of it. Implemented
 * by net/pump.c, and by tests that drive sessions without a connection.
 */
#ifndef POSTERN_NET_HOST_H
#define POSTERN_NET_HOST_H

#include "base/clock.h"
#include "base/span.h"
#include "net/endpoint.h"
#include "net/out.h"

struct host;
struct job_port;
struct loop;
struct tls_facts;

struct host_ops {
    void (*wake)(struct host *host);
    void (*name)(struct host *host, struct span login);
};

/* What the name of the peer's address came to (forward-confirmed reverse DNS). */
enum peer_naming {
    PEER_NAMING_OFF,       /* it was not asked for */
    PEER_NAMING_CONFIRMED, /* it has a name, and the name has the address */
    PEER_NAMING_NONE,      /* it has none that leads back */
    PEER_NAMING_UNCERTAIN  /* DNS gave no answer in time */
};

enum { PEER_NAME_SIZE = 256, PEER_WHY_SIZE = 200 };

/* What was found out about the peer before its greeting. */
struct peer_facts {
    enum peer_naming naming;
    char name[PEER_NAME_SIZE]; /* where confirmed; a host name */
    char list[PEER_NAME_SIZE]; /* the first DNS list that has the peer; "": none */
    char why[PEER_WHY_SIZE];   /* that list's own words, in printable ASCII; "": none */
};

/* The session's side of its connection. Fields are read-only for sessions. */
struct host {
    const struct host_ops *ops;
    struct out *out;
    const struct tls_facts *tls; /* NULL in plaintext */
    struct endpoint peer, local;
    uint64_t conn_id; /* on every log line: log_hex(line, "conn", host->conn_id) */
    struct loop *loop;
    struct job_port *port; /* for store_watch() and the like; requests go by want_answer() */
    const struct clock *clock;
    const struct peer_facts *facts; /* NULL: nothing was looked up */
    const char *listener;           /* the listener's name in the configuration; "" for outbound */
};

/* Asks for a call of `wake` (rule 3). Loop thread; allowed at any time, also inside a session
 * function. */
static inline void host_wake(struct host *host)
{
    host->ops->wake(host);
}

/* Tells the connection who is logged in, for its log line and the per-login limits. */
static inline void host_name(struct host *host, struct span login)
{
    host->ops->name(host, login);
}

#endif
