/*
 * list_rule: a DNS list (RFC 5782) as the configuration names it: "zen.spamhaus.org", or with the
 * answers that count, "zen.spamhaus.org=127.0.0.2-11" (of the last number) or "=127.0.0.4". Behind
 * it " as NAME": what others are told, for zones that have a customer's key in them.
 */
#ifndef POSTERN_DNS_LIST_RULE_H
#define POSTERN_DNS_LIST_RULE_H

#include "base/span.h"

enum { DNS_LIST_ZONE_SIZE = 192 /* the address of an IPv6 peer stands before it */ };

struct dns_list_rule {
    char zone[DNS_LIST_ZONE_SIZE];
    char shown[DNS_LIST_ZONE_SIZE]; /* for replies and the log */
    uint32_t first, last; /* answers that count, in host order; 0 and 0: all of 127.0.0.0/8 */
};

/* false: it is none. */
bool dns_list_rule_parse(struct span text, struct dns_list_rule *out)
    __attribute__((warn_unused_result));

#endif
