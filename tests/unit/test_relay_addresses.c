/* The relay and a host with several addresses: who is dialled, who again, and what is told. */
#include "check.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

static bool has(const char *text, const char *part)
{
    return span_find(span_of(text), span_of(part)) >= 0;
}

#define HOST_A(last) RESOLVER_ROW("many.test", DNS_A, "\xcb\x00\x71" last)

static const struct resolver_row many_rows[] = {
    RESOLVER_ROW("many.test", DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
    HOST_A("\x01"),
    HOST_A("\x02"),
};

static void init_many(struct relay_lab *lab)
{
    struct endpoint ipv6;
    relay_lab_init(lab);
    check(endpoint_parse(span_of("2001:db8::1"), 25, &ipv6) == 0);
    sim_hang(lab->world.sim, &ipv6);
    resolver_table_init(&lab->dns, sim_loop(lab->world.sim), many_rows,
                        sizeof many_rows / sizeof *many_rows);
    relay_lab_mail(lab, alice, "r@many.test");
}

/* IPv6 does not answer: IPv4 has the mail when the stagger has passed. */
TEST(test_a_dead_family_costs_a_quarter_of_a_second)
{
    struct relay_lab lab;
    init_many(&lab);
    relay_lab_run(&lab, 249);
    check_int(lab.hops[0].connections, 0);
    relay_lab_run(&lab, 10);
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* The address that was connected will not do: the others are tried, this one is not again. */
TEST(test_the_other_addresses_of_a_host_are_tried)
{
    struct relay_lab lab;
    init_many(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 busy"};
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[1].messages, 1);
    relay_lab_deinit(&lab);
}

/* A second try without TLS goes to the address whose TLS did not work, not to any. */
TEST(test_a_second_try_goes_to_the_same_address)
{
    struct relay_lab lab;
    init_many(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[0].connections, 2);
    check_int(lab.hops[0].messages, 1);
    check_int(lab.hops[1].connections, 0);
    relay_lab_deinit(&lab);
}

static void stop_listening(void *owner, const char *verb)
{
    struct relay_lab *lab = owner;
    struct endpoint endpoint;
    check(endpoint_parse(span_of("203.0.113.1"), 25, &endpoint) == 0);
    if (strcmp(verb, "STARTTLS") == 0)
        sim_unlisten(lab->world.sim, &endpoint);
}

/* It dials one address alone: that this one is gone says nothing of the others. */
TEST(test_the_others_are_tried_when_a_second_try_meets_nobody)
{
    struct relay_lab lab;
    init_many(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
    lab.hops[0].on_verb = stop_listening;
    lab.hops[0].owner = &lab;
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[1].messages, 1);
    relay_lab_deinit(&lab);
}

TEST(test_all_addresses_of_a_host_are_told)
{
    struct relay_lab lab;
    struct endpoint endpoint;
    init_many(&lab);
    for (unsigned last = 1; last <= 2; last++) {
        char text[] = "203.0.113.0";
        text[10] = (char)('0' + last);
        check(endpoint_parse(span_of(text), 25, &endpoint) == 0);
        sim_hang(lab.world.sim, &endpoint);
    }
    relay_lab_run(&lab, 31000);
    check(has(relay_lab_queue(&lab).last, "2001:db8::1"));
    check(has(relay_lab_queue(&lab).last, "2 further addresses: no answer within 30000 ms"));
    check_int(relay_lab_queue(&lab).attempts, 1);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_a_dead_family_costs_a_quarter_of_a_second",
            test_a_dead_family_costs_a_quarter_of_a_second},
           {"test_the_other_addresses_of_a_host_are_tried",
            test_the_other_addresses_of_a_host_are_tried},
           {"test_a_second_try_goes_to_the_same_address",
            test_a_second_try_goes_to_the_same_address},
           {"test_the_others_are_tried_when_a_second_try_meets_nobody",
            test_the_others_are_tried_when_a_second_try_meets_nobody},
           {"test_all_addresses_of_a_host_are_told", test_all_addresses_of_a_host_are_told})
