/*
 * conn: one connection: transport, wire and clear buffers, TLS session, out and the protocol
 * session, driven by the pump. Inbound ones are made by net/listener.h, outbound ones by
 * net/dial.h. Lives and dies on one loop.
 *
 * Files: conn.c (birth, reading, writing), deadline.c (the timer), close.c (the end), pump.c (feeds
 * the session and follows its verdicts), reader.c (cuts lines out of bytes), upgrade.c (the one
 * place where a connection becomes secure), out.c.
 */
#ifndef POSTERN_NET_CONN_H
#define POSTERN_NET_CONN_H

#include "base/entropy.h"
#include "base/tap.h"
#include "conf/settings/net.h"
#include "net/complaint.h"
#include "net/session.h"
#include "net/transport.h"

struct conn;
struct tls_manager;
struct tls_client_policy;
struct vetter;

/* What all connections of one loop share. Everything in it outlives them. */
struct conn_env {
    struct loop *loop;
    struct job_port *port;
    struct tls_manager *tls;
    const struct clock *clock;
    const struct entropy *entropy;
    const struct settings_net *settings; /* replaced on reload; a conn keeps what it read */
    struct transport_maker *maker;
    struct list conns; /* all of this loop */
    size_t conn_count;
    struct tap *tap;   /* of all; NULL: nobody looks */
    struct tap *trace; /* of those that are traced; NULL: none is */
    /* After conn_env_drain() or conn_env_close(), whenever no connection is left; perhaps inside
     * these calls. May be NULL. */
    void (*on_idle)(void *owner);
    void *on_idle_owner;
    struct quota *handshakes; /* places for inbound handshakes, of all loops; NULL: no ceiling */
    /* Read-only for users. */
    uint64_t upgrades_refused;   /* plaintext waited behind the upgrade */
    uint64_t handshakes_crowded; /* there was no place */
    uint64_t early_talkers; /* spoke before they were, or inside TLS could have been, greeted */
    /* upgrade.c only */
    struct complaints complaints;
    int64_t crowded_log_at_ms; /* not before */
    unsigned crowded_unlogged;
    bool is_draining; /* conn.c only */
};

enum conn_security {
    CONN_PLAIN,   /* and STARTTLS where the session offers it */
    CONN_IMPLICIT /* TLS from the first byte */
};

/* What a listener row gives each of its connections. */
struct conn_role {
    const char *listener; /* name */
    enum conn_security security;
    bool is_traced; /* env->trace sees it */
    /* The PROXY header comes first, and only these networks, and unix sockets, may speak. Borrowed.
     */
    bool is_proxied;
    const struct network *proxy_networks;
    size_t proxy_network_count;
    /* Whose rates and networks are not counted, and who is greeted at once. Borrowed. */
    const struct network *trusted_networks;
    size_t trusted_network_count;
    /* How long the greeting waits; 0: not. Who is looked up meanwhile, and by whom; NULL: nobody.
     * Neither concerns trusted and known networks. Borrowed. */
    int64_t greeting_delay_ms;
    struct vetter *vetter;
    const struct network *known_networks;
    size_t known_network_count;
    const struct session_type *type;
    void *service;
    /* A reference on the service is taken for each connection where these are set. */
    void *(*service_ref)(void *service);
    void (*service_unref)(void *service);
};

/* Where an outbound connection was when it ended. */
enum conn_phase {
    CONN_PHASE_CONNECT,   /* never connected */
    CONN_PHASE_PLAIN,     /* session in plaintext */
    CONN_PHASE_HANDSHAKE, /* in the TLS handshake, verification included */
    CONN_PHASE_SECURE
};

/* For the owner of an outbound connection. */
struct conn_owner_events {
    /* After the handshake, before the session on the secure side is opened. */
    void (*on_secure)(void *owner, const struct tls_facts *facts);
    /* Exactly once, after the session is freed. fault tells connect and TLS faults in words. */
    void (*on_gone)(void *owner, enum conn_phase phase, const struct fault *fault);
};

/* Sets what is conn's in env; the caller sets the rest, before or after. */
void conn_env_init(struct conn_env *env);
/* Ends every connection: sessions of accepted ones hear ENDING_SHUTDOWN at their next WANT_LINE.
 * Outbound ones are ended by their owners. Both by force when drain_timeout_ms has passed. */
void conn_env_drain(struct conn_env *env);
/* By force, now: sessions hear ENDING_SHUTDOWN, one try is made to write what they say. */
void conn_env_close(struct conn_env *env);

/* Takes an accepted transport. role stays readable until the connection is gone. */
void conn_accept(struct conn_env *env, const struct conn_role *role, struct transport *transport);
/* Bytes that came from and went to the transport so far. Valid until on_gone has returned. */
void conn_traffic(const struct conn *conn, uint64_t *in_out, uint64_t *out_out);
/* Who holds the place of a connection of that peer. */
struct quota_holder conn_holder(const struct conn_role *role, const struct endpoint *peer);
/* What one hears that found no place; NULL: nothing. */
const char *conn_refusal(const struct conn_role *role, enum quota_answer answer);
/* As log lines and trace events have it. */
uint64_t conn_id(const struct conn *conn);
/* The other end; before it is connected, the first address that is tried. As conn_local(). */
const struct endpoint *conn_peer(const struct conn *conn);
/* Our end of it; none before it was made. Borrowed until on_gone has returned. */
const struct endpoint *conn_local(const struct conn *conn);
/* For a session's owner: the same as host_wake() of the conn's session. */
void conn_wake(struct conn *conn);
/* Ends it: in the loop's next round the session hears `why`, then close. */
void conn_end(struct conn *conn, enum ending why);

#endif
