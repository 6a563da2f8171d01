/*
 * Handshakes under way: how many there may be, how long one may take, and clients that speak before
 * they were greeted. Real TLS over the simulator. What the upgrade refuses and lets through is
 * test_net_upgrade.c's.
 */
#include "check.h"
#include "net/conn_internal.h"
#include "net/quota.h"
#include "tests/fake/net_rig_client.h"

static struct rig rig;
static struct rig_client client;
static struct quota *places;

/* One place in all; `taken` says whether somebody else has it. */
static void begin(enum conn_security security, bool taken)
{
    struct quota_holder other = {0};
    rig_init_tls(&rig, 1);
    const struct quota_limits limits = {.total_max = 1, .per_address_max = 1};
    places = quota_create(&limits);
    rig.env.handshakes = places;
    rig.role.security = security;
    check_int(endpoint_parse(span_of("198.51.100.9"), 9, &other.peer), 0);
    if (taken)
        check_int(quota_take(places, &other, 0), QUOTA_FITS);
}

/* A place that was not given back, or given back twice, shows here. */
static bool is_place_free(void)
{
    struct quota_holder other = {0};
    check_int(endpoint_parse(span_of("198.51.100.9"), 9, &other.peer), 0);
    if (quota_take(places, &other, 0) != QUOTA_FITS)
        return false;
    quota_give_back(places, &other);
    return true;
}

static void end(void)
{
    rig_deinit_tls(&rig);
    quota_free(&places);
}

/* --- ceilings --- */

TEST(test_starttls_over_the_ceiling_is_told_so_and_closed)
{
    begin(CONN_PLAIN, true);
    rig_connect(&rig);
    rig_send(&rig, "starttls\r\n");
    rig_heard(&rig, "hello\r\ncrowded\r\n");
    rig_said(&rig, "<starttls|>");
    check(rig.has_peer_end);
    check_int(rig.env.handshakes_crowded, 1);
    check_int(rig.env.upgrades_refused, 0);
    end();
}

TEST(test_implicit_tls_over_the_ceiling_is_closed_without_a_word)
{
    begin(CONN_IMPLICIT, true);
    rig_connect(&rig);
    sim_run(rig.sim);
    rig_heard(&rig, "");
    check(rig.has_peer_end);
    check_int(rig.env.conn_count, 0);
    check_int(rig.env.handshakes_crowded, 1);
    check_int(rig.opened, 0);
    end();
}

TEST(test_plaintext_behind_starttls_is_told_first)
{
    begin(CONN_PLAIN, true);
    rig_connect(&rig);
    rig_send(&rig, "starttls\r\necho evil\r\n");
    rig_heard(&rig, "hello\r\nrefused\r\n");
    check_int(rig.env.handshakes_crowded, 0);
    end();
}

TEST(test_crowding_is_logged_once_a_second)
{
    begin(CONN_IMPLICIT, true);
    for (unsigned i = 0; i < 50; i++) {
        rig_connect(&rig);
        sim_run(rig.sim);
        rig_hang_up(&rig);
    }
    check_int(rig.env.handshakes_crowded, 50);
    check_int(rig.env.crowded_unlogged, 49);
    sim_advance_ms(rig.sim, 1000);
    rig_connect(&rig);
    check_int(rig.env.crowded_unlogged, 0);
    end();
}

TEST(test_a_place_is_held_from_the_offer_to_the_end_of_the_handshake)
{
    for (int security = CONN_PLAIN; security <= CONN_IMPLICIT; security++) {
        begin((enum conn_security)security, false);
        rig_connect(&rig);
        check(is_place_free() == (security == CONN_PLAIN));
        if (security == CONN_PLAIN)
            rig_send(&rig, "starttls\r\n");
        check(!is_place_free());
        rig_send(&rig, "\x16\x03\x01\x02");
        check(!is_place_free());
        rig_hang_up(&rig);
        check(is_place_free());
        end();
    }
}

TEST(test_a_place_comes_back_when_the_handshake_is_done_or_fails)
{
    for (int security = CONN_PLAIN; security <= CONN_IMPLICIT; security++) {
        for (int is_good = 0; is_good < 2; is_good++) {
            begin((enum conn_security)security, false);
            rig_client_init(&client, &rig, "echo 1\r\n");
            if (!is_good)
                client.policy.server_name = "other.example.net";
            rig_client_dial(&client);
            check_int(client.secure_count, is_good);
            check(is_place_free());
            sim_advance_ms(rig.sim, 60000);
            check(is_place_free());
            rig_client_deinit(&client);
            end();
        }
    }
}

TEST(test_a_place_comes_back_wherever_the_connection_dies)
{
    static const enum sim_spoil ways[] = {SIM_FIN, SIM_RESET, SIM_SILENCE};
    for (unsigned i = 0; i < 180; i++) {
        begin(i % 2 ? CONN_IMPLICIT : CONN_PLAIN, false);
        sim_set_policy(rig.sim, (struct sim_policy){SIM_CUTS, 2000});
        rig_client_init(&client, &rig, "echo 1\r\nquit\r\n");
        client.dial.security = rig.role.security;
        client.conn = dial_start(&rig.env, &client.dial);
        sim_spoil_after(client.conn->transport, (size_t)i * 11, ways[i % 3]);
        if (i % 5 == 0)
            conn_env_drain(&rig.env);
        sim_advance_ms(rig.sim, 400000);
        check_int(rig.env.conn_count, 0);
        check(is_place_free());
        rig_client_deinit(&client);
        end();
    }
}

TEST(test_a_go_ahead_that_nobody_reads_gives_its_place_back)
{
    begin(CONN_PLAIN, false);
    rig_connect(&rig);
    sim_run(rig.sim);
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 4});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "starttls\r\n");
    check(!is_place_free());
    sim_advance_ms(rig.sim, 5000);
    check(is_place_free());
    end();
}

/* --- how long --- */

static void stall(enum conn_security security, const char *bytes, size_t len, int64_t each_ms)
{
    int64_t waited_ms = 0;
    begin(security, false);
    rig_connect(&rig);
    if (security == CONN_PLAIN)
        rig_send(&rig, "starttls\r\n");
    sim_run(rig.sim);
    for (size_t i = 0; waited_ms + each_ms < rig.settings.handshake_timeout_ms; i++) {
        rig_send_bytes(&rig, span_make(&bytes[i % len], 1));
        sim_advance_ms(rig.sim, each_ms);
        waited_ms += each_ms;
    }
    check_int(rig.conn->state, CONN_HANDSHAKE);
    sim_advance_ms(rig.sim, rig.settings.handshake_timeout_ms - 1 - waited_ms);
    check_int(rig.conn->state, CONN_HANDSHAKE);
    sim_advance_ms(rig.sim, 1);
    check(is_place_free());
    check(rig.has_peer_end);
    sim_advance_ms(rig.sim, rig.settings.close_timeout_ms);
    check_int(rig.env.conn_count, 0);
    end();
}

/* A ClientHello that announces 512 bytes, then zeroes, as often as anybody likes. */
TEST(test_no_byte_prolongs_a_handshake)
{
    static char hello[300] = "\x16\x03\x01\x02\x00\x01\x00\x01\xfc";
    for (int security = CONN_PLAIN; security <= CONN_IMPLICIT; security++) {
        stall((enum conn_security)security, hello, sizeof hello, 1000);
        stall((enum conn_security)security, hello, sizeof hello, 50);
    }
}

/* --- early talkers --- */

static void talk_at_once(struct rig_client *self)
{
    const struct span line = span_of("echo early\r\n");
    check(tls_session_write(self->conn->tls, &line, 1) > 0);
}

static void hang_up_at_once(struct rig_client *self)
{
    tls_session_bye(self->conn->tls);
}

static void send_half_a_record(struct rig_client *self)
{
    const struct span half = span_make("\x17\x03\x03\x00\x40half", 9);
    conn_push(self->conn, &half, 1);
}

static void send_garbage(struct rig_client *self)
{
    const struct span garbage =
        span_make("\x17\x03\x03\x00\x20garbage garbage garbage garbage!!", 5 + 32);
    conn_push(self->conn, &garbage, 1);
}

static const struct early_case {
    const char *name;
    void (*on_secure)(struct rig_client *self);
    const char *said; /* by the server's session */
    unsigned early_talkers;
    bool is_refused_where_on, is_starttls;
} earlies[] = {
    {"talks", talk_at_once, "", 1, true, false},
    {"talks, but it may", talk_at_once, "<echo early|closed by peer|>", 0, false, false},
    {"talks behind STARTTLS", talk_at_once, "<starttls|><secure echo early|closed by peer|>", 0,
     true, true},
    {"hangs up", hang_up_at_once, "<closed by peer|>", 0, true, false},
    {"sends half a record", send_half_a_record, "<connection broke|>", 0, true, false},
    {"sends garbage", send_garbage, "", 0, true, false},
};

TEST(test_who_speaks_before_the_greeting_is_hung_up_on)
{
    for (size_t i = 0; i < sizeof earlies / sizeof *earlies; i++) {
        const struct early_case *row = &earlies[i];
        check_case = row->name;
        begin(row->is_starttls ? CONN_PLAIN : CONN_IMPLICIT, false);
        rig.settings.refuse_early_talkers = row->is_refused_where_on;
        rig_client_init(&client, &rig, "");
        client.on_secure = row->on_secure;
        rig_client_dial(&client);
        check_int(client.secure_count, 1);
        check_int(rig.env.early_talkers, row->early_talkers);
        if (client.gone_count == 0)
            conn_end(client.conn, ENDING_LIMIT);
        sim_advance_ms(rig.sim, 60000);
        check_span(buf_span(&rig.said), row->said);
        /* No greeting: it would be taken for an answer. */
        if (row->early_talkers > 0)
            check(span_find(buf_span(&client.said), span_of("hello")) < 0);
        check_int(rig.env.conn_count, 0);
        rig_client_deinit(&client);
        end();
    }
}

TEST(test_lines_about_early_talkers_are_counted_out)
{
    begin(CONN_IMPLICIT, false);
    rig.settings.refuse_early_talkers = true;
    for (int i = 0; i < COMPLAINT_BURST + 2; i++) {
        rig_client_init(&client, &rig, "");
        client.on_secure = talk_at_once;
        rig_client_dial(&client);
        rig_client_deinit(&client);
    }
    check_int(rig.env.early_talkers, COMPLAINT_BURST + 2);
    check_int(rig.env.complaints.left_out, 2);
    end();
}

/* In a full handshake the client has to wait for the server's Finished; the greeting comes with it.
 */
TEST(test_with_tls_1_2_nobody_can_speak_that_early)
{
    rig_lab_set_client_profile("NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:"
                               "+GROUP-X25519:+SIGN-ECDSA-SHA256");
    begin(CONN_IMPLICIT, false);
    rig.settings.refuse_early_talkers = true;
    rig_client_init(&client, &rig, "");
    client.on_secure = talk_at_once;
    rig_client_dial(&client);
    check_text(client.facts.version, "TLSv1.2");
    check_int(rig.env.early_talkers, 0);
    rig_said(&rig, "<echo early|");
    conn_end(client.conn, ENDING_LIMIT);
    sim_advance_ms(rig.sim, 60000);
    rig_client_deinit(&client);
    end();
    rig_lab_set_client_profile(NULL);
}

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name                                                                                \
    }

static int run_tests(int argc, char **argv)
{
    static const struct check_test tests[] = {
        ROW(test_starttls_over_the_ceiling_is_told_so_and_closed),
        ROW(test_implicit_tls_over_the_ceiling_is_closed_without_a_word),
        ROW(test_plaintext_behind_starttls_is_told_first),
        ROW(test_crowding_is_logged_once_a_second),
        ROW(test_a_place_is_held_from_the_offer_to_the_end_of_the_handshake),
        ROW(test_a_place_comes_back_when_the_handshake_is_done_or_fails),
        ROW(test_a_place_comes_back_wherever_the_connection_dies),
        ROW(test_a_go_ahead_that_nobody_reads_gives_its_place_back),
        ROW(test_no_byte_prolongs_a_handshake),
        ROW(test_who_speaks_before_the_greeting_is_hung_up_on),
        ROW(test_lines_about_early_talkers_are_counted_out),
        ROW(test_with_tls_1_2_nobody_can_speak_that_early),
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    rig_lab_init();
    int failed = run_tests(argc, argv);
    rig_lab_deinit();
    return failed;
}
