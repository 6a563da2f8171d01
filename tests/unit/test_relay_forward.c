/*
 * Mail that an alias leads out of here: Delivered-To in front of it and of nobody else's copy, what
 * becomes of it when it comes back; and routes of the store, added while mail waits.
 */
#include "base/log.h"
#include "check.h"
#include "store/accept.h"
#include "store/route.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org", away[] = "away@example.org";
static const char forwarded[] = "Delivered-To: away@example.org\nSubject: lab\n\n..dot\nend\n";
enum { RUN_MS = 20000, BODY_LEN = 27 /* what relay_lab_mail() makes */ };

static bool has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

static void mail(struct relay_lab *lab, const char *to, const char *forwarder, unsigned notify)
{
    relay_lab_mail_with(lab,
                        &(struct relay_lab_wish){
                            .from = alice, .to = to, .notify = notify, .forwarder = forwarder});
}

TEST(test_a_forwarded_message_says_who_forwarded_it)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop|250 SIZE"};
    mail(&lab, "r@one.test", away, 0);
    relay_lab_run(&lab, RUN_MS);
    char size[40];
    (void)snprintf(size, sizeof size, " SIZE=%zu",
                   BODY_LEN + strlen("Delivered-To: away@example.org\r\n"));
    check_int(lab.hops[0].messages, 1);
    check_text(lab.hops[0].last_message, forwarded);
    check(has(lab.hops[0].last_envelope, size));
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* The real server takes it in one chunk, whose length must count the field; a wrong one would leave
 * the connection without an answer or with a command cut short. */
TEST(test_a_chunk_counts_the_field)
{
    struct relay_lab lab;
    struct buf text;
    buf_init(&text, 0);
    relay_lab_init(&lab);
    lab.settings.chunking = true;
    mail(&lab, "bob@example.org", away, 0);
    mail(&lab, "bob@example.org", NULL, 0);
    relay_lab_run(&lab, RUN_MS);
    check_int(relay_lab_inbox(&lab, "bob@example.org", &text), 2);
    check_int(lab.server_connections, 1);
    check(span_find(buf_span(&text), span_of("Delivered-To")) < 0);
    mail(&lab, "bob@example.org", away, 0);
    relay_lab_run(&lab, RUN_MS);
    buf_clear(&text);
    check_int(relay_lab_inbox(&lab, "bob@example.org", &text), 3);
    check(span_find(buf_span(&text), span_of("\r\nDelivered-To: away@example.org\r\nSubject: lab"
                                             "\r\n\r\n.dot\r\nend\r\n")) > 0);
    buf_release(&text);
    relay_lab_deinit(&lab);
}

/* One message, one host: who was written to directly does not learn of the alias. */
TEST(test_only_its_own_copy_says_so)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    struct store_body *body = store_body_create(lab.world.store, STORE_BODY_RAW);
    const struct store_envelope envelope = {.reverse_path = span_of(alice)};
    const struct store_recipient recipients[] = {
        {.address = span_of("a@one.test")},
        {.address = span_of("b@one.test"), .forwarder = span_of(away)},
        {.address = span_of("c@one.test"), .forwarder = span_of(away)},
        {.address = span_of("d@one.test")},
    };
    store_body_add(body, span_of("Subject: lab\r\n\r\n"));
    struct store_accept *accept =
        store_accept_create(lab.world.store, body, &envelope, recipients, 4);
    job_run_now(lab.world.jobs, &accept->job);
    check_int(accept->status, 0);
    accept->job.free(&accept->job);
    relay_lab_run(&lab, RUN_MS);
    check_int(lab.hops[0].messages, 3);
    check_int(lab.hops[0].recipients, 4);
    check(has(lab.hops[0].last_envelope, "d@one.test"));
    check(!has(lab.hops[0].last_envelope, "b@one.test"));
    check(!has(lab.hops[0].last_message, "Delivered-To"));
    relay_lab_deinit(&lab);
}

TEST(test_what_came_back_is_reported_and_goes_nowhere)
{
    static const struct {
        const char *name;
        unsigned notify;
        int64_t reports;
    } cases[] = {{"reported", STORE_CAME_BACK, 1},
                 {"not asked for", STORE_CAME_BACK | STORE_NOTIFY_NEVER, 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct buf report;
        check_case = cases[i].name;
        buf_init(&report, 0);
        relay_lab_init(&lab);
        mail(&lab, "r@one.test", away, cases[i].notify);
        relay_lab_run(&lab, RUN_MS);
        check_int(lab.hops[0].connections, 0);
        check_int(relay_lab_queue(&lab).count, 0);
        check_int(relay_lab_inbox(&lab, alice, &report), cases[i].reports);
        if (cases[i].reports > 0) {
            check(span_find(buf_span(&report), span_of("5.4.6")) > 0);
            check(span_find(buf_span(&report), span_of("away@example.org has forwarded")) > 0);
        }
        buf_release(&report);
        relay_lab_deinit(&lab);
    }
}

/* An alias leads mail of plain ASCII to an address that is none: the commands are no longer what
 * they were, and RFC 6531 3.1 lets nobody send them unasked. */
TEST(test_an_alias_to_a_utf8_address_needs_smtputf8)
{
    for (int offered = 0; offered < 2; offered++) {
        struct relay_lab lab;
        struct buf report;
        check_case = offered ? "offered" : "not offered";
        buf_init(&report, 0);
        relay_lab_init(&lab);
        if (offered)
            lab.hops[0].rules[0] = (struct hop_rule){"EHLO", 0, "250-hop|250 SMTPUTF8"};
        mail(&lab, "j\xc3\xb6rg@one.test", away, 0);
        relay_lab_run(&lab, RUN_MS);
        check_int(lab.hops[0].messages, offered);
        check_int(has(lab.hops[0].last_envelope, " SMTPUTF8"), offered);
        check_int(relay_lab_inbox(&lab, alice, &report), !offered);
        if (!offered)
            check(span_find(buf_span(&report), span_of("5.6.7")) > 0);
        buf_release(&report);
        relay_lab_deinit(&lab);
    }
}

/* Rows that our server would never have written: one line must not become two. */
TEST(test_nothing_in_a_row_ends_a_command)
{
    static const struct {
        const char *name;
        struct relay_lab_wish wish;
    } cases[] = {
        {"recipient", {.from = alice, .to = "r\r\nQUIT@far.test"}},
        {"recipient with LF", {.from = alice, .to = "r\nQUIT@far.test"}},
        {"recipient with a control", {.from = alice, .to = "r\x01@far.test"}},
        {"sender", {.from = "a\r\nRSET@example.org", .to = "r@far.test"}},
        {"forwarder", {.from = alice, .to = "r@far.test", .forwarder = "a\r\n.\r\nQUIT"}},
        {"ORCPT", {.from = alice, .to = "r@far.test", .original = "rfc822;a\r\nQUIT"}},
        {"ORCPT with a space",
         {.from = alice, .to = "r@far.test", .original = "rfc822;a NOTIFY=NEVER"}},
        {"ENVID", {.from = alice, .to = "r@far.test", .envelope_id = "a\nQUIT"}},
        {"RET", {.from = alice, .to = "r@far.test", .return_kind = "HDRS\r\nQUIT"}},
    };
    for (size_t i = 0; i < 2 * (sizeof cases / sizeof *cases); i++) {
        struct relay_lab lab;
        check_case = cases[i / 2].name;
        relay_lab_init(&lab);
        lab.settings.smarthost = "one.hop.test";
        lab.settings.smarthost_tls = RELAY_TLS_OFF;
        lab.settings.smarthost_verify = "off";
        lab.settings.smarthost_protocol = i % 2 == 0 ? RELAY_PROTOCOL_SMTP : RELAY_PROTOCOL_LMTP;
        lab.hops[0].rules[0] =
            (struct hop_rule){i % 2 == 0 ? "EHLO" : "LHLO", 0, "250-hop|250 DSN"};
        relay_lab_mail_with(&lab, &cases[i / 2].wish);
        relay_lab_run(&lab, RUN_MS);
        check_int(lab.hops[0].connections, 1);
        check_int(lab.hops[0].messages, 0);
        check_int(lab.hops[0].recipients, 0);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

/* A report goes round as any mail does, when the sender's own alias leads it out of here. */
TEST(test_a_report_to_an_alias_is_marked_too)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    world_add_alias(&lab.world, span_of(away), span_of("r@two.test"));
    relay_lab_mail(&lab, away, "x@nowhere.test");
    relay_lab_run(&lab, RUN_MS);
    check_int(lab.hops[0].messages, 1);
    check_int(strncmp(lab.hops[0].last_message, "Delivered-To: away@example.org\n", 31), 0);
    check(has(lab.hops[0].last_envelope, "MAIL FROM:<>"));
    relay_lab_deinit(&lab);
}

static void change_route(struct relay_lab *lab, enum store_route_action action, const char *words)
{
    struct store_change_route *change =
        store_change_route_create(lab->world.store, action, span_of("far.test"), span_of(words));
    job_run_now(lab->world.jobs, &change->job);
    check_int(change->status, 0);
    change->job.free(&change->job);
}

/* As a reload does: a kept connection ends, what waits goes the new way, and back again. */
TEST(test_a_route_of_the_store_moves_what_waits)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.smarthost = "one.hop.test";
    lab.settings.smarthost_tls = RELAY_TLS_OFF;
    lab.settings.smarthost_verify = "off";
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, HOP_SILENT};
    relay_lab_mail(&lab, alice, "r@far.test");
    relay_lab_run(&lab, 1000);
    check_int(relay_lab_queue(&lab).count, 1);
    change_route(&lab, STORE_ROUTE_ADD, "via=host\nhost=two.hop.test\ntls=off");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, 1);
    check_int(relay_lab_queue(&lab).count, 0);

    lab.hops[0].rules[0] = (struct hop_rule){0};
    change_route(&lab, STORE_ROUTE_DELETE, "");
    relay_lab_mail(&lab, alice, "r@far.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].messages, 1);
    check_int(lab.hops[1].messages, 1);

    change_route(&lab, STORE_ROUTE_ADD, "via=refuse\ntext=gone away");
    relay_lab_mail(&lab, alice, "r@far.test");
    relay_lab_run(&lab, 1000);
    check_int(relay_lab_inbox(&lab, alice, NULL), 1);
    relay_lab_deinit(&lab);
}

/* What a reload says of the configuration leaves the store's routes in force. */
TEST(test_a_reload_keeps_the_routes_of_the_store)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    change_route(&lab, STORE_ROUTE_ADD, "via=host\nhost=two.hop.test\ntls=off");
    relay_lab_mail(&lab, alice, "r@far.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, 1);
    struct settings_relay next = lab.settings;
    next.mx_port = 26;
    lab.options.settings = &next;
    relay_set_options(lab.relay, &lab.options);
    relay_lab_mail(&lab, alice, "r@far.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, 2);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"a_forwarded_message_says_who_forwarded_it",
            test_a_forwarded_message_says_who_forwarded_it},
           {"a_chunk_counts_the_field", test_a_chunk_counts_the_field},
           {"only_its_own_copy_says_so", test_only_its_own_copy_says_so},
           {"what_came_back_is_reported", test_what_came_back_is_reported_and_goes_nowhere},
           {"an_alias_to_a_utf8_address_needs_smtputf8",
            test_an_alias_to_a_utf8_address_needs_smtputf8},
           {"nothing_in_a_row_ends_a_command", test_nothing_in_a_row_ends_a_command},
           {"a_report_to_an_alias_is_marked_too", test_a_report_to_an_alias_is_marked_too},
           {"a_route_of_the_store_moves_what_waits", test_a_route_of_the_store_moves_what_waits},
           {"a_reload_keeps_the_routes_of_the_store", test_a_reload_keeps_the_routes_of_the_store})
