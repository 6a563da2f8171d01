/* Binding with its faults, accepting, the quota, on real loopback sockets and a real connection. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/require.h"
#include "check.h"
#include "net/listener.h"
#include "net/quota.h"
#include "net/session.h"
#include "net/uv_run.h"
#include "tests/sim/sim.h"

enum { GUARD_MS = 10000, BACKLOG = 16 };

/* A session that says one line and closes. */
static void *greeter_open(void *service, struct host *host, enum session_start start)
{
    (void)service;
    check(start == SESSION_FRESH);
    return host;
}

static struct verdict greeter_start(void *session)
{
    out_puts(((struct host *)session)->out, "220 hi\r\n");
    return want_close();
}

static struct verdict greeter_wake(void *session)
{
    (void)session;
    return want_close();
}

static void greeter_ending(void *session, enum ending why)
{
    (void)session;
    (void)why;
}

static void greeter_free(void *session)
{
    (void)session;
}

static const struct session_type greeter = {.name = "greeter",
                                            .open = greeter_open,
                                            .start = greeter_start,
                                            .wake = greeter_wake,
                                            .ending = greeter_ending,
                                            .free = greeter_free,
                                            .crowded = "421 full\r\n"};

static struct endpoint parse(const char *text)
{
    struct endpoint endpoint;
    check_int(endpoint_parse(span_of(text), 0, &endpoint), 0);
    return endpoint;
}

static int bind_any(const char *address, struct endpoint *bound_out)
{
    struct fault fault;
    fault_clear(&fault);
    *bound_out = parse(address);
    int fd = listener_bind(bound_out, BACKLOG, &fault);
    check(fd >= 0);
    check_text(fault.text, "");
    require(getsockname(fd, (struct sockaddr *)&bound_out->address, &bound_out->len) == 0);
    return fd;
}

TEST(test_several_loops_share_a_port_and_families_do_not_collide)
{
    struct endpoint bound, again;
    struct fault fault;
    int first = bind_any("0.0.0.0", &bound);
    int second = listener_bind(&bound, BACKLOG, &fault);
    check(second >= 0);
    again = parse("::");
    endpoint_set_port(&again, endpoint_port(&bound));
    int third = listener_bind(&again, BACKLOG, &fault);
    check(third >= 0);
    check_int(fcntl(first, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    check_int(fcntl(first, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    (void)close(first);
    (void)close(second);
    (void)close(third);
}

/* Another server's socket, or one of ours that is bound already: the probe refuses both. */
TEST(test_a_port_where_somebody_listens_is_refused_by_the_probe)
{
    struct endpoint bound;
    struct fault fault;
    fault_clear(&fault);
    int fd = bind_any("127.0.0.1", &bound);
    check_int(listener_probe(&bound, &fault), err_from_errno(EADDRINUSE));
    check(span_find(span_of(fault.text), span_of("another program listens there")) > 0);
    (void)close(fd);
    check_int(listener_probe(&bound, &fault), 0);
    fd = listener_bind(&bound, BACKLOG, &fault); /* it left nothing behind */
    check(fd >= 0);
    (void)close(fd);
}

TEST(test_a_bind_that_does_not_work_says_what_to_do)
{
    struct endpoint taken, strange = parse("192.0.2.77");
    struct fault fault;
    int other = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    taken = parse("127.0.0.1");
    require(bind(other, (struct sockaddr *)&taken.address, taken.len) == 0);
    require(listen(other, 1) == 0);
    require(getsockname(other, (struct sockaddr *)&taken.address, &taken.len) == 0);
    check(listener_bind(&taken, BACKLOG, &fault) < 0);
    check(strstr(fault.text, "stop it or choose another port") != NULL);
    check(listener_bind(&strange, BACKLOG, &fault) < 0);
    check(strstr(fault.text, "could not listen on 192.0.2.77:0: ") == fault.text);
    check(strstr(fault.text, "no such address") != NULL);
    (void)close(other);
}

TEST(test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not)
{
    char dir[] = "/tmp/postern-listener-XXXXXX", path[64];
    require(mkdtemp(dir) != NULL);
    (void)snprintf(path, sizeof path, "%s/s", dir);
    struct endpoint endpoint = parse(path);
    struct fault fault;
    int fd = listener_bind(&endpoint, BACKLOG, &fault);
    check(fd >= 0);
    check(listener_bind(&endpoint, BACKLOG, &fault) < 0);
    (void)close(fd);
    fd = listener_bind(&endpoint, BACKLOG, &fault);
    check(fd >= 0);
    (void)close(fd);
    (void)unlink(path);
    fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    (void)close(fd);
    check(listener_bind(&endpoint, BACKLOG, &fault) < 0);
    check_int(access(path, F_OK), 0);
    (void)unlink(path);
    (void)rmdir(dir);
}

static void give_up(void *owner)
{
    (void)owner;
    (void)fprintf(stderr, "the loop did not come to an end in time\n");
    abort();
}

struct clients {
    struct loop *loop;
    int fds[3];
    struct watch *watches[3];
    unsigned greeted, refused, closed;
};

struct client {
    struct clients *all;
    size_t number;
};

/* Reads what comes; the last end stops the loop. */
static void on_readable(void *owner, unsigned events)
{
    struct client *self = owner;
    struct clients *all = self->all;
    char bytes[64];
    (void)events;
    ssize_t len = recv(all->fds[self->number], bytes, sizeof bytes, MSG_DONTWAIT);
    if (len > 0) {
        bool is_greeting = bytes[0] == '2';
        check_span(span_make(bytes, (size_t)len), is_greeting ? "220 hi\r\n" : "421 full\r\n");
        all->greeted += is_greeting;
        all->refused += !is_greeting;
        return;
    }
    loop_watch_free(&all->watches[self->number]);
    (void)close(all->fds[self->number]);
    if (++all->closed == 3)
        uv_run_stop(all->loop);
}

TEST(test_accepts_up_to_the_quota_and_gives_places_back)
{
    static const struct settings_net settings = {.output_mark = 65536,
                                                 .handshake_timeout_ms = 1000,
                                                 .session_timeout_ms = 300000,
                                                 .last_words_timeout_ms = 30000,
                                                 .close_timeout_ms = 50,
                                                 .drain_timeout_ms = 1000};
    static const struct conn_role role = {
        .listener = "test", .security = CONN_PLAIN, .type = &greeter};
    struct sim *sim = sim_create(1); /* only for its entropy */
    struct clients all = {.loop = uv_run_create(0)};
    struct conn_env env = {.loop = all.loop,
                           .clock = &clock_system,
                           .entropy = sim_entropy(sim),
                           .settings = &settings,
                           .maker = uv_run_maker(all.loop)};
    conn_env_init(&env);
    const struct quota_limits limits = {.total_max = 10, .per_address_max = 2};
    struct quota *quota = quota_create(&limits);
    struct endpoint bound;
    struct listener *listener = listener_start(&env, bind_any("127.0.0.1", &bound), &role, quota);
    struct client clients[3];
    for (size_t i = 0; i < 3; i++) {
        clients[i] = (struct client){&all, i};
        all.fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        require(connect(all.fds[i], (struct sockaddr *)&bound.address, bound.len) == 0);
        all.watches[i] =
            loop_watch_create(all.loop, all.fds[i], WATCH_READ, on_readable, &clients[i]);
    }
    struct timer *guard = loop_timer_create(all.loop, give_up, NULL);
    loop_timer_start(guard, GUARD_MS);
    uv_run_loop(all.loop);
    check_int(all.greeted, 2);
    check_int(all.refused, 1);
    loop_timer_free(&guard);
    listener_stop(&listener);
    conn_env_close(&env);
    uv_run_free(&all.loop);
    /* All places are free again. */
    struct quota_holder peer = {.peer = parse("127.0.0.1")};
    check_int(quota_take(quota, &peer, 0), QUOTA_FITS);
    check_int(quota_take(quota, &peer, 0), QUOTA_FITS);
    check_int(quota_take(quota, &peer, 0), QUOTA_ADDRESS);
    quota_free(&quota);
    sim_free(&sim);
}

CHECK_MAIN({"share", test_several_loops_share_a_port_and_families_do_not_collide},
           {"probe", test_a_port_where_somebody_listens_is_refused_by_the_probe},
           {"faults", test_a_bind_that_does_not_work_says_what_to_do},
           {"unix", test_a_stale_unix_socket_is_replaced_and_a_living_one_is_not},
           {"quota", test_accepts_up_to_the_quota_and_gives_places_back})
