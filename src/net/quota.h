/*
 * quota: how many of something peers hold, in all and per address, over all loops: connections
 * (one instance) and TLS handshakes under way (another). Thread-safe.
 */
#ifndef POSTERN_NET_QUOTA_H
#define POSTERN_NET_QUOTA_H

#include "net/endpoint.h"

struct quota;

struct quota *quota_create(unsigned total_max, unsigned per_address_max);
void quota_free(struct quota **quota);
void quota_set_limits(struct quota *quota, unsigned total_max, unsigned per_address_max);

/* 0 and one place taken, or ERR_LIMIT. IPv6 addresses count by /64. */
int quota_take(struct quota *quota, const struct endpoint *peer)
    __attribute__((warn_unused_result));
/* The place of one becomes another's: 0, or ERR_LIMIT and nothing changed. */
int quota_move(struct quota *quota, const struct endpoint *from, const struct endpoint *to)
    __attribute__((warn_unused_result));
void quota_give_back(struct quota *quota, const struct endpoint *peer);

#endif
