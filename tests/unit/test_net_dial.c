/* Outbound connections: every way not to get there, and that the owner hears the end once. */
#include "check.h"
#include "net/conn_internal.h"
#include "tests/fake/net_rig_client.h"

static struct rig rig;
static struct rig_client client;

static void begin(void)
{
    rig_init_tls(&rig, 1);
    rig_client_init(&client, &rig, "echo 1\r\n");
}

static void end(void)
{
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    rig_client_deinit(&client);
    rig_deinit_tls(&rig);
}

TEST(test_refused)
{
    struct endpoint endpoint = rig_endpoint();
    begin();
    sim_unlisten(rig.sim, &endpoint);
    rig_client_dial(&client);
    check_int(client.gone_count, 1);
    check_int(client.phase, CONN_PHASE_CONNECT);
    check_int(client.fault.err, ERR_UNREACHABLE);
    check_int(client.opened, 0);
    end();
}

TEST(test_no_answer)
{
    struct endpoint endpoint = rig_endpoint();
    begin();
    sim_hang(rig.sim, &endpoint);
    rig_client_dial(&client);
    sim_advance_ms(rig.sim, 3999);
    check_int(client.gone_count, 0);
    sim_advance_ms(rig.sim, 1);
    check_int(client.gone_count, 1);
    check_int(client.phase, CONN_PHASE_CONNECT);
    check_int(client.fault.err, ERR_TIMEOUT);
    check(span_find(span_of(client.fault.text), span_of("192.0.2.1")) >= 0);
    end();
}

TEST(test_given_up_while_connecting)
{
    struct endpoint endpoint = rig_endpoint();
    begin();
    sim_hang(rig.sim, &endpoint);
    rig_client_dial(&client);
    conn_end(client.conn, ENDING_LIMIT);
    conn_end(client.conn, ENDING_SHUTDOWN);
    conn_wake(client.conn);
    check_int(client.gone_count, 0);
    sim_run(rig.sim);
    check_int(client.gone_count, 1);
    check_int(client.opened, 0);
    end();
}

/* The connect is answered in the round in which the owner gives it up. */
TEST(test_given_up_when_connected)
{
    begin();
    client.conn = dial_start(&rig.env, &client.dial);
    conn_end(client.conn, ENDING_LIMIT);
    sim_run(rig.sim);
    check_int(client.gone_count, 1);
    check_int(client.opened, 0);
    end();
}

TEST(test_wake_brings_work)
{
    begin();
    rig_client_dial(&client);
    check_span(buf_span(&client.said), "<hello|go ahead|><secure ok 1|");
    conn_wake(client.conn);
    conn_wake(client.conn);
    check_span(buf_span(&client.said), "<hello|go ahead|><secure ok 1|");
    sim_run(rig.sim);
    check_span(buf_span(&client.said), "<hello|go ahead|><secure ok 1|ok |closed by peer|>");
    check_int(client.gone_count, 1);
    check_int(client.phase, CONN_PHASE_SECURE);
    sim_advance_ms(rig.sim, 2000);
    end();
}

/* A peer that says the go-ahead and then nothing: the dial's own deadline, else that of net. */
TEST(test_a_handshake_has_its_own_deadline)
{
    static const int64_t own_ms[] = {0, 2000, 60000};
    struct endpoint endpoint = rig_endpoint();
    for (size_t i = 0; i < sizeof own_ms / sizeof *own_ms; i++) {
        begin();
        int64_t wait_ms = own_ms[i] > 0 ? own_ms[i] : rig.settings.handshake_timeout_ms;
        check(wait_ms != 60000 || rig.settings.handshake_timeout_ms < 60000);
        sim_listen(rig.sim, rig.env.loop, &endpoint, rig_accept_raw, &rig);
        client.dial.handshake_timeout_ms = own_ms[i];
        rig_client_dial(&client);
        rig_send(&rig, "go ahead\r\n");
        sim_advance_ms(rig.sim, wait_ms - 1);
        check_int(client.gone_count, 0);
        sim_advance_ms(rig.sim, 1 + rig.settings.close_timeout_ms);
        check_int(client.gone_count, 1);
        check_int(client.phase, CONN_PHASE_HANDSHAKE);
        check_int(client.fault.err, ERR_TIMEOUT);
        end();
    }
}

/* The server side of this loop hears the shutdown; the client is in the middle of a transaction,
 * for all that conn knows. */
TEST(test_a_drain_leaves_clients_to_their_owner_until_the_deadline)
{
    struct endpoint endpoint = rig_endpoint();
    begin();
    sim_listen(rig.sim, rig.env.loop, &endpoint, rig_accept_raw, &rig);
    rig_client_dial(&client);
    rig_send(&rig, "hello\r\n");
    conn_env_drain(&rig.env);
    sim_advance_ms(rig.sim, 5000);
    check_int(client.gone_count, 0);
    rig_send(&rig, "more\r\n");
    check_span(buf_span(&client.said), "<hello|more|");
    sim_advance_ms(rig.sim, 2000);
    check_span(buf_span(&client.said), "<hello|more|server stops|>");
    check_int(client.gone_count, 1);
    check_int(rig.idle_count, 1);
    end();
}

TEST(test_an_end_is_heard_by_the_session_first)
{
    begin();
    rig_client_dial(&client);
    buf_clear(&client.said);
    conn_end(client.conn, ENDING_LIMIT);
    check_span(buf_span(&client.said), "");
    sim_run(rig.sim);
    check_span(buf_span(&client.said), "limit|>");
    check_int(client.gone_count, 1);
    end();
}

TEST(test_local_and_peer_are_known)
{
    char text[ENDPOINT_TEXT_SIZE];
    begin();
    rig_client_dial(&client);
    endpoint_text(&client.host->peer, text);
    check_text(text, "192.0.2.1:25");
    check(client.host->local.len > 0);
    check_text(client.host->listener, "");
    check_text(rig.conn->host.listener, "rig");
    check(rig.conn->host.conn_id != client.host->conn_id);
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    end();
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_refused", test_refused},
        {"test_a_handshake_has_its_own_deadline", test_a_handshake_has_its_own_deadline},
        {"test_no_answer", test_no_answer},
        {"test_given_up_while_connecting", test_given_up_while_connecting},
        {"test_given_up_when_connected", test_given_up_when_connected},
        {"test_wake_brings_work", test_wake_brings_work},
        {"test_a_drain_leaves_clients_to_their_owner_until_the_deadline",
         test_a_drain_leaves_clients_to_their_owner_until_the_deadline},
        {"test_an_end_is_heard_by_the_session_first", test_an_end_is_heard_by_the_session_first},
        {"test_local_and_peer_are_known", test_local_and_peer_are_known},
    };
    rig_lab_init();
    int failed = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    rig_lab_deinit();
    return failed;
}
