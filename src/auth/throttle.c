/*
 * Owns the table of addresses with failed logins: a fixed number of places in sets that a seeded
 * hash chooses, so its memory is bounded and nobody can aim at another's place. When a set is full,
 * the address with the least on its account is forgotten. Tests: tests/unit/test_auth_throttle.c.
 */
#include "auth/throttle.h"

#include <netinet/in.h>

#include "base/mem.h"
#include "crypto/digest.h"

/* A failure's weight: fine enough to melt by the millisecond. */
enum { WEIGHT = 1000 };

struct place {
    unsigned char key[THROTTLE_KEY_SIZE];
    int64_t level;    /* WEIGHT for each failure not yet melted; 0: free */
    int64_t as_of_ms; /* when level was right */
};

struct throttle {
    unsigned char seed[DIGEST_SHA256_SIZE];
    struct place places[THROTTLE_SETS][THROTTLE_WAYS];
};

struct throttle *throttle_create(const struct entropy *entropy)
{
    struct throttle *throttle = mem_new(struct throttle);
    entropy_fill(entropy, throttle->seed, sizeof throttle->seed);
    return throttle;
}

void throttle_free(struct throttle **throttle)
{
    mem_free(*throttle);
    *throttle = NULL;
}

struct throttle_key throttle_key_of(const struct endpoint *peer)
{
    struct throttle_key key = {.is_counted = false};
    if (peer->len == 0)
        return key;
    if (peer->address.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &peer->address, sizeof in);
        key.is_counted = true;
        key.bytes[10] = key.bytes[11] = 0xff; /* ::ffff:a.b.c.d, so both forms are one */
        memcpy(key.bytes + 12, &in.sin_addr, 4);
    } else if (peer->address.ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, &peer->address, sizeof in6);
        key.is_counted = true;
        /* A subscriber has a /64 to himself; a mapped IPv4 address counts whole. */
        memcpy(key.bytes, &in6.sin6_addr, IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr) ? 16 : 8);
    }
    return key;
}

static struct place *set_of(struct throttle *throttle, const struct throttle_key *key)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(span_make((const char *)throttle->seed, sizeof throttle->seed),
                       span_make((const char *)key->bytes, sizeof key->bytes), hash);
    size_t index = ((size_t)hash[0] << 8 | hash[1]) % THROTTLE_SETS;
    return throttle->places[index];
}

/* What is left of a place's level: count_max failures melt in memory_ms. */
static int64_t level_now(const struct place *place, const struct throttle_limits *limits,
                         int64_t now_ms)
{
    int64_t full = (int64_t)limits->count_max * WEIGHT;
    int64_t elapsed_ms = now_ms - place->as_of_ms;
    if (limits->memory_ms <= 0 || elapsed_ms >= limits->memory_ms)
        return 0;
    if (elapsed_ms <= 0)
        return place->level;
    int64_t melted = full * elapsed_ms / limits->memory_ms;
    return place->level > melted ? place->level - melted : 0;
}

static struct place *find(struct throttle *throttle, const struct throttle_key *key)
{
    struct place *set = set_of(throttle, key);
    for (size_t i = 0; i < THROTTLE_WAYS; i++) {
        if (set[i].level > 0 && memcmp(set[i].key, key->bytes, sizeof key->bytes) == 0)
            return &set[i];
    }
    return NULL;
}

bool throttle_is_closed(struct throttle *throttle, const struct throttle_key *key,
                        const struct throttle_limits *limits, int64_t now_ms)
{
    if (!key->is_counted || limits->count_max == 0)
        return false;
    const struct place *place = find(throttle, key);
    /* Closed while one more failure would pass the limit: it opens for one attempt at a time. */
    return place != NULL &&
           level_now(place, limits, now_ms) + WEIGHT > (int64_t)limits->count_max * WEIGHT;
}

void throttle_add_failure(struct throttle *throttle, const struct throttle_key *key,
                          const struct throttle_limits *limits, int64_t now_ms)
{
    if (!key->is_counted || limits->count_max == 0)
        return;
    struct place *place = find(throttle, key);
    if (place == NULL) {
        struct place *set = set_of(throttle, key);
        place = &set[0];
        for (size_t i = 1; i < THROTTLE_WAYS; i++) {
            if (level_now(&set[i], limits, now_ms) < level_now(place, limits, now_ms))
                place = &set[i];
        }
        *place = (struct place){.as_of_ms = now_ms};
        memcpy(place->key, key->bytes, sizeof key->bytes);
    }
    int64_t full = (int64_t)limits->count_max * WEIGHT;
    int64_t level = level_now(place, limits, now_ms) + WEIGHT;
    place->level = level < full ? level : full; /* logins under way together count once at most */
    place->as_of_ms = now_ms;
}
