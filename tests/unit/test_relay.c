/*
 * The relay in the simulator: where mail goes, what becomes of it when next hops misbehave,
 * reports. How connections, reloads and ends are handled is test_relay_life.c's.
 */
#include <stdio.h>

#include "check.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

static bool has(const char *text, const char *part)
{
    return span_find(span_of(text), span_of(part)) >= 0;
}

/* ---- One message to a next hop that does this or that --------------------------------------- */

enum { GOES = 0, STAYS = 1, FAILS = 2 }; /* FAILS: out of the queue, with a report */

static const struct {
    const char *name;
    struct hop_rule rules[HOP_RULES_MAX];
    int becomes;
    const char *last;     /* part of the outcome in the queue, or of the report */
    unsigned connections; /* in ten minutes of virtual time less the retry */
} hop_cases[] = {
    {"all is well", {{0}}, GOES, NULL, 1},
    {"greeting 421", {{"CONNECT", 0, "421 4.3.2 busy"}}, STAYS, "421 4.3.2 busy", 1},
    {"greeting 554", {{"CONNECT", 0, "554 close the door"}}, STAYS, "554 close the door", 1},
    {"no greeting, closed", {{"CONNECT", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"no greeting, silent", {{"CONNECT", 0, HOP_SILENT}}, STAYS, "timeout", 1},
    {"greeting is no SMTP", {{"CONNECT", 0, "SSH-2.0-x"}}, STAYS, "no SMTP reply", 1},
    {"EHLO 502", {{"EHLO", 0, "502 5.5.1 what"}}, GOES, NULL, 1},
    {"EHLO 421", {{"EHLO", 0, "421 4.3.2 busy"}}, STAYS, "421 4.3.2 busy", 1},
    /* Not taken for an old server: a cut would cost the mail all that EHLO offers. */
    {"EHLO closed", {{"EHLO", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"EHLO 502, HELO closed",
     {{"EHLO", 0, "502 what"}, {"HELO", 0, HOP_CLOSE}},
     STAYS,
     "closed by peer",
     1},
    {"EHLO 502, HELO 550", {{"EHLO", 0, "502 what"}, {"HELO", 0, "550 no"}}, STAYS, "550 no", 1},
    {"EHLO endless", {{"EHLO", 0, HOP_ENDLESS}}, STAYS, "no SMTP reply", 1},
    {"EHLO in 1 MiB", {{"EHLO", 0, HOP_LONG}}, GOES, NULL, 1},
    {"EHLO silent", {{"EHLO", 0, HOP_SILENT}}, STAYS, "timeout", 1},
    {"MAIL 451", {{"MAIL", 0, "451 4.3.0 later"}}, STAYS, "451 4.3.0 later", 1},
    {"MAIL 550", {{"MAIL", 0, "550 5.7.1 not you"}}, FAILS, "5.7.1 not you", 1},
    {"MAIL closed", {{"MAIL", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"RCPT 450", {{"RCPT", 0, "450 4.2.1 greylisted"}}, STAYS, "450 4.2.1 greylisted", 1},
    {"RCPT 550", {{"RCPT", 0, "550 5.1.1 no such user"}}, FAILS, "5.1.1", 1},
    {"RCPT closed", {{"RCPT", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"RCPT 1 MiB line of success", {{"RCPT", 0, HOP_LONG}}, GOES, NULL, 1},
    {"DATA 554", {{"DATA", 0, "554 5.6.0 no"}}, FAILS, "5.6.0", 1},
    {"DATA 451", {{"DATA", 0, "451 4.3.0 full"}}, STAYS, "451 4.3.0 full", 1},
    {"DATA 250 is no go-ahead", {{"DATA", 0, "250 what"}}, STAYS, "DATA with success", 1},
    {"DATA closed", {{"DATA", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"dot closed", {{".", 0, HOP_CLOSE}}, STAYS, "closed by peer", 1},
    {"dot silent", {{".", 0, HOP_SILENT}}, STAYS, "timeout", 1},
    {"dot 452", {{".", 0, "452 4.3.1 full"}}, STAYS, "452 4.3.1 full", 1},
    {"dot 550", {{".", 0, "550 5.7.1 spam"}}, FAILS, "5.7.1", 1},
    {"dot endless", {{".", 0, HOP_ENDLESS}}, STAYS, "no SMTP reply", 1},
    {"dot 354 again", {{".", 0, "354 more"}}, STAYS, "354 more", 1},
    {"250, then closed before QUIT", {{"QUIT", 0, HOP_CLOSE}}, GOES, NULL, 1},
    {"several lines with controls", {{"RCPT", 0, "550-5.1.1 a\tb|550 5.1.1 c"}}, FAILS, "a?b", 1},
};

TEST(test_next_hops_of_every_kind)
{
    for (size_t i = 0; i < sizeof hop_cases / sizeof *hop_cases; i++) {
        struct relay_lab lab;
        struct buf report;
        check_case = hop_cases[i].name;
        buf_init(&report, 0);
        relay_lab_init(&lab);
        memcpy(lab.hops[0].rules, hop_cases[i].rules, sizeof lab.hops[0].rules);
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 180000);
        struct relay_lab_queue queue = relay_lab_queue(&lab);
        int64_t reports = relay_lab_inbox(&lab, alice, &report);
        check_int(queue.count, hop_cases[i].becomes == STAYS);
        check_int(lab.hops[0].messages, hop_cases[i].becomes == GOES);
        check_int(reports, hop_cases[i].becomes == FAILS);
        check_int(lab.hops[0].connections, hop_cases[i].connections);
        if (hop_cases[i].becomes == STAYS && !has(queue.last, hop_cases[i].last))
            CHECK_FAILED("last outcome: \"%s\"", queue.last);
        if (hop_cases[i].becomes == FAILS)
            check(span_find(buf_span(&report), span_of(hop_cases[i].last)) > 0);
        check_int(queue.attempts, hop_cases[i].becomes == STAYS);
        buf_release(&report);
        relay_lab_deinit(&lab);
    }
}

TEST(test_message_arrives_as_it_was)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, "", "r@one.test");
    relay_lab_run(&lab, 1000);
    check_text(lab.hops[0].last_message, "Subject: lab\n\n..dot\nend\n");
    relay_lab_deinit(&lab);
}

/* ---- Where it goes -------------------------------------------------------------------------- */

TEST(test_refused_host_is_followed_by_the_next)
{
    static const char *const greetings[] = {"421 busy", "554 close", HOP_CLOSE, "junk"};
    for (size_t i = 0; i < sizeof greetings / sizeof *greetings; i++) {
        struct relay_lab lab;
        check_case = greetings[i];
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, greetings[i]};
        relay_lab_mail(&lab, alice, "r@two.test");
        relay_lab_run(&lab, 60000);
        check_int(lab.hops[0].connections, 1);
        check_int(lab.hops[1].messages, 1);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

TEST(test_unreachable_and_hanging_hosts_are_followed_by_the_next)
{
    for (int hangs = 0; hangs < 2; hangs++) {
        struct relay_lab lab;
        struct endpoint first;
        relay_lab_init(&lab);
        check_int(endpoint_parse(span_of("203.0.113.1"), 25, &first), 0);
        if (hangs)
            sim_hang(lab.world.sim, &first);
        else
            sim_unlisten(lab.world.sim, &first);
        relay_lab_mail(&lab, alice, "r@two.test");
        relay_lab_run(&lab, 60000);
        check_int(lab.hops[1].messages, 1);
        relay_lab_deinit(&lab);
    }
}

static const struct {
    const char *to;
    bool stays;
    const char *text; /* in the outcome or the report */
} dns_cases[] = {
    {"r@null.test", false, "5.1.10"},         {"r@nowhere.test", false, "5.1.2"},
    {"r@loop.test", false, "5.4.6"},          {"r@later.test", true, "try later"},
    {"r@[203.0.113.9]", true, "203.0.113.9"},
};

TEST(test_domains_without_a_way)
{
    for (size_t i = 0; i < sizeof dns_cases / sizeof *dns_cases; i++) {
        struct relay_lab lab;
        struct buf report;
        check_case = dns_cases[i].to;
        buf_init(&report, 0);
        relay_lab_init(&lab);
        relay_lab_mail(&lab, alice, dns_cases[i].to);
        relay_lab_run(&lab, 60000);
        struct relay_lab_queue queue = relay_lab_queue(&lab);
        check_int(queue.count, dns_cases[i].stays);
        check_int(relay_lab_inbox(&lab, alice, &report), !dns_cases[i].stays);
        check(dns_cases[i].stays ? has(queue.last, dns_cases[i].text)
                                 : span_find(buf_span(&report), span_of(dns_cases[i].text)) > 0);
        check_int(lab.hops[0].connections, 0);
        buf_release(&report);
        relay_lab_deinit(&lab);
    }
}

TEST(test_address_literal_is_a_destination)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@[203.0.113.2]");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, 1);
    relay_lab_deinit(&lab);
}

/* ---- TLS ------------------------------------------------------------------------------------ */

/* To Postern's own server, over STARTTLS as it is offered. */
TEST(test_mx_delivery_takes_starttls)
{
    struct relay_lab lab;
    struct buf message;
    buf_init(&message, 0);
    relay_lab_init(&lab);
    relay_lab_mail(&lab, "s@elsewhere.test", "bob@example.org");
    relay_lab_run(&lab, 1000);
    check_int(relay_lab_inbox(&lab, "bob@example.org", &message), 1);
    check(span_find(buf_span(&message), span_of("ESMTPS")) > 0);
    check_int(relay_lab_queue(&lab).count, 0);
    buf_release(&message);
    relay_lab_deinit(&lab);
}

/* THREATS 3: what comes behind the go-ahead in plaintext is not taken for an answer under TLS, and
 * whoever can put it there does not get the mail in plaintext either. */
TEST(test_plaintext_behind_the_go_ahead_ends_it)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
    lab.hops[0].rules[1] = (struct hop_rule){"STARTTLS", 0, "220 go|250 surprise"};
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100000);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[0].messages, 0);
    check(has(relay_lab_queue(&lab).last, "plaintext"));
    relay_lab_deinit(&lab);
}

/* A hop that offers STARTTLS and then speaks no TLS. */
TEST(test_broken_tls_does_not_keep_mail_unless_tls_is_demanded)
{
    for (int is_demanded = 0; is_demanded < 2; is_demanded++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
        lab.settings.smarthost = is_demanded ? "one.hop.test" : "";
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 100000);
        check_int(lab.hops[0].connections, is_demanded ? 1 : 2);
        check_int(lab.hops[0].messages, !is_demanded);
        check_int(relay_lab_queue(&lab).count, is_demanded);
        relay_lab_deinit(&lab);
    }
}

/* HELO brings no TLS. */
TEST(test_helo_is_not_enough_where_tls_is_demanded)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "502 5.5.1 what"};
    lab.settings.mx_tls = "starttls";
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100000);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[0].messages, 0);
    check(has(relay_lab_queue(&lab).last, "STARTTLS"));
    relay_lab_deinit(&lab);
}

static const struct smarthost_case {
    const char *name, *host, *user, *password;
    enum relay_tls tls;
    bool offers_starttls, is_delivered;
    const char *last;
} smarthost_cases[] = {
    {"checked and logged in", "mx.example.org", "alice", "wonderland", RELAY_TLS_STARTTLS, true,
     true, NULL},
    {"wrong password", "mx.example.org", "alice", "looking-glass", RELAY_TLS_STARTTLS, true, false,
     "535"},
    {"STARTTLS not offered", "mx.example.org", "", "", RELAY_TLS_STARTTLS, false, false,
     "does not offer STARTTLS"},
    {"wrong name in the certificate", "other.example.org", "alice", "wonderland",
     RELAY_TLS_STARTTLS, true, false, "other.example.org"},
    {"no such host", "gone.example.org", "", "", RELAY_TLS_STARTTLS, true, false,
     "gone.example.org"},
    {"no login without TLS", "mx.example.org", "alice", "wonderland", RELAY_TLS_OFF, true, false,
     "TLS"},
};

TEST(test_smarthosts)
{
    for (size_t i = 0; i < sizeof smarthost_cases / sizeof *smarthost_cases; i++) {
        const struct smarthost_case *row = &smarthost_cases[i];
        struct relay_lab lab;
        check_case = row->name;
        relay_lab_init(&lab);
        lab.settings.smarthost = row->host;
        lab.settings.smarthost_user = row->user;
        lab.settings.smarthost_password = row->password;
        lab.settings.smarthost_tls = row->tls;
        lab.server.role = row->user[0] != '\0' ? SMTP_SUBMISSION : SMTP_MX;
        lab.server.offers_starttls = row->offers_starttls;
        relay_lab_mail(&lab, alice, "bob@example.org");
        relay_lab_run(&lab, 100000);
        struct relay_lab_queue queue = relay_lab_queue(&lab);
        check_int(relay_lab_inbox(&lab, "bob@example.org", NULL), row->is_delivered);
        check_int(queue.count, !row->is_delivered);
        if (!row->is_delivered && !has(queue.last, row->last))
            CHECK_FAILED("last outcome: \"%s\"", queue.last);
        relay_lab_deinit(&lab);
    }
}

/* ---- Again, and when it is enough ----------------------------------------------------------- */

TEST(test_retry_comes_at_its_time)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "450 4.2.1 later"};
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 1000);
    struct relay_lab_queue queue = relay_lab_queue(&lab);
    int64_t wait_ms = queue.due_us / 1000 - clock_wall_us(lab.options.clock) / 1000;
    check(wait_ms >= RELAY_LAB_RETRY_MS * 3 / 4 - 1000 && wait_ms <= RELAY_LAB_RETRY_MS * 5 / 4);
    relay_lab_run(&lab, wait_ms - 100);
    check_int(lab.hops[0].connections, 1);
    lab.hops[0].rules[0].verb = NULL;
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, 2);
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

TEST(test_expiry_sends_a_report)
{
    struct relay_lab lab;
    struct buf report;
    buf_init(&report, 0);
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "450 4.2.1 later"};
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, RELAY_LAB_EXPIRE_MS - 1000);
    check_int(relay_lab_queue(&lab).count, 1);
    relay_lab_run(&lab, (int64_t)6 * RELAY_LAB_RETRY_MS);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(relay_lab_inbox(&lab, alice, &report), 1);
    check(span_find(buf_span(&report), span_of("4.4.7")) > 0);
    check(span_find(buf_span(&report), span_of("given up after too long")) > 0);
    buf_release(&report);
    relay_lab_deinit(&lab);
}

TEST(test_one_refused_recipient_of_two)
{
    struct relay_lab lab;
    struct buf report;
    buf_init(&report, 0);
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 2, "550 5.1.1 unknown"};
    relay_lab_mail(&lab, alice, "good@one.test bad@one.test");
    relay_lab_run(&lab, 10000);
    check_int(lab.hops[0].messages, 1);
    check_int(lab.hops[0].recipients, 1);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(relay_lab_inbox(&lab, alice, &report), 1);
    check(span_find(buf_span(&report), span_of("bad@one.test")) > 0);
    check(span_find(buf_span(&report), span_of("good@one.test")) < 0);
    check(span_find(buf_span(&report), span_of("Subject: lab")) > 0);
    buf_release(&report);
    relay_lab_deinit(&lab);
}

/* RFC 5321 4.5.5: a report that cannot be delivered ends here. */
TEST(test_reports_are_not_reported)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "550 5.1.1 unknown"};
    relay_lab_mail(&lab, "", "r@one.test");
    relay_lab_mail(&lab, "nobody@example.org", "r@one.test");
    relay_lab_mail(&lab, "s@one.test", "r@one.test"); /* its report is refused, too */
    relay_lab_run(&lab, 10000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(relay_lab_inbox(&lab, alice, NULL), 0);
    check_int(lab.hops[0].messages, 0);
    relay_lab_deinit(&lab);
}

TEST(test_report_to_a_remote_sender_goes_out)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 1, "550 5.1.1 unknown"};
    relay_lab_mail(&lab, "s@[203.0.113.2]", "r@one.test");
    relay_lab_run(&lab, 10000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[1].messages, 1);
    check(has(lab.hops[1].last_message, "Final-Recipient: rfc822;"));
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_helo_is_not_enough_where_tls_is_demanded",
            test_helo_is_not_enough_where_tls_is_demanded},
           {"test_next_hops_of_every_kind", test_next_hops_of_every_kind},
           {"test_message_arrives_as_it_was", test_message_arrives_as_it_was},
           {"test_refused_host_is_followed_by_the_next", test_refused_host_is_followed_by_the_next},
           {"test_unreachable_and_hanging_hosts_are_followed_by_the_next",
            test_unreachable_and_hanging_hosts_are_followed_by_the_next},
           {"test_domains_without_a_way", test_domains_without_a_way},
           {"test_address_literal_is_a_destination", test_address_literal_is_a_destination},
           {"test_mx_delivery_takes_starttls", test_mx_delivery_takes_starttls},
           {"test_plaintext_behind_the_go_ahead_ends_it",
            test_plaintext_behind_the_go_ahead_ends_it},
           {"test_broken_tls_does_not_keep_mail_unless_tls_is_demanded",
            test_broken_tls_does_not_keep_mail_unless_tls_is_demanded},
           {"test_smarthosts", test_smarthosts},
           {"test_retry_comes_at_its_time", test_retry_comes_at_its_time},
           {"test_expiry_sends_a_report", test_expiry_sends_a_report},
           {"test_one_refused_recipient_of_two", test_one_refused_recipient_of_two},
           {"test_reports_are_not_reported", test_reports_are_not_reported},
           {"test_report_to_a_remote_sender_goes_out", test_report_to_a_remote_sender_goes_out})
