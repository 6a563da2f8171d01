/*
 * sts: which policy of MTA-STS (RFC 8461) a domain has now. Asks for the TXT record, takes the
 * policy from the store or fetches it by HTTPS, and keeps what it fetched in the store until it
 * expires, also when the record vanishes: that is what an attacker would make it do. Policies are
 * renewed long before they expire, whether there is mail or not.
 *
 * What a policy demands of a connection is decided by the relay (security.h): this file connects to
 * no mail server. One sts a relay, on its loop's thread. Tests: tests/unit/test_sts.c.
 */
#ifndef POSTERN_RELAY_STS_H
#define POSTERN_RELAY_STS_H

#include "base/clock.h"
#include "base/entropy.h"
#include "conf/settings/relay.h"
#include "dns/resolver.h"
#include "relay/fetch.h"
#include "relay/sts_policy.h"
#include "store/store.h"

struct sts;

/* Why there is no new policy though the domain says that it has one (RFC 8460 4.3.2.2). */
enum sts_trouble {
    STS_TROUBLE_FETCH,  /* sts-policy-fetch-error: no connection, another status, too slow */
    STS_TROUBLE_POLICY, /* sts-policy-invalid */
    STS_TROUBLE_WEBPKI  /* sts-webpki-invalid: the policy host's certificate */
};

struct sts_options {
    struct loop *loop;
    struct job_port *port;
    struct store *store;
    struct resolver *resolver;
    struct fetcher *fetcher;
    const struct settings_relay *settings;
    const char *trusted; /* as fetch_request.trusted */
    const struct clock *clock;
    const struct entropy *entropy;
    /* A fetch did not work: once each, with the recipients' domain. May be NULL. */
    void (*on_trouble)(void *owner, struct span domain, enum sts_trouble trouble, const char *why);
    void *owner;
};

/* Owned. Everything in the options outlives it. */
struct sts *sts_create(const struct sts_options *options);
/* A reload: what is under way goes on with the new ones. */
void sts_set_options(struct sts *sts, const struct sts_options *options);
/* All look-ups were cancelled or answered. Accepts a pointer to NULL. */
void sts_free(struct sts **sts);

/* policy: borrowed, to be kept by a reference; NULL: the domain has none that is known, go on as
 * without MTA-STS. With STS_MODE_NONE also so. is_certain: false when there may be one, but DNS or
 * the policy's server did not say. */
typedef void sts_fn(void *owner, struct sts_policy *policy, bool is_certain);

struct sts_query;

/* domain: of recipients, in any case. on_policy exactly once, never inside this call, unless
 * cancelled; the query is gone then. It comes at the latest when a fetch has had its time. Queries
 * for one domain share one look-up. */
struct sts_query *sts_ask(struct sts *sts, struct span domain, sts_fn *on_policy, void *owner);
/* Accepts a pointer to NULL. */
void sts_cancel(struct sts_query **query);

#endif
