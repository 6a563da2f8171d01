/* The cache of verified passwords: time limit, generation, bounded table. */
#include "auth/cache.h"
#include "check.h"

static struct store_account account_of(uint64_t id, uint64_t generation)
{
    return (struct store_account){.id = id, .generation = generation};
}

TEST(test_remembers_until_the_time_is_up)
{
    struct cache *cache = cache_create();
    struct store_account account = account_of(7, 1);
    unsigned char right[DIGEST_SHA256_SIZE], wrong[DIGEST_SHA256_SIZE];
    cache_digest(span_of("secret"), &account, span_of("wonderland"), right);
    cache_digest(span_of("secret"), &account, span_of("wonderlanD"), wrong);
    check(!cache_has(cache, 7, right, 0));
    cache_add(cache, 7, right, 1000);
    check(cache_has(cache, 7, right, 999));
    check(!cache_has(cache, 7, wrong, 999));
    check(!cache_has(cache, 8, right, 999));
    check(!cache_has(cache, 7, right, 1000));
    cache_free(&cache);
}

TEST(test_digest_depends_on_secret_account_and_generation)
{
    unsigned char digests[4][DIGEST_SHA256_SIZE];
    struct store_account first = account_of(7, 1), second = account_of(7, 2),
                         other = account_of(8, 1);
    cache_digest(span_of("secret"), &first, span_of("x"), digests[0]);
    cache_digest(span_of("Secret"), &first, span_of("x"), digests[1]);
    cache_digest(span_of("secret"), &second, span_of("x"), digests[2]);
    cache_digest(span_of("secret"), &other, span_of("x"), digests[3]);
    for (size_t i = 1; i < 4; i++)
        check(memcmp(digests[0], digests[i], DIGEST_SHA256_SIZE) != 0);
}

TEST(test_a_full_set_gives_up_what_ends_first)
{
    struct cache *cache = cache_create();
    unsigned char digest[DIGEST_SHA256_SIZE] = {1};
    for (uint64_t i = 0; i <= CACHE_WAYS; i++)
        cache_add(cache, 5 + i * CACHE_SETS, digest, 1000 - (int64_t)i % CACHE_WAYS);
    check(!cache_has(cache, 5 + (uint64_t)(CACHE_WAYS - 1) * CACHE_SETS, digest, 0));
    check(cache_has(cache, 5, digest, 0));
    check(cache_has(cache, 5 + (uint64_t)CACHE_WAYS * CACHE_SETS, digest, 0));
    cache_free(&cache);
}

CHECK_MAIN({"test_remembers_until_the_time_is_up", test_remembers_until_the_time_is_up},
           {"test_digest_depends_on_secret_account_and_generation",
            test_digest_depends_on_secret_account_and_generation},
           {"test_a_full_set_gives_up_what_ends_first", test_a_full_set_gives_up_what_ends_first})
