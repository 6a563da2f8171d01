/*
 * TLS reports over the relay: sessions are counted by day, policy and result, written about once a
 * minute and at the end; after midnight each domain that asks for it gets one report of the day,
 * and one only, over restarts and changes of the settings; results that nobody wants go.
 */
#include <stdio.h>

#include "base/mem.h"
#include "check.h"
#include "dns/mx.h"
#include "relay/tlsrpt.h"
#include "store/tls_result.h"
#include "tests/fake/fetcher_table.h"
#include "tests/fake/relay_lab.h"

static const int64_t minute_ms = 60000, hour_ms = 3600000, day_ms = 86400000;

static int64_t now_ms(const struct relay_lab *lab)
{
    return clock_wall_us(lab->options.clock) / 1000;
}

static int64_t today(const struct relay_lab *lab)
{
    return now_ms(lab) / day_ms;
}

/* To so long after the next midnight. */
static void run_past_midnight(struct relay_lab *lab, int64_t after_ms)
{
    relay_lab_run(lab, (today(lab) + 1) * day_ms - now_ms(lab) + after_ms);
}

static void stop(struct relay_lab *lab)
{
    relay_free(&lab->relay);
    sim_run(lab->world.sim);
}

/* "DOMAIN POLICY RESULT SESSIONS MX REASON;" of each counter that is in the store, in the order of
 * the report; of one domain. */
static void check_results(struct relay_lab *lab, const char *domain, const char *wanted)
{
    struct buf text;
    struct store_tls_next *next;
    int64_t day = 0;
    char after[MX_NAME_SIZE] = "";
    buf_init(&text, 0);
    for (bool is_last = false; !is_last;) {
        next = store_tls_next_create(lab->world.store, INT64_MAX, day, span_of(after));
        job_run_now(lab->world.jobs, &next->job);
        check_int(next->status, 0);
        is_last = next->count == 0;
        for (size_t i = 0; i < next->count; i++) {
            const struct store_tls_result *result = &next->results[i];
            day = result->day;
            (void)snprintf(after, sizeof after, "%.*s", (int)result->domain.len,
                           result->domain.ptr);
            if (span_is(result->domain, domain))
                buf_printf(&text, "%.*s %.*s %d %.*s %.*s;", (int)result->policy.len,
                           result->policy.ptr, (int)result->result.len, result->result.ptr,
                           (int)result->sessions, (int)result->mx_host.len, result->mx_host.ptr,
                           (int)span_first(result->reason, 12).len, result->reason.ptr);
        }
        next->job.free(&next->job);
    }
    check_span(buf_span(&text), wanted);
    buf_release(&text);
}

static void init(struct relay_lab *lab)
{
    relay_lab_init(lab);
    lab->settings.tls_reports = true;
}

/* ---- Counting ------------------------------------------------------------------------------- */

static const struct count_case {
    const char *name, *to, *domain, *mx_verify, *smarthost;
    unsigned mail_flags;
    struct hop_rule rules[2];
    const char *wanted;
} cases[] = {
    {"good",
     "bob@example.org",
     "example.org",
     "opportunistic",
     "",
     0,
     {{0}},
     "no-policy-found  1  ;"},
    {"not offered",
     "r@one.test",
     "one.test",
     "opportunistic",
     "",
     0,
     {{0}},
     "no-policy-found starttls-not-supported 1 one.hop.test ;"},
    {"demanded, not offered",
     "r@one.test",
     "one.test",
     "required",
     "",
     0,
     {{0}},
     "no-policy-found starttls-not-supported 1 one.hop.test one.hop.test;"},
    {"wrong name",
     "r@wrong.test",
     "wrong.test",
     "required",
     "",
     0,
     {{0}},
     "no-policy-found certificate-host-mismatch 1 other.example.org wrong-name;"},
    {"no handshake, then plaintext",
     "r@one.test",
     "one.test",
     "opportunistic",
     "",
     0,
     {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "220 go"}},
     "no-policy-found validation-failure 1 one.hop.test one.hop.test;"},
    {"not reached is not told",
     "r@one.test",
     "one.test",
     "opportunistic",
     "",
     0,
     {{"CONNECT", 0, HOP_CLOSE}},
     ""},
    {"waived by the message",
     "r@one.test",
     "one.test",
     "required",
     "",
     STORE_MAIL_TLS_OPTIONAL,
     {{0}},
     ""},
    {"smarthost", "r@one.test", "one.test", "opportunistic", "mx.example.org", 0, {{0}}, ""},
};

TEST(results_of_sessions_are_counted)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        check_case = cases[i].name;
        init(&lab);
        memcpy(lab.hops[0].rules, cases[i].rules, sizeof cases[i].rules);
        lab.settings.mx_verify = cases[i].mx_verify;
        lab.settings.smarthost = cases[i].smarthost;
        lab.settings.smarthost_tls = RELAY_TLS_MAY;
        lab.settings.smarthost_verify = "off";
        lab.mail_flags = cases[i].mail_flags;
        relay_lab_mail(&lab, "alice@example.org", cases[i].to);
        relay_lab_run(&lab, 2 * minute_ms);
        check_results(&lab, cases[i].domain, cases[i].wanted);
        relay_lab_deinit(&lab);
    }
}

/* one.test has policies; its server offers no TLS. */
#define POLICY(mode, mx) "version: STSv1\nmode: " mode "\nmx: " mx "\nmax_age: 604800\n"
#define FOUND_NONE       "no-policy-found starttls-not-supported 1 one.hop.test ;"
static const struct policy_case {
    const char *name;
    int tlsa_err; /* of the question for TLSA records, in a signed zone; 0: not signed */
    const char *policy;
    int fetch_err;
    const char *wanted;
} policy_cases[] = {
    {"forged", ERR_CORRUPT, NULL, 0, "tlsa dnssec-invalid 1 one.hop.test its TLSA rec;"},
    {"testing", 0, POLICY("testing", "*.hop.test"), 0,
     "sts starttls-not-supported 1 one.hop.test STARTTLS is ;"},
    {"enforced", 0, POLICY("enforce", "*.hop.test"), 0,
     "sts starttls-not-supported 1 one.hop.test one.hop.test;"},
    {"not named", 0, POLICY("enforce", "mx.one.test"), 0,
     "sts validation-failure 1 one.hop.test the MTA-STS ;"},
    {"not trusted", 0, "", ERR_TLS, FOUND_NONE "sts sts-webpki-invalid 1  TLS was not ;"},
    {"broken", 0, "x\n", 0, FOUND_NONE "sts sts-policy-invalid 1  the policy's;"},
};

static void run_policy_case(const struct policy_case *row)
{
    struct relay_lab lab;
    struct fetcher_table fetcher;
    struct resolver_row rows[40];
    const struct fetcher_row https = {"mta-sts.one.test", row->fetch_err, row->policy, 0};
    const struct resolver_row more[] = {
        {"_25._tcp.one.hop.test", DNS_TLSA, row->tlsa_err, NULL, 0},
        RESOLVER_ROW("mta-sts.one.test", DNS_A, "\xcb\x00\x71\x09"),
        RESOLVER_ROW("_mta-sts.one.test", DNS_TXT, "\x10v=STSv1; id=1ab;")};
    check_case = row->name;
    init(&lab);
    memcpy(rows, lab.dns.rows, lab.dns.count * sizeof *rows);
    memcpy(rows + lab.dns.count, more, sizeof more);
    lab.dns.rows = rows;
    lab.dns.count += row->policy != NULL ? 3 : 1;
    lab.dns.signed_zone = row->tlsa_err != 0 ? "hop.test" : NULL;
    lab.settings.mta_sts = true;
    lab.settings.mta_sts_timeout_ms = lab.settings.mta_sts_retry_ms = minute_ms;
    lab.settings.mta_sts_refresh_ms = lab.settings.mta_sts_unused_ms = day_ms;
    fetcher_table_init(&fetcher, sim_loop(lab.world.sim), &https, 1);
    lab.options.fetcher = &fetcher.fetcher;
    lab.options.trusted = "";
    relay_lab_mail(&lab, "alice@example.org", "r@one.test");
    relay_lab_run(&lab, 2 * minute_ms);
    check_results(&lab, "one.test", row->wanted);
    relay_lab_deinit(&lab);
}

TEST(policies_and_what_came_of_them_are_counted)
{
    for (size_t i = 0; i < sizeof policy_cases / sizeof *policy_cases; i++)
        run_policy_case(&policy_cases[i]);
}

TEST(sessions_are_counted_not_messages)
{
    struct relay_lab lab;
    init(&lab);
    for (int i = 0; i < 5; i++)
        relay_lab_mail(&lab, "alice@example.org", "r@one.test");
    lab.settings.concurrency_max = 1;
    relay_lab_run(&lab, 2 * minute_ms);
    check_int(lab.hops[0].messages, 5);
    check_int(lab.hops[0].connections, 1);
    check_results(&lab, "one.test", "no-policy-found starttls-not-supported 1 one.hop.test ;");
    relay_lab_deinit(&lab);
}

static void note(struct relay_lab *lab, const char *domain, enum tlsrpt_result result,
                 unsigned times)
{
    const struct tlsrpt_session session = {
        .domain = span_of(domain), .policy = TLSRPT_STS, .result = result};
    for (unsigned i = 0; i < times; i++)
        tlsrpt_note(lab->relay, &session);
}

TEST(what_is_counted_is_written_in_a_minute_and_at_the_end)
{
    struct relay_lab lab;
    init(&lab);
    relay_lab_run(&lab, 1);
    note(&lab, "a.test", TLSRPT_GOOD, 3);
    relay_lab_run(&lab, minute_ms - 10);
    check_results(&lab, "a.test", "");
    relay_lab_run(&lab, 20);
    check_results(&lab, "a.test", "sts  3  ;");
    note(&lab, "a.test", TLSRPT_GOOD, 2);
    stop(&lab);
    check_results(&lab, "a.test", "sts  5  ;");
    relay_lab_run(&lab, 1);
    note(&lab, "a.test", TLSRPT_GOOD, 2);
    relay_lab_drain(&lab);
    relay_lab_run(&lab, 1);
    check_results(&lab, "a.test", "sts  7  ;");
    relay_lab_deinit(&lab);
}

TEST(nothing_is_counted_when_reports_are_off)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_run(&lab, 1);
    note(&lab, "a.test", TLSRPT_GOOD, 3);
    relay_lab_run(&lab, 2 * minute_ms);
    check_results(&lab, "a.test", "");
    relay_lab_deinit(&lab);
}

/* TLSRPT_COUNTERS_MAX: n counters are kept, the next new one is not, those that are there count. */
TEST(memory_has_a_bound)
{
    enum { MANY = 1000 };
    struct relay_lab lab;
    init(&lab);
    relay_lab_run(&lab, 1);
    for (int i = 0; i <= MANY; i++) {
        char name[32];
        (void)snprintf(name, sizeof name, "d%d.test", i);
        note(&lab, name, TLSRPT_GOOD, 1);
    }
    note(&lab, "d0.test", TLSRPT_GOOD, 1);
    relay_lab_run(&lab, 2 * minute_ms);
    check_results(&lab, "d0.test", "sts  2  ;");
    check_results(&lab, "d999.test", "sts  1  ;");
    check_results(&lab, "d1000.test", "");
    relay_lab_deinit(&lab);
}

TEST(a_long_policy_is_cut_between_lines)
{
    struct relay_lab lab;
    struct buf policy;
    init(&lab);
    relay_lab_run(&lab, 1);
    buf_init(&policy, 0);
    for (int i = 0; i < 300; i++)
        buf_printf(&policy, "%smx: host%05d", i > 0 ? "\n" : "", i);
    const struct tlsrpt_session session = {.domain = span_of("a.test"),
                                           .policy = TLSRPT_STS,
                                           .policy_text = buf_span(&policy),
                                           .result = TLSRPT_GOOD};
    tlsrpt_note(lab.relay, &session);
    stop(&lab);
    struct store_tls_next *next = store_tls_next_create(lab.world.store, INT64_MAX, 0, span_of(""));
    job_run_now(lab.world.jobs, &next->job);
    check_int(next->count, 1);
    struct span text = next->results[0].policy_text;
    check_int(text.len % 14, 13); /* lines of 13 bytes, LF between */
    check(text.len > 2000 && text.len <= 2048);
    next->job.free(&next->job);
    buf_release(&policy);
    relay_lab_deinit(&lab);
}

/* ---- Sending -------------------------------------------------------------------------------- */

#define RUA(name, text)                                                                            \
    {                                                                                              \
        "_smtp._tls." name, DNS_TXT, 0, text, sizeof(text) - 1                                     \
    }

/* The lab's own names are not needed: reports go to a user of example.org, who is local. */
static const struct resolver_row rows[] = {
    RUA("a.test", "\x2dv=TLSRPTv1; rua=mailto:alice@example.org;xx=1"),
    RUA("b.test", "\x20v=TLSRPTv1; rua=https://b.test/r"),
    {"_smtp._tls.c.test", DNS_TXT, ERR_AGAIN, NULL, 0},
};

static void init_sending(struct relay_lab *lab)
{
    init(lab);
    resolver_table_init(&lab->dns, sim_loop(lab->world.sim), rows, sizeof rows / sizeof *rows);
    relay_lab_run(lab, 1);
}

static void check_inbox(struct relay_lab *lab, int64_t wanted)
{
    check_int(relay_lab_inbox(lab, "alice@example.org", NULL), wanted);
}

TEST(a_day_is_reported_once_after_midnight)
{
    struct relay_lab lab;
    struct buf text;
    init_sending(&lab);
    note(&lab, "a.test", TLSRPT_GOOD, 3);
    run_past_midnight(&lab, 9 * minute_ms);
    check_inbox(&lab, 0);
    run_past_midnight(&lab, -day_ms + 4 * hour_ms + minute_ms); /* the same day */
    buf_init(&text, 0);
    check_int(relay_lab_inbox(&lab, "alice@example.org", &text), 1);
    check(span_find(buf_span(&text), span_of("TLS-Report-Domain: a.test\r\n")) > 0);
    check(span_find(buf_span(&text), span_of("From: <postmaster@relay.example>\r\n")) > 0);
    check(span_find(buf_span(&text), span_of("  3 sessions came about")) > 0);
    buf_release(&text);
    check_results(&lab, "a.test", "");
    relay_lab_run(&lab, 2 * day_ms);
    stop(&lab);
    relay_lab_run(&lab, 2 * day_ms);
    check_inbox(&lab, 1);
    relay_lab_deinit(&lab);
}

/* A session before midnight and one behind it are of two reports. */
TEST(each_day_has_its_own_report)
{
    struct relay_lab lab;
    init_sending(&lab);
    lab.settings.tls_report_delay_ms = 20 * minute_ms;
    run_past_midnight(&lab, -1000);
    note(&lab, "a.test", TLSRPT_GOOD, 1);
    run_past_midnight(&lab, 1000);
    note(&lab, "a.test", TLSRPT_STARTTLS_NOT_SUPPORTED, 1);
    relay_lab_run(&lab, hour_ms + 4 * hour_ms);
    check_inbox(&lab, 1);
    check_results(&lab, "a.test", "sts starttls-not-supported 1  ;");
    run_past_midnight(&lab, hour_ms);
    check_inbox(&lab, 2);
    relay_lab_deinit(&lab);
}

TEST(what_a_stopped_server_left_is_reported_after_the_start)
{
    struct relay_lab lab;
    init_sending(&lab);
    note(&lab, "a.test", TLSRPT_GOOD, 1);
    stop(&lab);
    sim_advance_ms(lab.world.sim, (today(&lab) + 1) * day_ms - now_ms(&lab) + 12 * hour_ms);
    check_inbox(&lab, 0);
    relay_lab_run(&lab, 11 * minute_ms);
    check_inbox(&lab, 1);
    relay_lab_deinit(&lab);
}

/* No record, https only, DNS that does not answer. */
TEST(results_that_nobody_wants_go_and_others_wait)
{
    struct relay_lab lab;
    init_sending(&lab);
    note(&lab, "b.test", TLSRPT_GOOD, 1);
    note(&lab, "c.test", TLSRPT_GOOD, 1);
    note(&lab, "d.test", TLSRPT_GOOD, 1);
    note(&lab, "zz.test", TLSRPT_GOOD, 1);
    run_past_midnight(&lab, 5 * hour_ms);
    check_inbox(&lab, 0);
    check_results(&lab, "b.test", "");
    check_results(&lab, "c.test", "sts  1  ;");
    check_results(&lab, "d.test", "");
    check_results(&lab, "zz.test", "");
    unsigned asked = lab.dns.asked;
    relay_lab_run(&lab, 3 * hour_ms);
    check_int(lab.dns.asked - asked, 3); /* once an hour */
    relay_lab_run(&lab, 2 * day_ms);
    check_results(&lab, "c.test", ""); /* kept no longer than tls_report_keep */
    relay_lab_deinit(&lab);
}

TEST(a_store_that_is_full_is_tried_again)
{
    struct relay_lab lab;
    init_sending(&lab);
    note(&lab, "a.test", TLSRPT_GOOD, 1);
    run_past_midnight(&lab, 0);
    lab.fail_writes = 1;
    relay_lab_run(&lab, 4 * hour_ms + minute_ms);
    check_int(lab.fail_writes, 0);
    relay_lab_run(&lab, hour_ms);
    check_inbox(&lab, 1);
    relay_lab_deinit(&lab);
}

/* A reload in the midst of a round: the old resolver may go. */
TEST(a_reload_asks_the_new_resolver)
{
    struct relay_lab lab;
    struct resolver_table other;
    init_sending(&lab);
    resolver_table_init(&other, sim_loop(lab.world.sim), rows, sizeof rows / sizeof *rows);
    note(&lab, "a.test", TLSRPT_GOOD, 1);
    lab.settings.tls_report_delay_ms = 0;
    run_past_midnight(&lab, 0);
    lab.options.resolver = &other.resolver;
    unsigned asked = lab.dns.asked;
    relay_set_options(lab.relay, &lab.options);
    relay_lab_run(&lab, 5 * hour_ms);
    check_int(lab.dns.asked, asked);
    check_int(other.asked, 1);
    check_inbox(&lab, 1);
    relay_lab_deinit(&lab);
}

TEST(the_time_is_random_within_the_delay)
{
    int64_t first_ms = 0;
    bool differs = false;
    for (int i = 0; i < 4; i++) {
        struct relay_lab lab;
        init_sending(&lab);
        for (int skip = 0; skip < i; skip++)
            (void)entropy_u64(lab.options.entropy);
        stop(&lab);
        relay_lab_run(&lab, 1);
        note(&lab, "a.test", TLSRPT_GOOD, 1);
        run_past_midnight(&lab, 0);
        int64_t midnight_ms = now_ms(&lab);
        while (relay_lab_inbox(&lab, "alice@example.org", NULL) == 0 &&
               now_ms(&lab) < midnight_ms + 5 * hour_ms)
            relay_lab_run(&lab, minute_ms);
        int64_t at_ms = now_ms(&lab) - midnight_ms;
        check(at_ms >= 10 * minute_ms && at_ms <= 4 * hour_ms + minute_ms);
        differs = differs || (i > 0 && at_ms != first_ms);
        first_ms = i == 0 ? at_ms : first_ms;
        relay_lab_deinit(&lab);
    }
    check(differs);
}

CHECK_MAIN({"results_of_sessions_are_counted", results_of_sessions_are_counted},
           {"policies_and_what_came_of_them_are_counted",
            policies_and_what_came_of_them_are_counted},
           {"sessions_are_counted_not_messages", sessions_are_counted_not_messages},
           {"what_is_counted_is_written_in_a_minute_and_at_the_end",
            what_is_counted_is_written_in_a_minute_and_at_the_end},
           {"nothing_is_counted_when_reports_are_off", nothing_is_counted_when_reports_are_off},
           {"memory_has_a_bound", memory_has_a_bound},
           {"a_long_policy_is_cut_between_lines", a_long_policy_is_cut_between_lines},
           {"a_day_is_reported_once_after_midnight", a_day_is_reported_once_after_midnight},
           {"each_day_has_its_own_report", each_day_has_its_own_report},
           {"what_a_stopped_server_left_is_reported_after_the_start",
            what_a_stopped_server_left_is_reported_after_the_start},
           {"results_that_nobody_wants_go_and_others_wait",
            results_that_nobody_wants_go_and_others_wait},
           {"a_store_that_is_full_is_tried_again", a_store_that_is_full_is_tried_again},
           {"a_reload_asks_the_new_resolver", a_reload_asks_the_new_resolver},
           {"the_time_is_random_within_the_delay", the_time_is_random_within_the_delay})
