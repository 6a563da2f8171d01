/*
 * Orders of events that a simulator never brings, by a transport driven by hand; and what a
 * connection takes from its listener's row.
 */
#include "check.h"
#include "net/conn_internal.h"
#include "tests/fake/net_rig.h"

static struct rig rig;

/* --- a transport by hand: orders of events that a simulator never brings --- */

struct hand {
    struct transport base;
    size_t pending;
    bool is_closed, is_shut;
};

static void hand_nothing(struct transport *transport)
{
    (void)transport;
}

static void hand_write(struct transport *transport, const struct span *parts, size_t count)
{
    (void)transport;
    for (size_t i = 0; i < count; i++)
        buf_put(&rig.heard, parts[i]);
}

static size_t hand_pending(const struct transport *transport)
{
    return ((const struct hand *)(const void *)transport)->pending;
}

static void hand_shutdown(struct transport *transport)
{
    ((struct hand *)(void *)transport)->is_shut = true;
}

static void hand_close(struct transport *transport)
{
    ((struct hand *)(void *)transport)->is_closed = true;
}

static const struct transport_ops hand_ops = {hand_nothing,  hand_nothing, hand_write, hand_pending,
                                              hand_shutdown, hand_close,   hand_close};

static void begin_hand(struct hand *hand)
{
    rig_init(&rig, 1);
    *hand = (struct hand){.base = {.ops = &hand_ops}};
    conn_accept(&rig.env, &rig.role, &hand->base);
    rig.conn = rig_last_conn(&rig);
    rig_heard(&rig, "hello\r\n");
}

static void end_hand(struct hand *hand)
{
    check(hand->is_closed);
    hand->base.events->on_closed(hand->base.owner);
    sim_run(rig.sim);
    rig_deinit(&rig);
}

static void hand_read(struct hand *hand, const char *text)
{
    hand->base.events->on_read(hand->base.owner, span_of(text));
}

TEST(test_memory_waits_for_the_post_under_way)
{
    struct hand hand;
    begin_hand(&hand);
    conn_wake(rig.conn);
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    check(hand.is_closed);
    hand.base.events->on_closed(hand.base.owner);
    rig_said(&rig, "<connection broke|>");
    check_int(rig.env.conn_count, 1);
    sim_run(rig.sim);
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_nothing_is_heard_after_the_close)
{
    struct hand hand;
    begin_hand(&hand);
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    rig_said(&rig, "<connection broke|>");
    hand_read(&hand, "echo 1\r\n");
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    hand.base.events->on_written(hand.base.owner);
    hand.base.events->on_connected(hand.base.owner, 0, NULL);
    conn_wake(rig.conn);
    conn_end(rig.conn, ENDING_LIMIT);
    conn_env_drain(&rig.env);
    conn_env_close(&rig.env);
    rig_said(&rig, "");
    end_hand(&hand);
}

TEST(test_an_error_after_an_orderly_end)
{
    struct hand hand;
    begin_hand(&hand);
    hand.pending = 10;
    hand_read(&hand, "job x\r\n");
    hand.base.events->on_end(hand.base.owner, 0);
    rig_said(&rig, "<job x|");
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    rig_said(&rig, "connection broke|>");
    sim_run(rig.sim);
    check_int(rig.jobs_freed, 1);
    end_hand(&hand);
}

TEST(test_what_was_read_before_a_reset_is_still_fed)
{
    struct hand hand;
    begin_hand(&hand);
    hand.pending = RIG_MARK;
    hand_read(&hand, "echo 1\r\necho 2\r\njob x\r\necho 3\r\n");
    rig_said(&rig, "<");
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    rig_said(&rig, "echo 1|echo 2|job x|connection broke|>");
    end_hand(&hand);
}

TEST(test_input_that_nobody_may_bring_during_the_go_ahead)
{
    struct hand hand;
    begin_hand(&hand);
    hand.pending = 1;
    hand_read(&hand, "starttls\r\n");
    rig_heard(&rig, "go ahead\r\n");
    hand_read(&hand, "echo evil\r\n");
    rig_said(&rig, "<starttls|>");
    end_hand(&hand);
}

TEST(test_a_peer_that_goes_during_the_go_ahead)
{
    for (int err = ERR_CLOSED; err <= 0; err -= ERR_CLOSED) {
        struct hand hand;
        begin_hand(&hand);
        hand.pending = 1;
        hand_read(&hand, "starttls\r\n");
        hand.base.events->on_end(hand.base.owner, err);
        rig_said(&rig, err == 0 ? "<starttls|closed by peer|>" : "<starttls|connection broke|>");
        if (!hand.is_closed) {
            hand.pending = 0;
            hand.base.events->on_written(hand.base.owner);
        }
        end_hand(&hand);
    }
}

TEST(test_a_peer_that_went_before_the_upgrade)
{
    struct hand hand;
    begin_hand(&hand);
    hand_read(&hand, "job x\r\nstarttls\r\n");
    hand.base.events->on_end(hand.base.owner, 0);
    sim_run(rig.sim);
    rig_said(&rig, "<job x|answer|starttls|closed by peer|>");
    check_int(rig.env.upgrades_refused, 0);
    end_hand(&hand);
}

TEST(test_a_peer_that_goes_during_our_last_words)
{
    struct hand hand;
    begin_hand(&hand);
    hand.pending = 1;
    hand_read(&hand, "quit\r\nmore");
    hand.base.events->on_end(hand.base.owner, 0);
    check(!hand.is_closed && !hand.is_shut);
    hand.pending = 0;
    hand.base.events->on_written(hand.base.owner);
    check(hand.is_shut);
    end_hand(&hand);
    begin_hand(&hand);
    hand.pending = 1;
    hand_read(&hand, "quit\r\n");
    hand.base.events->on_end(hand.base.owner, ERR_CLOSED);
    check(!hand.is_shut);
    end_hand(&hand);
}

TEST(test_a_connection_accepted_during_a_drain)
{
    struct hand hand;
    rig_init(&rig, 1);
    conn_env_drain(&rig.env);
    check_int(rig.idle_count, 1);
    hand = (struct hand){.base = {.ops = &hand_ops}};
    conn_accept(&rig.env, &rig.role, &hand.base);
    rig_said(&rig, "<server stops|>");
    rig_heard(&rig, "hello\r\nbye\r\n");
    sim_advance_ms(rig.sim, 1000);
    end_hand(&hand);
    check_int(rig.idle_count, 3); /* the third when end_hand() closes all of none */
}

/* --- what a listener's row gives --- */

static int references;

static void *take_reference(void *service)
{
    references++;
    return service;
}

static void give_back(void *service)
{
    (void)service;
    references--;
}

static unsigned tapped[TAP_CLOSE + 1];

static void on_tap(struct tap *tap, const struct tap_event *event)
{
    (void)tap;
    tapped[event->kind]++;
}

TEST(test_a_connection_holds_its_service_and_is_tapped)
{
    struct tap tap = {on_tap};
    rig_init(&rig, 1);
    rig.role.service_ref = take_reference;
    rig.role.service_unref = give_back;
    rig.env.tap = &tap;
    rig_connect(&rig);
    rig_send(&rig, "echo 1\r\n");
    check_int(references, 1);
    rig_hang_up(&rig);
    check_int(references, 0);
    check(tapped[TAP_OPEN] == 1 && tapped[TAP_CLOSE] == 1);
    check_int(tapped[TAP_LINE], 3); /* the greeting, the command and its echo */
    check_int(tapped[TAP_DATA], 0);
    rig_deinit(&rig);
}

TEST(test_a_line_without_end_is_a_flood)
{
    static char piece[64 * 1024];
    memset(piece, 'x', sizeof piece);
    rig_init(&rig, 1);
    rig_connect(&rig);
    sim_run(rig.sim);
    for (int i = 0; i < 16; i++)
        rig_send_bytes(&rig, span_make(piece, sizeof piece));
    sim_run(rig.sim);
    rig_said(&rig, "<");
    rig_send_bytes(&rig, span_make(piece, sizeof piece));
    sim_run(rig.sim);
    rig_said(&rig, "limit|>");
    rig_heard(&rig, "hello\r\nbye\r\n");
    rig_deinit(&rig);
}

CHECK_MAIN({"test_a_line_without_end_is_a_flood", test_a_line_without_end_is_a_flood},
           {"test_memory_waits_for_the_post_under_way", test_memory_waits_for_the_post_under_way},
           {"test_nothing_is_heard_after_the_close", test_nothing_is_heard_after_the_close},
           {"test_an_error_after_an_orderly_end", test_an_error_after_an_orderly_end},
           {"test_what_was_read_before_a_reset_is_still_fed",
            test_what_was_read_before_a_reset_is_still_fed},
           {"test_input_that_nobody_may_bring_during_the_go_ahead",
            test_input_that_nobody_may_bring_during_the_go_ahead},
           {"test_a_peer_that_goes_during_the_go_ahead", test_a_peer_that_goes_during_the_go_ahead},
           {"test_a_peer_that_went_before_the_upgrade", test_a_peer_that_went_before_the_upgrade},
           {"test_a_peer_that_goes_during_our_last_words",
            test_a_peer_that_goes_during_our_last_words},
           {"test_a_connection_accepted_during_a_drain", test_a_connection_accepted_during_a_drain},
           {"test_a_connection_holds_its_service_and_is_tapped",
            test_a_connection_holds_its_service_and_is_tapped})
