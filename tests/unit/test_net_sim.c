/* The simulator keeps the contracts of loop.h and transport.h, and repeats itself from its seed. */
#include <unistd.h>

#include "base/buf.h"
#include "check.h"
#include "tests/sim/sim.h"

/* An owner that records what it is told. */
struct recorder {
    struct transport *transport;
    struct buf read;
    unsigned reads, written, ends, closed, connected;
    int end_err, connect_err;
    bool is_in_call; /* set around calls to the transport: no event may come then */
};

static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct recorder *self = owner;
    check(!self->is_in_call);
    check((err == 0) == (fault->text[0] == '\0'));
    self->connected++;
    self->connect_err = err;
}

static void on_read(void *owner, struct span bytes)
{
    struct recorder *self = owner;
    check(!self->is_in_call && bytes.len > 0);
    self->reads++;
    buf_put(&self->read, bytes);
}

static void on_end(void *owner, int err)
{
    struct recorder *self = owner;
    check(!self->is_in_call);
    self->ends++;
    self->end_err = err;
}

static void on_written(void *owner)
{
    struct recorder *self = owner;
    check(!self->is_in_call);
    self->written++;
}

static void on_closed(void *owner)
{
    struct recorder *self = owner;
    check(!self->is_in_call);
    self->closed++;
    self->transport = NULL;
}

static const struct transport_events events = {on_connected, on_read, on_end, on_written,
                                               on_closed};

struct world {
    struct sim *sim;
    struct recorder a, b;
};

static void world_open(struct world *world, uint64_t seed)
{
    *world = (struct world){.sim = sim_create(seed)};
    struct sim_end a = {&events, &world->a, NULL}, b = {&events, &world->b, NULL};
    sim_pair(world->sim, sim_loop(world->sim), &a, &b);
    world->a.transport = a.transport;
    world->b.transport = b.transport;
    transport_read_on(world->a.transport);
    transport_read_on(world->b.transport);
}

static void world_close(struct world *world)
{
    if (world->a.transport != NULL)
        transport_close(world->a.transport);
    if (world->b.transport != NULL)
        transport_close(world->b.transport);
    sim_run(world->sim);
    check_int(world->a.closed, 1);
    check_int(world->b.closed, 1);
    check_int(sim_open_count(world->sim), 0);
    buf_release(&world->a.read);
    buf_release(&world->b.read);
    sim_free(&world->sim);
}

static void say(struct recorder *from, struct span bytes)
{
    from->is_in_call = true;
    transport_write(from->transport, &bytes, 1);
    from->is_in_call = false;
}

TEST(test_whole_writes_arrive_as_one_read)
{
    struct world world;
    world_open(&world, 1);
    say(&world.a, span_of("EHLO x\r\nQUIT\r\n"));
    check_int(world.b.reads, 0);
    sim_run(world.sim);
    check_int(world.b.reads, 1);
    check_span(buf_span(&world.b.read), "EHLO x\r\nQUIT\r\n");
    check_int(sim_write_count(world.a.transport), 1);
    check_int(world.a.written, 0);
    world_close(&world);
}

TEST(test_bytes_and_cuts_keep_the_order)
{
    static const enum sim_cut cuts[] = {SIM_BYTES, SIM_CUTS};
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_open(&world, 7 + i);
        sim_set_policy_of(world.b.transport, (struct sim_policy){cuts[i], SIM_CAPACITY_DEFAULT});
        char text[2000];
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = (char)('a' + k % 26);
        say(&world.a, span_make(text, sizeof text));
        sim_run(world.sim);
        check(span_equal(buf_span(&world.b.read), span_make(text, sizeof text)));
        check(cuts[i] == SIM_BYTES ? world.b.reads == sizeof text : world.b.reads > 2);
        world_close(&world);
    }
}

TEST(test_same_seed_same_cuts)
{
    unsigned reads[2];
    for (size_t i = 0; i < 2; i++) {
        struct world world;
        world_open(&world, 99);
        sim_set_policy_of(world.b.transport, (struct sim_policy){SIM_CUTS, SIM_CAPACITY_DEFAULT});
        static const char zeroes[5000];
        say(&world.a, span_make(zeroes, sizeof zeroes));
        sim_run(world.sim);
        reads[i] = world.b.reads;
        world_close(&world);
    }
    check_int(reads[0], reads[1]);
}

TEST(test_a_full_wire_leaves_bytes_pending)
{
    struct world world;
    world_open(&world, 1);
    sim_set_policy_of(world.b.transport, (struct sim_policy){SIM_WHOLE, 10});
    transport_read_off(world.b.transport);
    say(&world.a, span_of("0123456789abcdef"));
    check_int(transport_pending(world.a.transport), 6);
    sim_run(world.sim);
    check_int(world.b.reads, 0);
    check_int(world.a.written, 0);
    transport_read_on(world.b.transport);
    sim_run(world.sim);
    check_span(buf_span(&world.b.read), "0123456789abcdef");
    check_int(transport_pending(world.a.transport), 0);
    check_int(world.a.written, 1);
    world_close(&world);
}

TEST(test_shutdown_ends_after_what_is_pending)
{
    struct world world;
    world_open(&world, 1);
    sim_set_policy_of(world.b.transport, (struct sim_policy){SIM_WHOLE, 4});
    say(&world.a, span_of("0123456789"));
    transport_shutdown(world.a.transport);
    sim_run(world.sim);
    check_span(buf_span(&world.b.read), "0123456789");
    check_int(world.b.ends, 1);
    check_int(world.b.end_err, 0);
    say(&world.b, span_of("still here"));
    sim_run(world.sim);
    check_span(buf_span(&world.a.read), "still here");
    world_close(&world);
}

TEST(test_reset_loses_what_waits_unread)
{
    struct world world;
    world_open(&world, 1);
    say(&world.a, span_of("lost"));
    transport_reset(world.a.transport);
    sim_run(world.sim);
    check_int(world.b.read.len, 0);
    check_int(world.b.end_err, ERR_CLOSED);
    check_int(world.a.closed, 1);
    world_close(&world);
}

TEST(test_close_with_unread_input_is_a_reset)
{
    struct world world;
    world_open(&world, 1);
    transport_read_off(world.a.transport);
    say(&world.b, span_of("unread"));
    transport_close(world.a.transport);
    sim_run(world.sim);
    check_int(world.b.end_err, ERR_CLOSED);
    world_close(&world);
}

TEST(test_write_to_a_closed_peer_is_told_after_the_end)
{
    struct world world;
    world_open(&world, 1);
    transport_close(world.a.transport);
    sim_run(world.sim);
    check_int(world.b.ends, 1);
    check_int(world.b.end_err, 0);
    say(&world.b, span_of("nobody there"));
    sim_run(world.sim);
    check_int(world.b.ends, 2);
    check_int(world.b.end_err, ERR_CLOSED);
    check_int(transport_pending(world.b.transport), 0);
    world_close(&world);
}

TEST(test_spoils)
{
    static const struct {
        const char *name;
        enum sim_spoil spoil;
        unsigned ends;
        int end_err;
    } cases[] = {{"fin", SIM_FIN, 1, 0},
                 {"reset", SIM_RESET, 1, ERR_CLOSED},
                 {"silence", SIM_SILENCE, 0, 0}};
    for (size_t i = 0; i < 3; i++) {
        check_case = cases[i].name;
        struct world world;
        world_open(&world, 1);
        sim_spoil_after(world.b.transport, 3, cases[i].spoil);
        say(&world.a, span_of("abcdef"));
        sim_run(world.sim);
        check_span(buf_span(&world.b.read), "abc");
        check_int(world.b.ends, cases[i].ends);
        check_int(world.b.end_err, cases[i].end_err);
        world_close(&world);
    }
}

static void take(void *owner, struct transport *transport)
{
    struct recorder *self = owner;
    self->transport = transport;
    transport->events = &events;
    transport->owner = self;
    transport_read_on(transport);
}

TEST(test_connects_reach_listeners_are_refused_or_hang)
{
    struct world world = {.sim = sim_create(1)};
    struct loop *loop = sim_loop(world.sim);
    struct transport_maker *maker = sim_maker(world.sim, loop);
    struct endpoint to;
    check_int(endpoint_parse(span_of("192.0.2.1"), 25, &to), 0);

    world.a.transport = maker->connect(maker, &to, NULL, &events, &world.a);
    check_int(world.a.connected, 0);
    sim_run(world.sim);
    check_int(world.a.connect_err, ERR_UNREACHABLE);
    transport_close(world.a.transport);
    sim_run(world.sim);

    sim_hang(world.sim, &to);
    world.a.transport = maker->connect(maker, &to, NULL, &events, &world.a);
    sim_advance_ms(world.sim, 100000);
    check_int(world.a.connected, 1);
    transport_close(world.a.transport);
    sim_run(world.sim);

    sim_listen(world.sim, sim_loop_at(world.sim, 1), &to, take, &world.b);
    world.a.transport = maker->connect(maker, &to, NULL, &events, &world.a);
    sim_run(world.sim);
    check_int(world.a.connected, 2);
    check_int(world.a.connect_err, 0);
    check_int(world.b.connected, 0);
    say(&world.a, span_of("hello"));
    sim_run(world.sim);
    check_span(buf_span(&world.b.read), "hello");
    check_int(endpoint_port(&world.b.transport->local), 25);
    world.a.closed = 0;
    world_close(&world);
}

static void count_timer(void *owner)
{
    ++*(unsigned *)owner;
}

TEST(test_timers_fire_in_virtual_time)
{
    struct sim *sim = sim_create(1);
    unsigned count = 0;
    struct timer *timer = loop_timer_create(sim_loop(sim), count_timer, &count);
    int64_t wall = clock_wall_us(sim_clock(sim));
    check_int(wall, (int64_t)SIM_WALL_START_S * 1000000);
    loop_timer_start(timer, 300000);
    sim_advance_ms(sim, 299999);
    check_int(count, 0);
    sim_advance_ms(sim, 1);
    check_int(count, 1);
    check_int(clock_wall_us(sim_clock(sim)) - wall, 300000000);
    loop_timer_start(timer, 0);
    loop_timer_stop(timer);
    sim_advance_ms(sim, 10);
    check_int(count, 1);
    sim_set_wall_us(sim, 5000000);
    check_int(clock_wall_s(sim_clock(sim)), 5);
    loop_timer_free(&timer);
    sim_free(&sim);
}

struct numbered {
    struct post post;
    struct loop *loop;
    unsigned *log;
    unsigned number, again;
};

static void run_numbered(struct post *post)
{
    struct numbered *self = list_entry(post, struct numbered, post);
    *self->log = *self->log * 10 + self->number;
    if (self->again-- > 0)
        loop_post(self->loop, post);
}

TEST(test_posts_run_in_order_and_may_post_again)
{
    struct sim *sim = sim_create(1);
    struct loop *loop = sim_loop(sim);
    unsigned log = 0;
    struct numbered one = {{{0}, run_numbered}, loop, &log, 1, 1};
    struct numbered two = {{{0}, run_numbered}, loop, &log, 2, 0};
    loop_post(loop, &one.post);
    loop_post(loop, &two.post);
    check_int(log, 0);
    sim_run(sim);
    check_int(log, 121);
    sim_free(&sim);
}

static void read_byte(void *owner, unsigned watched)
{
    int fd = *(int *)owner;
    char byte;
    check_int(watched, WATCH_READ);
    check_int(read(fd, &byte, 1), 1);
}

TEST(test_watch_sees_a_real_descriptor)
{
    struct sim *sim = sim_create(1);
    int fds[2];
    check_int(pipe(fds), 0);
    struct watch *watch = loop_watch_create(sim_loop(sim), fds[0], WATCH_READ, read_byte, &fds[0]);
    check_int(write(fds[1], "ab", 2), 2);
    sim_run(sim);
    loop_watch_free(&watch);
    (void)close(fds[0]);
    (void)close(fds[1]);
    sim_free(&sim);
}

CHECK_MAIN({"whole_writes", test_whole_writes_arrive_as_one_read},
           {"bytes_and_cuts", test_bytes_and_cuts_keep_the_order},
           {"same_seed", test_same_seed_same_cuts},
           {"full_wire", test_a_full_wire_leaves_bytes_pending},
           {"shutdown", test_shutdown_ends_after_what_is_pending},
           {"reset", test_reset_loses_what_waits_unread},
           {"close_unread", test_close_with_unread_input_is_a_reset},
           {"write_to_closed", test_write_to_a_closed_peer_is_told_after_the_end},
           {"spoils", test_spoils}, {"connects", test_connects_reach_listeners_are_refused_or_hang},
           {"timers", test_timers_fire_in_virtual_time},
           {"posts", test_posts_run_in_order_and_may_post_again},
           {"watch", test_watch_sees_a_real_descriptor})
