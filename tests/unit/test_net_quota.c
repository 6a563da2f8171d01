/* Limits at n-1, n and n+1; what counts as one address. */
#include "base/err.h"
#include "check.h"
#include "net/quota.h"

static struct quota_holder peer(const char *address, uint16_t port)
{
    struct quota_holder holder = {.is_trusted = false};
    check_int(endpoint_parse(span_of(address), port, &holder.peer), 0);
    return holder;
}

TEST(test_limit_per_address)
{
    struct quota *quota =
        quota_create(&(struct quota_limits){.total_max = 100, .per_address_max = 2});
    struct quota_holder one = peer("192.0.2.1", 1), two = peer("192.0.2.2", 1);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_ADDRESS);
    check_int(quota_take(quota, &two, 0), QUOTA_FITS);
    quota_give_back(quota, &one);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_ADDRESS);
    quota_free(&quota);
    check(quota == NULL);
}

TEST(test_limit_in_all_counts_unix_peers_too)
{
    struct quota *quota =
        quota_create(&(struct quota_limits){.total_max = 3, .per_address_max = 1});
    struct quota_holder local = peer("/run/x", 0);
    struct quota_holder none = {0};
    check_int(quota_take(quota, &local, 0), QUOTA_FITS);
    check_int(quota_take(quota, &local, 0), QUOTA_FITS);
    check_int(quota_take(quota, &none, 0), QUOTA_FITS);
    check_int(quota_take(quota, &local, 0), QUOTA_TOTAL);
    quota_set_limits(quota, &(struct quota_limits){.total_max = 4, .per_address_max = 1});
    check_int(quota_take(quota, &local, 0), QUOTA_FITS);
    quota_set_limits(quota, &(struct quota_limits){.total_max = 1, .per_address_max = 1});
    for (int i = 0; i < 4; i++)
        quota_give_back(quota, &local);
    check_int(quota_take(quota, &local, 0), QUOTA_FITS);
    check_int(quota_take(quota, &local, 0), QUOTA_TOTAL);
    quota_free(&quota);
}

TEST(test_what_counts_as_one_address)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"2001:db8::1", "2001:db8::ffff:1", true},
        {"2001:db8:0:1::1", "2001:db8:0:2::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].second;
        struct quota *quota =
            quota_create(&(struct quota_limits){.total_max = 10, .per_address_max = 1});
        struct quota_holder first = peer(cases[i].first, 1), second = peer(cases[i].second, 2);
        check_int(quota_take(quota, &first, 0), QUOTA_FITS);
        check_int(quota_take(quota, &second, 0), cases[i].is_same ? QUOTA_ADDRESS : QUOTA_FITS);
        quota_free(&quota);
    }
}

static const struct quota_limits by_network = {.total_max = 100,
                                               .per_address_max = 2,
                                               .per_network_max = 3,
                                               .ipv4_prefix_len = 24,
                                               .ipv6_prefix_len = 48};

TEST(test_limit_per_network)
{
    static const struct {
        const char *first, *second;
        bool is_same;
    } cases[] = {
        {"192.0.2.1", "192.0.2.200", true},
        {"192.0.2.1", "192.0.3.1", false},
        {"192.0.2.1", "::ffff:192.0.2.9", true},
        {"2001:db8:1:1::1", "2001:db8:1:ffff::1", true},
        {"2001:db8:1:1::1", "2001:db8:2:1::1", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].second;
        struct quota *quota = quota_create(&by_network);
        struct quota_holder first = peer(cases[i].first, 1), second = peer(cases[i].second, 2);
        check_int(quota_take(quota, &first, 0), QUOTA_FITS);
        check_int(quota_take(quota, &first, 0), QUOTA_FITS);
        check_int(quota_take(quota, &first, 0), QUOTA_ADDRESS);
        check_int(quota_take(quota, &second, 0), QUOTA_FITS);
        check_int(quota_take(quota, &second, 0), cases[i].is_same ? QUOTA_NETWORK : QUOTA_FITS);
        quota_give_back(quota, &first);
        check_int(quota_take(quota, &second, 0), cases[i].is_same ? QUOTA_FITS : QUOTA_ADDRESS);
        quota_free(&quota);
    }
}

/* A prefix that does not end with a byte. */
TEST(test_a_network_of_20_bits)
{
    struct quota_limits limits = by_network;
    limits.ipv4_prefix_len = 20;
    limits.per_network_max = 1;
    struct quota *quota = quota_create(&limits);
    struct quota_holder in = peer("10.1.16.1", 1), end = peer("10.1.31.255", 1);
    struct quota_holder out = peer("10.1.32.0", 1);
    check_int(quota_take(quota, &in, 0), QUOTA_FITS);
    check_int(quota_take(quota, &end, 0), QUOTA_NETWORK);
    check_int(quota_take(quota, &out, 0), QUOTA_FITS);
    quota_free(&quota);
}

/* Whatever a reload changes meanwhile, what was taken can be given back. */
TEST(test_limits_that_change_while_places_are_held)
{
    static const char *const pairs[][2] = {{"192.0.2.1", "192.0.2.2"},
                                           {"2001:db8:1:1::1", "2001:db8:1:2::1"}};
    for (size_t i = 0; i < 2; i++) {
        struct quota_limits limits = {
            .total_max = 9, .per_address_max = 9, .ipv4_prefix_len = 24, .ipv6_prefix_len = 48};
        struct quota *quota = quota_create(&limits);
        struct quota_holder one = peer(pairs[i][0], 1), two = peer(pairs[i][1], 1);
        check_case = pairs[i][0];
        check_int(quota_take(quota, &one, 0), QUOTA_FITS);
        limits.per_network_max = 1;
        limits.ipv4_prefix_len = 8;
        limits.ipv6_prefix_len = 64;
        quota_set_limits(quota, &limits);
        check_int(quota_take(quota, &two, 0), QUOTA_NETWORK);
        quota_give_back(quota, &one);
        check_int(quota_take(quota, &two, 0), QUOTA_FITS);
        quota_give_back(quota, &two);
        quota_free(&quota);
    }
}

TEST(test_rates_of_an_address_and_of_its_network)
{
    struct quota *quota = quota_create(&(struct quota_limits){.total_max = 100,
                                                              .per_address_max = 100,
                                                              .rate_max = 2,
                                                              .rate_network_max = 3,
                                                              .ipv4_prefix_len = 24});
    struct quota_holder one = peer("192.0.2.1", 1), two = peer("192.0.2.2", 1);
    struct quota_holder other = peer("192.0.3.1", 1), local = peer("/run/x", 0);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    for (int i = 0; i < 5; i++) /* refused ones cost the neighbour nothing */
        check_int(quota_take(quota, &one, 0), QUOTA_RATE);
    check_int(quota_take(quota, &two, 0), QUOTA_FITS);
    check_int(quota_take(quota, &two, 0), QUOTA_RATE_NETWORK);
    check_int(quota_take(quota, &other, 0), QUOTA_FITS);
    for (int i = 0; i < 9; i++)
        check_int(quota_take(quota, &local, 0), QUOTA_FITS);
    /* One comes back in half a minute, or in a third for the network. */
    check_int(quota_take(quota, &one, 29999), QUOTA_RATE);
    check_int(quota_take(quota, &one, 30000), QUOTA_FITS);
    check_int(quota_take(quota, &one, 30000), QUOTA_RATE);
    quota_free(&quota);
}

TEST(test_trusted_ones_are_bound_by_counts_only)
{
    struct quota_limits limits = by_network;
    limits.rate_max = limits.rate_network_max = limits.per_network_max = 1;
    struct quota *quota = quota_create(&limits);
    struct quota_holder one = peer("192.0.2.1", 1), two = peer("192.0.2.2", 1);
    one.is_trusted = true;
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_FITS);
    check_int(quota_take(quota, &one, 0), QUOTA_ADDRESS);
    check_int(quota_take(quota, &two, 0), QUOTA_FITS);
    check_int(quota_take(quota, &two, 0), QUOTA_NETWORK);
    quota_give_back(quota, &one);
    quota_give_back(quota, &one);
    quota_give_back(quota, &two);
    quota_free(&quota);
}

CHECK_MAIN({"per_address", test_limit_per_address},
           {"in_all", test_limit_in_all_counts_unix_peers_too},
           {"one_address", test_what_counts_as_one_address}, {"network", test_limit_per_network},
           {"20_bits", test_a_network_of_20_bits},
           {"reload", test_limits_that_change_while_places_are_held},
           {"rates", test_rates_of_an_address_and_of_its_network},
           {"trusted", test_trusted_ones_are_bound_by_counts_only})
