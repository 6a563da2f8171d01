/*
 * Owns the table of verified passwords: a fixed number of places in sets by account number; the one
 * that ends first gives way. Tests: tests/unit/test_auth_cache.c.
 */
#include "auth/cache.h"

#include "base/mem.h"

struct place {
    uint64_t account;
    int64_t until_ms;
    unsigned char digest[DIGEST_SHA256_SIZE];
    bool is_used;
};

struct cache {
    struct place places[CACHE_SETS][CACHE_WAYS];
};

struct cache *cache_create(void)
{
    return mem_new(struct cache);
}

void cache_free(struct cache **cache)
{
    if (*cache == NULL)
        return;
    mem_wipe(*cache, sizeof **cache);
    mem_free(*cache);
    *cache = NULL;
}

void cache_digest(struct span secret, const struct store_account *account, struct span password,
                  unsigned char digest_out[DIGEST_SHA256_SIZE])
{
    uint64_t numbers[2] = {account->id, account->generation};
    unsigned char key[DIGEST_SHA256_SIZE];
    digest_hmac_sha256(secret, span_make((const char *)numbers, sizeof numbers), key);
    digest_hmac_sha256(span_make((const char *)key, sizeof key), password, digest_out);
    mem_wipe(key, sizeof key);
}

bool cache_has(const struct cache *cache, uint64_t account,
               const unsigned char digest[DIGEST_SHA256_SIZE], int64_t now_ms)
{
    const struct place *set = cache->places[account % CACHE_SETS];
    struct span wanted = span_make((const char *)digest, DIGEST_SHA256_SIZE);
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].is_used && set[i].account == account && now_ms < set[i].until_ms)
            return digest_equal(span_make((const char *)set[i].digest, DIGEST_SHA256_SIZE), wanted);
    }
    return false;
}

void cache_add(struct cache *cache, uint64_t account,
               const unsigned char digest[DIGEST_SHA256_SIZE], int64_t until_ms)
{
    struct place *set = cache->places[account % CACHE_SETS];
    struct place *place = &set[0];
    for (size_t i = 0; i < CACHE_WAYS; i++) {
        if (set[i].is_used && set[i].account == account) {
            place = &set[i];
            break;
        }
        if (!set[i].is_used || (place->is_used && set[i].until_ms < place->until_ms))
            place = &set[i];
    }
    place->account = account;
    place->until_ms = until_ms;
    place->is_used = true;
    memcpy(place->digest, digest, DIGEST_SHA256_SIZE);
}
