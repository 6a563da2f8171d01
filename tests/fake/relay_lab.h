/*
 * relay_lab: a relay in a world of its own: the simulator, a real store, DNS from a table, scripted
 * next hops and a real one (Postern's SMTP server, which keeps mail for example.org in the same
 * store). The relay calls itself relay.example and knows example.org as a local domain, so reports
 * to alice@example.org come home.
 *
 *   one.test      MX one.hop.test (hop 0)
 *   two.test      MX 10 one.hop.test (hop 0), MX 20 two.hop.test (hop 1)
 *   example.org   MX mx.example.org (the server)
 *   wrong.test    MX other.example.org (the server, whose certificate has not that name)
 *   null.test     null MX        loop.test  MX relay.example
 *   later.test    SERVFAIL       all others do not exist
 */
#ifndef POSTERN_TESTS_FAKE_RELAY_LAB_H
#define POSTERN_TESTS_FAKE_RELAY_LAB_H

#include "protocols/smtp/smtp.h"
#include "relay/relay.h"
#include "tests/dialogue/world.h"
#include "tests/fake/hop.h"
#include "tests/fake/resolver_table.h"

enum { RELAY_LAB_HOPS = 2, RELAY_LAB_RETRY_MS = 300000, RELAY_LAB_EXPIRE_MS = 3600000 };

struct relay_lab {
    struct world world;
    struct resolver_table dns;
    struct hop hops[RELAY_LAB_HOPS];
    struct smtp_service server;
    struct conn_role server_role;
    unsigned server_connections;
    struct settings_relay settings;
    struct relay_leases *leases;
    struct relay_options options;
    struct relay *relay;  /* NULL before relay_lab_run() */
    unsigned fail_writes; /* so many batches of the store's writer fail */
    unsigned mail_flags;  /* of what relay_lab_mail() makes */
    bool is_idle;         /* after relay_lab_drain() */
    unsigned idle_count;
};

/* Not started: rules and settings may still be set. */
void relay_lab_init(struct relay_lab *lab);
/* Frees the relay too. */
void relay_lab_deinit(struct relay_lab *lab);
/* Starts the relay if it is not there, and runs for ms. */
void relay_lab_run(struct relay_lab *lab, int64_t ms);
void relay_lab_drain(struct relay_lab *lab);

/* A message into the queue; to: addresses, separated by spaces. */
void relay_lab_mail(struct relay_lab *lab, const char *from, const char *to);
/* The same with what DSN can ask for; the texts may be NULL: none. */
struct relay_lab_wish {
    const char *from, *to;
    unsigned notify; /* of each recipient */
    const char *envelope_id, *return_kind, *original, *forwarder;
    bool is_local; /* `to` is one user: into his mailbox */
};
void relay_lab_mail_with(struct relay_lab *lab, const struct relay_lab_wish *wish);
/* What the queue holds: how many rows; the first one's attempts and last outcome. */
struct relay_lab_queue {
    size_t count;
    uint64_t id;
    unsigned attempts;
    int64_t due_us;
    char last[700];
    char recipient[100];
    unsigned notify;
};
struct relay_lab_queue relay_lab_queue(struct relay_lab *lab);
/* Messages in a user's INBOX; the last one is kept in text_out (NULL: not). */
int64_t relay_lab_inbox(struct relay_lab *lab, const char *address, struct buf *text_out);

#endif
