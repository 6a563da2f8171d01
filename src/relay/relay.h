/*
 * relay: takes queue entries that are due and brings them to where they go: route (smarthost or
 * MX), connect, SMTP client, outcome back into the store. One per loop; a destination belongs to
 * the loop hash(next hop) mod loops, so its connections and backoff need no lock. It watches the
 * store's queue; protocols never call it.
 */
#ifndef POSTERN_RELAY_RELAY_H
#define POSTERN_RELAY_RELAY_H

#include "base/clock.h"
#include "base/entropy.h"
#include "conf/settings/relay.h"
#include "dns/resolver.h"
#include "net/conn.h"
#include "store/store.h"

struct relay;

/* Which queue rows are in hand, shared by the relays of all loops (the only thing that is): one
 * more than a row's loop may want it while a change of the routing moves it. Thread-safe. */
struct relay_leases;
struct relay_leases *relay_leases_create(unsigned loop_count);
/* All relays are gone. Accepts a pointer to NULL. */
void relay_leases_free(struct relay_leases **leases);
/* The row was deleted or is held by an administrator: who has it in hand and has not begun to send
 * it, drops it. */
void relay_leases_revoke(struct relay_leases *leases, uint64_t id);
/* An administrator wants mail to be tried now: destinations that were put off are tried with what
 * is due. To be followed by a change of the queue. */
void relay_leases_flush(struct relay_leases *leases);

/* Everything outlives the relay, or is replaced by relay_set_options(). */
struct relay_options {
    struct conn_env *env;
    struct store *store;
    struct resolver *resolver;
    struct relay_leases *leases;
    struct fetcher *fetcher; /* for policies of MTA-STS; NULL: there are none */
    const char *trusted;     /* PEM file of authorities that it trusts; "": the system's */
    const struct settings_relay *settings;
    const char *hostname;       /* for EHLO and reports */
    const char *const *domains; /* local ones: a report to one is scanned */
    size_t domain_count;
    const char *subaddress_separator; /* as settings/smtp.h */
    const struct clock *clock;
    const struct entropy *entropy;
    unsigned loop_count;
};

/* Begins at once with what is due. Owned. */
struct relay *relay_create(const struct relay_options *options);
/* A reload: settings, resolver, hostname and domains may be others than before; those so far must
 * still be there during the call, and may go after it. When they change where mail goes or how,
 * what waits is routed anew, kept connections end, and transactions under way are the last on their
 * connections. */
void relay_set_options(struct relay *relay, const struct relay_options *options);
/* Starts nothing new, lets transactions under way end; calls on_idle(owner) once when none is left,
 * perhaps inside this call. */
void relay_drain(struct relay *relay, void (*on_idle)(void *owner), void *owner);
/* Whatever is under way is given up: its entries stay in the queue, but what peers have confirmed
 * is still written down. Its connections end in the loop's next round. Accepts a pointer to NULL.
 */
void relay_free(struct relay **relay);

#endif
