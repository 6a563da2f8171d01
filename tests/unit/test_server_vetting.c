/* What a loop's vetter finds out: all answers together, time limit, ceiling, cancelling, reload. */
#include <stdio.h>

#include "check.h"
#include "server_vetting.h"
#include "tests/fake/resolver_table.h"
#include "tests/sim/sim.h"

static const struct resolver_row rows[] = {
    RESOLVER_ROW("2.2.0.192.one.test", DNS_A, "\177\0\0\2"),
    RESOLVER_ROW("2.2.0.192.two.test", DNS_A, "\177\0\0\3"),
    RESOLVER_ROW("2.2.0.192.two.test", DNS_TXT, "\5words"),
    RESOLVER_ROW("3.2.0.192.two.test", DNS_A, "\177\0\0\3"),
    RESOLVER_ROW("2.2.0.192.in-addr.arpa", DNS_PTR, "\4mail\4test\0"),
    RESOLVER_ROW("mail.test", DNS_A, "\300\0\2\2"),
};

static const struct dns_list_rule lists[] = {{.zone = "one.test", .shown = "one.test"},
                                             {.zone = "two.test", .shown = "two"}};
static struct settings_smtp settings;
static struct sim *sim;
static struct resolver_table table;
static struct server_vetter *vetter;
static struct peer_facts facts;
static unsigned told;

/* A resolver that never answers but to listed addresses, whose words it keeps back. */
static const struct resolver_ops *real_ops;

static struct resolver_query *ask_slowly(struct resolver *resolver, const char *name,
                                         enum dns_type type, dns_fn *on_answer, void *owner)
{
    struct resolver_query *query = real_ops->ask(resolver, name, type, on_answer, owner);
    if (type != DNS_A)
        real_ops->cancel(query);
    return query;
}

static void cancel_slowly(struct resolver_query *query)
{
    (void)query; /* it is gone already */
}

/* One that never answers. */
static struct resolver_query *ask_in_vain(struct resolver *resolver, const char *name,
                                          enum dns_type type, dns_fn *on_answer, void *owner)
{
    struct resolver_query *query = real_ops->ask(resolver, name, type, on_answer, owner);
    real_ops->cancel(query);
    return query;
}

static const struct resolver_ops silent_ops = {.ask = ask_in_vain, .cancel = cancel_slowly};
static const struct resolver_ops slow_ops = {.ask = ask_slowly, .cancel = cancel_slowly};

static void on_facts(void *owner, const struct peer_facts *got)
{
    (void)owner;
    facts = *got;
    told++;
}

static void begin(void)
{
    sim = sim_create(1);
    resolver_table_init(&table, sim_loop(sim), rows, sizeof rows / sizeof *rows);
    real_ops = table.resolver.ops;
    settings = (struct settings_smtp){.dns_list_count = 2,
                                      .reverse_dns = SMTP_REVERSE_DNS_LOOK,
                                      .lookup_timeout_ms = 5000,
                                      .lookups_max = 2};
    vetter = server_vetter_create(sim_loop(sim));
    server_vetter_set(vetter, &settings, lists, &table.resolver);
    told = 0;
}

static void end(void)
{
    server_vetter_free(&vetter);
    sim_free(&sim);
}

static struct vetting *vet(const char *address)
{
    struct endpoint peer;
    struct vetter *door = server_vetter_door(vetter, &settings);
    check_int(endpoint_parse(span_of(address), 25, &peer), 0);
    /* What comes back holds no peer (vetting.h). */
    /* cppcheck-suppress returnDanglingLifetime */
    return vetting_begin(door, &peer, on_facts, NULL);
}

TEST(test_all_that_is_asked)
{
    begin();
    check(vet("192.0.2.2") != NULL);
    check_int(told, 0);
    sim_run(sim);
    check_int(told, 1);
    check_text(facts.list, "one.test");
    check_text(facts.name, "mail.test");
    check_int(facts.naming, PEER_NAMING_CONFIRMED);
    check(vet("192.0.2.1") != NULL);
    sim_run(sim);
    check_int(told, 2);
    check_text(facts.list, "");
    check_int(facts.naming, PEER_NAMING_NONE);
    end();
}

TEST(test_settings_that_ask_nothing)
{
    begin();
    settings.dns_list_count = 0;
    check(server_vetter_door(vetter, &settings) != NULL);
    settings.reverse_dns = SMTP_REVERSE_DNS_OFF;
    check(server_vetter_door(vetter, &settings) == NULL);
    end();
}

/* At n-1, n and n+1: above the ceiling nothing is asked, and nobody waits. */
TEST(test_the_ceiling)
{
    struct vetting *held[2];
    begin();
    table.resolver.ops = &slow_ops;
    settings.dns_list_count = 0;
    for (int i = 0; i < 2; i++)
        held[i] = vet("192.0.2.1");
    sim_run(sim);
    check_int(told, 0);
    unsigned asked = table.asked;
    check(vet("192.0.2.2") != NULL);
    sim_run(sim);
    check_int(told, 1);
    check_int(table.asked, asked);
    check_int(facts.naming, PEER_NAMING_UNCERTAIN);
    for (int i = 0; i < 2; i++)
        vetting_cancel(server_vetter_door(vetter, &settings), &held[i]);
    end();
}

/* A list that named the peer and keeps its words back has named him; a name is uncertain. */
TEST(test_the_time_limit)
{
    begin();
    table.resolver.ops = &slow_ops;
    check(vet("192.0.2.3") != NULL);
    sim_advance_ms(sim, 4999);
    check_int(told, 0);
    sim_advance_ms(sim, 1);
    check_int(told, 1);
    check_text(facts.list, "two");
    check_text(facts.why, "");
    check_int(facts.naming, PEER_NAMING_UNCERTAIN);
    end();
}

TEST(test_lists_that_do_not_answer_list_nobody)
{
    begin();
    table.resolver.ops = &silent_ops;
    check(vet("192.0.2.2") != NULL);
    sim_advance_ms(sim, 5000);
    check_int(told, 1);
    check_text(facts.list, "");
    check_int(facts.naming, PEER_NAMING_UNCERTAIN);
    end();
}

TEST(test_settled_before_resolver_and_lists_go)
{
    begin();
    table.resolver.ops = &slow_ops;
    check(vet("192.0.2.3") != NULL);
    sim_run(sim);
    server_vetter_settle(vetter);
    server_vetter_set(vetter, &settings, NULL, NULL);
    check_int(told, 0);
    sim_run(sim);
    check_int(told, 1);
    check_text(facts.list, "two");
    check(vet("192.0.2.2") != NULL); /* no resolver: nothing is known */
    sim_run(sim);
    check_int(told, 2);
    check_text(facts.list, "");
    end();
}

CHECK_MAIN({"all", test_all_that_is_asked}, {"nothing", test_settings_that_ask_nothing},
           {"ceiling", test_the_ceiling}, {"time", test_the_time_limit},
           {"silent", test_lists_that_do_not_answer_list_nobody},
           {"settled", test_settled_before_resolver_and_lists_go})
