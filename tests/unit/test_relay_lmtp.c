/*
 * The relay as an LMTP client, in the simulator: a message for three, whose replies behind the
 * final dot differ. Whoever has it never gets it again; the others are tried again or reported.
 */
#include "check.h"
#include "store/accept.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";
enum { RECIPIENTS = 3, FIRST_MS = 100000, ALL_MS = 700000 };

static const struct lmtp_case {
    const char *name;
    const char *smarthost;
    struct hop_rule rules[HOP_RULES_MAX];
    /* After the first attempt. */
    unsigned kept, waiting;
    int64_t reports;
    /* After the next one, without the rules. */
    unsigned kept_at_last;
} cases[] = {
    {"all are kept", "one.hop.test", {{0}}, 3, 0, 0, 3},
    {"through a unix socket", "/run/hop.sock", {{0}}, 3, 0, 0, 3},
    {"the second is full for now", "one.hop.test", {{".", 2, "452 4.2.2 full"}}, 2, 1, 0, 3},
    {"the first is refused", "one.hop.test", {{".", 1, "550 5.2.0 no"}}, 2, 0, 1, 2},
    {"each its own",
     "/run/hop.sock",
     {{".", 1, "550 5.2.0 no"}, {".", 2, "452 4.2.2 full"}},
     1,
     1,
     1,
     2},
    {"refused at RCPT: no reply behind the dot",
     "one.hop.test",
     {{"RCPT", 1, "550 5.1.1 who"}, {".", 2, "452 4.2.2 full"}},
     1,
     1,
     1,
     2},
    {"cut behind the first reply", "one.hop.test", {{".", 2, HOP_CLOSE}}, 1, 2, 0, 3},
    {"silent behind the second reply", "one.hop.test", {{".", 3, HOP_SILENT}}, 2, 1, 0, 3},
    {"421 as the second reply", "one.hop.test", {{".", 2, "421 4.3.0 away"}}, 1, 2, 0, 3},
    {"no LMTP there", "one.hop.test", {{"LHLO", 0, "500 5.5.1 what"}}, 0, 3, 0, 3},
};

static void start(struct relay_lab *lab, const struct lmtp_case *row)
{
    struct endpoint path;
    relay_lab_init(lab);
    check_int(endpoint_parse(span_of("/run/hop.sock"), 0, &path), 0);
    hop_listen(&lab->hops[0], lab->world.sim, &lab->world.env, &path);
    memcpy(lab->hops[0].rules, row->rules, sizeof lab->hops[0].rules);
    lab->settings.smarthost = row->smarthost;
    lab->settings.smarthost_protocol = RELAY_PROTOCOL_LMTP;
    if (row->smarthost[0] != '/') {
        lab->settings.smarthost_tls = RELAY_TLS_OFF;
        lab->settings.smarthost_verify = "off";
    }
    relay_lab_mail(lab, alice, "a@far.test b@far.test c@far.test");
}

TEST(test_each_recipient_is_settled_by_its_own_reply)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct lmtp_case *row = &cases[i];
        struct relay_lab lab;
        check_case = row->name;
        start(&lab, row);
        relay_lab_run(&lab, FIRST_MS);
        check_int(lab.hops[0].messages, row->kept);
        check_int(relay_lab_queue(&lab).count, row->waiting);
        check_int(relay_lab_inbox(&lab, alice, NULL), row->reports);

        memset(lab.hops[0].rules, 0, sizeof lab.hops[0].rules);
        relay_lab_run(&lab, ALL_MS);
        check_int(lab.hops[0].messages, row->kept_at_last);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

/* The way changes at a reload: what waits goes the new one. */
TEST(test_a_reload_to_lmtp_reroutes)
{
    static const struct lmtp_case row = {.smarthost = "/run/hop.sock",
                                         .rules = {{"EHLO", 0, "450 4.3.0 later"}}};
    struct relay_lab lab;
    start(&lab, &row);
    lab.settings.smarthost_protocol = RELAY_PROTOCOL_SMTP;
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].messages, 0);
    check_int(relay_lab_queue(&lab).count, RECIPIENTS);

    struct settings_relay after = lab.settings;
    after.smarthost_protocol = RELAY_PROTOCOL_LMTP;
    lab.options.settings = &after;
    relay_set_options(lab.relay, &lab.options);
    relay_lab_run(&lab, ALL_MS);
    check_int(lab.hops[0].messages, RECIPIENTS);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* What requires TLS (RFC 8689) needs none where nothing leaves the machine, and only there. */
TEST(test_a_unix_socket_needs_no_tls)
{
    for (size_t i = 0; i < 2; i++) { /* the first two: by TCP and by socket, all are kept */
        struct relay_lab lab;
        bool is_socket = cases[i].smarthost[0] == '/';
        start(&lab, &cases[i]);
        lab.mail_flags = STORE_MAIL_REQUIRETLS;
        relay_lab_mail(&lab, alice, "private@far.test");
        relay_lab_run(&lab, 30000);
        check_int(lab.hops[0].messages, RECIPIENTS + is_socket);
        check_int(relay_lab_inbox(&lab, alice, NULL), !is_socket);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

CHECK_MAIN({"test_a_unix_socket_needs_no_tls", test_a_unix_socket_needs_no_tls},
           {"test_each_recipient_is_settled_by_its_own_reply",
            test_each_recipient_is_settled_by_its_own_reply},
           {"test_a_reload_to_lmtp_reroutes", test_a_reload_to_lmtp_reroutes})
