/* Rows that spoil a stream, over the simulator, in both directions. */
#include "base/buf.h"
#include "check.h"
#include "net/fault.h"
#include "tests/sim/sim.h"

struct end {
    struct transport *transport;
    struct buf read;
    unsigned connected, ends, closed, written;
    int end_err, connect_err;
    bool is_in_call;
};

static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct end *self = owner;
    (void)fault;
    check(!self->is_in_call);
    self->connected++;
    self->connect_err = err;
}

static void on_read(void *owner, struct span bytes)
{
    struct end *self = owner;
    check(!self->is_in_call);
    buf_put(&self->read, bytes);
}

static void on_end(void *owner, int err)
{
    struct end *self = owner;
    check(!self->is_in_call);
    self->ends++;
    self->end_err = err;
}

static void on_written(void *owner)
{
    struct end *self = owner;
    check(!self->is_in_call);
    self->written++;
}

static void on_closed(void *owner)
{
    struct end *self = owner;
    check(!self->is_in_call);
    self->closed++;
    self->transport = NULL;
}

static const struct transport_events events = {on_connected, on_read, on_end, on_written,
                                               on_closed};

/* us is spoilt, peer is not. */
struct world {
    struct sim *sim;
    struct end us, peer;
};

static void world_open(struct world *world, const struct spoil_plan *plan)
{
    *world = (struct world){.sim = sim_create(1)};
    struct loop *loop = sim_loop(world->sim);
    struct sim_end us = {&events, &world->us, NULL}, peer = {&events, &world->peer, NULL};
    sim_pair(world->sim, loop, &us, &peer);
    world->us.is_in_call = true;
    world->us.transport = fault_wrap_transport(loop, us.transport, plan);
    world->us.is_in_call = false;
    world->peer.transport = peer.transport;
    transport_read_on(world->us.transport);
    transport_read_on(world->peer.transport);
}

static void world_close(struct world *world)
{
    if (world->us.transport != NULL)
        transport_close(world->us.transport);
    if (world->peer.transport != NULL)
        transport_close(world->peer.transport);
    sim_run(world->sim);
    check_int(world->us.closed, 1);
    check_int(world->peer.closed, 1);
    buf_release(&world->us.read);
    buf_release(&world->peer.read);
    sim_free(&world->sim);
}

static void say(struct end *from, struct span bytes)
{
    from->is_in_call = true;
    transport_write(from->transport, &bytes, 1);
    from->is_in_call = false;
}

#define TEXT(text)                                                                                 \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }
/* Two records of 3 and 2 bytes. */
#define RECORD_A                                                                                   \
    "\x16\x03\x01\x00\x03"                                                                         \
    "abc"
#define RECORD_B                                                                                   \
    "\x17\x03\x03\x00\x02"                                                                         \
    "de"

static const struct {
    const char *name;
    struct spoil_row rows[3];
    size_t row_count;
    /* In the row's way, got at once and after 1 s (a NULL span: not looked at); what went back. */
    struct span sent, got, got_later, back;
    unsigned ends;
    int end_err;
} cases[] = {
    {"no row", {{0}}, 0, TEXT("hello"), TEXT("hello"), TEXT("hello"), TEXT(""), 0, 0},
    {"hold",
     {{.after = 2, .deed = SPOIL_HOLD, .interval_ms = 500}},
     1,
     TEXT("hello"),
     TEXT("he"),
     TEXT("hello"),
     TEXT(""),
     0,
     0},
    {"hold for ever",
     {{.after = 2, .deed = SPOIL_HOLD}},
     1,
     TEXT("hello"),
     TEXT("he"),
     TEXT("he"),
     TEXT(""),
     0,
     0},
    {"cut",
     {{.after = 3, .deed = SPOIL_CUT}},
     1,
     TEXT("hello"),
     TEXT("hel"),
     TEXT("hel"),
     TEXT(""),
     1,
     0},
    {"cut at once",
     {{.after = 0, .deed = SPOIL_CUT}},
     1,
     TEXT("hello"),
     TEXT(""),
     TEXT(""),
     TEXT(""),
     1,
     0},
    {"reset",
     {{.after = 5, .deed = SPOIL_RESET}},
     1,
     TEXT("hello"),
     {0},
     {0},
     TEXT(""),
     1,
     ERR_CLOSED},
    {"inject",
     {{.after = 4, .deed = SPOIL_INJECT, .bytes = TEXT("p, ")}},
     1,
     TEXT("hello"),
     TEXT("hellp, o"),
     TEXT("hellp, o"),
     TEXT(""),
     0,
     0},
    {"answer",
     {{.after = 5, .deed = SPOIL_ANSWER, .bytes = TEXT("\x15\x03\x03\0")}},
     1,
     TEXT("hello"),
     TEXT("hello"),
     TEXT("hello"),
     TEXT("\x15\x03\x03\0"),
     0,
     0},
    {"pace",
     {{.after = 1, .deed = SPOIL_PACE, .piece_len = 2, .interval_ms = 400}},
     1,
     TEXT("abcdefghi"),
     TEXT("abc"),
     TEXT("abcdefg"),
     TEXT(""),
     0,
     0},
    {"hold, inject and cut",
     {{.after = 1, .deed = SPOIL_HOLD, .interval_ms = 100},
      {.after = 2, .deed = SPOIL_INJECT, .bytes = TEXT("X")},
      {.after = 3, .deed = SPOIL_CUT}},
     3,
     TEXT("hello"),
     TEXT("h"),
     TEXT("heXl"),
     TEXT(""),
     1,
     0},
    {"after one record",
     {{.unit = SPOIL_RECORDS, .after = 1, .deed = SPOIL_CUT}},
     1,
     TEXT("EHLO x\r\n" RECORD_A RECORD_B),
     TEXT("EHLO x\r\n" RECORD_A),
     TEXT("EHLO x\r\n" RECORD_A),
     TEXT(""),
     1,
     0},
    {"after two records",
     {{.unit = SPOIL_RECORDS, .after = 2, .deed = SPOIL_HOLD}},
     1,
     TEXT(RECORD_A RECORD_B RECORD_A),
     TEXT(RECORD_A RECORD_B),
     TEXT(RECORD_A RECORD_B),
     TEXT(""),
     0,
     0},
};

static void check_got(const struct buf *got, struct span wanted)
{
    if (wanted.ptr != NULL && !span_equal(buf_span(got), wanted))
        CHECK_FAILED("wanted %zu bytes \"%s\", got %zu", wanted.len, wanted.ptr, got->len);
}

static void run_case(size_t number, enum spoil_way way)
{
    struct spoil_row rows[3];
    memcpy(rows, cases[number].rows, sizeof rows);
    for (size_t i = 0; i < 3; i++)
        rows[i].way = way;
    const struct spoil_plan plan = {cases[number].name, rows, cases[number].row_count};
    struct world world;
    world_open(&world, &plan);
    struct end *from = way == SPOIL_IN ? &world.peer : &world.us;
    struct end *to = way == SPOIL_IN ? &world.us : &world.peer;
    say(from, cases[number].sent);
    sim_run(world.sim);
    check_got(&to->read, cases[number].got);
    sim_advance_ms(world.sim, 1000);
    check_got(&to->read, cases[number].got_later);
    check_got(&from->read, cases[number].back);
    check_int(to->ends, cases[number].ends);
    check_int(to->end_err, cases[number].end_err);
    if (cases[number].end_err != 0)
        check_int(from->end_err, cases[number].end_err);
    world_close(&world);
}

TEST(test_rows_inbound)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        run_case(i, SPOIL_IN);
    }
}

TEST(test_rows_outbound)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        run_case(i, SPOIL_OUT);
    }
}

TEST(test_a_held_output_is_pending_and_told_when_written)
{
    static const struct spoil_row rows[] = {
        {.way = SPOIL_OUT, .after = 1, .deed = SPOIL_HOLD, .interval_ms = 10}};
    static const struct spoil_plan plan = {"hold", rows, 1};
    struct world world;
    world_open(&world, &plan);
    say(&world.us, span_of("hello"));
    check_int(transport_pending(world.us.transport), 4);
    transport_shutdown(world.us.transport);
    sim_advance_ms(world.sim, 9);
    check_int(world.us.written, 0);
    check_int(world.peer.ends, 0);
    sim_advance_ms(world.sim, 1);
    check_int(transport_pending(world.us.transport), 0);
    check_int(world.us.written, 1);
    check_span(buf_span(&world.peer.read), "hello");
    check_int(world.peer.ends, 1);
    world_close(&world);
}

TEST(test_held_input_stops_the_peer)
{
    static const struct spoil_row rows[] = {{.way = SPOIL_IN, .after = 0, .deed = SPOIL_HOLD}};
    static const struct spoil_plan plan = {"hold", rows, 1};
    static char bytes[500000];
    struct world world;
    world_open(&world, &plan);
    say(&world.peer, span_make(bytes, sizeof bytes));
    sim_run(world.sim);
    check_int(world.us.read.len, 0);
    check(transport_pending(world.peer.transport) > 300000);
    world_close(&world);
}

TEST(test_reading_off_holds_bytes_and_end_back)
{
    static const struct spoil_plan plan = {"nothing", NULL, 0};
    struct world world;
    world_open(&world, &plan);
    transport_read_off(world.us.transport);
    say(&world.peer, span_of("later"));
    transport_shutdown(world.peer.transport);
    sim_run(world.sim);
    check_int(world.us.read.len, 0);
    check_int(world.us.ends, 0);
    transport_read_on(world.us.transport);
    sim_run(world.sim);
    check_span(buf_span(&world.us.read), "later");
    check_int(world.us.ends, 1);
    world_close(&world);
}

static void take(void *owner, struct transport *transport)
{
    struct end *self = owner;
    self->transport = transport;
    transport->events = &events;
    transport->owner = self;
    transport_read_on(transport);
}

TEST(test_maker_spoils_what_it_connects)
{
    static const struct spoil_row rows[] = {
        {.way = SPOIL_IN, .deed = SPOIL_INJECT, .bytes = TEXT("220 spoilt\r\n")}};
    static const struct spoil_plan plan = {"greeting", rows, 1};
    struct world world = {.sim = sim_create(1)};
    struct loop *loop = sim_loop(world.sim);
    struct transport_maker *maker = fault_maker_create(loop, sim_maker(world.sim, loop), &plan);
    struct endpoint to;
    check_int(endpoint_parse(span_of("192.0.2.1"), 25, &to), 0);

    world.us.transport = maker->connect(maker, &to, NULL, &events, &world.us);
    sim_run(world.sim);
    check_int(world.us.connect_err, ERR_UNREACHABLE);
    transport_close(world.us.transport);
    sim_run(world.sim);
    check_int(world.us.closed, 1);

    world.us = (struct end){0};
    sim_listen(world.sim, loop, &to, take, &world.peer);
    world.us.transport = maker->connect(maker, &to, NULL, &events, &world.us);
    transport_read_on(world.us.transport);
    sim_run(world.sim);
    check_int(world.us.connected, 1);
    check_int(world.us.connect_err, 0);
    check_span(buf_span(&world.us.read), "220 spoilt\r\n");
    world_close(&world);
    fault_maker_free(&maker);
}

CHECK_MAIN({"inbound", test_rows_inbound}, {"outbound", test_rows_outbound},
           {"held_output", test_a_held_output_is_pending_and_told_when_written},
           {"held_input", test_held_input_stops_the_peer},
           {"reading_off", test_reading_off_holds_bytes_and_end_back},
           {"maker", test_maker_spoils_what_it_connects})
