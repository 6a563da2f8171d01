/* How many lines of the log a peer is worth: at once, later, and all of them together. */
#include "check.h"
#include "net/complaint.h"

static struct complaints complaints;

static struct endpoint address(unsigned number)
{
    struct endpoint endpoint;
    char text[32];
    (void)snprintf(text, sizeof text, "10.%u.%u.%u", number / 65536 % 256, number / 256 % 256,
                   number % 256);
    check_int(endpoint_parse(span_of(text), (uint16_t)(1000 + number % 50), &endpoint), 0);
    return endpoint;
}

/* So many of `count` misdeeds at one moment are told. */
static unsigned told(const char *text, int64_t now_ms, unsigned count, unsigned *left_out_out)
{
    struct endpoint endpoint;
    unsigned lines = 0, left_out = 0;
    check_int(endpoint_parse(span_of(text), 25, &endpoint), 0);
    *left_out_out = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!complaints_take(&complaints, &endpoint, now_ms, &left_out))
            continue;
        lines++;
        *left_out_out += left_out;
    }
    return lines;
}

TEST(test_an_address_is_worth_a_burst_and_then_a_trickle)
{
    unsigned left_out = 0;
    complaints_init(&complaints);
    check_int(told("192.0.2.1", 5000, COMPLAINT_BURST, &left_out), COMPLAINT_BURST);
    check_int(left_out, 0);
    check_int(told("192.0.2.1", 5000, 30, &left_out), 0);
    check_int(told("192.0.2.1", 5000 + COMPLAINT_EVERY_MS - 1, 10, &left_out), 0);
    check_int(told("192.0.2.1", 5000 + COMPLAINT_EVERY_MS, 10, &left_out), 1);
    check_int(left_out, 40);
    check_int(told("192.0.2.2", 5000 + COMPLAINT_EVERY_MS, 1, &left_out), 1);
    check_int(left_out, 9);
    /* Long quiet brings the whole burst back, and no more. */
    check_int(told("192.0.2.1", 90000000, 50, &left_out), COMPLAINT_BURST);
}

TEST(test_a_network_of_ipv6_is_one_address)
{
    unsigned left_out = 0;
    complaints_init(&complaints);
    check_int(told("2001:db8::1", 0, 6, &left_out), 6);
    check_int(told("2001:db8::ffff:1", 0, 6, &left_out), 4);
    check_int(told("2001:db8:0:1::1", 0, 6, &left_out), 6);
}

TEST(test_all_addresses_together_are_bounded)
{
    unsigned lines = 0, left_out = 0, left_out_sum = 0;
    complaints_init(&complaints);
    for (unsigned i = 0; i < 10000; i++) {
        struct endpoint peer = address(i);
        lines += complaints_take(&complaints, &peer, 0, &left_out) ? 1 : 0;
    }
    check_int(lines, COMPLAINT_ALL_BURST);
    for (unsigned i = 0; i < 10000; i++) {
        struct endpoint peer = address(i);
        if (complaints_take(&complaints, &peer, 1000, &left_out)) {
            lines++;
            left_out_sum += left_out;
        }
    }
    check_int(lines, COMPLAINT_ALL_BURST + 1000 / COMPLAINT_ALL_EVERY_MS);
    check_int(left_out_sum + complaints.left_out, 20000 - lines);
}

TEST(test_unix_peers_are_bound_by_the_sum_alone)
{
    unsigned left_out = 0;
    complaints_init(&complaints);
    check_int(told("/run/x.sock", 0, 500, &left_out), COMPLAINT_ALL_BURST);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_an_address_is_worth_a_burst_and_then_a_trickle",
         test_an_address_is_worth_a_burst_and_then_a_trickle},
        {"test_a_network_of_ipv6_is_one_address", test_a_network_of_ipv6_is_one_address},
        {"test_all_addresses_together_are_bounded", test_all_addresses_together_are_bounded},
        {"test_unix_peers_are_bound_by_the_sum_alone", test_unix_peers_are_bound_by_the_sum_alone},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
