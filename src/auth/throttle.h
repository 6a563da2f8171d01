/*
 * throttle: how many logins failed lately from an address. A failure weighs one and melts away
 * evenly; an address that reached the limit is refused (without hashing) until enough has melted.
 * Refused attempts add nothing, so an address is never locked for good, and each address (IPv6:
 * each /64) stands for itself. Not thread-safe: auth.c holds its lock.
 */
#ifndef POSTERN_AUTH_THROTTLE_H
#define POSTERN_AUTH_THROTTLE_H

#include "base/entropy.h"
#include "net/endpoint.h"

struct throttle;

enum { THROTTLE_KEY_SIZE = 16, THROTTLE_WAYS = 8, THROTTLE_SETS = 512 };

/* The part of an address that counts; is_counted is false for unix sockets. */
struct throttle_key {
    bool is_counted;
    unsigned char bytes[THROTTLE_KEY_SIZE];
};

/* The limits that are in force at a call. */
struct throttle_limits {
    unsigned count_max; /* 0: never throttles */
    int64_t memory_ms;  /* count_max failures are forgotten after so long */
};

struct throttle *throttle_create(const struct entropy *entropy);
void throttle_free(struct throttle **throttle);

struct throttle_key throttle_key_of(const struct endpoint *peer);

bool throttle_is_closed(struct throttle *throttle, const struct throttle_key *key,
                        const struct throttle_limits *limits, int64_t now_ms);
void throttle_add_failure(struct throttle *throttle, const struct throttle_key *key,
                          const struct throttle_limits *limits, int64_t now_ms);

#endif
