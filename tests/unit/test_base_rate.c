/* Token buckets: the burst, the refill, limits that change, and more keys than places. */
#include <stdio.h>

#include "base/rate.h"
#include "check.h"

enum { HOUR_MS = 3600 * 1000 };

static struct rate *rate;

static int64_t take(const char *key, unsigned count_max, int64_t now_ms)
{
    const struct rate_limit limit = {count_max, HOUR_MS};
    return rate_take(rate, span_of(key), &limit, now_ms);
}

TEST(test_a_burst_and_then_one_by_one)
{
    rate = rate_create(64);
    for (int i = 0; i < 4; i++)
        check_int(take("a", 4, 5000), 0);
    check_int(take("a", 4, 5000), HOUR_MS / 4);
    check_int(take("b", 4, 5000), 0);
    check_int(take("a", 4, 5000 + HOUR_MS / 4 - 1), 1);
    check_int(take("a", 4, 5000 + HOUR_MS / 4), 0); /* refused ones took nothing */
    check_int(take("a", 4, 5000 + HOUR_MS / 4), HOUR_MS / 4);
    for (int i = 0; i < 4; i++)
        check_int(take("a", 4, 9 * (int64_t)HOUR_MS), 0);
    check(take("a", 4, 9 * (int64_t)HOUR_MS) > 0);
    rate_free(&rate);
    check(rate == NULL);
}

/* n-1, n, n+1 in any hour. */
TEST(test_whatever_the_pace_no_more_than_twice_the_limit_in_a_period)
{
    rate = rate_create(64);
    unsigned taken = 0;
    for (int64_t now_ms = 0; now_ms < HOUR_MS; now_ms += 1000)
        taken += take("a", 100, now_ms) == 0;
    check(taken >= 199 && taken <= 200);
    rate_free(&rate);
}

TEST(test_a_limit_that_changes)
{
    rate = rate_create(64);
    for (int i = 0; i < 10; i++)
        check_int(take("a", 10, 0), 0);
    check(take("a", 10, 0) > 0);
    check_int(take("a", 0, 0), 0); /* none */
    check(take("a", 20, 0) > 0);   /* what was used up stays */
    check_int(take("a", 20, HOUR_MS / 20), 0);
    check(take("a", 1, HOUR_MS / 20) > HOUR_MS - 1);
    rate_free(&rate);
}

/* Forgotten is only who was nearest to a full bucket; nobody is shut out by others. */
TEST(test_more_keys_than_places)
{
    char key[16];
    rate = rate_create(RATE_WAYS); /* one set */
    for (int i = 0; i < 3; i++)
        check_int(take("busy", 3, 0), 0);
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(key, sizeof key, "%d", i);
        check_int(take(key, 3, 0), 0);
    }
    check(take("busy", 3, 0) > 0);
    rate_free(&rate);
}

CHECK_MAIN({"burst", test_a_burst_and_then_one_by_one},
           {"pace", test_whatever_the_pace_no_more_than_twice_the_limit_in_a_period},
           {"change", test_a_limit_that_changes}, {"full", test_more_keys_than_places})
