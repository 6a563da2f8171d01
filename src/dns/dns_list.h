/*
 * dns_list: asks one DNS list about one address (RFC 5782): A records say whether it is there, TXT
 * why. Answers outside 127.0.0.0/8 are of a list that is gone, those in 127.255.255.0/24 of one
 * that does not serve us: neither lists anybody.
 */
#ifndef POSTERN_DNS_DNS_LIST_H
#define POSTERN_DNS_DNS_LIST_H

#include "dns/list_rule.h"
#include "dns/resolver.h"
#include "net/endpoint.h"

enum { DNS_LIST_WHY_SIZE = 200 };

enum dns_list_outcome {
    DNS_LIST_ABSENT,
    DNS_LIST_LISTED,
    DNS_LIST_FAILED /* no answer, or none that means anything: not listed */
};

struct dns_list_result {
    enum dns_list_outcome outcome;
    char why[DNS_LIST_WHY_SIZE]; /* the list's words, printable ASCII, cut; with FAILED ours */
};

typedef void dns_list_fn(void *owner, const struct dns_list_result *result); /* borrowed */

struct dns_list_query;

/* rule is borrowed until the end. on_result exactly once, never inside this call, unless
 * cancelled; the query is gone then. NULL: the address cannot be asked for. */
struct dns_list_query *dns_list_ask(struct resolver *resolver, const struct dns_list_rule *rule,
                                    const struct endpoint *peer, dns_list_fn *on_result,
                                    void *owner);
/* What is known so far: it is listed, and only its words are still under way. */
bool dns_list_is_listed(const struct dns_list_query *query);
void dns_list_cancel(struct dns_list_query **query);

#endif
