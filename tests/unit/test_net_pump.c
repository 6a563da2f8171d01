/* The pump's seven rules and the ends of a connection, in plaintext over the simulator. */
#include "check.h"
#include "net/conn_internal.h"
#include "tests/fake/net_rig.h"

static struct rig rig;

static void begin(void)
{
    rig_init(&rig, 1);
    rig_connect(&rig);
    sim_run(rig.sim);
}

TEST(test_greeting_lines_and_quit)
{
    begin();
    rig_heard(&rig, "hello\r\n");
    rig_send(&rig, "echo one\r\nname joe\r\nquit\r\nbehind\r\n");
    rig_said(&rig, "<echo one|name joe|quit|>");
    rig_heard(&rig, "ok one\r\nok joe\r\nok \r\n");
    check(rig.has_peer_end && rig.peer_end_err == 0);
    check_int(rig.env.conn_count, 1);
    rig_hang_up(&rig);
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_pipelined_replies_leave_in_one_write)
{
    begin();
    size_t before = sim_write_count(rig.conn->transport);
    rig_send(&rig, "echo 1\r\necho 2\r\necho 3\r\nbig 100\r\necho 4\r\n");
    check_int(sim_write_count(rig.conn->transport) - before, 1);
    rig_deinit(&rig);
}

/* Rule 1 */
TEST(test_nothing_is_fed_while_a_request_runs)
{
    begin();
    rig_send(&rig, "job x\r\necho 2\r\njob y\r\njob z\r\necho 3\r\n");
    rig_said(&rig, "<job x|answer|echo 2|job y|answer|job z|answer|echo 3|");
    rig_heard(&rig, "hello\r\nJ\r\nok 2\r\nJ\r\nJ\r\nok 3\r\n");
    check_int(rig.jobs_freed, 3);
    rig_deinit(&rig);
}

TEST(test_a_dying_connection_cancels_its_request)
{
    begin();
    rig_send_bytes(&rig, span_of("job x\r\n"));
    sim_spoil_after(rig.peer.transport, 0, SIM_RESET);
    sim_run(rig.sim);
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);

    /* Also when it is given up between submission and answer. */
    rig_init(&rig, 2);
    rig_connect(&rig);
    sim_run(rig.sim);
    conn_end(rig.conn, ENDING_LIMIT);
    rig_send_bytes(&rig, span_of("job x\r\n"));
    sim_run(rig.sim);
    rig_said(&rig, "<limit|>");
    rig_heard(&rig, "hello\r\nbye\r\n");
    rig_deinit(&rig);
}

static void on_line_end(struct rig *self)
{
    conn_end(self->conn, ENDING_LIMIT);
}

TEST(test_an_end_from_inside_cancels_the_request_just_made)
{
    begin();
    rig.on_line = on_line_end;
    rig_send(&rig, "job x\r\necho 1\r\n");
    rig_said(&rig, "<job x|limit|>");
    check_int(rig.jobs_freed, 1);
    rig_heard(&rig, "hello\r\nbye\r\n");
    rig_deinit(&rig);
}

/* Rule 2 */
TEST(test_a_peer_that_does_not_read_is_not_fed)
{
    char line[] = "big 1000\r\n";
    begin();
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 4096});
    transport_read_off(rig.peer.transport);
    for (int i = 0; i < 10000; i++)
        rig_send_bytes(&rig, span_of(line));
    sim_run(rig.sim);
    check(conn_unsent(rig.conn) >= RIG_MARK);
    check(conn_unsent(rig.conn) <= RIG_MARK + 1002);
    check(reader_waiting(&rig.conn->reader) <= CONN_WAITING_MAX + SIM_READ_MAX);
    check(sim_unread_len(rig.conn->transport) > 0);
    transport_read_on(rig.peer.transport);
    sim_run(rig.sim);
    check_int(rig.heard.len, 7 + 10000 * 1002);
    check(rig.conn->reader.kept.data == NULL && rig.conn->out.first == NULL);
    rig_deinit(&rig);
}

TEST(test_a_listing_is_pulled_not_pushed)
{
    begin();
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 1000});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "list 500\r\necho after\r\n");
    check(conn_unsent(rig.conn) <= RIG_MARK + 1024);
    for (int i = 0; i < 2000 && rig.heard.len < 512000; i++) {
        transport_read_on(rig.peer.transport);
        sim_run(rig.sim);
        check(conn_unsent(rig.conn) <= RIG_MARK + 1024);
    }
    check_int(rig.heard.len, 7 + 512000 + 5 + 10);
    rig_deinit(&rig);
}

TEST(test_a_listing_that_nobody_takes_times_out)
{
    begin();
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "list 500\r\n");
    sim_advance_ms(rig.sim, rig.settings.session_timeout_ms - 1);
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 1);
    check_int(rig.freed, 1);
    check_int(rig.env.conn_count, 1);
    sim_advance_ms(rig.sim, rig.settings.last_words_timeout_ms);
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

/* Rule 3 */
TEST(test_wake_is_a_level_and_waits_for_the_input)
{
    begin();
    buf_clear(&rig.said);
    rig_send(&rig, "twice\r\necho 1\r\n");
    rig_said(&rig, "twice|echo 1|wake|");
    host_wake(&rig.conn->host);
    host_wake(&rig.conn->host);
    rig_said(&rig, "");
    sim_run(rig.sim);
    rig_said(&rig, "wake|");
    rig_send(&rig, "twice\r\necho h");
    rig_said(&rig, "twice|");
    sim_advance_ms(rig.sim, 100);
    rig_said(&rig, "");
    rig_send(&rig, "alf\r\n");
    rig_said(&rig, "echo half|wake|");
    rig_send(&rig, "wakeme\r\ndata 3\r\nab");
    rig_said(&rig, "wakeme|data 3|ab");
    rig_send(&rig, "c");
    rig_said(&rig, "c|wake|");
    conn_wake(rig.conn);
    rig_hang_up(&rig);
    rig_deinit(&rig);
}

TEST(test_wake_waits_until_output_is_drained)
{
    begin();
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 100});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "big 500\r\nwakeme\r\n");
    sim_advance_ms(rig.sim, 1000);
    rig_said(&rig, "<big 500|wakeme|");
    transport_read_on(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, "wake|");
    rig_deinit(&rig);
}

/* Rule 4 */
TEST(test_end_of_input_comes_after_the_last_line)
{
    begin();
    rig_send_bytes(&rig, span_of("echo 1\r\njob x\r\necho 2\r\nhalf"));
    transport_shutdown(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, "<echo 1|job x|answer|echo 2|closed by peer|>");
    rig_heard(&rig, "hello\r\nok 1\r\nJ\r\nok 2\r\n");
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_end_of_input_inside_data_and_a_reset)
{
    begin();
    rig_send_bytes(&rig, span_of("data 10\r\nabc"));
    transport_shutdown(rig.peer.transport);
    sim_run(rig.sim);
    rig_said(&rig, "<data 10|abcclosed by peer|>");
    rig_hang_up(&rig);

    rig_connect(&rig);
    rig_send(&rig, "data 10\r\nabc");
    sim_spoil_after(rig.peer.transport, 0, SIM_RESET);
    rig_send_bytes(&rig, span_of("x"));
    sim_run(rig.sim);
    rig_said(&rig, "<data 10|abcconnection broke|>");
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_shutdown_comes_at_the_next_line_want)
{
    begin();
    rig_send(&rig, "data 3\r\na");
    conn_env_drain(&rig.env);
    sim_run(rig.sim);
    rig_said(&rig, "<data 3|a");
    rig_send(&rig, "bcecho 1\r\n");
    rig_said(&rig, "bc|server stops|>");
    rig_heard(&rig, "hello\r\ndone\r\nbye\r\n");
    check_int(rig.idle_count, 0);
    rig_hang_up(&rig);
    check_int(rig.idle_count, 1);
    rig_deinit(&rig);
}

TEST(test_shutdown_comes_by_force_at_the_deadline)
{
    begin();
    rig_send(&rig, "data 3\r\na");
    conn_env_drain(&rig.env);
    sim_advance_ms(rig.sim, 6999);
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 1);
    rig_said(&rig, "<data 3|aserver stops|>");
    rig_heard(&rig, "hello\r\nbye\r\n");
    check_int(rig.env.conn_count, 0);
    check_int(rig.idle_count, 1);
    rig_deinit(&rig);
}

TEST(test_closing_all_takes_no_time)
{
    begin();
    rig_send(&rig, "data 3\r\na");
    conn_env_close(&rig.env);
    sim_run(rig.sim);
    rig_said(&rig, "<data 3|aserver stops|>");
    check_int(rig.env.conn_count, 0);
    check_int(rig.idle_count, 1);
    conn_env_close(&rig.env);
    check_int(rig.idle_count, 2);
    rig_deinit(&rig);
}

/* Rule 5 */
static unsigned turns;

static void on_turn(struct post *post)
{
    turns++;
    if (turns < 1000 && rig.session != NULL)
        loop_post(rig.env.loop, post);
}

TEST(test_the_pump_lets_others_have_their_turn)
{
    struct post post = {.run = on_turn};
    begin();
    for (int i = 0; i < 640; i++)
        rig_send_bytes(&rig, span_of("echo 1\r\n"));
    rig_send_bytes(&rig, span_of("quit\r\n"));
    turns = 0;
    loop_post(rig.env.loop, &post);
    sim_run(rig.sim);
    check(turns >= 10 && turns < 30);
    check_int(rig.heard.len, 7 + 640 * 6 + 5);
    rig_deinit(&rig);
}

/* Rule 6 */
TEST(test_single_bytes_do_not_prolong_a_line)
{
    begin();
    for (int i = 0; i < 9; i++) {
        sim_advance_ms(rig.sim, 1000);
        rig_send(&rig, "x");
    }
    sim_advance_ms(rig.sim, 999);
    rig_said(&rig, "<");
    sim_advance_ms(rig.sim, 1);
    rig_said(&rig, "timeout|>");
    rig_heard(&rig, "hello\r\nbye\r\n");
    rig_deinit(&rig);
}

TEST(test_lines_prolong)
{
    begin();
    for (int i = 0; i < 30; i++) {
        sim_advance_ms(rig.sim, 9000);
        rig_send(&rig, "echo 1\r\n");
    }
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 10000);
    check_int(rig.freed, 1);
    rig_deinit(&rig);
}

TEST(test_only_16_kib_of_data_prolong)
{
    static char bytes[16384];
    begin();
    rig_send(&rig, "some 1000000\r\n");
    for (int i = 0; i < 5; i++) {
        sim_advance_ms(rig.sim, 19000);
        rig_send_bytes(&rig, span_make(bytes, sizeof bytes));
        sim_run(rig.sim);
    }
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 10000);
    rig_send_bytes(&rig, span_make(bytes, sizeof bytes - 1));
    sim_run(rig.sim);
    sim_advance_ms(rig.sim, 9999);
    check_int(rig.freed, 0);
    sim_advance_ms(rig.sim, 1);
    check_int(rig.freed, 1);
    rig_deinit(&rig);
}

/* Rule 7 */
TEST(test_close_discards_for_a_while)
{
    begin();
    rig_send(&rig, "quit\r\n");
    check(rig.has_peer_end);
    for (int i = 0; i < 60; i++)
        rig_send(&rig, "0123456789012345678901234567890123456789");
    check_int(rig.env.conn_count, 1);
    sim_advance_ms(rig.sim, 999);
    check_int(rig.env.conn_count, 1);
    sim_advance_ms(rig.sim, 1);
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_close_discards_no_more_than_64_kib)
{
    static char bytes[32768];
    begin();
    rig_send(&rig, "quit\r\n");
    rig_send_bytes(&rig, span_make(bytes, sizeof bytes));
    sim_run(rig.sim);
    rig_send_bytes(&rig, span_make(bytes, sizeof bytes - 1));
    sim_run(rig.sim);
    check_int(rig.env.conn_count, 1);
    rig_send(&rig, "1");
    check_int(rig.env.conn_count, 0);
    rig_deinit(&rig);
}

TEST(test_close_writes_out_first)
{
    begin();
    sim_set_policy_of(rig.peer.transport, (struct sim_policy){SIM_WHOLE, 100});
    transport_read_off(rig.peer.transport);
    rig_send(&rig, "big 9000\r\n");
    rig_send(&rig, "quit\r\n");
    sim_advance_ms(rig.sim, 5000);
    transport_read_on(rig.peer.transport);
    sim_run(rig.sim);
    check_int(rig.heard.len, 7 + 9002 + 5);
    check(rig.has_peer_end && rig.peer_end_err == 0);
    rig_deinit(&rig);
}

static const char dialogue[] = "echo 1\r\ndata 5\r\n12345echo 2\r\njob a\r\nbare\nlf\r\necho 3\r\n"
                               "c\rr\r\nlist 20\r\nsome 3\r\nabcecho 4\r\nwakeme\r\necho 5\r\n"
                               "0123456789012345678901234567890123456789012345678901234567890123"
                               "4\r\nbig 3000\r\necho 6\r\ndata 2\r\n\r\necho 7\r\n";

static void play(enum sim_cut cut, uint64_t seed, struct buf *said, size_t *heard_len)
{
    rig_init(&rig, seed);
    sim_set_policy(rig.sim, (struct sim_policy){cut, seed % 2 ? 700 : SIM_CAPACITY_DEFAULT});
    rig_connect(&rig);
    rig_send(&rig, dialogue);
    transport_shutdown(rig.peer.transport);
    sim_run(rig.sim);
    /* When a wake comes depends on when input waits, so it is left out. */
    struct span rest = buf_span(&rig.said);
    for (ptrdiff_t at = span_find(rest, span_of("wake|")); at >= 0;
         at = span_find(rest, span_of("wake|"))) {
        buf_put(said, span_first(rest, (size_t)at));
        rest = span_from(rest, (size_t)at + 5);
    }
    buf_put(said, rest);
    *heard_len = rig.heard.len;
    rig_deinit(&rig);
}

TEST(test_dialogues_are_the_same_however_cut)
{
    struct buf whole;
    size_t whole_len;
    buf_init(&whole, 0);
    play(SIM_WHOLE, 2, &whole, &whole_len);
    check(whole_len > 20000);
    for (uint64_t seed = 0; seed < 60; seed++) {
        struct buf cut;
        size_t cut_len;
        buf_init(&cut, 0);
        play(seed < 2 ? SIM_BYTES : SIM_CUTS, seed, &cut, &cut_len);
        check(span_equal(buf_span(&whole), buf_span(&cut)));
        check_int(cut_len, whole_len);
        buf_release(&cut);
    }
    buf_release(&whole);
}

TEST(test_a_line_may_be_so_long_and_no_longer)
{
    static const char digits[] = "0123456789012345678901234567890123456789012345678901234567890123";
    begin();
    for (size_t len = RIG_LINE_MAX - 1; len <= RIG_LINE_MAX + 1; len++) {
        buf_clear(&rig.said);
        rig_send_bytes(&rig, span_first(span_of(digits), len));
        rig_send(&rig, len > RIG_LINE_MAX ? "x\r\n" : "\r\n");
        check(span_starts(buf_span(&rig.said), span_of(len > RIG_LINE_MAX ? "fault" : "0123")));
    }
    rig_deinit(&rig);
}

TEST(test_an_idle_connection_holds_no_buffer)
{
    begin();
    rig_send(&rig, "echo 1\r\nhal");
    check(rig.conn->reader.kept.data != NULL);
    rig_send(&rig, "f\r\n");
    check(rig.conn->reader.kept.data == NULL && rig.conn->wire.data == NULL);
    check(rig.conn->out.first == NULL);
    rig_deinit(&rig);
}

/* A peer that goes away at any byte of a dialogue, in any way. */
TEST(test_a_peer_may_go_at_any_moment)
{
    static const enum sim_spoil ways[] = {SIM_FIN, SIM_RESET, SIM_SILENCE};
    for (size_t at = 0; at < sizeof dialogue; at += 3) {
        for (size_t way = 0; way < 3; way++) {
            rig_init(&rig, at);
            sim_set_policy(rig.sim, (struct sim_policy){SIM_CUTS, 500});
            rig_connect(&rig);
            sim_spoil_after(rig.conn->transport, at, ways[way]);
            rig_send(&rig, dialogue);
            sim_advance_ms(rig.sim, 400000);
            check_int(rig.env.conn_count, 0);
            rig_deinit(&rig);
        }
    }
}

TEST(test_a_session_that_takes_nothing_is_ended)
{
    begin();
    rig_send(&rig, "none\r\nabc");
    rig_said(&rig, "<none|limit|>");
    rig_deinit(&rig);
}

CHECK_MAIN(
    {"test_greeting_lines_and_quit", test_greeting_lines_and_quit},
    {"test_pipelined_replies_leave_in_one_write", test_pipelined_replies_leave_in_one_write},
    {"test_nothing_is_fed_while_a_request_runs", test_nothing_is_fed_while_a_request_runs},
    {"test_a_dying_connection_cancels_its_request", test_a_dying_connection_cancels_its_request},
    {"test_an_end_from_inside_cancels_the_request_just_made",
     test_an_end_from_inside_cancels_the_request_just_made},
    {"test_a_peer_that_does_not_read_is_not_fed", test_a_peer_that_does_not_read_is_not_fed},
    {"test_a_listing_is_pulled_not_pushed", test_a_listing_is_pulled_not_pushed},
    {"test_a_listing_that_nobody_takes_times_out", test_a_listing_that_nobody_takes_times_out},
    {"test_wake_is_a_level_and_waits_for_the_input", test_wake_is_a_level_and_waits_for_the_input},
    {"test_wake_waits_until_output_is_drained", test_wake_waits_until_output_is_drained},
    {"test_end_of_input_comes_after_the_last_line", test_end_of_input_comes_after_the_last_line},
    {"test_end_of_input_inside_data_and_a_reset", test_end_of_input_inside_data_and_a_reset},
    {"test_shutdown_comes_at_the_next_line_want", test_shutdown_comes_at_the_next_line_want},
    {"test_shutdown_comes_by_force_at_the_deadline", test_shutdown_comes_by_force_at_the_deadline},
    {"test_closing_all_takes_no_time", test_closing_all_takes_no_time},
    {"test_the_pump_lets_others_have_their_turn", test_the_pump_lets_others_have_their_turn},
    {"test_single_bytes_do_not_prolong_a_line", test_single_bytes_do_not_prolong_a_line},
    {"test_lines_prolong", test_lines_prolong},
    {"test_only_16_kib_of_data_prolong", test_only_16_kib_of_data_prolong},
    {"test_close_discards_for_a_while", test_close_discards_for_a_while},
    {"test_close_discards_no_more_than_64_kib", test_close_discards_no_more_than_64_kib},
    {"test_close_writes_out_first", test_close_writes_out_first},
    {"test_dialogues_are_the_same_however_cut", test_dialogues_are_the_same_however_cut},
    {"test_a_line_may_be_so_long_and_no_longer", test_a_line_may_be_so_long_and_no_longer},
    {"test_an_idle_connection_holds_no_buffer", test_an_idle_connection_holds_no_buffer},
    {"test_a_peer_may_go_at_any_moment", test_a_peer_may_go_at_any_moment},
    {"test_a_session_that_takes_nothing_is_ended", test_a_session_that_takes_nothing_is_ended})
