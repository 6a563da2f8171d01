/*
 * server.c: start order and stop of a running Postern. Start: the keeper of private keys,
 * settings, bind, drop root, TLS, store, threads, accept. Stop: drain the loops, join them, finish
 * the jobs, close the store, end the keeper.
 * Tests: tests/clients/.
 */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "auth/auth.h"
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "net/quota.h"
#include "net/uv_run.h"
#include "privilege.h"
#include "protocols/smtp/pace.h"
#include "server_internal.h"
#include "server_reload_internal.h"
#include "store/store.h"
#include "tls/manager.h"

enum { CONTROL_CONNECTIONS_MAX = 32, CONTROL_BACKLOG = 16 };

void server_set_log_level(const char *name)
{
    static const char *const names[] = {"debug", "info", "warn", "error", "none"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (span_is(span_of(name), names[i]))
            log_set_level((enum log_level)i);
    }
}

/* ---- Start ---------------------------------------------------------------------------------- */

/* A machine without IPv6 cannot listen on "::": that is worth a line, not a refusal to start, as
 * long as the listener has another address. */
static bool may_skip(const char *address)
{
    if (!span_is(span_of(address), "::"))
        return false;
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 any = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_ANY_INIT};
    bool has_none = (fd < 0 && errno == EAFNOSUPPORT) ||
                    (fd >= 0 && bind(fd, (const struct sockaddr *)&any, sizeof any) != 0 &&
                     (errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT));
    if (fd >= 0)
        (void)close(fd);
    return has_none;
}

static int bind_all(struct server *server, struct fault *fault)
{
    const struct settings *settings = server->first->settings;
    for (size_t row = 0; row < settings->listener_count; row++) {
        const struct settings_listener *listener = &settings->listeners[row];
        for (size_t i = 0; i < listener->address_count; i++) {
            int err = server_socket_bind(server, row, listener->addresses[i], fault);
            if (err != 0 && !may_skip(listener->addresses[i]))
                return err;
            if (err != 0)
                log_event(LOG_WARN, "server", "no-ipv6", "why", fault->text);
        }
    }
    return 0;
}

/* The control socket lies in the data directory, which may have a long path: bound through the
 * directory's descriptor, whose path is short. */
static int bind_control(struct server *server, struct fault *fault)
{
    const char *dir = server->first->settings->server.data_dir;
    int dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return fault_set(fault, err_from_errno(errno), "could not open %s: %s", dir,
                         err_text(err_from_errno(errno)));
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d/control.sock", dir_fd);
    struct endpoint endpoint;
    int err = endpoint_parse(span_of(path), 0, &endpoint);
    int fd = err == 0 ? listener_bind(&endpoint, CONTROL_BACKLOG, fault) : err;
    (void)close(dir_fd);
    if (fd < 0)
        return fault_wrap(fault, "control socket in %s", dir);
    server->loops[0].control_fd = fd;
    return 0;
}

/* An administrator changes the queue: a relay may have the entry in hand. */
static void on_queue_change(void *owner, enum admin_queue_change change, uint64_t id)
{
    const struct server *server = owner;
    if (change == ADMIN_QUEUE_RETRY)
        relay_leases_flush(server->leases);
    else
        relay_leases_revoke(server->leases, id);
}

void server_limits(const struct settings_net *net, struct quota_limits *connections_out,
                   struct quota_limits *handshakes_out)
{
    *connections_out = (struct quota_limits){
        .total_max = net->connections_max,
        .per_address_max = net->connections_per_address_max,
        .per_network_max = net->connections_per_network_max,
        .rate_max = net->connection_rate_max,
        .rate_network_max = net->connection_rate_per_network_max,
        .ipv4_prefix_len = net->network_prefix_ipv4,
        .ipv6_prefix_len = net->network_prefix_ipv6,
    };
    *handshakes_out = (struct quota_limits){.total_max = net->handshakes_max,
                                            .per_address_max = net->handshakes_per_address_max};
}

static void create_quotas(struct server *server, const struct settings_net *net)
{
    static const struct quota_limits control = {.total_max = CONTROL_CONNECTIONS_MAX,
                                                .per_address_max = CONTROL_CONNECTIONS_MAX};
    struct quota_limits connections, handshakes;

    server_limits(net, &connections, &handshakes);
    server->quota = quota_create(&connections);
    server->handshakes = quota_create(&handshakes);
    server->control_quota = quota_create(&control);
}

static int open_parts(struct server *server, struct fault *fault)
{
    const struct settings *settings = server->first->settings;
    server->reload = server_reload_create(server);
    server->tls = tls_manager_create(&settings->tls, &clock_system, server->signer, fault);
    if (server->tls == NULL)
        return fault->err;
    server->jobs = jobs_create(settings->store.read_threads, 1, settings->auth.hash_threads);
    const struct store_options options = {
        .dir = settings->server.data_dir,
        .settings = &settings->store,
        .jobs = server->jobs,
        .clock = &clock_system,
        .entropy = &random_system,
    };
    server->store = store_open(&options, fault);
    if (server->store == NULL)
        return fault->err;
    server->admin = (struct admin_service){
        .store = server->store, .on_queue = on_queue_change, .owner = server};
    server->auth = auth_create(&settings->auth, server->store, span_of(settings->server.domains[0]),
                               &clock_system, &random_system);
    server->pop3_locks = pop3_locks_create();
    server->smtp_pace = smtp_pace_create();
    create_quotas(server, &settings->net);
    server->leases = relay_leases_create(server->loop_count);
    return bind_control(server, fault);
}

static unsigned loop_count(const struct settings *settings)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned count = settings->server.loops != 0 ? settings->server.loops
                     : cores > 0                 ? (unsigned)cores
                                                 : 1;
    return count > SERVER_LOOPS_MAX ? SERVER_LOOPS_MAX : count;
}

/* Every connection is a descriptor: take as many as the machine allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    if (setrlimit(RLIMIT_NOFILE, &limit) != 0)
        log_event(LOG_WARN, "server", "descriptors", "why", "could not raise the limit");
}

static void create_loops(struct server *server)
{
    for (unsigned i = 0; i < server->loop_count; i++) {
        struct server_loop *loop = &server->loops[i];
        loop->server = server;
        loop->loop = uv_run_create(i);
        loop->control_fd = -1;
        loop->generation = server_generation_ref(server->first);
    }
}

/* The generations need the store's and auth's addresses, which exist only after the drop: the first
 * is made without services for binding and completed here. */
static int complete_first(struct server *server, struct fault *fault)
{
    const struct settings *settings = conf_ref(server->first->settings);
    struct generation *complete = server_generation_create(server, settings, fault);
    if (complete == NULL)
        return fault->err;
    for (unsigned i = 0; i < server->loop_count; i++) {
        server_generation_unref(&server->loops[i].generation);
        server->loops[i].generation = server_generation_ref(complete);
    }
    server_generation_unref(&server->first);
    server->first = complete;
    server->current = server_generation_ref(complete);
    return 0;
}

static int start(struct server *server, struct fault *fault)
{
    const struct settings *settings = conf_load(server->conf_file, server_conf_report, NULL);
    if (settings == NULL)
        return fault_set(fault, ERR_CONFIG,
                         "%s cannot be used; mend it and look with: postern check",
                         server->conf_file);
    server_set_log_level(settings->server.log_level);
    raise_descriptor_limit();
    server->first = server_generation_create(server, settings, fault);
    if (server->first == NULL)
        return fault->err;
    server->loop_count = loop_count(settings);
    create_loops(server);

    int err = server_keeper_settle(server, &settings->tls, fault);
    if (err == 0)
        err = bind_all(server, fault);
    if (err == 0)
        err = privilege_drop(settings->server.user, fault);
    if (err == 0 && geteuid() == 0)
        log_event(LOG_WARN, "server", "root", "why",
                  "runs as root: set user in the configuration to a user made for it");
    if (err == 0)
        err = open_parts(server, fault);
    return err == 0 ? complete_first(server, fault) : err;
}

/* ---- Signals -------------------------------------------------------------------------------- */

void server_drain(struct server *server, int64_t drain_max_ms)
{
    if (server->is_stopping)
        return;
    server->is_stopping = true;
    loop_watch_free(&server->keeper_watch);
    for (unsigned i = 0; i < server->loop_count; i++)
        server_loop_drain(&server->loops[i], drain_max_ms);
}

static void on_stop_signal(void *owner, int signal_number)
{
    struct server *server = owner;
    if (server->is_stopping)
        return;
    log_event(LOG_INFO, "server", "stopping", "signal", strsignal(signal_number));
    server_drain(server, INT64_MAX);
}

static void on_reload_signal(void *owner, int signal_number)
{
    struct server *server = owner;

    (void)signal_number;
    if (!server->is_stopping)
        server_reload_request(server->reload);
}

/* Signals wait while nobody can act on them: during the start (a SIGHUP would kill) and at the end,
 * when libuv has given them back. Only the main thread ever takes them, the others inherit this. */
static void hold_signals(int how)
{
    sigset_t ours;
    (void)sigemptyset(&ours);
    (void)sigaddset(&ours, SIGTERM);
    (void)sigaddset(&ours, SIGINT);
    (void)sigaddset(&ours, SIGHUP);
    (void)pthread_sigmask(how, &ours, NULL);
}

/* ---- Run and stop --------------------------------------------------------------------------- */

static void *run_thread(void *argument)
{
    server_loop_run(argument);
    return NULL;
}

static void run_loops(struct server *server)
{
    struct loop *main_loop = server->loops[0].loop;
    uv_run_on_signal(main_loop, SIGTERM, on_stop_signal, server);
    uv_run_on_signal(main_loop, SIGINT, on_stop_signal, server);
    uv_run_on_signal(main_loop, SIGHUP, on_reload_signal, server);
    for (unsigned i = 1; i < server->loop_count; i++) {
        struct server_loop *loop = &server->loops[i];
        if (pthread_create(&loop->thread, NULL, run_thread, loop) != 0) {
            log_event(LOG_ERROR, "server", "thread", "why", "could not start a loop's thread");
            abort();
        }
    }
    server_keeper_watch(server);
    hold_signals(SIG_UNBLOCK);
    server_loop_run(&server->loops[0]);
    hold_signals(SIG_BLOCK);
    for (unsigned i = 1; i < server->loop_count; i++)
        (void)pthread_join(server->loops[i].thread, NULL);
}

/* Sockets that were bound for a start that did not come. */
static void close_bound(struct server_loop *loop)
{
    for (size_t i = 0; i < loop->bound_count; i++) {
        if (loop->bound[i].fd >= 0)
            (void)close(loop->bound[i].fd);
    }
    if (loop->control_fd >= 0)
        (void)close(loop->control_fd);
    mem_free(loop->bound);
}

/* All threads of loops are gone. */
static void stop(struct server *server)
{
    for (unsigned i = 0; i < server->loop_count; i++) {
        struct server_loop *loop = &server->loops[i];
        server_generation_unref(&loop->generation);
        uv_run_free(&loop->loop);
        close_bound(loop);
    }
    relay_leases_free(&server->leases);
    jobs_free(&server->jobs);
    store_close(&server->store);
    auth_free(&server->auth);
    pop3_locks_free(&server->pop3_locks);
    smtp_pace_free(&server->smtp_pace);
    quota_free(&server->quota);
    quota_free(&server->handshakes);
    quota_free(&server->control_quota);
    tls_manager_free(&server->tls);
    server_reload_free(&server->reload);
    server_keeper_stop(server);
    server_generation_unref(&server->current);
    server_generation_unref(&server->first);
    mem_free(server->conf_file);
}

int server_run(const char *conf_file)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)umask(077);
    hold_signals(SIG_BLOCK);

    struct server *server = mem_new(struct server);
    struct fault fault;
    fault_clear(&fault);
    server->conf_file = realpath(conf_file, NULL);
    if (server->conf_file == NULL)
        server->conf_file = mem_strdup(conf_file);

    server_keeper_start(server, &fault);
    log_start(STDERR_FILENO);
    int err = start(server, &fault);
    if (err == 0)
        run_loops(server);
    else
        log_event(LOG_ERROR, "server", "not-started", "why", fault.text);
    stop(server);
    bool has_failed = server->has_failed;
    mem_free(server);
    if (err == 0)
        log_event(LOG_INFO, "server", "stopped", "why", has_failed ? "keeper" : "signal");
    log_stop();
    return err == 0 && !has_failed ? 0 : 1;
}
