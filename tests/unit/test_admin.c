/*
 * The administrator's calls: how words travel, every row of the table on a real store, wrong words,
 * and a session on the control socket over the simulator.
 */
#include "admin/admin.h"
#include "base/mem.h"
#include "net/conn.h"
#include "store_fixture.h"
#include "tests/dialogue/world.h"

/* ---- Lines ---------------------------------------------------------------------------------- */

#define WORD(text) span_make(text, sizeof(text) - 1)

TEST(test_words_travel_and_come_back)
{
    const struct span words[] = {WORD("user"),           WORD(""),  WORD("a b%c"),
                                 WORD("\r\n\0\x7f\xff"), WORD("%"), WORD("%41")};
    enum { COUNT = sizeof words / sizeof *words };
    struct admin_call call;
    struct buf line;
    buf_init(&line, ADMIN_LINE_MAX);
    admin_call_init(&call, NULL);
    check_int(admin_line_write(words, COUNT, &line), 0);
    check_span(buf_span(&line), "user % a%20b%25c %0D%0A%00%7F%FF %25 %2541");
    check_int(admin_line_read(&call, buf_span(&line)), 0);
    check_int(call.word_count, COUNT);
    for (size_t i = 0; i < COUNT && i < call.word_count; i++)
        check(span_equal(call.words[i], words[i]));
    admin_call_deinit(&call);
    buf_release(&line);
}

TEST(test_too_long_a_line_is_not_written)
{
    char big[ADMIN_LINE_MAX];
    struct buf line;
    memset(big, ' ', sizeof big);
    const struct span word = span_make(big, sizeof big);
    buf_init(&line, ADMIN_LINE_MAX);
    check_int(admin_line_write(&word, 1, &line), ERR_LIMIT);
    buf_release(&line);
}

static const struct {
    const char *line;
    int err;
} bad_lines[] = {
    {"", ERR_SYNTAX},
    {" ", ERR_SYNTAX},
    {"a  b", ERR_SYNTAX},
    {"a ", ERR_SYNTAX},
    {"a%4", ERR_SYNTAX},
    {"a%zz", ERR_SYNTAX},
    {"%2", ERR_SYNTAX},
    {"%4g", ERR_SYNTAX},
    {"a%0aB", ERR_SYNTAX}, /* lower case is never written */
    {"1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21", ERR_LIMIT},
};

TEST(test_malformed_lines_are_refused)
{
    for (size_t i = 0; i < sizeof bad_lines / sizeof *bad_lines; i++) {
        struct admin_call call;
        check_case = bad_lines[i].line;
        admin_call_init(&call, NULL);
        check_int(admin_line_read(&call, span_of(bad_lines[i].line)), bad_lines[i].err);
        admin_call_deinit(&call);
    }
}

/* ---- Calls ---------------------------------------------------------------------------------- */

/* Ids that were taken away, summed up; a retry of all counts as 1000000. */
static void note_change(void *owner, enum admin_queue_change change, uint64_t id)
{
    *(uint64_t *)owner += change == ADMIN_QUEUE_RETRY ? 1000000 : id;
}

/* Runs one line; the answer is appended to text_out. Returns the status. */
static int call_line(struct fixture *fixture, const char *line, struct buf *text_out,
                     uint64_t *deleted)
{
    struct admin_call call;
    admin_call_init(&call, fixture->store);
    call.on_queue = note_change;
    call.owner = deleted;
    check_int(admin_line_read(&call, span_of(line)), 0);
    struct job *job = admin_start(&call);
    if (job != NULL) {
        fixture_run(fixture, job);
        admin_finish(&call, job);
        job->free(job);
    }
    buf_put(text_out, buf_span(&call.text));
    int status = call.status;
    admin_call_deinit(&call);
    return status;
}

/* In order: later rows see what earlier ones did. The fixture has alice@example.org. */
static const struct {
    const char *line;
    int status;
    const char *text; /* all of it, or a part where it begins with '~' */
} calls[] = {
    {"user list", 0, "alice@example.org\n"},
    {"user add bob@example.org SCRAM", 0, "user bob@example.org: added\n"},
    {"user add bob@example.org SCRAM", 1, "~exists already"},
    {"user passwd bob@example.org OTHER", 0, "user bob@example.org: password changed\n"},
    {"user passwd eve@example.org OTHER", 1, "~there is no such user"},
    {"user add carol@example.org %", 0, "user carol@example.org: added\n"},
    {"user list", 0, "alice@example.org\nbob@example.org\ncarol@example.org (no password)\n"},
    {"user delete carol@example.org", 0, "user carol@example.org: deleted, with all its mail\n"},
    {"user delete carol@example.org", 1, "~there is no such user"},
    {"alias list", 0, ""},
    {"alias add all@example.org alice@example.org", 0, "alias all@example.org: added\n"},
    {"alias add all@example.org bob@example.org", 0, "alias all@example.org: added\n"},
    {"alias add all@example.org bob@example.org", 1, "~has that target already"},
    {"alias list", 0, "all@example.org -> alice@example.org\nall@example.org -> bob@example.org\n"},
    {"alias delete all@example.org bob@example.org", 0, "alias all@example.org: deleted\n"},
    {"alias delete all@example.org bob@example.org", 1, "~there is no such alias"},
    {"alias delete all@example.org", 0, "alias all@example.org: deleted\n"},
    {"alias delete all@example.org", 1, "~there is no such alias"},
    {"alias add a@example.org b@example.org", 0, "alias a@example.org: added\n"},
    {"alias add b@example.org a@example.org", 0,
     "~note: a@example.org leads back to b@example.org: mail that goes round"},
    {"alias add c@example.org c@example.org", 0, "~note: c@example.org leads back to"},
    {"alias add alice@example.org alice@example.org", 0, "alias alice@example.org: added\n"},
    {"alias add bob@example.org far@else.test", 0, "alias bob@example.org: added\n"},
    {"route resolve a@example.org +", 0, "circle\n"},
    {"route resolve alice+x@example.org +", 0, "local alice@example.org\n"},
    {"route resolve alice+x@example.org %", 0, ""},
    {"route resolve bob@example.org +", 0, "remote far@else.test\n"},
    {"route resolve x@else.test +", 0, ""},
    {"domain add kept.test", 0, "domain kept.test: added\n"},
    {"route resolve x@kept.test +", 0, "kept\n"},
    {"route add kept.test via=mx", 1, "~kept.test is kept here (postern domain list)"},
    {"route list", 0, ""},
    {"route add a.test via=host host=h user=u password=p%20%25q", 0, "route a.test: added\n"},
    {"route add a.test via=mx", 1, "~exists already; to change it: postern route delete, then add"},
    {"route add b.test via=host", 1, "~routes.via is \"host\" or \"lmtp\" without routes.host"},
    {"route add b.test via=mx%0Aaccept_from=anyone", 1, "~a word of a route has a line end"},
    {"route add b.test%0A via=mx", 1, "~a word of a route has a line end"},
    {"route add * via=mx accept_from=anyone", 1, "~which would be an open relay"},
    {"route list", 0, "a.test via=host host=h port=25 user=u password=(hidden)\n"},
    {"route rows", 0, "a.test via=host host=h user=u password=(hidden)\n"},
    {"route delete a.test", 0, "route a.test: deleted\n"},
    {"route delete a.test", 1, "~there is no such route in the store"},
    {"route add a.test", 1, "~wrong number of arguments"},
    {"queue rows 0", 0, "0\n"},
    {"queue rows x", 1, "~an entry is named by the number"},
    {"queue hold 1", 0, "1\n"},
    {"queue delete 1,2", 0, "2\n"},
    {"queue delete one", 1, "~an entry is named by the number"},
    {"queue delete 1,,2", 1, "~an entry is named by the number"},
    {"queue delete %", 1, "~an entry is named by the number"},
    {"queue retry 99999999999999999999", 1, "~an entry is named by the number"},
    {"user", 1, "~does not know this command"},
    {"user rename a b", 1, "~does not know this command"},
    {"User list", 1, "~does not know this command"},
    {"user list more", 1, "~wrong number of arguments"},
    {"user add x", 1, "~wrong number of arguments"},
    {"alias add x", 1, "~wrong number of arguments"},
    {"queue rows", 1, "~wrong number of arguments"},
};

TEST(test_every_call_and_wrong_words)
{
    struct fixture fixture;
    uint64_t deleted = 0;
    fixture_make(&fixture);
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        struct buf text;
        buf_init(&text, 0);
        check_case = calls[i].line;
        check_int(call_line(&fixture, calls[i].line, &text, &deleted), calls[i].status);
        if (calls[i].text[0] == '~')
            check(span_find(buf_span(&text), span_of(calls[i].text + 1)) >= 0);
        else
            check_span(buf_span(&text), calls[i].text);
        buf_release(&text);
    }
    check_int(deleted, 1 + 1 + 2);
    fixture_free(&fixture);
}

/* ---- The queue ------------------------------------------------------------------------------ */

static uint64_t put_into_queue(struct fixture *fixture, const char *to)
{
    const struct store_envelope envelope = {.reverse_path = span_of("alice@example.org")};
    const struct store_recipient recipient = {.address = span_of(to)};
    struct store_accept *accept =
        store_accept_create(fixture->store, fixture_body(fixture, span_of("Subject: x\r\n\r\n")),
                            &envelope, &recipient, 1);
    fixture_run(fixture, &accept->job);
    check_int(accept->status, 0);
    uint64_t message = accept->message;
    accept->job.free(&accept->job);
    return message;
}

static uint64_t first_entry(struct fixture *fixture)
{
    struct store_queue *queue = store_queue_create(fixture->store, INT64_MAX, INT64_MIN, 0, 1);
    fixture_run(fixture, &queue->job);
    uint64_t id = queue->count == 0 ? 0 : queue->rows[0].id;
    queue->job.free(&queue->job);
    return id;
}

static void defer(struct fixture *fixture, uint64_t id, const char *why)
{
    const struct store_outcome outcome = {.id = id,
                                          .kind = STORE_OUTCOME_DEFERRED,
                                          .due_us = fixture->clock.wall_us + 3600000000LL,
                                          .text = span_of(why)};
    fixture_do(fixture, store_settle_create(fixture->store, &outcome, 1, NULL, NULL, 0), 0);
}

/* The answer's only row; the number of lines. */
static size_t read_rows(struct fixture *fixture, struct admin_call *reader,
                        struct admin_queue_row *row_out, struct buf *text)
{
    uint64_t unused = 0;
    size_t count = 0;
    buf_clear(text);
    check_int(call_line(fixture, "queue rows 0", text, &unused), 0);
    struct span rest = buf_span(text);
    (void)span_cut(&rest, '\n');
    for (; rest.len > 0; count++)
        check(admin_queue_row_read(reader, span_cut(&rest, '\n'), row_out));
    return count;
}

TEST(test_queue_is_read_held_retried_and_deleted)
{
    struct fixture fixture;
    struct admin_call reader;
    struct admin_queue_row row = {0};
    struct buf text;
    char line[64], message_text[24];
    uint64_t told = 0;
    buf_init(&text, 0);
    admin_call_init(&reader, NULL);
    fixture_make(&fixture);
    uint64_t message = put_into_queue(&fixture, "r r@remote.test");
    uint64_t id = first_entry(&fixture);
    defer(&fixture, id, "450 4.2.1 later\x1b%");
    check_int(read_rows(&fixture, &reader, &row, &text), 1);
    check(row.id == id && row.attempts == 1 && !row.is_held);
    check(row.due_us > fixture.clock.wall_us && row.created_us <= fixture.clock.wall_us);
    (void)snprintf(message_text, sizeof message_text, "%016" PRIx64, message);
    check_span(row.message, message_text);
    check_span(row.reverse_path, "alice@example.org");
    check_span(row.recipient, "r r@remote.test");
    check_span(row.last_status, "450 4.2.1 later\x1b%");

    (void)snprintf(line, sizeof line, "queue hold %" PRIu64, id);
    check_int(call_line(&fixture, line, &text, &told), 0);
    check_int(told, id);
    check_int(read_rows(&fixture, &reader, &row, &text), 1);
    check(row.is_held);
    (void)snprintf(line, sizeof line, "queue retry %" PRIu64, id);
    check_int(call_line(&fixture, line, &text, &told), 0);
    check_int(told, id + 1000000);
    check_int(read_rows(&fixture, &reader, &row, &text), 1);
    check(!row.is_held && row.due_us <= fixture.clock.wall_us);
    (void)snprintf(line, sizeof line, "queue delete %" PRIu64, id);
    check_int(call_line(&fixture, line, &text, &told), 0);
    check_int(told, 2 * id + 1000000);
    check_int(read_rows(&fixture, &reader, &row, &text), 0);
    check(!admin_queue_row_read(&reader, span_of("1 2 3"), &row));
    check(!admin_queue_row_read(&reader, span_of("1 m 1 1 1 1 2 a b c"), &row));
    admin_call_deinit(&reader);
    buf_release(&text);
    fixture_free(&fixture);
}

/* ---- The control socket --------------------------------------------------------------------- */

/* The client's end of a connection to it. */
struct client {
    struct buf heard;
    bool has_end;
};

static void on_read(void *owner, struct span bytes)
{
    buf_put(&((struct client *)owner)->heard, bytes);
}

static void on_end(void *owner, int err)
{
    (void)err;
    ((struct client *)owner)->has_end = true;
}

static void on_written(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner)
{
    (void)owner;
}

static const struct transport_events client_events = {
    .on_read = on_read, .on_end = on_end, .on_written = on_written, .on_closed = on_closed};

static void run_control(const char *said, enum sim_cut cut, const char *wanted, bool ends)
{
    struct world world;
    struct client client = {.has_end = false};
    world_init(&world, 5);
    world_start(&world);
    sim_set_policy(world.sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    struct admin_service service = {.store = world.store};
    const struct conn_role role = {
        .listener = "control", .type = &admin_session_type, .service = &service};
    struct sim_end here = {.events = &client_events, .owner = &client}, there = {0};
    buf_init(&client.heard, 0);
    sim_pair(world.sim, sim_loop(world.sim), &here, &there);
    transport_read_on(here.transport);
    conn_accept(&world.env, &role, there.transport);
    const struct span bytes = span_of(said);
    transport_write(here.transport, &bytes, 1);
    sim_run(world.sim);
    sim_advance_ms(world.sim, 1000);
    check_span(buf_span(&client.heard), wanted);
    check_int(client.has_end, ends);
    sim_advance_ms(world.sim, 120000); /* who says nothing is not kept */
    check(client.has_end);
    transport_close(here.transport);
    world_stop(&world);
    buf_release(&client.heard);
}

TEST(test_control_session_answers_calls_in_order)
{
    for (int cut = SIM_WHOLE; cut <= SIM_CUTS; cut++) {
        run_control("user list\r\nalias add a@example.org bob@example.org\r\nalias list\r\n"
                    "queue rows x\r\n",
                    (enum sim_cut)cut,
                    "|alice@example.org\r\n|bob@example.org\r\ndone 0\r\n"
                    "|alias a@example.org: added\r\ndone 0\r\n"
                    "|a@example.org -> bob@example.org\r\ndone 0\r\n"
                    "|an entry is named by the number in the first column of: postern queue "
                    "list\r\ndone 1\r\n",
                    false);
    }
}

TEST(test_control_session_ends_at_nonsense)
{
    run_control("user%\r\nuser list\r\n", SIM_WHOLE, "|malformed line\r\ndone 1\r\n", true);
    run_control("user list\nuser list\r\n", SIM_WHOLE, "|malformed line\r\ndone 1\r\n", true);
}

CHECK_MAIN({"test_words_travel_and_come_back", test_words_travel_and_come_back},
           {"test_too_long_a_line_is_not_written", test_too_long_a_line_is_not_written},
           {"test_malformed_lines_are_refused", test_malformed_lines_are_refused},
           {"test_every_call_and_wrong_words", test_every_call_and_wrong_words},
           {"test_queue_is_read_held_retried_and_deleted",
            test_queue_is_read_held_retried_and_deleted},
           {"test_control_session_answers_calls_in_order",
            test_control_session_answers_calls_in_order},
           {"test_control_session_ends_at_nonsense", test_control_session_ends_at_nonsense})
