/* Limits at n-1, n and n+1; what counts as one address. */
#include "base/err.h"
#include "check.h"
#include "net/quota.h"

static struct endpoint peer(const char *address, uint16_t port)
{
    struct endpoint endpoint;
    check_int(endpoint_parse(span_of(address), port, &endpoint), 0);
    return endpoint;
}

TEST(test_limit_per_address)
{
    struct quota *quota = quota_create(100, 2);
    struct endpoint one = peer("192.0.2.1", 1), two = peer("192.0.2.2", 1);
    check_int(quota_take(quota, &one), 0);
    check_int(quota_take(quota, &one), 0);
    check_int(quota_take(quota, &one), ERR_LIMIT);
    check_int(quota_take(quota, &two), 0);
    quota_give_back(quota, &one);
    check_int(quota_take(quota, &one), 0);
    check_int(quota_take(quota, &one), ERR_LIMIT);
    quota_free(&quota);
    check(quota == NULL);
}

TEST(test_limit_in_all_counts_unix_peers_too)
{
    struct quota *quota = quota_create(3, 1);
    struct endpoint local = peer("/run/x", 0);
    struct endpoint none = {0};
    check_int(quota_take(quota, &local), 0);
    check_int(quota_take(quota, &local), 0);
    check_int(quota_take(quota, &none), 0);
    check_int(quota_take(quota, &local), ERR_LIMIT);
    quota_set_limits(quota, 4, 1);
    check_int(quota_take(quota, &local), 0);
    quota_set_limits(quota, 1, 1);
    for (int i = 0; i < 4; i++)
        quota_give_back(quota, &local);
    check_int(quota_take(quota, &local), 0);
    check_int(quota_take(quota, &local), ERR_LIMIT);
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
        struct quota *quota = quota_create(10, 1);
        struct endpoint first = peer(cases[i].first, 1), second = peer(cases[i].second, 2);
        check_int(quota_take(quota, &first), 0);
        check_int(quota_take(quota, &second), cases[i].is_same ? ERR_LIMIT : 0);
        quota_free(&quota);
    }
}

CHECK_MAIN({"per_address", test_limit_per_address},
           {"in_all", test_limit_in_all_counts_unix_peers_too},
           {"one_address", test_what_counts_as_one_address})
