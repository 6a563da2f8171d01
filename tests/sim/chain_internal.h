/* chain_internal: what the files of a chain's world share. */
#ifndef POSTERN_TESTS_CHAIN_INTERNAL_H
#define POSTERN_TESTS_CHAIN_INTERNAL_H

#include "protocols/smtp/smtp.h"
#include "relay/relay.h"
#include "store/queue_rows.h"
#include "tests/fake/disk.h"
#include "tests/sim/chain.h"
#include "tests/sim/chain_model.h"
#include "tests/sim/sim.h"

enum { CHAIN_NODES = 2, CHAIN_HOPS = 5, CHAIN_DOMAINS = 12, CHAIN_USERS = 4 };
/* A loop for clients and hops, one for each node, one for each node's reaper. */
enum { LOOP_WORLD, LOOP_NODES, LOOP_KEEPERS = LOOP_NODES + CHAIN_NODES };

struct chain;

/* chain_dns.c: what is asked is answered from the world's table, or by a fault. */
struct chain_dns {
    struct resolver resolver;
    struct chain *chain;
    struct loop *loop;
};

/* chain_node.c: a Postern: mail server of a domain and relay for all others. */
struct chain_node {
    struct chain *chain;
    unsigned index;
    const char *hostname, *domain;
    struct endpoint listen;
    struct disk *disk;
    struct jobs *jobs;
    struct job_port *port, *keeper_port;
    struct store *store;
    struct conn_env env;
    struct transport_maker maker; /* the simulator's, watched */
    struct smtp_service service;
    struct conn_role role;
    struct settings_smtp smtp;
    struct settings_store store_settings;
    struct settings_relay relay_settings;
    struct settings_net net;
    struct relay_options options;
    struct relay_leases *leases;
    struct relay *relay;
    struct chain_dns dns;
    bool is_up, is_off; /* off: the power has gone, but the process does not know it yet */
    int64_t up_at_ms;   /* when it is started again */
    bool is_made;
    int64_t disk_until_ms; /* so long something is wrong with its disk */
    unsigned failed_batches;
};

/* chain_hop.c: a scripted mail server at the end of the way. */
struct chain_hop {
    struct chain *chain;
    unsigned index;
    const char *const *offers; /* of EHLO, up to NULL */
    bool offers_dsn;
    bool is_senders; /* keeps what it is sent by nobody: reports must arrive */
    struct endpoint listen;
    struct conn_role role;
    int64_t closed_until_ms; /* connects are refused, or hang */
};

/* Chances in 10,000, drawn for each world. */
struct chain_odds {
    unsigned crash_step, crash_inside; /* a step; a batch */
    unsigned fail_disk, full_disk;     /* a batch */
    unsigned dns;                      /* a question */
    unsigned link, hop, client;        /* a connection; a step of a hop; a message */
    unsigned hop_closed, clock;        /* a minute */
};

struct chain {
    struct sim *sim;
    struct chain_tally *tally;
    struct chain_model model;
    struct chain_odds odds;
    bool is_quiet; /* the faults have stopped */
    bool has_tls;
    bool is_smarthosted; /* the first server gives everything to the second */
    int64_t fault_ms, expire_ms;
    int64_t clock_ahead_ms; /* by jumps */
    bool has_dead_mail;  /* some goes where nobody ever answers: the world lasts until it expires */
    unsigned given;      /* messages that clients have */
    struct list clients; /* under way */
    struct conn_env env; /* of clients and hops */
    struct settings_net net;
    struct job_port *port;
    struct jobs *jobs;
    struct endpoint link_source; /* of the connection that is made now */
    struct chain_node nodes[CHAIN_NODES];
    struct chain_hop hops[CHAIN_HOPS];
};

/* Whether something of so many in 10,000 happens; never when the faults have stopped. */
bool chain_dice(struct chain *chain, unsigned odds);

/* chain_dns.c */
void chain_dns_init(struct chain_dns *dns, struct chain *chain, struct loop *loop);
/* Whether a domain does not take mail, by what its records truly say. */
bool chain_dns_is_dead(struct span domain);
/* Whether a lie was told of its mail servers. */
bool chain_dns_lied(const struct chain_model *model, struct span domain);

/* chain_settings.c */
void chain_node_fill(struct chain_node *node, struct chain *chain, unsigned index);

/* chain_node.c */
void chain_node_make(struct chain_node *node, struct chain *chain, unsigned index);
void chain_node_start(struct chain_node *node);
void chain_node_mend_disk(struct chain_node *node);
/* The process is gone, with all that it did not write down. */
void chain_node_crash(struct chain_node *node);
/* In an orderly way. */
void chain_node_end(struct chain_node *node);

/* chain_look.c */
/* All that is in the mailboxes, into the model. */
void chain_look_mailboxes(struct chain_node *node);
/* Rows in the queue; each is shown to the model when is_crashed. */
size_t chain_look_queue(struct chain_node *node, bool is_crashed);

/* chain_hop.c */
void chain_hop_make(struct chain_hop *hop, struct chain *chain, unsigned index);
void chain_hop_close(struct chain_hop *hop, int64_t ms);
void chain_hop_open(struct chain_hop *hop);

/* chain_mail.c: who writes to whom, drawn by the seed. */
void chain_write_mail(struct chain *chain);

/* chain_client.c: one connection with the next few messages. */
void chain_client_start(struct chain *chain, unsigned messages);
/* Whose connections have ended. */
void chain_clients_free(struct chain *chain);

/* chain_link.c: connections between servers, which break at bytes of the seed's choice. */
struct transport_maker chain_link_maker(void);
/* What a server or hop accepted. */
void chain_link_accepted(struct chain *chain, struct transport *transport);
/* By the address that it comes from; NULL: a client's. */
struct chain_link *chain_link_of(struct chain *chain, const struct endpoint *peer);
/* The same, by the first Received field of a message. */
struct chain_link *chain_link_of_text(struct chain *chain, struct span text);

#endif
