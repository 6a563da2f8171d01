/*
 * The relay in the simulator: connections kept and limited, settlements that the store refuses,
 * reload, drain and the relay's end in the middle of everything, clocks, deleted entries. What
 * becomes of mail at next hops of every kind is test_relay.c's.
 */
#include "base/mem.h"
#include "check.h"
#include "store/queue_rows.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

static void mail_many(struct relay_lab *lab, const char *to, int count)
{
    for (int i = 0; i < count; i++)
        relay_lab_mail(lab, alice, to);
}

/* ---- Connections ---------------------------------------------------------------------------- */

TEST(test_messages_share_a_connection_that_is_kept)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    for (int i = 0; i < 4; i++) {
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 2000);
    }
    check_int(lab.hops[0].messages, 4);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[0].quits, 0);
    relay_lab_run(&lab, 60000);
    check_int(lab.hops[0].at_once, 0);
    check_int(lab.hops[0].quits, 1);
    relay_lab_deinit(&lab);
}

TEST(test_keep_time_of_zero_keeps_nothing)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.keep_ms = 0;
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 10);
    check_int(lab.hops[0].messages, 1);
    check_int(lab.hops[0].quits, 1);
    relay_lab_deinit(&lab);
}

TEST(test_connection_ends_after_its_messages)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.messages_per_connection_max = 2;
    lab.settings.concurrency_max = 1;
    mail_many(&lab, "r@one.test", 5);
    relay_lab_run(&lab, 30000);
    check_int(lab.hops[0].messages, 5);
    check_int(lab.hops[0].connections, 3);
    check_int(lab.hops[0].most_at_once, 1);
    relay_lab_deinit(&lab);
}

TEST(test_many_messages_use_several_connections_up_to_the_limit)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    mail_many(&lab, "r@one.test", 50);
    relay_lab_run(&lab, 30000);
    check_int(lab.hops[0].messages, 50);
    check_int(lab.hops[0].most_at_once, 3);
    check_int(lab.hops[0].connections, 3);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* A burst behind a connection that rests gets more than that one. */
TEST(test_burst_does_not_wait_for_the_kept_connection_alone)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100);
    mail_many(&lab, "r@one.test", 40);
    relay_lab_run(&lab, 30000);
    check_int(lab.hops[0].messages, 41);
    check_int(lab.hops[0].most_at_once, 3);
    relay_lab_deinit(&lab);
}

TEST(test_peer_that_bears_one_connection_is_not_pestered)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].bears = 1;
    mail_many(&lab, "r@one.test", 50);
    relay_lab_run(&lab, 30000);
    check_int(lab.hops[0].messages, 50);
    check(lab.hops[0].connections <= 5);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

TEST(test_stale_connection_puts_nothing_off)
{
    static const char *const replies[] = {HOP_CLOSE, "421 4.4.2 idle for too long"};
    for (size_t i = 0; i < sizeof replies / sizeof *replies; i++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"MAIL", 2, replies[i]};
        for (int mail = 0; mail < 2; mail++) {
            relay_lab_mail(&lab, alice, "r@one.test");
            relay_lab_run(&lab, 2000);
        }
        check_int(lab.hops[0].messages, 2);
        check_int(lab.hops[0].connections, 2);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

TEST(test_recipients_of_one_message_go_together_in_hundreds)
{
    struct relay_lab lab;
    struct buf to;
    buf_init(&to, 0);
    for (int i = 0; i < 150; i++)
        buf_printf(&to, "%sr%d@one.test", i > 0 ? " " : "", i);
    buf_put_byte(&to, '\0');
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    relay_lab_mail(&lab, alice, buf_span(&to).ptr);
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].recipients, 150);
    check_int(lab.hops[0].messages, 2);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
    buf_release(&to);
}

/* More than are leased at once, and more than a page: all go, each once. */
TEST(test_long_queue_goes_out_whole)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    mail_many(&lab, "a@one.test b@two.test", 1300);
    relay_lab_run(&lab, 200000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[0].messages, 2600);
    relay_lab_deinit(&lab);
}

/* ---- The store ------------------------------------------------------------------------------ */

TEST(test_outcome_that_the_store_refuses_is_told_again_not_sent_again)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@one.test");
    lab.fail_writes = 1000;
    relay_lab_run(&lab, 9000);
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_queue(&lab).count, 1);
    lab.fail_writes = 0;
    relay_lab_run(&lab, 120000);
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

TEST(test_confirmed_delivery_is_written_down_when_the_relay_goes)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@one.test");
    lab.fail_writes = 1;
    relay_lab_run(&lab, 1000);
    check_int(relay_lab_queue(&lab).count, 1);
    relay_free(&lab.relay);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_run(&lab, 60000);
    check_int(lab.hops[0].messages, 1);
    relay_lab_deinit(&lab);
}

/* As `postern queue delete` does it. */
TEST(test_deleted_entry_that_waits_in_line_is_dropped)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 1, HOP_SILENT};
    relay_lab_mail(&lab, alice, "first@one.test");
    relay_lab_run(&lab, 1000);
    uint64_t first = relay_lab_queue(&lab).id;
    lab.hops[0].rules[0].verb = NULL;
    mail_many(&lab, "second@one.test", 2);
    relay_lab_run(&lab, 1000);
    struct store_outcome outcome = {.id = 0, .kind = STORE_OUTCOME_DONE};
    struct store_queue *queue = store_queue_create(lab.world.store, INT64_MAX, INT64_MIN, 0, 10);
    job_run_now(lab.world.jobs, &queue->job);
    check_int(queue->count, 3);
    for (size_t i = 0; i < queue->count; i++) {
        if (queue->rows[i].id != first)
            outcome.id = queue->rows[i].id;
    }
    queue->job.free(&queue->job);
    struct store_settle *settle = store_settle_create(lab.world.store, &outcome, 1, NULL, NULL, 0);
    job_run_now(lab.world.jobs, &settle->job);
    check_int(settle->missing_count, 0);
    settle->job.free(&settle->job);
    relay_leases_revoke(lab.leases, outcome.id);
    relay_lab_run(&lab, 120000); /* the silent one times out, then the others go */
    check_int(lab.hops[0].messages, 1);
    check_int(relay_lab_queue(&lab).count, 1);
    relay_lab_deinit(&lab);
}

/* ---- Clocks --------------------------------------------------------------------------------- */

TEST(test_clock_that_is_set_back_or_ahead_loses_nothing)
{
    static const int64_t jumps_s[] = {-3600, -86400, -31536000, 1800};
    for (size_t i = 0; i < sizeof jumps_s / sizeof *jumps_s; i++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 0, "450 4.2.1 later"};
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 1000);
        check_int(relay_lab_queue(&lab).attempts, 1);
        lab.hops[0].rules[0].verb = NULL;
        sim_set_wall_us(lab.world.sim, clock_wall_us(lab.options.clock) + jumps_s[i] * 1000000);
        relay_lab_mail(&lab, alice, "new@one.test"); /* due before the cursor, perhaps */
        relay_lab_run(&lab, 2 * 4 * RELAY_LAB_RETRY_MS + 120000);
        check_int(lab.hops[0].messages, 2);
        check_int(relay_lab_queue(&lab).count, 0);
        check(lab.hops[0].connections <= 4);
        relay_lab_deinit(&lab);
    }
}

/* ---- In the middle of everything ------------------------------------------------------------ */

static const char *const verbs[] = {"CONNECT", "EHLO", "MAIL", "RCPT", "DATA", "."};
enum { VERB_COUNT = sizeof verbs / sizeof *verbs };

struct event {
    struct relay_lab *lab;
    const char *verb; /* when it comes, once */
    void (*run)(struct relay_lab *lab);
};

static void on_verb(void *owner, const char *verb)
{
    struct event *event = owner;
    if (event->verb == NULL || strcmp(event->verb, verb) != 0)
        return;
    event->verb = NULL;
    event->run(event->lab);
}

static void lab_with_event(struct relay_lab *lab, struct event *event, const char *verb,
                           void (*run)(struct relay_lab *lab))
{
    relay_lab_init(lab);
    *event = (struct event){lab, verb, run};
    lab->hops[0].on_verb = on_verb;
    lab->hops[0].owner = event;
}

static void free_relay(struct relay_lab *lab)
{
    relay_free(&lab->relay);
}

TEST(test_relay_may_end_anywhere)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        struct relay_lab lab;
        struct event event;
        check_case = verbs[i];
        lab_with_event(&lab, &event, verbs[i], free_relay);
        lab.settings.concurrency_max = 1;
        mail_many(&lab, "r@one.test q@one.test", 3);
        relay_lab_run(&lab, 100);
        check(event.verb == NULL && lab.relay == NULL);
        check_int(relay_lab_queue(&lab).count, 6);
        relay_lab_run(&lab, 60000); /* another one */
        check_int(relay_lab_queue(&lab).count, 0);
        /* Only what was cut between dot and 250 may come twice. */
        check_int(lab.hops[0].messages, strcmp(verbs[i], ".") == 0 ? 4 : 3);
        relay_lab_deinit(&lab);
    }
}

TEST(test_relay_may_end_while_it_looks_and_asks)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.relay = relay_create(&lab.options); /* a look under way */
    relay_free(&lab.relay);
    relay_lab_mail(&lab, alice, "r@one.test");
    lab.relay = relay_create(&lab.options);
    relay_lab_deinit(&lab);
}

static void drain_relay(struct relay_lab *lab)
{
    relay_lab_drain(lab);
}

TEST(test_drain_lets_the_transaction_end_and_begins_none)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        struct relay_lab lab;
        struct event event;
        check_case = verbs[i];
        lab_with_event(&lab, &event, verbs[i], drain_relay);
        lab.settings.concurrency_max = 1;
        mail_many(&lab, "r@one.test", 3);
        relay_lab_run(&lab, 5000);
        check(lab.is_idle);
        check_int(lab.idle_count, 1);
        check_int(lab.hops[0].messages, i >= 2); /* from MAIL on */
        check_int(relay_lab_queue(&lab).count, i >= 2 ? 2 : 3);
        check_int(lab.hops[0].connections, 1);
        relay_lab_mail(&lab, alice, "late@one.test");
        relay_lab_run(&lab, 120000);
        check_int(lab.hops[0].connections, 1);
        check_int(lab.hops[0].at_once, 0);
        relay_lab_deinit(&lab);
    }
}

TEST(test_drain_ends_kept_connections_and_is_idle_at_once_without_work)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100);
    relay_lab_drain(&lab);
    check(!lab.is_idle);
    relay_lab_run(&lab, 2000);
    check(lab.is_idle);
    check_int(lab.hops[0].quits, 1);
    relay_free(&lab.relay);
    lab.is_idle = false;
    relay_lab_run(&lab, 100);
    relay_lab_drain(&lab);
    check(lab.is_idle);
    relay_lab_deinit(&lab);
}

/* As a reload does it: other settings, and the memory of the old ones is gone afterwards. */
static void reload(struct relay_lab *lab)
{
    static struct settings_relay after;
    char *user = mem_strdup("somebody");
    after = lab->settings;
    after.smarthost = "two.hop.test";
    after.smarthost_tls = RELAY_TLS_OFF;
    after.smarthost_verify = "off";
    after.smarthost_user = user;
    struct relay_options options = lab->options;
    options.settings = &after;
    options.hostname = "renamed.example";
    relay_set_options(lab->relay, &options);
    /* And back to one without login, from one whose texts go. */
    struct settings_relay between = after;
    static struct settings_relay last;
    last = between;
    last.smarthost_user = "";
    options.settings = &last;
    relay_set_options(lab->relay, &options);
    mem_free(user);
    memset(&after, 0xAA, sizeof after);
}

TEST(test_reload_routes_what_waits_anew)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        struct relay_lab lab;
        struct event event;
        check_case = verbs[i];
        lab_with_event(&lab, &event, verbs[i], reload);
        lab.settings.concurrency_max = 1;
        mail_many(&lab, "r@one.test", 3);
        relay_lab_run(&lab, 20000);
        check_int(lab.hops[0].messages, i >= 2);
        check_int(lab.hops[1].messages, i >= 2 ? 2 : 3);
        check_int(relay_lab_queue(&lab).count, 0);
        check_int(lab.hops[0].at_once, 0);
        relay_lab_deinit(&lab);
    }
}

TEST(test_reload_ends_kept_connections_only_when_the_route_changes)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100);
    struct settings_relay same = lab.settings;
    struct relay_options options = lab.options;
    options.settings = &same;
    relay_set_options(lab.relay, &options);
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 100);
    check_int(lab.hops[0].connections, 1);
    check_int(lab.hops[0].at_once, 1);
    reload(&lab);
    relay_lab_run(&lab, 2000);
    check_int(lab.hops[0].quits, 1);
    relay_lab_deinit(&lab);
}

/* Two loops; the routing changes under way, so rows change loops while one still has them. */
TEST(test_two_loops_never_have_the_same_row)
{
    for (int i = 0; i < VERB_COUNT; i++) {
        struct relay_lab lab;
        struct event event;
        check_case = verbs[i];
        relay_lab_init(&lab);
        struct world *world = &lab.world;
        struct conn_env env = world->env;
        env.loop = sim_loop_at(world->sim, 1);
        env.port = job_port_create(world->jobs, env.loop);
        env.maker = sim_maker(world->sim, env.loop);
        store_attach(world->store, env.port);
        conn_env_init(&env);
        relay_leases_free(&lab.leases);
        lab.leases = lab.options.leases = relay_leases_create(2);
        lab.options.loop_count = 2;
        event = (struct event){&lab, verbs[i], reload};
        lab.hops[0].on_verb = on_verb;
        lab.hops[0].owner = &event;
        struct relay_options options = lab.options;
        options.env = &env;
        struct relay *other = relay_create(&options);
        mail_many(&lab, "a@one.test b@two.test c@[203.0.113.1] d@[203.0.113.2]", 3);
        lab.fail_writes = UINT32_MAX; /* what is delivered stays in hand, and its row due */
        relay_lab_run(&lab, 100);
        check(event.verb == NULL); /* reloaded the first; now the second, later */
        struct settings_relay after = lab.settings;
        after.smarthost = "two.hop.test";
        after.smarthost_tls = RELAY_TLS_OFF;
        options.settings = &after;
        relay_set_options(other, &options);
        relay_lab_run(&lab, 5000);
        lab.fail_writes = 0;
        relay_lab_run(&lab, 150000);
        check_int(lab.hops[0].recipients + lab.hops[1].recipients, 12);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_free(&other);
        relay_free(&lab.relay);
        sim_advance_ms(world->sim, 10000);
        store_detach(world->store, env.port);
        job_port_free(&env.port);
        relay_lab_deinit(&lab);
    }
}

CHECK_MAIN({"test_messages_share_a_connection_that_is_kept",
            test_messages_share_a_connection_that_is_kept},
           {"test_keep_time_of_zero_keeps_nothing", test_keep_time_of_zero_keeps_nothing},
           {"test_connection_ends_after_its_messages", test_connection_ends_after_its_messages},
           {"test_many_messages_use_several_connections_up_to_the_limit",
            test_many_messages_use_several_connections_up_to_the_limit},
           {"test_burst_does_not_wait_for_the_kept_connection_alone",
            test_burst_does_not_wait_for_the_kept_connection_alone},
           {"test_peer_that_bears_one_connection_is_not_pestered",
            test_peer_that_bears_one_connection_is_not_pestered},
           {"test_stale_connection_puts_nothing_off", test_stale_connection_puts_nothing_off},
           {"test_recipients_of_one_message_go_together_in_hundreds",
            test_recipients_of_one_message_go_together_in_hundreds},
           {"test_long_queue_goes_out_whole", test_long_queue_goes_out_whole},
           {"test_outcome_that_the_store_refuses_is_told_again_not_sent_again",
            test_outcome_that_the_store_refuses_is_told_again_not_sent_again},
           {"test_confirmed_delivery_is_written_down_when_the_relay_goes",
            test_confirmed_delivery_is_written_down_when_the_relay_goes},
           {"test_deleted_entry_that_waits_in_line_is_dropped",
            test_deleted_entry_that_waits_in_line_is_dropped},
           {"test_clock_that_is_set_back_or_ahead_loses_nothing",
            test_clock_that_is_set_back_or_ahead_loses_nothing},
           {"test_relay_may_end_anywhere", test_relay_may_end_anywhere},
           {"test_relay_may_end_while_it_looks_and_asks",
            test_relay_may_end_while_it_looks_and_asks},
           {"test_drain_lets_the_transaction_end_and_begins_none",
            test_drain_lets_the_transaction_end_and_begins_none},
           {"test_drain_ends_kept_connections_and_is_idle_at_once_without_work",
            test_drain_ends_kept_connections_and_is_idle_at_once_without_work},
           {"test_reload_routes_what_waits_anew", test_reload_routes_what_waits_anew},
           {"test_two_loops_never_have_the_same_row", test_two_loops_never_have_the_same_row},
           {"test_reload_ends_kept_connections_only_when_the_route_changes",
            test_reload_ends_kept_connections_only_when_the_route_changes})
