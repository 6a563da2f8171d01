/* The libuv transports over real loopback sockets: no sleeping, bounded by a guard. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "net/uv_run.h"

enum { GUARD_MS = 10000 };

/* What one end was told; stops the loop when its turn has come. */
struct end {
    struct loop *loop;
    struct transport *transport;
    struct buf read;
    unsigned reads, written, ends, closed, connected;
    int end_err, connect_err;
    bool is_in_call;
    /* The loop stops once so much happened; SIZE_MAX: never. */
    size_t stop_at_len;
    unsigned stop_at_ends, stop_at_closed, stop_at_connected, stop_at_written;
    char connect_text[FAULT_TEXT_MAX];
};

static void end_check(struct end *self)
{
    check(!self->is_in_call);
    if (self->read.len >= self->stop_at_len || self->ends >= self->stop_at_ends ||
        self->closed >= self->stop_at_closed || self->connected >= self->stop_at_connected ||
        self->written >= self->stop_at_written)
        uv_run_stop(self->loop);
}

static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct end *self = owner;
    self->connected++;
    self->connect_err = err;
    (void)snprintf(self->connect_text, sizeof self->connect_text, "%s", fault->text);
    end_check(self);
}

static void on_read(void *owner, struct span bytes)
{
    struct end *self = owner;
    self->reads++;
    buf_put(&self->read, bytes);
    end_check(self);
}

static void on_end(void *owner, int err)
{
    struct end *self = owner;
    self->ends++;
    self->end_err = err;
    end_check(self);
}

static void on_written(void *owner)
{
    struct end *self = owner;
    self->written++;
    end_check(self);
}

static void on_closed(void *owner)
{
    struct end *self = owner;
    self->closed++;
    self->transport = NULL;
    end_check(self);
}

static const struct transport_events events = {on_connected, on_read, on_end, on_written,
                                               on_closed};

static void end_reset_stops(struct end *self)
{
    self->stop_at_len = SIZE_MAX;
    self->stop_at_ends = self->stop_at_closed = UINT32_MAX;
    self->stop_at_connected = self->stop_at_written = UINT32_MAX;
}

static void end_init(struct end *self, struct loop *loop, struct transport *transport)
{
    *self = (struct end){.loop = loop, .transport = transport};
    end_reset_stops(self);
    if (transport != NULL) {
        transport->events = &events;
        transport->owner = self;
    }
}

static void give_up(void *owner)
{
    (void)owner;
    (void)fprintf(stderr, "the loop did not come to an end in time\n");
    abort();
}

/* Runs until an end's stop, at most GUARD_MS. */
static void run(struct loop *loop)
{
    struct timer *guard = loop_timer_create(loop, give_up, NULL);
    loop_timer_start(guard, GUARD_MS);
    uv_run_loop(loop);
    loop_timer_free(&guard);
}

static int listen_on(struct endpoint *endpoint)
{
    check_int(endpoint_parse(span_of("127.0.0.1"), 0, endpoint), 0);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    require(bind(fd, (struct sockaddr *)&endpoint->address, endpoint->len) == 0);
    require(listen(fd, 8) == 0);
    require(getsockname(fd, (struct sockaddr *)&endpoint->address, &endpoint->len) == 0);
    return fd;
}

struct world {
    struct loop *loop;
    struct end client, server;
};

/* A connected pair of TCP transports on one loop. */
static void world_open(struct world *world)
{
    struct endpoint endpoint, source;
    int fd = listen_on(&endpoint);
    check_int(endpoint_parse(span_of("127.0.0.2"), 0, &source), 0);
    world->loop = uv_run_create(3);
    check_int(world->loop->index, 3);
    end_init(&world->client, world->loop, NULL);
    world->client.stop_at_connected = 1;
    struct transport_maker *maker = uv_run_maker(world->loop);
    world->client.transport = maker->connect(maker, &endpoint, &source, &events, &world->client);
    check_int(world->client.connected, 0);
    run(world->loop);
    check_int(world->client.connect_err, 0);
    end_reset_stops(&world->client);
    struct transport *accepted = uv_run_wrap(world->loop, accept(fd, NULL, NULL));
    require(accepted != NULL);
    end_init(&world->server, world->loop, accepted);
    (void)close(fd);
    transport_read_on(world->client.transport);
    transport_read_on(accepted);
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_host(&accepted->peer, text);
    check_text(text, "127.0.0.2");
    check_int(endpoint_port(&accepted->peer), endpoint_port(&world->client.transport->local));
    check_int(endpoint_port(&accepted->local), endpoint_port(&endpoint));
}

static void world_close(struct world *world)
{
    struct end *ends[] = {&world->client, &world->server};
    for (size_t i = 0; i < 2; i++) {
        end_reset_stops(ends[i]);
        if (ends[i]->transport != NULL)
            transport_close(ends[i]->transport);
        check(ends[i]->transport != NULL || ends[i]->closed == 1);
    }
    uv_run_free(&world->loop);
    for (size_t i = 0; i < 2; i++) {
        check_int(ends[i]->closed, 1);
        buf_release(&ends[i]->read);
    }
}

static void say(struct end *from, const struct span *parts, size_t count)
{
    from->is_in_call = true;
    transport_write(from->transport, parts, count);
    from->is_in_call = false;
}

TEST(test_parts_arrive_joined_and_nothing_is_pending)
{
    struct world world;
    world_open(&world);
    const struct span parts[] = {span_of("250-a\r\n"), span_of(""), span_of("250 b\r\n")};
    say(&world.client, parts, 3);
    check_int(transport_pending(world.client.transport), 0);
    world.server.stop_at_len = 14;
    run(world.loop);
    check_span(buf_span(&world.server.read), "250-a\r\n250 b\r\n");
    check_int(world.client.written, 0);
    world_close(&world);
}

TEST(test_what_the_kernel_does_not_take_is_pending_until_written)
{
    enum { SIZE = 16 << 20, PARTS = 100 };
    struct world world;
    world_open(&world);
    transport_read_off(world.server.transport);
    char *bytes = mem_alloc(SIZE);
    for (size_t i = 0; i < SIZE; i++)
        bytes[i] = (char)(i % 251);
    struct span parts[PARTS];
    size_t at = 0;
    for (size_t i = 0; i < PARTS; i++) {
        size_t len = i == PARTS - 1 ? SIZE - at : SIZE / PARTS;
        parts[i] = span_make(bytes + at, len);
        at += len;
    }
    say(&world.client, parts, PARTS);
    check(transport_pending(world.client.transport) > 0);
    transport_read_on(world.server.transport);
    world.server.stop_at_len = SIZE;
    run(world.loop);
    check(span_equal(buf_span(&world.server.read), span_make(bytes, SIZE)));
    if (world.client.written == 0) {
        world.client.stop_at_written = 1;
        run(world.loop);
    }
    check_int(world.client.written, 1);
    check_int(transport_pending(world.client.transport), 0);
    mem_free(bytes);
    world_close(&world);
}

TEST(test_shutdown_ends_one_direction)
{
    struct world world;
    world_open(&world);
    const struct span bye = span_of("221 bye\r\n"), late = span_of("late");
    say(&world.client, &bye, 1);
    transport_shutdown(world.client.transport);
    transport_shutdown(world.client.transport);
    world.server.stop_at_ends = 1;
    run(world.loop);
    check_span(buf_span(&world.server.read), "221 bye\r\n");
    check_int(world.server.end_err, 0);
    say(&world.server, &late, 1);
    world.client.stop_at_len = 4;
    end_reset_stops(&world.server);
    run(world.loop);
    check_span(buf_span(&world.client.read), "late");
    transport_read_off(world.server.transport);
    transport_read_on(world.server.transport);
    check_int(world.server.ends, 1);
    world_close(&world);
}

TEST(test_reset_is_told_as_closed)
{
    struct world world;
    world_open(&world);
    transport_shutdown(world.client.transport);
    world.server.stop_at_ends = 1;
    run(world.loop);
    world.server.stop_at_ends = 2;
    transport_reset(world.client.transport);
    world.client.stop_at_closed = 1;
    run(world.loop);
    /* The end was told before, so only a write meets the reset. */
    const struct span text = span_of("anybody there?");
    say(&world.server, &text, 1);
    say(&world.server, &text, 1);
    run(world.loop);
    check_int(world.server.ends, 2);
    check_int(world.server.end_err, ERR_CLOSED);
    say(&world.server, &text, 1);
    check_int(transport_pending(world.server.transport), 0);
    world_close(&world);
}

TEST(test_reset_while_reading)
{
    struct world world;
    world_open(&world);
    transport_reset(world.client.transport);
    world.server.stop_at_ends = 1;
    run(world.loop);
    check_int(world.server.end_err, ERR_CLOSED);
    check_int(world.client.closed, 1);
    world_close(&world);
}

TEST(test_close_drops_what_is_pending)
{
    enum { SIZE = 32 << 20 };
    struct world world;
    world_open(&world);
    transport_read_off(world.server.transport);
    char *bytes = mem_zalloc(1, SIZE);
    const struct span part = span_make(bytes, SIZE);
    say(&world.client, &part, 1);
    check(transport_pending(world.client.transport) > 0);
    transport_close(world.client.transport);
    world.client.stop_at_closed = 1;
    run(world.loop);
    check_int(world.client.written, 0);
    mem_free(bytes);
    world_close(&world);
}

TEST(test_refused_connect_says_why_and_never_inside_the_call)
{
    struct endpoint endpoint, bad_source;
    int fd = listen_on(&endpoint);
    (void)close(fd);
    check_int(endpoint_parse(span_of("192.0.2.1"), 0, &bad_source), 0);
    const struct endpoint *sources[] = {NULL, &bad_source};
    struct endpoint unix_path;
    check_int(endpoint_parse(span_of("/nonexistent/socket"), 0, &unix_path), 0);
    const struct endpoint *targets[] = {&endpoint, &endpoint, &unix_path};
    for (size_t i = 0; i < 3; i++) {
        struct loop *loop = uv_run_create(0);
        struct end client;
        end_init(&client, loop, NULL);
        client.stop_at_connected = 1;
        struct transport_maker *maker = uv_run_maker(loop);
        client.transport =
            maker->connect(maker, targets[i], i < 2 ? sources[i] : NULL, &events, &client);
        check_int(client.connected, 0);
        run(loop);
        check_int(client.connect_err, ERR_UNREACHABLE);
        check(strncmp(client.connect_text, "could not connect to ", 21) == 0);
        transport_close(client.transport);
        uv_run_free(&loop);
        check_int(client.closed, 1);
    }
}

TEST(test_connect_given_up_before_it_ends)
{
    struct endpoint endpoint;
    int fd = listen_on(&endpoint);
    struct loop *loop = uv_run_create(0);
    struct end client;
    end_init(&client, loop, NULL);
    struct transport_maker *maker = uv_run_maker(loop);
    client.transport = maker->connect(maker, &endpoint, NULL, &events, &client);
    transport_reset(client.transport);
    uv_run_free(&loop);
    check_int(client.connected, 0);
    check_int(client.closed, 1);
    (void)close(fd);
}

TEST(test_unix_sockets_are_transports_too)
{
    int fds[2];
    require(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
    struct world world = {.loop = uv_run_create(0)};
    end_init(&world.client, world.loop, uv_run_wrap(world.loop, fds[0]));
    end_init(&world.server, world.loop, uv_run_wrap(world.loop, fds[1]));
    transport_read_on(world.server.transport);
    const struct span text = span_of("hello");
    say(&world.client, &text, 1);
    transport_reset(world.client.transport);
    world.server.stop_at_ends = 1;
    run(world.loop);
    check_span(buf_span(&world.server.read), "hello");
    world_close(&world);
}

TEST(test_wrap_of_no_socket_is_null)
{
    int fds[2];
    require(pipe(fds) == 0);
    struct loop *loop = uv_run_create(0);
    check(uv_run_wrap(loop, fds[0]) == NULL);
    (void)close(fds[1]);
    uv_run_free(&loop);
}

CHECK_MAIN({"parts", test_parts_arrive_joined_and_nothing_is_pending},
           {"pending", test_what_the_kernel_does_not_take_is_pending_until_written},
           {"shutdown", test_shutdown_ends_one_direction}, {"reset", test_reset_is_told_as_closed},
           {"reset_reading", test_reset_while_reading},
           {"close_drops", test_close_drops_what_is_pending},
           {"refused", test_refused_connect_says_why_and_never_inside_the_call},
           {"given_up", test_connect_given_up_before_it_ends},
           {"unix", test_unix_sockets_are_transports_too},
           {"wrap_null", test_wrap_of_no_socket_is_null})
