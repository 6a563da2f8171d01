/* Who connects first is used, whatever the others do; nobody is left behind. */
#include "base/buf.h"
#include "check.h"
#include "net/race.h"
#include "tests/sim/sim.h"

enum { STAGGER_MS = 250, RUNNERS_MAX = RACE_MAX };

static struct sim *sim;
static struct transport *far_ends[RUNNERS_MAX];
static size_t far_count;

static struct owner {
    struct transport *transport;
    unsigned connected, closed, ends;
    int err, end_err;
    struct fault fault;
    struct endpoint peer;
    struct buf read;
    bool is_closing_at_once; /* when it is connected */
} self;

static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct owner *it = owner;
    it->connected++;
    it->err = err;
    it->fault = *fault;
    it->peer = it->transport->peer;
    if (it->is_closing_at_once)
        transport_close(it->transport);
    else if (err == 0)
        transport_read_on(it->transport);
}

static void on_read(void *owner, struct span bytes)
{
    buf_put(&((struct owner *)owner)->read, bytes);
}

static void on_end(void *owner, int err)
{
    ((struct owner *)owner)->ends++;
    ((struct owner *)owner)->end_err = err;
}

static void on_written(void *owner)
{
    (void)owner;
}

static void on_closed(void *owner)
{
    ((struct owner *)owner)->closed++;
    ((struct owner *)owner)->transport = NULL;
}

static const struct transport_events events = {on_connected, on_read, on_end, on_written,
                                               on_closed};

/* The far ends are closed when ours are. */
static void far_connected(void *owner, int err, const struct fault *fault)
{
    (void)owner;
    (void)err;
    (void)fault;
}

static void far_read(void *owner, struct span bytes)
{
    transport_write(*(struct transport **)owner, &bytes, 1);
}

static void far_end(void *owner, int err)
{
    (void)err;
    transport_close(*(struct transport **)owner);
}

static void far_closed(void *owner)
{
    *(struct transport **)owner = NULL;
}

static const struct transport_events far_events = {far_connected, far_read, far_end, on_written,
                                                   far_closed};

static void on_accept(void *owner, struct transport *transport)
{
    (void)owner;
    far_ends[far_count] = transport;
    transport->events = &far_events;
    transport->owner = &far_ends[far_count++];
    transport_read_on(transport);
}

/* What awaits one at each address: 'o' open, 'h' hangs, 'r' refuses. */
static void start(uint64_t seed, const char *addresses)
{
    struct endpoint to[RUNNERS_MAX];
    size_t count = strlen(addresses);

    sim = sim_create(seed);
    self = (struct owner){0};
    far_count = 0;
    for (size_t i = 0; i < count; i++) {
        char text[] = "192.0.2.0";
        text[8] = (char)('1' + i);
        check(endpoint_parse(span_of(text), 25, &to[i]) == 0);
        if (addresses[i] == 'o')
            sim_listen(sim, sim_loop(sim), &to[i], on_accept, NULL);
        else if (addresses[i] == 'h')
            sim_hang(sim, &to[i]);
    }
    const struct race_field field = {.to = to, .count = count, .stagger_ms = STAGGER_MS};
    self.transport =
        race_start(sim_loop(sim), sim_maker(sim, sim_loop(sim)), &field, &events, &self);
}

/* Closed once, and so is everything else. */
static void finish(void)
{
    if (self.transport != NULL && self.closed == 0 && !self.is_closing_at_once)
        transport_close(self.transport);
    sim_run(sim);
    check_int(self.closed, 1);
    check_int(sim_open_count(sim), 0);
    buf_release(&self.read);
    sim_free(&sim);
}

static const struct race_case {
    const char *addresses;
    int64_t connected_ms; /* -1: nobody wins */
    const char *winner;
    unsigned far_count;
} cases[] = {
    {"o", 0, "192.0.2.1:25", 1},
    {"oo", 0, "192.0.2.1:25", 1},
    {"ro", 0, "192.0.2.2:25", 1},
    {"rrro", 0, "192.0.2.4:25", 1},
    {"ho", STAGGER_MS, "192.0.2.2:25", 1},
    {"hro", STAGGER_MS, "192.0.2.3:25", 1},
    {"hho", (int64_t)2 * STAGGER_MS, "192.0.2.3:25", 1},
    {"rho", STAGGER_MS, "192.0.2.3:25", 1},
    {"r", -1, "could not connect to 192.0.2.1:25", 0},
    {"rr", -1, "could not connect to 192.0.2.2:25", 0},
};

static void run(const struct race_case *row)
{
    char peer[ENDPOINT_TEXT_SIZE];

    check_case = row->addresses;
    start(1, row->addresses);
    if (row->connected_ms > 0) {
        sim_advance_ms(sim, row->connected_ms - 1);
        check_int(self.connected, 0);
        sim_advance_ms(sim, 1);
    }
    sim_run(sim);
    check_int(self.connected, 1);
    check_int((int64_t)far_count, row->far_count);
    if (row->connected_ms < 0) {
        check_int(self.err, ERR_UNREACHABLE);
        check(span_find(span_of(self.fault.text), span_of(row->winner)) >= 0);
    } else {
        struct span hello = span_of("hello");
        endpoint_text(&self.peer, peer);
        check_text(peer, row->winner);
        transport_write(self.transport, &hello, 1);
        sim_run(sim);
        check_span(buf_span(&self.read), "hello");
        sim_advance_ms(sim, (int64_t)10 * STAGGER_MS);
        check_int(self.connected, 1);
    }
    finish();
}

TEST(test_the_first_that_connects_is_used)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        run(&cases[i]);
}

/* Every reason is told. */
TEST(test_nobody_wins)
{
    start(1, "rrr");
    sim_run(sim);
    for (unsigned digit = 1; digit <= 3; digit++) {
        char text[] = "192.0.2.0:25";
        text[8] = (char)('0' + digit);
        check(span_find(span_of(self.fault.text), span_of(text)) >= 0);
    }
    finish();
}

TEST(test_given_up_at_any_time)
{
    static const char *const fields[] = {"o", "h", "r", "ho", "hh", "rh", "hr", "hro", "rr"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        for (int64_t after_ms = -1; after_ms <= (int64_t)2 * STAGGER_MS;
             after_ms += STAGGER_MS / 2 + 1) {
            check_case = fields[i];
            start(1, fields[i]);
            if (after_ms >= 0)
                sim_advance_ms(sim, after_ms);
            unsigned connected = self.connected;
            transport_close(self.transport);
            sim_advance_ms(sim, (int64_t)10 * STAGGER_MS);
            check_int(self.connected, connected);
            finish();
        }
    }
}

TEST(test_given_up_by_who_is_told)
{
    static const char *const fields[] = {"o", "ro", "ho", "hho", "r", "rr", "hr"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        check_case = fields[i];
        start(1, fields[i]);
        self.is_closing_at_once = true;
        sim_advance_ms(sim, (int64_t)10 * STAGGER_MS);
        if (self.connected == 0)
            transport_close(self.transport);
        finish();
    }
}

/* The last address was dialled early, since the one before it failed: when its turn would have come
 * by time, there is nobody behind it. */
TEST(test_nobody_comes_behind_the_last)
{
    static const char *const fields[] = {"rh", "hrh", "rrrrrrrh", "hrrrrrrr"};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        check_case = fields[i];
        start(1, fields[i]);
        sim_advance_ms(sim, STAGGER_MS);
        size_t open_count = sim_open_count(sim);
        sim_advance_ms(sim, (int64_t)10 * STAGGER_MS);
        check_int((int64_t)sim_open_count(sim), (int64_t)open_count);
        check_int(self.connected, 0);
        finish();
    }
}

/* The winner's end is told; a loser's is not. */
TEST(test_the_winner_ends)
{
    start(1, "ho");
    sim_advance_ms(sim, STAGGER_MS);
    check_int(self.connected, 1);
    transport_reset(far_ends[0]);
    sim_run(sim);
    check_int(self.ends, 1);
    check_int(self.end_err, ERR_CLOSED);
    finish();
}

CHECK_MAIN({"test_the_first_that_connects_is_used", test_the_first_that_connects_is_used},
           {"test_nobody_wins", test_nobody_wins},
           {"test_given_up_at_any_time", test_given_up_at_any_time},
           {"test_given_up_by_who_is_told", test_given_up_by_who_is_told},
           {"test_nobody_comes_behind_the_last", test_nobody_comes_behind_the_last},
           {"test_the_winner_ends", test_the_winner_ends})
