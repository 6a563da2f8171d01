/* The greeting that waits: who waits, for how long, who speaks meanwhile, and what is looked up. */
#include "check.h"
#include "net/fault.h"
#include "net/vetting.h"
#include "tests/fake/net_rig_client.h"

enum { DELAY_MS = 200 };

static struct rig rig;

/* A vetter that answers when it is told to. */
struct vetting {
    vetting_fn *on_facts;
    void *owner;
};

static struct vetting asked;
static unsigned begun, cancelled;
static bool asks_nothing;

static struct vetting *vet_begin(struct vetter *vetter, const struct endpoint *peer,
                                 vetting_fn *on_facts, void *owner)
{
    (void)vetter;
    check(peer->len > 0);
    begun++;
    asked = (struct vetting){on_facts, owner};
    return asks_nothing ? NULL : &asked;
}

static void vet_cancel(struct vetting *vetting)
{
    check(vetting == &asked);
    cancelled++;
}

static const struct vetter_ops vet_ops = {vet_begin, vet_cancel};
static struct vetter vetter = {&vet_ops};

static void begin(int64_t delay_ms, struct vetter *vetted_by)
{
    begun = cancelled = 0;
    asks_nothing = false;
    rig_init_tls(&rig, 1);
    rig.settings.refuse_early_talkers = true;
    rig.role.greeting_delay_ms = delay_ms;
    rig.role.vetter = vetted_by;
    rig_connect(&rig);
    sim_run(rig.sim);
}

static void answer(void)
{
    static const struct peer_facts facts = {.naming = PEER_NAMING_CONFIRMED, .name = "a.example"};
    asked.on_facts(asked.owner, &facts);
    sim_run(rig.sim);
}

TEST(test_the_greeting_waits_for_its_delay)
{
    begin(DELAY_MS, NULL);
    check_int(rig.opened, 0);
    sim_advance_ms(rig.sim, DELAY_MS - 1);
    rig_heard(&rig, "");
    sim_advance_ms(rig.sim, 1);
    rig_heard(&rig, "hello\r\n");
    rig_send(&rig, "echo 1\r\n");
    rig_heard(&rig, "ok 1\r\n");
    check(rig.conn->host.facts == NULL);
    rig_deinit_tls(&rig);
}

TEST(test_who_speaks_before_it_is_refused)
{
    static const enum sim_cut cuts[] = {SIM_WHOLE, SIM_BYTES};
    for (size_t i = 0; i < 2; i++) {
        begin(DELAY_MS, &vetter);
        sim_set_policy_of(rig.conn->transport, (struct sim_policy){cuts[i], SIM_CAPACITY_DEFAULT});
        rig_send(&rig, "EHLO client.example\r\nMAIL FROM:<a@b>\r\n");
        rig_heard(&rig, "early\r\n");
        check_int(rig.opened, 0);
        check(rig.has_peer_end);
        check_int(cancelled, 1);
        check_int(rig.env.early_talkers, 1);
        sim_advance_ms(rig.sim, DELAY_MS);
        rig_heard(&rig, "");
        rig_deinit_tls(&rig);
    }
}

/* What came waits, and is fed behind the greeting. */
TEST(test_where_early_talkers_are_let_pass)
{
    begin(DELAY_MS, NULL);
    rig_deinit_tls(&rig);
    for (int is_proxied = 0; is_proxied < 2; is_proxied++) {
        rig_init_tls(&rig, 1);
        rig.settings.refuse_early_talkers = false;
        rig.role.is_proxied = is_proxied != 0;
        rig.role.greeting_delay_ms = DELAY_MS;
        rig_connect(&rig);
        if (is_proxied)
            rig_send_bytes(&rig, span_of("PROXY TCP4 192.0.2.7 198.51.100.1 40000 25\r\n"));
        rig_send(&rig, "echo 1\r\necho");
        rig_heard(&rig, "");
        sim_advance_ms(rig.sim, DELAY_MS);
        rig_heard(&rig, "hello\r\nok 1\r\n");
        rig_send(&rig, " 2\r\n");
        rig_heard(&rig, "ok 2\r\n");
        rig_deinit_tls(&rig);
    }
}

TEST(test_it_waits_for_the_later_of_delay_and_facts)
{
    begin(DELAY_MS, &vetter);
    answer();
    rig_heard(&rig, "");
    sim_advance_ms(rig.sim, DELAY_MS);
    rig_heard(&rig, "hello\r\n");
    check_text(rig.conn->host.facts->name, "a.example");
    rig_deinit_tls(&rig);

    begin(DELAY_MS, &vetter);
    sim_advance_ms(rig.sim, DELAY_MS);
    rig_heard(&rig, "");
    answer();
    rig_heard(&rig, "hello\r\n");
    check_int(cancelled, 0);
    rig_deinit_tls(&rig);

    begin(0, &vetter);
    rig_heard(&rig, "");
    answer();
    rig_heard(&rig, "hello\r\n");
    rig_deinit_tls(&rig);
}

TEST(test_known_peers_do_not_wait)
{
    struct network loopback;
    check_int(network_parse(span_of("127.0.0.0/8"), &loopback), 0);
    for (int i = 0; i < 2; i++) {
        begun = 0;
        rig_init_tls(&rig, 1);
        rig.role.greeting_delay_ms = DELAY_MS;
        rig.role.vetter = &vetter;
        if (i == 0) {
            rig.role.trusted_networks = &loopback;
            rig.role.trusted_network_count = 1;
        } else {
            rig.role.known_networks = &loopback;
            rig.role.known_network_count = 1;
        }
        rig_connect(&rig);
        sim_run(rig.sim);
        rig_heard(&rig, "hello\r\n");
        check_int(begun, 0);
        rig_deinit_tls(&rig);
    }
}

/* No byte of TLS is early; the look-up waits before the handshake. */
TEST(test_implicit_tls_waits_for_facts_only)
{
    static const char hello[] = "\x16\x03\x01";
    rig_init_tls(&rig, 1);
    rig.settings.refuse_early_talkers = true;
    rig.role.security = CONN_IMPLICIT;
    rig.role.greeting_delay_ms = DELAY_MS;
    rig.role.vetter = &vetter;
    asks_nothing = false;
    rig_connect(&rig);
    rig_send(&rig, hello);
    check_int(rig.env.early_talkers, 0);
    check_int(rig.conn->state, CONN_DOORSTEP);
    answer();
    check_int(rig.conn->state, CONN_HANDSHAKE);
    rig_deinit_tls(&rig);
}

TEST(test_who_goes_away_meanwhile_is_looked_up_no_more)
{
    begin(DELAY_MS, &vetter);
    rig_hang_up(&rig);
    sim_run(rig.sim);
    check_int(cancelled, 1);
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);

    begin(DELAY_MS, &vetter);
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    check_int(cancelled, 1);
    check_int(rig.env.conn_count, 0);
    rig_deinit_tls(&rig);
}

TEST(test_a_vetter_with_nothing_to_ask)
{
    rig_init_tls(&rig, 1);
    asks_nothing = true;
    rig.role.vetter = &vetter;
    rig_connect(&rig);
    sim_run(rig.sim);
    rig_heard(&rig, "hello\r\n");
    check(rig.conn->host.facts == NULL);
    rig_deinit_tls(&rig);
}

#define ROW(test)                                                                                  \
    {                                                                                              \
#test, test                                                                                \
    }

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        ROW(test_the_greeting_waits_for_its_delay),
        ROW(test_who_speaks_before_it_is_refused),
        ROW(test_where_early_talkers_are_let_pass),
        ROW(test_it_waits_for_the_later_of_delay_and_facts),
        ROW(test_known_peers_do_not_wait),
        ROW(test_implicit_tls_waits_for_facts_only),
        ROW(test_who_goes_away_meanwhile_is_looked_up_no_more),
        ROW(test_a_vetter_with_nothing_to_ask),
    };
    rig_lab_init();
    int result = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    rig_lab_deinit();
    return result;
}
