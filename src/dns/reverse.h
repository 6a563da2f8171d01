/*
 * reverse: names made of addresses, as DNS lists (RFC 5782 2.1, 2.4) and reverse DNS (RFC 1035 3.5,
 * RFC 3596 2.5) want them; and the host names in answers about them.
 */
#ifndef POSTERN_DNS_REVERSE_H
#define POSTERN_DNS_REVERSE_H

#include "net/endpoint.h"

enum { REVERSE_NAME_SIZE = 256 };

/* "1.2.0.192.zone"; IPv6 by its half bytes; an IPv4 address mapped into IPv6 is one of IPv4. zone
 * "": in-addr.arpa or ip6.arpa. false: no internet address, or too long together. */
bool reverse_make(const struct endpoint *peer, const char *zone, char out[REVERSE_NAME_SIZE])
    __attribute__((warn_unused_result));

/* A name of RDATA as text, without the final dot; false unless it could be a host's: letters,
 * digits, '-' and '_' in labels. Such a name does no harm in a header or a log. */
bool reverse_read(struct span record, char out[REVERSE_NAME_SIZE])
    __attribute__((warn_unused_result));

#endif
