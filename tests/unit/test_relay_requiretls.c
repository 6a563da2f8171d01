/* RFC 8689 over the relay: mail that requires TLS goes over verified TLS to servers that keep to
 * it, or comes back; mail that waives it is not kept by what the keys demand. */
#include "base/log.h"
#include "check.h"
#include "store/accept.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

enum fate { DELIVERED, REPORTED, DEFERRED };

static const struct tls_case {
    const char *name, *to;
    unsigned mail_flags;
    bool is_signed;
    const char *mx_verify, *smarthost, *smarthost_verify;
    struct hop_rule rules[2]; /* of hop 0 */
    enum fate fate;
    const char *told; /* in the report, or the queue's last outcome */
} cases[] = {
    {"good",
     "bob@example.org",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{0}},
     DELIVERED,
     ""},
    {"MX not signed",
     "bob@example.org",
     STORE_MAIL_REQUIRETLS,
     false,
     "off",
     "",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"no TLS there",
     "r@one.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"no TLS there, but not required",
     "r@one.test",
     0,
     true,
     "off",
     "",
     "off",
     {{0}},
     DELIVERED,
     ""},
    {"no TLS anywhere",
     "r@two.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"one host is only away",
     "r@two.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{"CONNECT", 0, "421 4.3.2 later"}},
     DEFERRED,
     "STARTTLS"},
    {"STARTTLS refused for now",
     "r@one.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "454 4.3.0 later"}},
     DEFERRED,
     "454"},
    {"STARTTLS refused for good",
     "r@one.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "502 5.5.1 no"}},
     REPORTED,
     "5.7.10"},
    {"no TLS behind the go-ahead",
     "r@one.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "220 go"}},
     REPORTED,
     "5.7.10"},
    {"wrong certificate",
     "r@wrong.test",
     STORE_MAIL_REQUIRETLS,
     true,
     "off",
     "",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"smarthost",
     "bob@example.org",
     STORE_MAIL_REQUIRETLS,
     false,
     "off",
     "mx.example.org",
     "off",
     {{0}},
     DELIVERED,
     ""},
    {"smarthost, wrong certificate",
     "bob@example.org",
     STORE_MAIL_REQUIRETLS,
     false,
     "off",
     "other.example.org",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"waived, no TLS there",
     "r@one.test",
     STORE_MAIL_TLS_OPTIONAL,
     false,
     "required",
     "",
     "off",
     {{0}},
     DELIVERED,
     ""},
    {"not waived, no TLS there",
     "r@one.test",
     0,
     false,
     "required",
     "",
     "off",
     {{0}},
     DEFERRED,
     "STARTTLS"},
    {"waived, no TLS behind the go-ahead",
     "r@one.test",
     STORE_MAIL_TLS_OPTIONAL,
     false,
     "required",
     "",
     "off",
     {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "220 go"}},
     DELIVERED,
     ""},
    {"both: required wins",
     "r@one.test",
     STORE_MAIL_REQUIRETLS | STORE_MAIL_TLS_OPTIONAL,
     true,
     "off",
     "",
     "off",
     {{0}},
     REPORTED,
     "5.7.10"},
    {"a smarthost's keys are not waived",
     "bob@example.org",
     STORE_MAIL_TLS_OPTIONAL,
     false,
     "off",
     "other.example.org",
     "required",
     {{0}},
     DEFERRED,
     "another name"},
};

static void check_fate(struct relay_lab *lab, const struct tls_case *row)
{
    struct relay_lab_queue queue = relay_lab_queue(lab);
    struct buf report;

    buf_init(&report, 0);
    int64_t taken = lab->hops[0].messages + lab->hops[1].messages +
                    relay_lab_inbox(lab, "bob@example.org", NULL);
    check_int(taken, row->fate == DELIVERED);
    check_int(relay_lab_inbox(lab, alice, &report), row->fate == REPORTED);
    check_int(queue.count, row->fate == DEFERRED);
    if (row->fate == REPORTED)
        check(span_find(buf_span(&report), span_of(row->told)) > 0);
    if (row->fate == DEFERRED && strstr(queue.last, row->told) == NULL)
        CHECK_FAILED("last outcome: \"%s\"", queue.last);
    buf_release(&report);
}

static void run_case(const struct tls_case *row)
{
    struct relay_lab lab;

    relay_lab_init(&lab);
    lab.settings.mx_verify = row->mx_verify;
    lab.settings.smarthost = row->smarthost;
    lab.settings.smarthost_verify = row->smarthost_verify;
    lab.settings.smarthost_tls = RELAY_TLS_MAY;
    lab.dns.is_signed = row->is_signed;
    lab.mail_flags = row->mail_flags;
    memcpy(lab.hops[0].rules, row->rules, sizeof row->rules);
    relay_lab_mail(&lab, alice, row->to);
    relay_lab_run(&lab, 100000);
    check_fate(&lab, row);
    relay_lab_deinit(&lab);
}

TEST(test_what_a_message_asks_for)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        run_case(&cases[i]);
    }
}

/* RFC 8689 5: the report needs what the message needed, and a report about it there is none. */
TEST(test_a_report_is_as_private_as_its_message)
{
    struct relay_lab lab;

    relay_lab_init(&lab);
    lab.dns.is_signed = true;
    lab.mail_flags = STORE_MAIL_REQUIRETLS;
    relay_lab_mail(&lab, "s@one.test", "r@two.test");
    relay_lab_run(&lab, 100000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[0].messages, 0);
    check(lab.hops[0].connections >= 2); /* the message, and its report */
    relay_lab_deinit(&lab);
}

/* Nor does the key that keeps mail from plaintext hold what waives TLS. */
TEST(test_the_way_back_to_plaintext_is_the_senders_too)
{
    for (unsigned flags = 0; flags <= STORE_MAIL_TLS_OPTIONAL; flags += STORE_MAIL_TLS_OPTIONAL) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.settings.plaintext_fallback = false;
        lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop.test|250 STARTTLS"};
        lab.hops[0].rules[1] = (struct hop_rule){"STARTTLS", 0, "220 go"};
        lab.mail_flags = flags;
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 100000);
        check_int(lab.hops[0].messages, flags != 0);
        check_int(relay_lab_queue(&lab).count, flags == 0);
        relay_lab_deinit(&lab);
    }
}

/* One domain, two policies at a time. */
TEST(test_other_mail_goes_its_own_way)
{
    struct relay_lab lab;

    relay_lab_init(&lab);
    lab.dns.is_signed = true;
    lab.mail_flags = STORE_MAIL_REQUIRETLS;
    relay_lab_mail(&lab, alice, "r@one.test");
    lab.mail_flags = 0;
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_inbox(&lab, alice, NULL), 1);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_what_a_message_asks_for", test_what_a_message_asks_for},
           {"test_a_report_is_as_private_as_its_message",
            test_a_report_is_as_private_as_its_message},
           {"test_the_way_back_to_plaintext_is_the_senders_too",
            test_the_way_back_to_plaintext_is_the_senders_too},
           {"test_other_mail_goes_its_own_way", test_other_mail_goes_its_own_way})
