/*
 * Which policy of MTA-STS a domain has, under virtual time: DNS and HTTPS from tables, a real
 * store. What a policy demands of a connection is test_relay_sts.c's.
 */
#include "relay/sts_internal.h"
#include "tests/fake/fetcher_table.h"
#include "tests/fake/relay_lab.h"
#include "tests/unit/check.h"

#include "base/mem.h"

/* A round stands for a day: the store tidies up each second, so real days take minutes. */
enum { SECOND = 1000, MINUTE = 60 * SECOND, ROUND = 60 * MINUTE };

#define POLICY(mode, age) "version: STSv1\nmode: " mode "\nmx: mx.a.test\nmax_age: " age "\n"

struct lab {
    struct relay_lab relay;
    struct resolver_row dns[3];
    struct fetcher_row https;
    struct fetcher_table fetcher;
    struct sts_options options;
    struct sts *sts;
    /* What was told. */
    char told[200]; /* policies: "enforce:id ", "- ", or "? " for one that may be there */
    char trouble[300];
    unsigned troubles;
};

static void on_policy(void *owner, struct sts_policy *policy, bool is_certain)
{
    struct lab *lab = owner;
    size_t len = strlen(lab->told);
    (void)snprintf(lab->told + len, sizeof lab->told - len, "%s%s%s ",
                   policy == NULL && is_certain ? "-"
                   : policy == NULL             ? "?"
                                                : sts_mode_name(policy->mode),
                   policy == NULL ? "" : ":", policy == NULL ? "" : policy->id);
}

static void on_trouble(void *owner, struct span domain, enum sts_trouble trouble, const char *why)
{
    struct lab *lab = owner;
    lab->troubles++;
    (void)snprintf(lab->trouble, sizeof lab->trouble, "%.*s %d %s", (int)domain.len, domain.ptr,
                   (int)trouble, why);
}

static void set_txt(struct lab *lab, const char *rdata)
{
    lab->dns[0] = (struct resolver_row){"_mta-sts.a.test", DNS_TXT, 0, rdata,
                                        rdata == NULL ? 0 : strlen(rdata)};
    if (rdata == NULL)
        lab->dns[0].err = ERR_NOT_FOUND;
}

static const char id_1[] = "\x0cv=STSv1;id=1", id_2[] = "\x0cv=STSv1;id=2";

static void start(struct lab *lab)
{
    lab->sts = sts_create(&lab->options);
}

static void lab_init(struct lab *lab)
{
    *lab = (struct lab){0};
    relay_lab_init(&lab->relay);
    struct world *world = &lab->relay.world;
    struct settings_relay *settings = &lab->relay.settings;
    settings->mta_sts = true;
    settings->mta_sts_port = 443;
    settings->mta_sts_timeout_ms = MINUTE;
    settings->mta_sts_retry_ms = (int64_t)5 * MINUTE;
    settings->mta_sts_refresh_ms = ROUND;
    settings->mta_sts_unused_ms = (int64_t)90 * ROUND;
    set_txt(lab, id_1);
    lab->dns[1] = (struct resolver_row)RESOLVER_ROW("mta-sts.a.test", DNS_A, "\xc6\x33\x64\x07");
    lab->https = (struct fetcher_row){"mta-sts.a.test", 0, POLICY("enforce", "25200"), SECOND};
    resolver_table_init(&lab->relay.dns, sim_loop(world->sim), lab->dns, 2);
    fetcher_table_init(&lab->fetcher, sim_loop(world->sim), &lab->https, 1);
    lab->options = (struct sts_options){.loop = sim_loop(world->sim),
                                        .port = world->env.port,
                                        .store = world->store,
                                        .resolver = &lab->relay.dns.resolver,
                                        .fetcher = &lab->fetcher.fetcher,
                                        .settings = settings,
                                        .trusted = "ca.pem",
                                        .clock = sim_clock(world->sim),
                                        .entropy = sim_entropy(world->sim),
                                        .on_trouble = on_trouble,
                                        .owner = lab};
    start(lab);
}

static void lab_deinit(struct lab *lab)
{
    sts_free(&lab->sts);
    relay_lab_deinit(&lab->relay);
}

static void pass(struct lab *lab, int64_t ms)
{
    sim_advance_ms(lab->relay.world.sim, ms);
}

/* Asks once and waits for ms. What was told since the last call. */
static const char *ask_for(struct lab *lab, const char *domain, int64_t ms)
{
    lab->told[0] = '\0';
    (void)sts_ask(lab->sts, span_of(domain), on_policy, lab);
    check_text(lab->told, ""); /* never inside the call */
    pass(lab, ms);
    return lab->told;
}

static const char *ask(struct lab *lab)
{
    return ask_for(lab, "A.test", (int64_t)2 * SECOND);
}

/* As after a kill: only the store remembers. */
static void restart(struct lab *lab)
{
    sts_free(&lab->sts);
    start(lab);
}

TEST(a_policy_is_fetched_once_and_kept_over_a_restart)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask_for(&lab, "a.test", SECOND / 2), ""); /* the first waits */
    pass(&lab, SECOND);
    check_text(lab.told, "enforce:1 ");
    check_text(lab.fetcher.last, "https://mta-sts.a.test:443/.well-known/mta-sts.txt at "
                                 "198.51.100.7:0 trusting \"ca.pem\"");
    check_text(ask_for(&lab, "A.TEST", 0), "enforce:1 "); /* at once now */
    restart(&lab);
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 ");
    check_int(lab.fetcher.asked, 1);
    check_int(lab.troubles, 0);
    lab_deinit(&lab);
}

TEST(questions_for_a_domain_share_a_look_up)
{
    struct lab lab;
    lab_init(&lab);
    (void)sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
    struct sts_query *second = sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
    pass(&lab, SECOND / 2);
    struct sts_query *third = sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
    struct sts_query *fourth = sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
    sts_cancel(&fourth);
    sts_cancel(&second);
    check(fourth == NULL && second == NULL && third != NULL);
    pass(&lab, SECOND);
    check_text(lab.told, "enforce:1 enforce:1 ");
    check_int(lab.fetcher.asked, 1);
    check_int(lab.relay.dns.asked, 4); /* TXT twice, A, AAAA */
    lab_deinit(&lab);
}

TEST(domains_without_a_record_have_no_policy)
{
    struct lab lab;
    lab_init(&lab);
    set_txt(&lab, NULL);
    check_text(ask(&lab), "- ");
    set_txt(&lab, "\x0cv=STSv1;id=-");
    check_text(ask(&lab), "- ");
    lab.dns[0].err = ERR_AGAIN;
    check_text(ask(&lab), "? ");
    check_text(ask_for(&lab, "b.test", 0), "- ");
    unsigned asked = lab.relay.dns.asked;
    check_text(ask_for(&lab, "[192.0.2.1]", 0), "- ");
    check_text(ask_for(&lab, "b\xc3\xa4h.test", 0), "- ");
    check_text(ask_for(&lab, "", 0), "- ");
    check_int(lab.relay.dns.asked, asked);
    check_int(lab.fetcher.asked, 0);
    check_int(lab.troubles, 0);
    lab_deinit(&lab);
}

TEST(a_known_policy_counts_when_the_record_vanishes_until_it_expires)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask(&lab), "enforce:1 ");
    set_txt(&lab, NULL);
    lab.https.err = ERR_UNREACHABLE; /* the attacker hides both */
    check_text(ask(&lab), "enforce:1 ");
    lab.dns[0].err = ERR_AGAIN;
    check_text(ask(&lab), "enforce:1 ");
    check_int(lab.fetcher.asked, 1);
    pass(&lab, (int64_t)7 * ROUND - MINUTE);
    check_text(ask(&lab), "enforce:1 ");
    pass(&lab, MINUTE);
    check_text(ask(&lab), "? ");
    check(lab.troubles > 7); /* it was told, while there was time */
    lab_deinit(&lab);
}

TEST(another_id_brings_another_policy)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask(&lab), "enforce:1 ");
    set_txt(&lab, id_2);
    lab.https.body = POLICY("testing", "25200");
    check_text(ask(&lab), "testing:2 ");
    check_text(ask(&lab), "testing:2 ");
    check_int(lab.fetcher.asked, 2);
    set_txt(&lab, id_1);
    lab.https.err = ERR_TLS; /* cannot be had: what is known counts, not less */
    check_text(ask(&lab), "testing:2 ");
    check_text(lab.trouble, "a.test 2 TLS was not established or broke");
    check_text(ask_for(&lab, "a.test", 0), "testing:2 "); /* and is not waited for again */
    check_int(lab.fetcher.asked, 3);
    lab_deinit(&lab);
}

TEST(a_fetch_that_did_not_work_is_tried_after_a_while)
{
    static const struct {
        int err;
        const char *body, *told;
    } cases[] = {
        {ERR_TLS, "", "a.test 2 TLS was not established or broke"},
        {ERR_REFUSED, "", "a.test 0 it is not allowed"},
        {0, "mode: enforce\n", "a.test 1 the policy has no line \"version\""},
        {0, "<html>", "a.test 1 the policy's line 1 is not \"key: value\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct lab lab;
        check_case = cases[i].told;
        lab_init(&lab);
        lab.https.err = cases[i].err;
        lab.https.body = cases[i].body;
        check_text(ask(&lab), "? ");
        check_text(lab.trouble, cases[i].told);
        check_text(ask_for(&lab, "a.test", 0), "? ");
        lab.https = (struct fetcher_row){"mta-sts.a.test", 0, POLICY("enforce", "60"), SECOND};
        pass(&lab, 5 * MINUTE - 4 * SECOND);
        check_text(ask_for(&lab, "a.test", 0), "? ");
        check_int(lab.fetcher.asked, 1);
        check_int(lab.troubles, 1);
        pass(&lab, (int64_t)4 * SECOND);
        check_text(ask(&lab), "enforce:1 ");
        check_int(lab.fetcher.asked, 2);
        lab_deinit(&lab);
    }
}

TEST(a_policy_host_without_address_is_a_fetch_that_did_not_work)
{
    struct lab lab;
    lab_init(&lab);
    lab.relay.dns.count = 1;
    check_text(ask(&lab), "? ");
    check_int(lab.troubles, 1);
    check_int(lab.fetcher.asked, 0);
    check_text(ask(&lab), "? ");
    check_int(lab.troubles, 1);
    lab_deinit(&lab);
}

TEST(mail_waits_for_a_slow_host_as_long_as_is_allowed)
{
    struct lab lab;
    lab_init(&lab);
    lab.https.delay_ms = MINUTE + SECOND;
    check_text(ask_for(&lab, "a.test", MINUTE - 1), "");
    (void)sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
    pass(&lab, 1);
    check_text(lab.told, "? ? "); /* the second does not begin a minute of its own */
    pass(&lab, SECOND);
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 "); /* it came for later mail */
    check_int(lab.fetcher.asked, 1);
    lab_deinit(&lab);
}

TEST(policies_are_renewed_every_day_without_mail)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask(&lab), "enforce:1 ");
    lab.https.body = POLICY("enforce", "7200");
    pass(&lab, ROUND + 5 * MINUTE);
    check_int(lab.fetcher.asked, 2);
    set_txt(&lab, id_2); /* then the record is followed, too */
    pass(&lab, ROUND + 5 * MINUTE);
    check_int(lab.fetcher.asked, 3);
    set_txt(&lab, NULL);
    pass(&lab, (int64_t)10 * ROUND);
    check(lab.fetcher.asked >= 12);
    check_text(ask_for(&lab, "a.test", 0), "enforce:2 ");
    check_int(lab.troubles, 0);
    lab_deinit(&lab);
}

/* Large providers say max_age: 86400, which is as long as mta_sts_refresh: who renews it when it is
 * over comes too late. */
TEST(a_policy_is_renewed_before_it_is_over)
{
    struct lab lab;
    lab_init(&lab);
    lab.https.body = POLICY("enforce", "3600"); /* a round */
    check_text(ask(&lab), "enforce:1 ");
    set_txt(&lab, NULL);
    pass(&lab, ROUND + MINUTE);
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 ");
    check_int(lab.fetcher.asked, 2);
    sts_walk_free(&lab.sts->walk); /* by mail as well */
    pass(&lab, ROUND / 2 + MINUTE);
    check_text(ask(&lab), "enforce:1 ");
    pass(&lab, ROUND / 2 + MINUTE);
    check_text(ask(&lab), "enforce:1 ");
    lab_deinit(&lab);
}

TEST(a_policy_that_nobody_needs_is_not_renewed_for_ever)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask(&lab), "enforce:1 ");
    pass(&lab, (int64_t)60 * ROUND);
    check_text(ask(&lab), "enforce:1 "); /* a use: 90 rounds more */
    pass(&lab, (int64_t)80 * ROUND);
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 ");
    pass(&lab, (int64_t)92 * ROUND);
    unsigned asked = lab.fetcher.asked;
    pass(&lab, (int64_t)8 * ROUND);
    check_int(lab.fetcher.asked, asked);
    lab_deinit(&lab);
}

TEST(an_old_policy_is_used_while_its_successor_comes)
{
    struct lab lab;
    lab_init(&lab);
    check_text(ask(&lab), "enforce:1 ");
    sts_walk_free(&lab.sts->walk); /* as on the loops that do not walk */
    pass(&lab, ROUND);
    lab.https.body = POLICY("none", "25200");
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 ");
    pass(&lab, SECOND);
    check_text(ask_for(&lab, "a.test", 0), "none:1 ");
    check_int(lab.fetcher.asked, 2);
    /* A clock that ran ahead: what it fetched is old. */
    sim_set_wall_us(lab.relay.world.sim, (int64_t)SIM_WALL_START_S * 1000000);
    lab.https.body = POLICY("enforce", "25200");
    check_text(ask_for(&lab, "a.test", (int64_t)2 * SECOND), "none:1 ");
    check_text(ask_for(&lab, "a.test", 0), "enforce:1 ");
    lab_deinit(&lab);
}

TEST(a_policy_of_no_time_counts_for_those_who_waited)
{
    struct lab lab;
    lab_init(&lab);
    lab.https.body = POLICY("enforce", "0");
    check_text(ask(&lab), "enforce:1 ");
    set_txt(&lab, NULL);
    check_text(ask(&lab), "- ");
    lab_deinit(&lab);
}

/* A reload with another resolver, and an end, at any moment. */
TEST(it_ends_and_changes_resolvers_at_any_moment)
{
    for (int64_t ms = 0; ms <= 1200; ms += 100) {
        struct lab lab;
        struct resolver_table other;
        lab_init(&lab);
        (void)sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
        if (ms > 0)
            pass(&lab, ms - 100);
        resolver_table_init(&other, lab.options.loop, lab.dns, 2);
        struct sts_options options = lab.options;
        options.resolver = &other.resolver;
        sts_set_options(lab.sts, &options);
        pass(&lab, (int64_t)2 * SECOND);
        check_text(lab.told, "enforce:1 ");
        struct sts_query *query = sts_ask(lab.sts, span_of("b.test"), on_policy, &lab);
        set_txt(&lab, id_2);
        struct sts_query *second = sts_ask(lab.sts, span_of("a.test"), on_policy, &lab);
        if (ms > 0)
            pass(&lab, ms - 1);
        else
            sts_cancel(&query);
        if (ms <= 1000)
            sts_cancel(&second);
        lab_deinit(&lab);
    }
}

TEST(failures_that_are_remembered_have_a_limit)
{
    struct lab lab;
    lab_init(&lab);
    lab.relay.dns.count = 1;
    for (int i = 0; i <= STS_FAILURES_MAX; i++) {
        char name[60], domain[40];
        (void)snprintf(name, sizeof name, "_mta-sts.d%d.test", i);
        (void)snprintf(domain, sizeof domain, "d%d.test", i);
        lab.dns[0].name = name;
        check_text(ask_for(&lab, domain, 0), "? ");
        check_int(lab.troubles, i + 1);
    }
    check_int(lab.sts->failures.count, STS_FAILURES_MAX);
    check(!sts_has_failed(lab.sts, span_of("d0.test")));
    check(sts_has_failed(lab.sts, span_of("d1.test")));
    lab_deinit(&lab);
}

#define CASE(name)                                                                                 \
    {                                                                                              \
#name, name                                                                                \
    }
CHECK_MAIN(CASE(a_policy_is_fetched_once_and_kept_over_a_restart),
           CASE(questions_for_a_domain_share_a_look_up),
           CASE(domains_without_a_record_have_no_policy),
           CASE(a_known_policy_counts_when_the_record_vanishes_until_it_expires),
           CASE(another_id_brings_another_policy),
           CASE(a_fetch_that_did_not_work_is_tried_after_a_while),
           CASE(a_policy_host_without_address_is_a_fetch_that_did_not_work),
           CASE(mail_waits_for_a_slow_host_as_long_as_is_allowed),
           CASE(policies_are_renewed_every_day_without_mail),
           CASE(a_policy_is_renewed_before_it_is_over),
           CASE(a_policy_that_nobody_needs_is_not_renewed_for_ever),
           CASE(an_old_policy_is_used_while_its_successor_comes),
           CASE(a_policy_of_no_time_counts_for_those_who_waited),
           CASE(it_ends_and_changes_resolvers_at_any_moment),
           CASE(failures_that_are_remembered_have_a_limit))
