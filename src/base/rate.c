/*
 * rate.c: token buckets as one number each: when the bucket will be full again. A bucket of n
 * tokens and a period p gets one back every p/n; it is empty when that time is p away. Tests:
 * tests/unit/test_base_rate.c.
 */
#include "base/rate.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/require.h"

enum { US_PER_MS = 1000 };

struct place {
    uint64_t hash;   /* of the key, seeded: stands for it */
    int64_t full_us; /* when its bucket is full; what has passed is a free place */
};

struct rate {
    pthread_mutex_t lock;
    size_t set_count;
    struct place places[];
};

struct rate *rate_create(size_t place_count)
{
    size_t set_count = (place_count + RATE_WAYS - 1) / RATE_WAYS;
    require(place_count > 0);
    struct rate *rate =
        mem_zalloc(1, sizeof *rate + set_count * RATE_WAYS * sizeof rate->places[0]);
    require(pthread_mutex_init(&rate->lock, NULL) == 0);
    rate->set_count = set_count;
    return rate;
}

void rate_free(struct rate **rate)
{
    if (*rate == NULL)
        return;
    (void)pthread_mutex_destroy(&(*rate)->lock);
    mem_free(*rate);
    *rate = NULL;
}

/* The key's place, or the one of its set that is missed least. */
static struct place *place_of(struct rate *rate, uint64_t hash)
{
    struct place *set = &rate->places[(hash >> 32) % rate->set_count * RATE_WAYS];
    struct place *least = &set[0];
    for (size_t i = 0; i < RATE_WAYS; i++) {
        if (set[i].hash == hash)
            return &set[i];
        if (set[i].full_us < least->full_us)
            least = &set[i];
    }
    *least = (struct place){.hash = hash};
    return least;
}

static int64_t take_locked(struct rate *rate, uint64_t hash, const struct rate_limit *limit,
                           int64_t now_us)
{
    struct place *place = place_of(rate, hash);
    int64_t period_us = limit->period_ms * US_PER_MS;
    int64_t each_us = period_us / limit->count_max;
    int64_t from_us = place->full_us > now_us ? place->full_us : now_us;
    int64_t late_us = from_us + each_us - period_us - now_us;
    if (late_us > 0)
        return (late_us + US_PER_MS - 1) / US_PER_MS;
    place->full_us = from_us + each_us;
    return 0;
}

int64_t rate_take(struct rate *rate, struct span key, const struct rate_limit *limit,
                  int64_t now_ms)
{
    if (limit->count_max == 0)
        return 0;
    uint64_t hash = map_hash(key);
    require(pthread_mutex_lock(&rate->lock) == 0);
    int64_t wait_ms = take_locked(rate, hash, limit, now_ms * US_PER_MS);
    require(pthread_mutex_unlock(&rate->lock) == 0);
    return wait_ms;
}
