/*
 * The one place where a connection becomes secure: what it refuses, what it lets through, and that
 * no byte from before the handshake is ever seen behind it. Real TLS over the simulator.
 */
#include "check.h"
#include "net/conn_internal.h"
#include "tests/fake/net_rig_client.h"

static struct rig rig;
static struct rig_client client;

static void begin_raw(enum sim_cut cut)
{
    rig_init_tls(&rig, 1);
    sim_set_policy(rig.sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    rig_connect(&rig);
    sim_run(rig.sim);
    rig_heard(&rig, "hello\r\n");
}

/* --- plaintext behind the command --- */

TEST(test_starttls_refuses_a_pipelined_command)
{
    begin_raw(SIM_WHOLE);
    rig_send(&rig, "echo 1\r\nstarttls\r\necho evil\r\n");
    rig_said(&rig, "<echo 1|starttls|>");
    rig_heard(&rig, "ok 1\r\nrefused\r\n");
    check(rig.has_peer_end);
    check_int(rig.env.upgrades_refused, 1);
    check_int(rig.opened, 1);
    rig_deinit_tls(&rig);
}

TEST(test_starttls_refuses_even_one_byte)
{
    static const char *const behind[] = {"\n", "\r", "\r\n", "x", "\x16", "\x16\x03\x01"};
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        begin_raw(SIM_WHOLE);
        rig_send_bytes(&rig, span_of("starttls\r\n"));
        rig_send(&rig, behind[i]);
        rig_heard(&rig, "refused\r\n");
        check_int(rig.env.upgrades_refused, 1);
        check_int(rig.opened, 1);
        rig_deinit_tls(&rig);
    }
}

TEST(test_starttls_refuses_what_was_kept_while_a_request_ran)
{
    begin_raw(SIM_WHOLE);
    rig_send(&rig, "job x\r\nstarttls\r\nec");
    rig_heard(&rig, "J\r\nrefused\r\n");
    check_int(rig.env.upgrades_refused, 1);
    rig_deinit_tls(&rig);
}

TEST(test_plaintext_in_a_later_segment_ends_in_the_handshake)
{
    static const enum sim_cut cuts[] = {SIM_WHOLE, SIM_BYTES, SIM_CUTS};
    for (size_t i = 0; i < 3; i++) {
        begin_raw(cuts[i]);
        rig_send(&rig, "starttls\r\n");
        rig_heard(&rig, "go ahead\r\n");
        rig_said(&rig, "<starttls|>");
        rig_send(&rig, "echo evil\r\nquit\r\n");
        check(rig.has_peer_end);
        check_int(rig.opened, 1);
        rig_said(&rig, "");
        rig_deinit_tls(&rig);
    }
}

TEST(test_one_byte_at_a_time_the_rest_is_read_as_tls)
{
    begin_raw(SIM_BYTES);
    rig_send(&rig, "starttls\r\necho evil\r\n");
    rig_said(&rig, "<starttls|>");
    check_int(rig.opened, 1);
    check(rig.has_peer_end);
    rig_deinit_tls(&rig);
}

TEST(test_replies_before_the_go_ahead_are_written_first)
{
    begin_raw(SIM_WHOLE);
    rig_send(&rig, "echo 1\r\nbig 3\r\nstarttls\r\n");
    check_int(rig.heard.len, 6 + 5 + 10);
    check(span_ends_nocase(buf_span(&rig.heard), span_of("go ahead\r\n")));
    rig_deinit_tls(&rig);
}

TEST(test_the_session_lives_until_the_go_ahead_is_written)
{
    begin_raw(SIM_WHOLE);
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 4});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "starttls\r\n");
    check_int(rig.conn->state, CONN_GOING_AHEAD);
    check_int(rig.freed, 0);
    /* The transport holds what comes now; it goes to TLS, never to the session. */
    rig_send(&rig, "echo evil\r\n");
    rig_said(&rig, "<starttls|");
    transport_read_on(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, ">");
    check_int(rig.opened, 1);
    rig_deinit_tls(&rig);
}

TEST(test_a_peer_that_has_said_its_last_word_gets_no_tls)
{
    begin_raw(SIM_WHOLE);
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 4});
    transport_read_off(rig.peer.transport);
    rig_send_bytes(&rig, span_of("big 20000\r\nstarttls\r\n"));
    transport_shutdown(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, "<big 20000|");
    transport_read_on(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, "starttls|closed by peer|>");
    check(span_find(buf_span(&rig.heard), span_of("go ahead")) < 0);
    rig_deinit_tls(&rig);
}

TEST(test_a_go_ahead_that_nobody_reads_times_out)
{
    begin_raw(SIM_WHOLE);
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 4});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "starttls\r\n");
    sim_advance_ms(rig.sim, 4999);
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 1);
    rig_said(&rig, "<starttls|timeout|>");
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);
}

TEST(test_a_handshake_has_so_long_as_a_whole)
{
    static const char record[] = "\x16\x03\x01\x02";
    begin_raw(SIM_WHOLE);
    rig_send(&rig, "starttls\r\n");
    for (int i = 0; i < 4; i++) {
        sim_advance_ms(rig.sim, 1000);
        rig_send_bytes(&rig, span_make(&record[i], 1));
    }
    sim_advance_ms(rig.sim, 999);
    check_int(rig.conn->state, CONN_HANDSHAKE);
    sim_advance_ms(rig.sim, 1);
    sim_advance_ms(rig.sim, 1000);
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);
}

/* --- the whole way --- */

static const char script[] = "echo 1\r\ndata 5\r\n12345job x\r\nlist 30\r\necho 2\r\nquit\r\n";

static void begin_client(enum conn_security security, enum sim_cut cut, uint64_t seed)
{
    rig_init_tls(&rig, seed);
    rig.role.security = security;
    sim_set_policy(rig.sim, (struct sim_policy){cut, seed % 2 ? 900 : SIM_CAPACITY_DEFAULT});
    rig_client_init(&client, &rig, script);
    rig_client_dial(&client);
}

static void end_client(void)
{
    sim_advance_ms(rig.sim, 60000);
    check_int(rig.env.conn_count, 0);
    rig_client_deinit(&client);
    rig_deinit_tls(&rig);
}

TEST(test_starttls_and_implicit_tls_carry_a_dialogue_however_cut)
{
    for (uint64_t seed = 0; seed < 16; seed++) {
        enum conn_security security = seed % 4 < 2 ? CONN_PLAIN : CONN_IMPLICIT;
        begin_client(security, seed < 4 ? SIM_WHOLE : seed < 8 ? SIM_BYTES : SIM_CUTS, seed);
        sim_run(rig.sim);
        check_span(buf_span(&rig.said),
                   security == CONN_PLAIN
                       ? "<starttls|><secure echo 1|data 5|12345|job x|answer|list 30|echo 2|quit|>"
                       : "<echo 1|data 5|12345|job x|answer|list 30|echo 2|quit|>");
        check_span(buf_span(&client.said),
                   security == CONN_PLAIN
                       ? "<hello|go ahead|><secure ok 1|done|J|?|ok 2|ok |closed by peer|>"
                       : "<secure hello|ok 1|done|J|?|ok 2|ok |closed by peer|>");
        check_int(client.secure_count, 1);
        check_int(client.gone_count, 1);
        check_int(client.phase, CONN_PHASE_SECURE);
        check_text(client.fault.text, "");
        check_text(client.facts.alpn, "smtp");
        check_int(client.facts.check, PKI_CHECK_GOOD);
        end_client();
    }
}

TEST(test_an_idle_secure_connection_holds_no_buffer)
{
    rig_init_tls(&rig, 3);
    rig.role.security = CONN_IMPLICIT;
    rig_client_init(&client, &rig, "echo 1\r\n");
    rig_client_dial(&client);
    check_span(buf_span(&client.said), "<secure hello|ok 1|");
    check(rig.conn->wire.data == NULL && rig.conn->reader.kept.data == NULL);
    check(client.conn->wire.data == NULL && client.conn->out.first == NULL);
    conn_wake(client.conn);
    sim_run(rig.sim);
    rig_said(&rig, "<echo 1|quit|>");
    end_client();
}

TEST(test_truncated_tls_is_told_from_a_clean_end)
{
    rig_init_tls(&rig, 3);
    rig.role.security = CONN_IMPLICIT;
    rig_client_init(&client, &rig, "echo 1\r\n");
    rig_client_dial(&client);
    sim_spoil_after(rig.conn->transport, 0, SIM_FIN);
    sim_run(rig.sim);
    rig_said(&rig, "<echo 1|connection broke|>");
    end_client();
}

TEST(test_a_client_that_trusts_another_authority_refuses)
{
    for (int security = CONN_PLAIN; security <= CONN_IMPLICIT; security++) {
        rig_init_tls(&rig, 4);
        rig.role.security = (enum conn_security)security;
        rig_client_init(&client, &rig, script);
        client.policy.server_name = "other.example.net";
        rig_client_dial(&client);
        sim_run(rig.sim);
        check_int(client.secure_count, 0);
        check_int(client.phase, CONN_PHASE_HANDSHAKE);
        check(client.fault.text[0] != '\0');
        check_int(rig.opened, security == CONN_PLAIN ? 1 : 0);
        end_client();
    }
}

/* --- the client's side of the injection --- */

static void begin_raw_server(void)
{
    struct endpoint endpoint = rig_endpoint();
    rig_init_tls(&rig, 5);
    sim_listen(rig.sim, rig.env.loop, &endpoint, rig_accept_raw, &rig);
    rig_client_init(&client, &rig, script);
    rig_client_dial(&client);
    rig_send(&rig, "hello\r\n");
    rig_heard(&rig, "starttls\r\n");
}

TEST(test_a_client_gives_up_when_text_follows_the_go_ahead)
{
    begin_raw_server();
    rig_send(&rig, "go ahead\r\nok evil\r\n");
    check_span(buf_span(&client.said), "<hello|go ahead|>");
    rig_heard(&rig, "");
    check(rig.has_peer_end);
    check_int(rig.env.upgrades_refused, 1);
    rig_hang_up(&rig);
    check_int(client.phase, CONN_PHASE_PLAIN);
    check(span_find(span_of(client.fault.text), span_of("plaintext")) >= 0);
    end_client();
}

TEST(test_a_client_never_reads_text_instead_of_tls)
{
    begin_raw_server();
    rig_send(&rig, "go ahead\r\n");
    rig_send(&rig, "ok evil\r\n");
    check_span(buf_span(&client.said), "<hello|go ahead|>");
    check_int(client.phase == CONN_PHASE_HANDSHAKE || client.gone_count == 0, 1);
    end_client();
    check_int(client.phase, CONN_PHASE_HANDSHAKE);
}

/* --- the property --- */

static const char evil[] = "echo evil\r\n";

/* Whatever the secure session was fed must not hold what was injected. */
static void check_no_evil(const char *what, uint64_t at)
{
    ptrdiff_t secure = span_find(buf_span(&rig.said), span_of("<secure "));
    if (secure >= 0 &&
        span_find(span_from(buf_span(&rig.said), (size_t)secure), span_of("evil")) >= 0)
        CHECK_FAILED("%s at %llu: \"%.*s\"", what, (unsigned long long)at, (int)rig.said.len,
                     rig.said.data);
    ptrdiff_t client_secure = span_find(buf_span(&client.said), span_of("<secure "));
    check(client_secure < 0 ||
          span_find(span_from(buf_span(&client.said), (size_t)client_secure), span_of("evil")) < 0);
}

static void inject(enum spoil_way way, uint64_t at, enum sim_cut cut)
{
    const struct spoil_row row = {.way = way,
                                  .unit = SPOIL_BYTES,
                                  .after = at,
                                  .deed = SPOIL_INJECT,
                                  .bytes = {evil, sizeof evil - 1}};
    const struct spoil_plan plan = {"inject", &row, 1};
    rig_init_tls(&rig, at);
    struct transport_maker *maker = fault_maker_create(rig.env.loop, rig.env.maker, &plan);
    rig.env.maker = maker;
    sim_set_policy(rig.sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    rig_client_init(&client, &rig, script);
    rig_client_dial(&client);
    sim_advance_ms(rig.sim, 60000);
    check_no_evil(way == SPOIL_OUT ? "to the server" : "to the client", at);
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    end_client();
    fault_maker_free(&maker);
}

TEST(test_nothing_injected_is_seen_behind_the_handshake)
{
    for (uint64_t at = 0; at < 60; at++)
        inject(SPOIL_OUT, at, at % 3 == 0 ? SIM_WHOLE : at % 3 == 1 ? SIM_CUTS : SIM_BYTES);
    for (uint64_t at = 60; at < 700; at += 29)
        inject(SPOIL_OUT, at, SIM_CUTS);
    for (uint64_t at = 0; at < 40; at++)
        inject(SPOIL_IN, at, at % 2 ? SIM_WHOLE : SIM_CUTS);
    for (uint64_t at = 40; at < 1200; at += 53)
        inject(SPOIL_IN, at, SIM_CUTS);
}

/* --- ends at every step --- */

TEST(test_either_side_may_go_at_any_step)
{
    static const enum sim_spoil ways[] = {SIM_FIN, SIM_RESET, SIM_SILENCE};
    for (unsigned i = 0; i < 120; i++) {
        rig_init_tls(&rig, i);
        rig.role.security = i % 5 == 0 ? CONN_IMPLICIT : CONN_PLAIN;
        sim_set_policy(rig.sim, (struct sim_policy){SIM_CUTS, 2000});
        rig_client_init(&client, &rig, script);
        client.dial.security = rig.role.security;
        client.conn = dial_start(&rig.env, &client.dial);
        sim_spoil_after(client.conn->transport, (size_t)i * 17, ways[i % 3]);
        sim_advance_ms(rig.sim, 400000);
        check_int(rig.env.conn_count, 0);
        end_client();
    }
}

TEST(test_owner_ends_drains_and_closes_at_every_step)
{
    for (unsigned i = 0; i < 90; i++) {
        rig_init_tls(&rig, i);
        sim_set_policy(rig.sim, (struct sim_policy){SIM_CUTS, 3000});
        rig_client_init(&client, &rig, "echo 1\r\n");
        client.conn = dial_start(&rig.env, &client.dial);
        sim_spoil_after(client.conn->transport, 1 + i * 13, SIM_SILENCE);
        sim_run(rig.sim);
        if (i % 3 == 0)
            conn_end(client.conn, ENDING_LIMIT);
        else if (i % 3 == 1)
            conn_env_drain(&rig.env);
        else
            conn_env_close(&rig.env);
        sim_advance_ms(rig.sim, i % 3 == 0 ? 400000 : 8000);
        check_int(client.gone_count, 1);
        check_int(rig.env.conn_count, 0);
        end_client();
    }
}

TEST(test_an_upgrade_inside_tls_is_our_mistake_and_ends)
{
    rig_init_tls(&rig, 7);
    rig.role.security = CONN_IMPLICIT;
    rig_client_init(&client, &rig, "starttls\r\n");
    rig_client_dial(&client);
    rig_said(&rig, "<starttls|limit|>");
    check_span(buf_span(&client.said), "<secure hello|bye|closed by peer|>");
    end_client();
}

static int judge_answer;

static int on_judge(void *owner, struct span certificate_der, enum pki_check *check)
{
    (void)owner;
    (void)certificate_der;
    (void)check;
    return judge_answer;
}

TEST(test_an_opinion_on_a_certificate_may_take_time)
{
    rig_init_tls(&rig, 8);
    rig_client_init(&client, &rig, script);
    client.policy.judge = (struct tls_judge){.judge = on_judge};
    judge_answer = ERR_AGAIN;
    rig_client_dial(&client);
    sim_advance_ms(rig.sim, 3000);
    check_int(client.secure_count, 0);
    check_int(client.conn->state, CONN_HANDSHAKE);
    judge_answer = 0;
    conn_wake(client.conn);
    sim_run(rig.sim);
    check_int(client.secure_count, 1);
    check(span_find(buf_span(&client.said), span_of("ok 2|ok |")) > 0);
    end_client();
}

static int run_tests(int argc, char **argv);

int main(int argc, char **argv)
{
    rig_lab_init();
    int failed = run_tests(argc, argv);
    rig_lab_deinit();
    return failed;
}

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name                                                                                \
    }

static int run_tests(int argc, char **argv)
{
    static const struct check_test tests[] = {
        ROW(test_starttls_refuses_a_pipelined_command),
        ROW(test_starttls_refuses_even_one_byte),
        ROW(test_starttls_refuses_what_was_kept_while_a_request_ran),
        ROW(test_plaintext_in_a_later_segment_ends_in_the_handshake),
        ROW(test_one_byte_at_a_time_the_rest_is_read_as_tls),
        ROW(test_replies_before_the_go_ahead_are_written_first),
        ROW(test_the_session_lives_until_the_go_ahead_is_written),
        ROW(test_a_peer_that_has_said_its_last_word_gets_no_tls),
        ROW(test_a_go_ahead_that_nobody_reads_times_out),
        ROW(test_a_handshake_has_so_long_as_a_whole),
        ROW(test_starttls_and_implicit_tls_carry_a_dialogue_however_cut),
        ROW(test_an_idle_secure_connection_holds_no_buffer),
        ROW(test_truncated_tls_is_told_from_a_clean_end),
        ROW(test_a_client_that_trusts_another_authority_refuses),
        ROW(test_a_client_gives_up_when_text_follows_the_go_ahead),
        ROW(test_a_client_never_reads_text_instead_of_tls),
        ROW(test_nothing_injected_is_seen_behind_the_handshake),
        ROW(test_either_side_may_go_at_any_step),
        ROW(test_owner_ends_drains_and_closes_at_every_step),
        ROW(test_an_upgrade_inside_tls_is_our_mistake_and_ends),
        ROW(test_an_opinion_on_a_certificate_may_take_time),
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
