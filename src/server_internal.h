/*
 * server_internal: shared by server.c, server_loop.c, server_generation.c and
 * server_keeper.c only.
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
#include "server_vetting.h"

enum { SERVER_LOOPS_MAX = 64 };

struct auth;
struct jobs;
struct keeper;
struct smtp_pace;
struct server_reload;
struct tls_manager;
struct tls_signer;

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
    struct network *relay_networks, *proxy_networks, *trusted_networks;
    size_t relay_network_count, proxy_network_count, trusted_network_count;
    struct dns_list_rule *dns_lists; /* parsed from smtp.dns_lists */
    struct served *served;           /* as many as settings->listener_count, in its order */
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
    struct server_trace *trace;
    struct generation *generation; /* a reference */
    struct bound *bound;           /* this loop's sockets; fd -1: a listener has it */
    size_t bound_count;
    struct conn_role *roles; /* as many as bound_count; service changes on reload */
    struct listener **listeners;
    struct resolver *resolver;
    struct server_vetter *vetter;
    struct fetcher *fetcher;
    struct relay *relay;
    bool is_relay_idle, is_draining;
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
    struct keeper *keeper;                  /* NULL: the keys are in this process */
    struct tls_signer *local_signer;        /* then */
    struct tls_signer *signer;              /* of one of the two, capped */
    struct watch *keeper_watch;             /* on the first loop */
    const struct settings *keeper_settings; /* in the keeper's process only */
    struct tls_manager *tls;
    struct server_reload *reload;
    struct auth *auth;
    struct pop3_locks *pop3_locks;
    struct smtp_pace *smtp_pace;
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
    bool has_failed;  /* main thread only: ends with status 1 */
    bool is_stopping; /* main thread only: loops may be gone */
};

/* server_generation.c: takes the settings' reference. NULL with fault. */
struct generation *server_generation_create(struct server *server, const struct settings *settings,
                                            struct fault *fault);
struct generation *server_generation_ref(struct generation *generation);
void server_generation_unref(struct generation **generation);
void *server_served_ref(void *service);
void server_served_unref(void *service);

/* server_socket.c: one address of one listener, once for each loop. */
int server_socket_bind(struct server *server, size_t row, const char *address, struct fault *fault);

/* server_loop.c: the body of a loop's thread, from attaching to the last connection's end. */
void server_loop_run(struct server_loop *loop);
/* Any thread: the loop stops accepting, drains, at most for so long and for net.drain_timeout, and
 * its run returns. */
void server_loop_drain(struct server_loop *loop, int64_t drain_max_ms);
/* Any thread: the loop goes on with that generation (a reference is taken). */
void server_loop_adopt(struct server_loop *loop, struct generation *generation);

/* server.c, main thread: every loop drains, then server_run() returns. */
void server_drain(struct server *server, int64_t drain_max_ms);
/* What the quotas of connections and of handshakes go by. */
void server_limits(const struct settings_net *net, struct quota_limits *connections_out,
                   struct quota_limits *handshakes_out);
/* server.c: by the text of log_level. */
void server_set_log_level(const char *name);

/* server_keeper.c. start: before any thread, file or loop exists; settle: when the settings are
 * known: fails with start's fault, or, without key isolation, ends the keeper. adopt: new settings
 * are in use. watch: before the loops run. stop: when nothing signs any more. */
void server_keeper_start(struct server *server, struct fault *fault);
int server_keeper_settle(struct server *server, const struct settings_tls *settings,
                         const struct fault *fault);
void server_keeper_adopt(struct server *server, const struct settings_tls *settings);
void server_keeper_watch(struct server *server);
void server_keeper_stop(struct server *server);

#endif
