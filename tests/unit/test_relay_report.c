/*
 * Reports of the relay in the simulator: who is told what (RFC 3461 5.2), once and never lost,
 * whatever happens between the outcome and the report.
 */
#include <stdio.h>

#include "check.h"
#include "store/accept.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";
static const char dsn_offer[] = "250-hop.test|250 DSN";

enum { FIRST_MS = 10000 };

static size_t count(struct span text, const char *part)
{
    size_t found = 0;
    ptrdiff_t at;
    for (; (at = span_find(text, span_of(part))) >= 0; found++)
        text = span_from(text, (size_t)at + 1);
    return found;
}

/* How many reports alice has; the last one replaces *text. */
static int64_t reports(struct relay_lab *lab, struct buf *text)
{
    buf_clear(text);
    return relay_lab_inbox(lab, alice, text);
}

/* ---- One message, one next hop -------------------------------------------------------------- */

static const struct {
    const char *name;
    unsigned notify;
    bool offers_dsn;
    const char *rcpt;   /* the hop's answer to RCPT; NULL: it takes it */
    const char *action; /* of the one report; NULL: there is none */
} hop_cases[] = {
    {"taken, nothing said", STORE_NOTIFY_DEFAULT, false, NULL, NULL},
    {"taken, SUCCESS", STORE_NOTIFY_SUCCESS, false, NULL, "relayed"},
    {"taken, SUCCESS, the hop notifies", STORE_NOTIFY_SUCCESS, true, NULL, NULL},
    {"taken, FAILURE", STORE_NOTIFY_FAILURE, false, NULL, NULL},
    {"taken, NEVER", STORE_NOTIFY_NEVER, false, NULL, NULL},
    {"refused, nothing said", STORE_NOTIFY_DEFAULT, false, "550 5.1.1 who", "failed"},
    {"refused, SUCCESS", STORE_NOTIFY_SUCCESS, false, "550 5.1.1 who", NULL},
    {"refused, FAILURE", STORE_NOTIFY_FAILURE, false, "550 5.1.1 who", "failed"},
    {"refused, FAILURE, the hop notifies", STORE_NOTIFY_FAILURE, true, "550 5.1.1 who", "failed"},
    {"refused, NEVER", STORE_NOTIFY_NEVER, false, "550 5.1.1 who", NULL},
    {"refused, SUCCESS and DELAY", STORE_NOTIFY_SUCCESS | STORE_NOTIFY_DELAY, true, "550 who",
     NULL},
};

TEST(test_notify_decides_who_hears)
{
    for (size_t i = 0; i < sizeof hop_cases / sizeof *hop_cases; i++) {
        struct relay_lab lab;
        struct buf text;
        char action[40];
        check_case = hop_cases[i].name;
        buf_init(&text, 0);
        relay_lab_init(&lab);
        if (hop_cases[i].offers_dsn)
            lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, dsn_offer};
        if (hop_cases[i].rcpt != NULL)
            lab.hops[0].rules[hop_cases[i].offers_dsn] =
                (struct hop_rule){"RCPT", 0, hop_cases[i].rcpt};
        relay_lab_mail_with(&lab, &(struct relay_lab_wish){.from = alice,
                                                           .to = "r@one.test",
                                                           .notify = hop_cases[i].notify,
                                                           .envelope_id = "QQ+2B1",
                                                           .original = "rfc822;old@one.test"});
        relay_lab_run(&lab, FIRST_MS);
        check_int(reports(&lab, &text), hop_cases[i].action != NULL);
        check_int(relay_lab_queue(&lab).count, 0);
        if (hop_cases[i].action != NULL) {
            (void)snprintf(action, sizeof action, "\r\nAction: %s\r\n", hop_cases[i].action);
            check_int(count(buf_span(&text), action), 1);
            check_int(count(buf_span(&text), "Original-Envelope-Id: QQ+1\r\n"), 1);
            check_int(count(buf_span(&text), "Original-Recipient: rfc822;old@one.test\r\n"), 1);
            check_int(count(buf_span(&text), "Remote-MTA: dns; one.hop.test\r\n"), 1);
            check_int(count(buf_span(&text), "Diagnostic-Code: smtp;"), 1);
        }
        buf_release(&text);
        relay_lab_deinit(&lab);
    }
}

/* RFC 3461 5.2.1: as they came; nothing of ours. */
TEST(test_wishes_go_on_to_a_hop_that_offers_dsn)
{
    for (int offers = 0; offers < 2; offers++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        if (offers)
            lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, dsn_offer};
        relay_lab_mail_with(&lab, &(struct relay_lab_wish){.from = "s@two.test",
                                                           .to = "r@one.test",
                                                           .notify = STORE_NOTIFY_FAILURE |
                                                                     STORE_NOTIFY_DELAY |
                                                                     STORE_NOTIFY_DELAY_TOLD,
                                                           .envelope_id = "QQ+2B1",
                                                           .return_kind = "FULL",
                                                           .original = "rfc822;old@one.test"});
        relay_lab_run(&lab, FIRST_MS);
        check_text(lab.hops[0].last_envelope,
                   offers ? "MAIL FROM:<s@two.test> RET=FULL ENVID=QQ+2B1\n"
                            "RCPT TO:<r@one.test> NOTIFY=FAILURE,DELAY ORCPT=rfc822;old@one.test\n"
                          : "MAIL FROM:<s@two.test>\nRCPT TO:<r@one.test>\n");
        relay_lab_deinit(&lab);
    }
}

/* RFC 3461 6.1: neither RET nor a wish but NEVER, from nobody. */
TEST(test_report_goes_out_from_nobody)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "550 5.1.1 unknown"};
    lab.hops[1].rules[0] = (struct hop_rule){"EHLO", 0, dsn_offer};
    relay_lab_mail_with(&lab, &(struct relay_lab_wish){.from = "s@[203.0.113.2]",
                                                       .to = "r@one.test",
                                                       .envelope_id = "mine",
                                                       .return_kind = "FULL"});
    relay_lab_run(&lab, FIRST_MS);
    check_text(lab.hops[1].last_envelope, "MAIL FROM:<>\nRCPT TO:<s@[203.0.113.2]> NOTIFY=NEVER\n");
    check_int(lab.hops[1].messages, 1);
    relay_lab_deinit(&lab);
}

/* RFC 6531, 6533: to an address beyond ASCII it goes with SMTPUTF8, or nowhere. */
TEST(test_report_to_an_international_sender)
{
    for (int offers = 0; offers < 2; offers++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "550 5.1.1 unknown"};
        if (offers)
            lab.hops[1].rules[0] =
                (struct hop_rule){"EHLO", 0, "250-hop.test|250-8BITMIME|250 SMTPUTF8"};
        relay_lab_mail(&lab, "\xc3\xb6@[203.0.113.2]", "\xc3\xa4@one.test");
        relay_lab_run(&lab, FIRST_MS);
        check_int(lab.hops[1].messages, offers);
        check_int(relay_lab_queue(&lab).count, 0);
        if (offers) {
            check_text(lab.hops[1].last_envelope, "MAIL FROM:<> BODY=8BITMIME SMTPUTF8\n"
                                                  "RCPT TO:<\xc3\xb6@[203.0.113.2]>\n");
            struct span text = span_of(lab.hops[1].last_message);
            check_int(count(text, "Content-Type: message/global-delivery-status\n"), 1);
            check_int(count(text, "Final-Recipient: utf-8; \xc3\xa4@one.test\n"), 1);
        }
        relay_lab_deinit(&lab);
    }
}

/* The report itself is refused, or asked to be reported: silence. */
TEST(test_reports_cause_no_reports)
{
    struct relay_lab lab;
    struct buf text;
    buf_init(&text, 0);
    relay_lab_init(&lab);
    lab.settings.delay_report_ms = 1000;
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "550 5.1.1 unknown"};
    relay_lab_mail_with(
        &lab, &(struct relay_lab_wish){.from = "",
                                       .to = "r@one.test",
                                       .notify = STORE_NOTIFY_FAILURE | STORE_NOTIFY_SUCCESS});
    relay_lab_mail_with(&lab, &(struct relay_lab_wish){.from = "r@one.test", .to = "r@one.test"});
    relay_lab_mail_with(
        &lab, &(struct relay_lab_wish){
                  .from = "", .to = alice, .notify = STORE_NOTIFY_SUCCESS, .is_local = true});
    relay_lab_run(&lab, FIRST_MS);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(reports(&lab, &text), 1); /* the local mail itself */
    check_int(count(buf_span(&text), "multipart/report"), 0);
    check_int(lab.hops[0].connections, 1); /* two mails and the report about one of them */
    buf_release(&text);
    relay_lab_deinit(&lab);
}

/* ---- Several recipients --------------------------------------------------------------------- */

TEST(test_recipients_that_fail_together_share_a_report)
{
    static const struct {
        const char *to, *rcpt_rule;
        unsigned nth, failed;
    } cases[] = {
        {"a@one.test b@one.test c@one.test", "550 5.1.1 who", 0, 3},
        {"a@one.test b@one.test c@one.test", "550 5.1.1 who", 2, 1},
        {"a@nowhere.test b@nowhere.test", NULL, 0, 2},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct buf text;
        check_case = cases[i].to;
        buf_init(&text, 0);
        relay_lab_init(&lab);
        if (cases[i].rcpt_rule != NULL)
            lab.hops[0].rules[0] = (struct hop_rule){"RCPT", cases[i].nth, cases[i].rcpt_rule};
        relay_lab_mail(&lab, alice, cases[i].to);
        relay_lab_run(&lab, FIRST_MS);
        check_int(reports(&lab, &text), 1);
        check_int(count(buf_span(&text), "\r\nAction: failed\r\n"), cases[i].failed);
        check_int(count(buf_span(&text), "Final-Recipient: rfc822; "), cases[i].failed);
        check_int(relay_lab_queue(&lab).count, 0);
        buf_release(&text);
        relay_lab_deinit(&lab);
    }
}

/* A hundred share a transaction and a report; the next hundred are the next. */
TEST(test_a_report_has_a_bound)
{
    struct relay_lab lab;
    struct buf to, text;
    buf_init(&to, 0);
    buf_init(&text, 0);
    relay_lab_init(&lab);
    for (int i = 0; i < 150; i++)
        buf_printf(&to, "%sr%d@nowhere.test", i == 0 ? "" : " ", i);
    buf_put_byte(&to, '\0');
    relay_lab_mail(&lab, alice, buf_span(&to).ptr);
    relay_lab_run(&lab, FIRST_MS);
    check_int(reports(&lab, &text), 2);
    check_int(count(buf_span(&text), "\r\nAction: failed\r\n"), 50);
    buf_release(&to);
    buf_release(&text);
    relay_lab_deinit(&lab);
}

/* ---- What of the original is returned ------------------------------------------------------- */

TEST(test_ret_and_its_bound)
{
    static const struct {
        const char *name, *return_kind;
        unsigned notify;
        uint64_t max;
        const char *rcpt;
        bool is_whole;
    } cases[] = {
        {"no RET", NULL, 0, 4096, "550 no", false},
        {"HDRS", "HDRS", 0, 4096, "550 no", false},
        {"FULL", "FULL", 0, 4096, "550 no", true},
        {"FULL, as large as may be", "FULL", 0, 27, "550 no", true},
        {"FULL, a byte too large", "FULL", 0, 26, "550 no", false},
        {"FULL, but a success", "FULL", STORE_NOTIFY_SUCCESS, 4096, NULL, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct buf text;
        check_case = cases[i].name;
        buf_init(&text, 0);
        relay_lab_init(&lab);
        lab.settings.report_original_max = cases[i].max;
        if (cases[i].rcpt != NULL)
            lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, cases[i].rcpt};
        relay_lab_mail_with(&lab, &(struct relay_lab_wish){.from = alice,
                                                           .to = "r@one.test",
                                                           .notify = cases[i].notify,
                                                           .return_kind = cases[i].return_kind});
        relay_lab_run(&lab, FIRST_MS);
        check_int(reports(&lab, &text), 1);
        check_int(count(buf_span(&text), "Subject: lab\r\n"), 1);
        check_int(count(buf_span(&text), "\r\n.dot\r\nend\r\n"), cases[i].is_whole);
        check_int(count(buf_span(&text), "message/rfc822"), cases[i].is_whole);
        buf_release(&text);
        relay_lab_deinit(&lab);
    }
}

/* ---- Delay ---------------------------------------------------------------------------------- */

TEST(test_delay_is_told_once)
{
    static const struct {
        const char *name;
        unsigned notify;
        int64_t delay_ms;
        bool is_told;
    } cases[] = {
        {"nothing said", STORE_NOTIFY_DEFAULT, 400000, true},
        {"DELAY", STORE_NOTIFY_DELAY, 400000, true},
        {"FAILURE", STORE_NOTIFY_FAILURE, 400000, false},
        {"NEVER", STORE_NOTIFY_NEVER, 400000, false},
        {"switched off", STORE_NOTIFY_DELAY, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct buf text;
        check_case = cases[i].name;
        buf_init(&text, 0);
        relay_lab_init(&lab);
        lab.settings.delay_report_ms = cases[i].delay_ms;
        lab.settings.retry_max_ms = RELAY_LAB_RETRY_MS;
        lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "450 4.2.1 later"};
        relay_lab_mail_with(
            &lab,
            &(struct relay_lab_wish){.from = alice, .to = "r@one.test", .notify = cases[i].notify});
        relay_lab_run(&lab, 399000);
        check_int(reports(&lab, &text), 0);
        relay_lab_run(&lab, 800000);
        check_int(reports(&lab, &text), cases[i].is_told);
        if (cases[i].is_told) {
            check_int(count(buf_span(&text), "\r\nAction: delayed\r\nStatus: 4.2.1\r\n"), 1);
            check_int(count(buf_span(&text), "Will-Retry-Until: "), 1);
        }
        relay_free(&lab.relay); /* the next one knows from the row */
        relay_lab_run(&lab, 900000);
        check_int(reports(&lab, &text), cases[i].is_told);
        check_int(relay_lab_queue(&lab).count, 1);
        buf_release(&text);
        relay_lab_deinit(&lab);
    }
}

/* Many that wait for a destination that nobody answers at: most are moved without a try of their
 * own, and still each sender hears, once. */
TEST(test_delay_is_told_of_a_long_line)
{
    enum { MAILS = 700 };
    struct relay_lab lab;
    struct endpoint first;
    struct buf text;
    buf_init(&text, 0);
    relay_lab_init(&lab);
    lab.settings.delay_report_ms = 400000;
    lab.settings.retry_max_ms = RELAY_LAB_RETRY_MS;
    check_int(endpoint_parse(span_of("203.0.113.1"), 25, &first), 0);
    sim_unlisten(lab.world.sim, &first);
    for (int i = 0; i < MAILS; i++)
        relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 390000);
    check_int(reports(&lab, &text), 0);
    relay_lab_run(&lab, 800000);
    check_int(reports(&lab, &text), MAILS);
    relay_lab_run(&lab, 800000);
    check_int(reports(&lab, &text), MAILS);
    check_int(relay_lab_queue(&lab).count, MAILS);
    buf_release(&text);
    relay_lab_deinit(&lab);
}

/* ---- Success, whatever happens between ------------------------------------------------------ */

/* What happens to the relay while it has mail to report. */
enum mishap {
    MISHAP_NONE,
    MISHAP_STORE_FULL,      /* for three writes */
    MISHAP_END_WHILE_FULL,  /* ended while the store refuses; a new one starts */
    MISHAP_END_BEFORE_WORK, /* ended in the round in which it began */
    MISHAP_COUNT
};

static void run_with(struct relay_lab *lab, enum mishap mishap)
{
    if (mishap == MISHAP_STORE_FULL)
        lab->fail_writes = 3;
    if (mishap == MISHAP_END_WHILE_FULL)
        lab->fail_writes = 1;
    if (mishap == MISHAP_END_BEFORE_WORK)
        lab->relay = relay_create(&lab->options);
    else
        relay_lab_run(lab, 5000);
    if (mishap == MISHAP_END_WHILE_FULL || mishap == MISHAP_END_BEFORE_WORK)
        relay_free(&lab->relay);
    relay_lab_run(lab, 300000);
    relay_free(&lab->relay); /* and nothing is left for another one */
    relay_lab_run(lab, 300000);
}

TEST(test_success_is_told_once)
{
    for (int is_local = 0; is_local < 2; is_local++) {
        for (int mishap = 0; mishap < MISHAP_COUNT; mishap++) {
            struct relay_lab lab;
            struct buf text;
            buf_init(&text, 0);
            relay_lab_init(&lab);
            relay_lab_mail_with(&lab,
                                &(struct relay_lab_wish){.from = alice,
                                                         .to = is_local ? "bob@example.org"
                                                                        : "a@one.test b@one.test",
                                                         .notify = STORE_NOTIFY_SUCCESS,
                                                         .is_local = is_local});
            run_with(&lab, (enum mishap)mishap);
            int64_t told = reports(&lab, &text);
            if (told != 1)
                CHECK_FAILED("local %d, mishap %d: %d reports", is_local, mishap, (int)told);
            check_int(count(buf_span(&text),
                            is_local ? "\r\nAction: delivered\r\n" : "\r\nAction: relayed\r\n"),
                      is_local ? 1 : 2);
            check_int(relay_lab_queue(&lab).count, 0);
            check_int(lab.hops[0].messages, !is_local);
            check_int(relay_lab_inbox(&lab, "bob@example.org", NULL), is_local);
            buf_release(&text);
            relay_lab_deinit(&lab);
        }
    }
}

/* LMTP's 250 is a mailbox's (RFC 2033): no further hop could tell. */
TEST(test_lmtp_delivers)
{
    struct relay_lab lab;
    struct buf text;
    buf_init(&text, 0);
    relay_lab_init(&lab);
    lab.settings.smarthost = "one.hop.test";
    lab.settings.smarthost_protocol = RELAY_PROTOCOL_LMTP;
    lab.settings.smarthost_tls = RELAY_TLS_OFF;
    lab.settings.smarthost_verify = "off";
    lab.hops[0].rules[0] = (struct hop_rule){".", 2, "552 5.2.2 full"};
    relay_lab_mail_with(
        &lab, &(struct relay_lab_wish){.from = alice,
                                       .to = "a@far.test b@far.test",
                                       .notify = STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE});
    relay_lab_run(&lab, FIRST_MS);
    check_int(reports(&lab, &text), 1);
    check_int(count(buf_span(&text), "\r\nAction: delivered\r\n"), 1);
    check_int(count(buf_span(&text), "\r\nAction: failed\r\n"), 1);
    check_int(count(buf_span(&text), "Subject: Undelivered mail"), 1);
    buf_release(&text);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_notify_decides_who_hears", test_notify_decides_who_hears},
           {"test_wishes_go_on_to_a_hop_that_offers_dsn",
            test_wishes_go_on_to_a_hop_that_offers_dsn},
           {"test_report_goes_out_from_nobody", test_report_goes_out_from_nobody},
           {"test_report_to_an_international_sender", test_report_to_an_international_sender},
           {"test_reports_cause_no_reports", test_reports_cause_no_reports},
           {"test_recipients_that_fail_together_share_a_report",
            test_recipients_that_fail_together_share_a_report},
           {"test_a_report_has_a_bound", test_a_report_has_a_bound},
           {"test_ret_and_its_bound", test_ret_and_its_bound},
           {"test_delay_is_told_once", test_delay_is_told_once},
           {"test_delay_is_told_of_a_long_line", test_delay_is_told_of_a_long_line},
           {"test_success_is_told_once", test_success_is_told_once},
           {"test_lmtp_delivers", test_lmtp_delivers})
