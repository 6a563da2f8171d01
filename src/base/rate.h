/*
 * rate: how often each of many keys (an address, a login) may do a thing: a token bucket for each.
 * A bucket holds `count_max` at first and whenever nothing happened for a period; it refills
 * evenly, so whoever used it up goes on at count_max a period, one by one. A refused attempt takes
 * nothing. Thread-safe: loops share one.
 *
 * Memory is fixed at birth, whoever comes: a place for each key in sets of RATE_WAYS, which a
 * seeded hash chooses, so nobody can aim at another's set. When all places of a set are in use, the
 * key that is nearest to a full bucket is forgotten, that is, begins with a full one: a flood of
 * keys can make the limits laxer for some, and never shuts anybody out.
 */
#ifndef POSTERN_BASE_RATE_H
#define POSTERN_BASE_RATE_H

#include "base/span.h"

enum { RATE_WAYS = 8 };

struct rate;

/* May change from call to call: what a key has used up stays. */
struct rate_limit {
    unsigned count_max; /* 0: no limit */
    int64_t period_ms;
};

/* place_count: of 16 bytes each; rounded up to whole sets. */
struct rate *rate_create(size_t place_count);
void rate_free(struct rate **rate);

/* 0 and one taken out of the key's bucket; else in how many milliseconds there will be one. now_ms
 * is monotonic and at least 0. */
int64_t rate_take(struct rate *rate, struct span key, const struct rate_limit *limit,
                  int64_t now_ms) __attribute__((warn_unused_result));

#endif
