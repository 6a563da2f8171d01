/*
 * world: what a dialogue runs in: a simulator, a real store in memory-backed files, users, the
 * services of all protocols and one loop of connections. One thread, jobs inline, virtual time.
 */
#ifndef POSTERN_TESTS_DIALOGUE_WORLD_H
#define POSTERN_TESTS_DIALOGUE_WORLD_H

#include "auth/auth.h"
#include "base/buf.h"
#include "conf/settings/imap.h"
#include "conf/settings/pop3.h"
#include "conf/settings/relay.h"
#include "conf/settings/smtp.h"
#include "net/conn.h"
#include "store/store.h"
#include "tests/fake/tls_lab.h"
#include "tests/sim/sim.h"

enum { WORLD_DOMAINS_MAX = 8, WORLD_NETWORKS_MAX = 8 };

struct world {
    struct sim *sim;
    struct jobs *jobs;
    struct job_port *port;
    struct store *store;
    struct auth *auth;
    struct tls_manager *tls; /* borrowed from the process's lab */
    struct conn_env env;
    char dir[64];
    const char *hostname;
    const char *domains[WORLD_DOMAINS_MAX];
    char *owned_domains[WORLD_DOMAINS_MAX]; /* those of the list that were added */
    size_t domain_count;
    struct network relay_networks[WORLD_NETWORKS_MAX];
    size_t relay_network_count;
    struct endpoint client, server;
    bool offers_starttls;
    bool is_implicit; /* listeners are */
    struct settings_smtp smtp;
    struct settings_relay relay; /* routes only */
    struct settings_imap imap;
    struct settings_pop3 pop3;
    struct settings_auth auth_settings;
    struct settings_store store_settings;
    struct settings_net net;
    struct settings_route route;
    struct settings_route_domain route_domain;
    char *owned_texts[2]; /* of the route */
};

/* How a protocol is served in a world: the test program has one row a role. */
struct world_role {
    const char *name; /* "mx" */
    const char *alpn;
    const struct session_type *type;
    /* Made once the settings are final; freed with free. */
    void *(*make_service)(struct world *world);
    void (*free_service)(void *service);
};

/* Settings, addresses and users as README.md says; nothing is started. */
void world_init(struct world *world, uint64_t seed);
/* One header setting: "smtp.recipients_max", "3". false: there is none of that name. */
bool world_set(struct world *world, struct span name, struct span value);
bool world_add_network(struct world *world, struct span text);
/* Mail for the domain is refused with the text. Once. */
void world_refuse(struct world *world, struct span domain, struct span text);
void world_add_domain(struct world *world, struct span domain);
/* Opens store, auth and the loop. */
void world_start(struct world *world);
void world_add_user(struct world *world, struct span address, struct span password);
void world_add_alias(struct world *world, struct span alias, struct span target);
/* words: with one space between them. */
void world_add_route(struct world *world, struct span domain, struct span words);
/* Appends a message to the user's INBOX, byte for byte. */
void world_add_mail(struct world *world, struct span address, struct span message);
/* Also one that was never started. */
void world_stop(struct world *world);

/* Appends the last message of a mailbox; returns how many there are, -1: no such mailbox. */
int64_t world_read_mailbox(struct world *world, struct span address, struct span mailbox,
                           struct buf *message_out);
/* Appends the body of the last queue entry; returns how many there are. */
int64_t world_read_queue(struct world *world, struct buf *message_out);

/* The process's certificates; the manager serves both ends. */
struct tls_manager *world_tls_manager(void);
/* Where its certificates are. */
const struct tls_lab *world_tls_lab(void);
void world_tls_release(void);

#endif
