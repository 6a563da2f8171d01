/*
 * mx: where mail for a domain goes (RFC 5321 5.1, RFC 7505): MX records in order of preference,
 * shuffled within one; without MX the domain itself; a null MX refuses; address literals and
 * numeric addresses are taken as they are. Then the addresses of each host (A and AAAA).
 */
#ifndef POSTERN_DNS_MX_H
#define POSTERN_DNS_MX_H

#include "base/entropy.h"
#include "dns/resolver.h"
#include "net/endpoint.h"

enum { MX_HOSTS_MAX = 20, MX_ADDRESSES_MAX = 8, MX_NAME_SIZE = 256, MX_WHY_SIZE = 800 };

struct mx_host {
    char name[MX_NAME_SIZE];
    unsigned preference;
    bool is_secure;           /* the MX answer was validated */
    bool addresses_secure;    /* so were all answers about its addresses */
    char alias[MX_NAME_SIZE]; /* what its name is an alias (CNAME) of; "": of nothing */
    struct endpoint addresses[MX_ADDRESSES_MAX]; /* port not set */
    size_t address_count;
};

struct mx_result {
    int err; /* 0; ERR_NOT_FOUND: no such domain, or null MX (ERR_REFUSED); ERR_AGAIN */
    char why[MX_WHY_SIZE];
    struct mx_host *hosts;
    size_t count;
    bool has_left_out; /* hosts whose addresses could not be had now */
};

typedef void mx_fn(void *owner, const struct mx_result *result); /* borrowed */

struct mx_lookup;

/* Who answers, who shuffles, and the loop that tells what needs no question. All outlive the
 * look-up. */
struct mx_asker {
    struct loop *loop;
    struct resolver *resolver;
    const struct entropy *entropy;
};

/* on_result exactly once, never inside this call, unless cancelled. The look-up is gone after it.
 */
struct mx_lookup *mx_lookup_start(const struct mx_asker *asker, struct span domain,
                                  mx_fn *on_result, void *owner);
/* The addresses of one host name (a smarthost), as one host. */
struct mx_lookup *mx_lookup_host(const struct mx_asker *asker, struct span host, mx_fn *on_result,
                                 void *owner);
void mx_lookup_cancel(struct mx_lookup **lookup);

#endif
