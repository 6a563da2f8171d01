/*
 * tlsa: the TLSA records of a mail server's port, with what they are worth (RFC 7672 2.1, 2.2).
 * Asked only where an attacker could not have made up the question: the host's addresses, or the
 * alias that its name is, are signed. What the records say is pki/dane.h's.
 */
#ifndef POSTERN_DNS_TLSA_H
#define POSTERN_DNS_TLSA_H

#include "dns/mx.h"

enum tlsa_state {
    TLSA_NONE,  /* proven that there are none, or nothing there is signed: no DANE */
    TLSA_FOUND, /* at least one, signed */
    TLSA_FAILED /* forged, or no answer though the zone is signed: never as if there were none */
};

/* Borrowed until return. */
struct tlsa_result {
    enum tlsa_state state;
    const char *base; /* TLSA base domain: the name that the server is asked for, by SNI too */
    const struct span *records; /* RDATA */
    size_t count;
    const char *why; /* of TLSA_FAILED */
};

typedef void tlsa_fn(void *owner, const struct tlsa_result *result);

struct tlsa_lookup;

/* host: copied as far as needed. on_result exactly once, never inside this call, unless cancelled;
 * the look-up is gone after it. NULL: there is nothing to ask for, as with TLSA_NONE. The resolver
 * outlives it. */
struct tlsa_lookup *tlsa_lookup_start(struct resolver *resolver, const struct mx_host *host,
                                      uint16_t port, tlsa_fn *on_result, void *owner);
void tlsa_lookup_cancel(struct tlsa_lookup **lookup);

#endif
