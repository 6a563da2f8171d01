/*
 * rdns: the name of an address, confirmed forwards: a name counts only when it has the address. Who
 * owns the address writes the first half as he likes.
 */
#ifndef POSTERN_DNS_RDNS_H
#define POSTERN_DNS_RDNS_H

#include "dns/resolver.h"
#include "net/endpoint.h"

enum { RDNS_NAMES_MAX = 5 /* of an address that are looked at; who needs more has none */ };

/* err: 0 and the name; ERR_NOT_FOUND: it has none; ERR_AGAIN: DNS did not say. */
typedef void rdns_fn(void *owner, int err, const char *name); /* borrowed */

struct rdns;

/* on_name exactly once, never inside this call, unless cancelled; the look-up is gone then. NULL:
 * no internet address. */
struct rdns *rdns_ask(struct resolver *resolver, const struct endpoint *peer, rdns_fn *on_name,
                      void *owner);
void rdns_cancel(struct rdns **rdns);

#endif
