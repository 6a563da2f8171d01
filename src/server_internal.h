/*
 * server_internal: shared by server.c, server_loop.c and server_generation.c only.
 */
#ifndef POSTERN_SERVER_INTERNAL_H
#define POSTERN_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "admin/admin.h"
#include "conf/conf.h"
#include "net/conn.h"
#include "net/listener.h"
#include "protocols/imap/imap.h"
#include "protocols/pop3/pop3.h"
#include "protocols/smtp/smtp.h"
#include "relay/relay.h"

enum { SERVER_LOOPS_MAX = 64 };

struct auth;
struct jobs;
struct tls_manager;

/* One listener row's protocol service in one generation. The service is the first member, so a
 * pointer to it is a pointer to this. */
struct served {
    union {
        struct smtp_service smtp;
        struct imap_service imap;
        struct pop3_service pop3;
    } as;
    const struct session_type *type;
    struct generation *generation;
};

/* The services that belong to one generation of settings. Each connection holds a reference, so a
 * reload pulls nothing from under a session. */
struct generation {
    atomic_uint references;
    const struct settings *settings;
    struct network *relay_networks;
    size_t relay_network_count;
    struct served *served; /* as many as settings->listener_count, in its order */
};

/* A socket that was bound before root was dropped. */
struct bound {
    size_t listener; /* row in settings->listeners */
    int fd;
};

struct server_loop {
    struct server *server;
    pthread_t thread; /* not for the first, which runs on the main thread */
    struct loop *loop;
    struct job_port *port;
    struct conn_env env;
    struct generation *generation; /* a reference */
    struct bound *bound;           /* this loop's sockets; fd -1: a listener has it */
    size_t bound_count;
    struct conn_role *roles; /* as many as bound_count; service changes on reload */
    struct listener **listeners;
    struct resolver *resolver;
    struct relay *relay;
    bool is_relay_idle;
    bool is_draining;
    int64_t drain_deadline_ms;
    struct timer *drain_timer;
    /* The control socket, on the first loop only. */
    struct conn_role control_role;
    struct listener *control;
    int control_fd; /* -1: none */
};

struct server {
    char *conf_file;
    struct jobs *jobs;
    struct store *store;
    struct tls_manager *tls;
    struct auth *auth;
    struct pop3_locks *pop3_locks;
    struct quota *quota;
    struct quota *handshakes;
    struct quota *control_quota; /* apart: many clients must not lock the administrator out */
    struct relay_leases *leases;
    struct admin_service admin;
    struct generation *first;   /* kept for the life of the process: names that cannot reload */
    struct generation *current; /* main thread only */
    struct server_loop loops[SERVER_LOOPS_MAX];
    unsigned loop_count;
    atomic_uint ready_count;
    bool is_stopping; /* main thread only: loops may be gone */
};

/* server_generation.c: takes the settings' reference. NULL with fault. */
struct generation *server_generation_create(struct server *server, const struct settings *settings,
                                            struct fault *fault);
struct generation *server_generation_ref(struct generation *generation);
void server_generation_unref(struct generation **generation);
void *server_served_ref(void *service);
void server_served_unref(void *service);

/* server_loop.c: the body of a loop's thread, from attaching to the last connection's end. */
void server_loop_run(struct server_loop *loop);
/* Any thread: the loop stops accepting, drains, and its run returns. */
void server_loop_drain(struct server_loop *loop);
/* Any thread: the loop goes on with that generation (a reference is taken). */
void server_loop_adopt(struct server_loop *loop, struct generation *generation);

#endif
