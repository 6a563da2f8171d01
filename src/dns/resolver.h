/*
 * resolver: the door to DNS, asynchronous, one per loop. dns/unbound.c is the real one (libunbound,
 * the only file that includes unbound.h); tests give one that answers from a table.
 */
#ifndef POSTERN_DNS_RESOLVER_H
#define POSTERN_DNS_RESOLVER_H

#include "base/err.h"
#include "base/span.h"
#include "net/loop.h"

enum dns_type {
    DNS_A = 1,
    DNS_CNAME = 5,
    DNS_PTR = 12,
    DNS_MX = 15,
    DNS_TXT = 16,
    DNS_AAAA = 28,
    DNS_SRV = 33,
    DNS_TLSA = 52
};

struct dns_answer {
    int err;              /* 0; ERR_NOT_FOUND: the name or type does not exist (permanent);
                             ERR_AGAIN: SERVFAIL, timeout (temporary); ERR_CORRUPT: DNSSEC bogus */
    bool is_secure;       /* validated by DNSSEC; of ERR_NOT_FOUND too: proven not to be there */
    struct span *records; /* raw RDATA, uncompressed */
    size_t count;
    const char *canonical; /* final name after CNAMEs, as a host name without final dot; NULL: as
                              asked, or none that could be one */
    const char *why;       /* in words when err is set */
};

typedef void dns_fn(void *owner, const struct dns_answer *answer); /* borrowed */

struct resolver;
struct resolver_query;

struct resolver_ops {
    struct resolver_query *(*ask)(struct resolver *resolver, const char *name, enum dns_type type,
                                  dns_fn *on_answer, void *owner);
    void (*cancel)(struct resolver_query *query);
    void (*free)(struct resolver *resolver);
};

struct resolver {
    const struct resolver_ops *ops;
};

/* server: "192.0.2.53" or "192.0.2.53:5353"; "": what /etc/resolv.conf says. anchors: file with DS
 * or DNSKEY records that DNSSEC begins at, read now; "": nothing is validated, so no answer is
 * secure or forged. NULL with fault. */
struct resolver *resolver_create(struct loop *loop, const char *server, const char *anchors,
                                 struct fault *fault);
static inline void resolver_free(struct resolver **resolver)
{
    if (*resolver != NULL)
        (*resolver)->ops->free(*resolver);
    *resolver = NULL;
}

/* on_answer is called exactly once, never inside this call, unless cancelled. NULL: the name cannot
 * be asked for (no name at all), and on_answer is not called. */
static inline struct resolver_query *resolver_ask(struct resolver *resolver, const char *name,
                                                  enum dns_type type, dns_fn *on_answer,
                                                  void *owner)
{
    return resolver->ops->ask(resolver, name, type, on_answer, owner);
}
static inline void resolver_cancel(struct resolver *resolver, struct resolver_query **query)
{
    if (*query != NULL)
        resolver->ops->cancel(*query);
    *query = NULL;
}

#endif
