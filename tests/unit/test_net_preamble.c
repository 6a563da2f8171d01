/*
 * A connection behind a proxy: who it is taken to be, what lies behind the header, in plaintext and
 * under implicit TLS, and what becomes of those without one.
 */
#include "check.h"
#include "net/fault.h"
#include "net/quota.h"
#include "tests/fake/net_rig_client.h"

static const char announced[] = "PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n";
static struct rig rig;
static struct rig_client client;

static void begin(enum sim_cut cut)
{
    rig_init_tls(&rig, 1);
    rig.role.is_proxied = true;
    sim_set_policy(rig.sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    rig_connect(&rig);
    sim_run(rig.sim);
}

static void check_peer(const char *wanted)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(&rig.conn->host.peer, text);
    check_text(text, wanted);
}

TEST(test_the_session_begins_behind_the_header)
{
    static const enum sim_cut cuts[] = {SIM_WHOLE, SIM_BYTES, SIM_CUTS};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        begin(cuts[i]);
        check_int(rig.opened, 0);
        rig_heard(&rig, "");
        rig_send(&rig, announced);
        rig_heard(&rig, "hello\r\n");
        check_peer("192.0.2.7:40000");
        rig_send(&rig, "echo 1\r\n");
        rig_heard(&rig, "ok 1\r\n");
        rig_deinit_tls(&rig);
    }
}

TEST(test_what_lies_behind_the_header_is_the_clients)
{
    begin(SIM_WHOLE);
    rig_send_bytes(&rig, span_of(announced));
    rig_send(&rig, "echo 1\r\necho");
    rig_heard(&rig, "hello\r\nok 1\r\n");
    rig_send(&rig, " 2\r\n");
    rig_heard(&rig, "ok 2\r\n");
    rig_deinit_tls(&rig);
}

/* The upgrade finds only what the client put there, and refuses that. */
TEST(test_an_upgrade_behind_the_header)
{
    begin(SIM_WHOLE);
    rig_send_bytes(&rig, span_of(announced));
    rig_send(&rig, "starttls\r\necho evil\r\n");
    rig_heard(&rig, "hello\r\nrefused\r\n");
    check_int(rig.env.upgrades_refused, 1);
    rig_deinit_tls(&rig);
}

TEST(test_local_and_unknown_keep_the_real_peer)
{
    static const struct span headers[] = {{"PROXY UNKNOWN\r\n", 15},
                                          {"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", 16}};
    for (size_t i = 0; i < 2; i++) {
        char real[ENDPOINT_TEXT_SIZE];
        begin(SIM_WHOLE);
        endpoint_text(&rig.conn->host.peer, real);
        rig_send_bytes(&rig, headers[i]);
        sim_run(rig.sim);
        rig_heard(&rig, "hello\r\n");
        check_peer(real);
        rig_deinit_tls(&rig);
    }
}

TEST(test_no_header_is_no_session)
{
    static const char *const starts[] = {"EHLO x\r\n", "\x16\x03\x01", "PROXY TCP4 x\r\n"};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        begin(SIM_WHOLE);
        rig_send(&rig, starts[i]);
        rig_heard(&rig, "");
        check(rig.has_peer_end);
        check_int(rig.opened, 0);
        check_int(rig.env.conn_count, 0);
        rig_deinit_tls(&rig);
    }
}

/* A byte now and then does not prolong it. */
TEST(test_the_header_has_a_deadline)
{
    begin(SIM_WHOLE);
    int64_t part_ms = rig.settings.handshake_timeout_ms / 4;
    for (int i = 0; i < 3; i++) {
        rig_send(&rig, (const char *[]){"P", "RO", "XY"}[i]);
        sim_advance_ms(rig.sim, part_ms);
        check_int(rig.env.conn_count, 1);
    }
    sim_advance_ms(rig.sim, part_ms + 10);
    check_int(rig.env.conn_count, 0);
    check_int(rig.opened, 0);
    rig_deinit_tls(&rig);
}

TEST(test_who_closes_or_resets_before_it_is_gone)
{
    begin(SIM_WHOLE);
    rig_send(&rig, "PROXY ");
    rig_hang_up(&rig);
    sim_run(rig.sim);
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);

    begin(SIM_WHOLE);
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);
}

/* As net/listener.c takes it: the place is nobody's until the header says whose. */
TEST(test_the_announced_address_has_its_own_limit)
{
    static const char *const texts[] = {"192.0.2.7", "192.0.2.8"};
    const struct quota_limits limits = {.total_max = 10, .per_address_max = 1};
    struct quota *quota = quota_create(&limits);
    struct quota_holder peers[2] = {0}, nobody = {0};
    for (int i = 0; i < 2; i++)
        check_int(endpoint_parse(span_of(texts[i]), 1, &peers[i].peer), 0);
    for (int i = 0; i < 3; i++)
        check_int(quota_take(quota, &nobody, 0), QUOTA_FITS);
    check_int(quota_move(quota, &nobody, &peers[0], 0), QUOTA_FITS);
    check_int(quota_move(quota, &nobody, &peers[0], 0), QUOTA_ADDRESS);
    check_int(quota_move(quota, &nobody, &peers[1], 0), QUOTA_FITS);
    check_int(quota_move(quota, &peers[1], &peers[0], 0), QUOTA_ADDRESS);
    quota_give_back(quota, &peers[0]);
    check_int(quota_move(quota, &peers[1], &peers[0], 0), QUOTA_FITS);
    check_int(quota_take(quota, &peers[1], 0), QUOTA_FITS);
    quota_give_back(quota, &peers[1]);
    quota_give_back(quota, &peers[0]);
    quota_give_back(quota, &nobody);

    check_int(quota_take(quota, &peers[0], 0), QUOTA_FITS);
    begin(SIM_WHOLE);
    check_int(quota_take(quota, &nobody, 0), QUOTA_FITS);
    rig.conn->transport->quota = quota;
    rig_send(&rig, announced);
    rig_heard(&rig, "");
    check_int(rig.opened, 0);
    check(rig.has_peer_end);
    rig_deinit_tls(&rig);
    quota_free(&quota);
}

/* The header and the ClientHello in one stream, cut anywhere: the early bytes are TLS's. */
TEST(test_implicit_tls_behind_the_header)
{
    static const enum sim_cut cuts[] = {SIM_WHOLE, SIM_BYTES, SIM_CUTS};
    for (size_t i = 0; i < sizeof cuts / sizeof *cuts; i++) {
        const struct spoil_row row = {.way = SPOIL_OUT,
                                      .unit = SPOIL_BYTES,
                                      .deed = SPOIL_INJECT,
                                      .bytes = span_of(announced)};
        const struct spoil_plan plan = {"proxy", &row, 1};
        rig_init_tls(&rig, 1 + i);
        rig.role.security = CONN_IMPLICIT;
        rig.role.is_proxied = true;
        struct transport_maker *maker = fault_maker_create(rig.env.loop, rig.env.maker, &plan);
        rig.env.maker = maker;
        sim_set_policy(rig.sim, (struct sim_policy){cuts[i], SIM_CAPACITY_DEFAULT});
        rig_client_init(&client, &rig, "echo 1\r\nquit\r\n");
        rig_client_dial(&client);
        sim_advance_ms(rig.sim, 60000);
        check_int(client.secure_count, 1);
        check(span_find(buf_span(&rig.said), span_of("echo 1")) >= 0);
        check_int(rig.opened, 1);
        conn_env_close(&rig.env);
        sim_advance_ms(rig.sim, 60000);
        rig_client_deinit(&client);
        rig_deinit_tls(&rig);
        fault_maker_free(&maker);
    }
}

#define ROW(name)                                                                                  \
    {                                                                                              \
#name, name                                                                                \
    }

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        ROW(test_the_session_begins_behind_the_header),
        ROW(test_what_lies_behind_the_header_is_the_clients),
        ROW(test_an_upgrade_behind_the_header),
        ROW(test_local_and_unknown_keep_the_real_peer),
        ROW(test_no_header_is_no_session),
        ROW(test_the_header_has_a_deadline),
        ROW(test_who_closes_or_resets_before_it_is_gone),
        ROW(test_the_announced_address_has_its_own_limit),
        ROW(test_implicit_tls_behind_the_header),
    };
    rig_lab_init();
    int result = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    rig_lab_deinit();
    return result;
}
