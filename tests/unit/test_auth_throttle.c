/* The throttle: closing, melting, addresses apart, a bounded table. */
#include "auth/throttle.h"
#include "base/entropy.h"
#include "base/mem.h"
#include "check.h"

static void fill_counting(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)bytes)[i] = (unsigned char)(i * 7);
}

static const struct entropy counting = {.fill = fill_counting};
static const struct throttle_limits limits = {.count_max = 3, .memory_ms = 30000};

static struct throttle_key key_of(const char *address)
{
    struct endpoint endpoint = {0};
    check_int(endpoint_parse(span_of(address), 1234, &endpoint), 0);
    return throttle_key_of(&endpoint);
}

TEST(test_closes_after_the_limit_and_opens_as_failures_melt)
{
    struct throttle *throttle = throttle_create(&counting);
    struct throttle_key key = key_of("192.0.2.1");
    for (int i = 0; i < 3; i++) {
        check(!throttle_is_closed(throttle, &key, &limits, 1000));
        throttle_add_failure(throttle, &key, &limits, 1000);
    }
    check(throttle_is_closed(throttle, &key, &limits, 1000));
    check(throttle_is_closed(throttle, &key, &limits, 1000 + 9999));
    check(!throttle_is_closed(throttle, &key, &limits, 1000 + 10000));
    throttle_add_failure(throttle, &key, &limits, 11000);
    check(throttle_is_closed(throttle, &key, &limits, 11000));
    check(!throttle_is_closed(throttle, &key, &limits, 11000 + 30000));
    throttle_free(&throttle);
}

TEST(test_a_clock_that_jumps_back_neither_opens_nor_breaks)
{
    struct throttle *throttle = throttle_create(&counting);
    struct throttle_key key = key_of("192.0.2.1");
    for (int i = 0; i < 3; i++)
        throttle_add_failure(throttle, &key, &limits, 50000);
    check(throttle_is_closed(throttle, &key, &limits, 0));
    throttle_free(&throttle);
}

TEST(test_addresses_are_apart_and_a_64_is_one)
{
    static const struct {
        const char *address;
        bool is_closed;
    } cases[] = {
        {"2001:db8:1:2::1", true},   {"2001:db8:1:2:ffff:ffff:ffff:ffff", true},
        {"2001:db8:1:3::1", false},  {"192.0.2.1", true},
        {"::ffff:192.0.2.1", true},  {"192.0.2.2", false},
        {"::ffff:192.0.2.2", false}, {"/run/x.sock", false},
    };
    struct throttle *throttle = throttle_create(&counting);
    struct throttle_key six = key_of("2001:db8:1:2::99"), four = key_of("192.0.2.1");
    struct throttle_key local = key_of("/run/x.sock");
    for (int i = 0; i < 3; i++) {
        throttle_add_failure(throttle, &six, &limits, 0);
        throttle_add_failure(throttle, &four, &limits, 0);
        throttle_add_failure(throttle, &local, &limits, 0);
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct throttle_key key = key_of(cases[i].address);
        check_case = cases[i].address;
        check_int(throttle_is_closed(throttle, &key, &limits, 0), cases[i].is_closed);
    }
    throttle_free(&throttle);
}

TEST(test_no_limit_never_closes)
{
    static const struct throttle_limits off = {.count_max = 0, .memory_ms = 1000};
    struct throttle *throttle = throttle_create(&counting);
    struct throttle_key key = key_of("192.0.2.1");
    for (int i = 0; i < 100; i++)
        throttle_add_failure(throttle, &key, &off, 0);
    check(!throttle_is_closed(throttle, &key, &off, 0));
    throttle_free(&throttle);
}

TEST(test_a_flood_of_addresses_forgets_only_small_accounts)
{
    struct throttle *throttle = throttle_create(&counting);
    struct throttle_key guesser = key_of("198.51.100.7");
    for (int i = 0; i < 3; i++)
        throttle_add_failure(throttle, &guesser, &limits, 0);
    for (unsigned i = 0; i < 4 * THROTTLE_SETS * THROTTLE_WAYS; i++) {
        struct throttle_key key = {.is_counted = true};
        memcpy(key.bytes, &i, sizeof i);
        throttle_add_failure(throttle, &key, &limits, 0);
        check(!throttle_is_closed(throttle, &key, &limits, 0));
    }
    check(throttle_is_closed(throttle, &guesser, &limits, 0));
    throttle_free(&throttle);
}

CHECK_MAIN({"test_closes_after_the_limit_and_opens_as_failures_melt",
            test_closes_after_the_limit_and_opens_as_failures_melt},
           {"test_a_clock_that_jumps_back_neither_opens_nor_breaks",
            test_a_clock_that_jumps_back_neither_opens_nor_breaks},
           {"test_addresses_are_apart_and_a_64_is_one", test_addresses_are_apart_and_a_64_is_one},
           {"test_no_limit_never_closes", test_no_limit_never_closes},
           {"test_a_flood_of_addresses_forgets_only_small_accounts",
            test_a_flood_of_addresses_forgets_only_small_accounts})
