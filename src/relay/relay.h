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

struct relay_options {
    struct conn_env *env;
    struct store *store;
    struct resolver *resolver;
    const struct settings_relay *settings; /* outlives the relay or is replaced */
    const char *hostname;                  /* for EHLO and reports */
    const char *const *domains;            /* local ones: a report to one is scanned */
    size_t domain_count;
    const struct clock *clock;
    const struct entropy *entropy;
    unsigned loop_count;
};

/* Begins at once with what is due. Owned. */
struct relay *relay_create(const struct relay_options *options);
void relay_set_settings(struct relay *relay, const struct settings_relay *settings);
/* Starts nothing new, lets attempts under way end; calls on_idle(owner) once when none is left. */
void relay_drain(struct relay *relay, void (*on_idle)(void *owner), void *owner);
/* Whatever is under way is given up: its entries stay in the queue. */
void relay_free(struct relay **relay);

#endif
