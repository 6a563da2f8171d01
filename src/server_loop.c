/*
 * server_loop.c: one loop thread: its port, listeners, relay and connections, from attaching to the
 * end of the last connection. It leaves sockets (bound before) and stores to server.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "crypto/random.h"
#include "net/uv_run.h"
#include "relay/fetch.h"
#include "server_internal.h"
#include "server_reload_internal.h"
#include "server_trace.h"

#include <unistd.h>

enum { DRAIN_LOOK_MS = 20 };

/* An order from another thread. */
struct order {
    struct post post;
    struct server_loop *loop;
    struct generation *generation; /* a reference; NULL: drain */
    int64_t drain_max_ms;
};

/* What a reload may change of a listener. */
static void set_role(struct server_loop *loop, struct conn_role *role,
                     struct generation *generation, size_t row)
{
    const struct settings_smtp *smtp = &generation->settings->smtp;
    const struct settings_listener *settings = &generation->settings->listeners[row];
    bool has_strangers = settings->protocol == LISTENER_SMTP;
    role->service = &generation->served[row];
    role->is_traced = settings->trace;
    role->is_proxied = settings->proxy;
    role->proxy_networks = generation->proxy_networks;
    role->proxy_network_count = generation->proxy_network_count;
    role->trusted_networks = generation->trusted_networks;
    role->trusted_network_count = generation->trusted_network_count;
    role->known_networks = generation->relay_networks;
    role->known_network_count = generation->relay_network_count;
    role->greeting_delay_ms = has_strangers ? smtp->greeting_delay_ms : 0;
    role->vetter = has_strangers ? server_vetter_door(loop->vetter, smtp) : NULL;
}

static void set_vetter(struct server_loop *loop, const struct generation *generation)
{
    server_vetter_set(loop->vetter, &generation->settings->smtp, generation->dns_lists,
                      loop->resolver);
}

static void start_listeners(struct server_loop *loop)
{
    loop->roles = mem_zalloc(loop->bound_count, sizeof *loop->roles);
    loop->listeners = mem_zalloc(loop->bound_count, sizeof(struct listener *));
    for (size_t i = 0; i < loop->bound_count; i++) {
        size_t row = loop->bound[i].listener;
        const struct settings_listener *settings = &loop->generation->settings->listeners[row];
        struct served *served = &loop->generation->served[row];
        loop->roles[i] = (struct conn_role){
            .listener = settings->name,
            .security = settings->tls == LISTENER_IMPLICIT ? CONN_IMPLICIT : CONN_PLAIN,
            .type = served->type,
            .service_ref = server_served_ref,
            .service_unref = server_served_unref,
        };
        set_role(loop, &loop->roles[i], loop->generation, row);
        loop->listeners[i] =
            listener_start(&loop->env, loop->bound[i].fd, &loop->roles[i], loop->server->quota);
        loop->bound[i].fd = -1;
    }
    if (loop->control_fd < 0)
        return;
    loop->control_role = (struct conn_role){
        .listener = "control",
        .security = CONN_PLAIN,
        .type = &admin_session_type,
        .service = &loop->server->admin,
    };
    loop->control = listener_start(&loop->env, loop->control_fd, &loop->control_role,
                                   loop->server->control_quota);
    loop->control_fd = -1;
}

static struct relay_options relay_options(struct server_loop *loop, const struct settings *settings)
{
    return (struct relay_options){
        .env = &loop->env,
        .store = loop->server->store,
        .resolver = loop->resolver,
        .leases = loop->server->leases,
        .fetcher = loop->fetcher,
        .trusted = settings->tls.trusted,
        .settings = &settings->relay,
        .hostname = settings->server.hostname,
        .domains = settings->server.domains,
        .domain_count = settings->server.domain_count,
        .subaddress_separator = settings->smtp.subaddress_separator,
        .clock = &clock_system,
        .entropy = &random_system,
        .loop_count = loop->server->loop_count,
    };
}

static void tell_no_anchors(const char *file)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "relay", "no-dnssec");
    log_text(&line, "file", file);
    log_text(&line, "why",
             "the trust anchors cannot be read, so DNS answers are not validated and there is no "
             "DANE; install dns-root-data, or set relay.dnssec_anchors");
    log_end(&line);
}

/* A machine without the root's key still sends mail; the first loop tells it. */
static struct resolver *create_resolver(struct server_loop *loop, const struct settings *settings,
                                        struct fault *fault)
{
    const char *anchors = settings->relay.dnssec_anchors;
    fault_clear(fault);
    if (anchors[0] != '\0' && access(anchors, R_OK) != 0) {
        if (loop == loop->server->loops)
            tell_no_anchors(anchors);
        anchors = "";
    }
    return resolver_create(loop->loop, settings->relay.resolver, anchors, fault);
}

static void start_relay(struct server_loop *loop, const struct settings *settings)
{
    struct fault fault;
    loop->resolver = create_resolver(loop, settings, &fault);
    loop->is_relay_idle = loop->resolver == NULL;
    if (loop->resolver == NULL) {
        /* Mail still comes in and waits in the queue; the administrator is told once a loop. */
        log_event(LOG_ERROR, "relay", "off", "why", fault.text);
        return;
    }
    loop->fetcher = fetcher_create(loop->port);
    const struct relay_options options = relay_options(loop, settings);
    loop->relay = relay_create(&options);
}

static bool resolvers_differ(const struct settings_relay *old, const struct settings_relay *new)
{
    return strcmp(old->resolver, new->resolver) != 0 ||
           strcmp(old->dnssec_anchors, new->dnssec_anchors) != 0;
}

/* A resolver that cannot be made leaves the one that there is. */
static void reload_relay(struct server_loop *loop, const struct settings *settings)
{
    if (loop->relay == NULL) {
        start_relay(loop, settings);
        return;
    }
    struct resolver *old = NULL;
    if (resolvers_differ(&loop->generation->settings->relay, &settings->relay)) {
        struct fault fault;
        struct resolver *fresh = create_resolver(loop, settings, &fault);
        if (fresh == NULL)
            log_event(LOG_ERROR, "relay", "old-resolver", "why", fault.text);
        old = fresh == NULL ? NULL : loop->resolver;
        loop->resolver = fresh == NULL ? loop->resolver : fresh;
    }
    const struct relay_options options = relay_options(loop, settings);
    relay_set_options(loop->relay, &options);
    resolver_free(&old);
}

static void tell_ready(struct server_loop *loop)
{
    struct server *server = loop->server;
    if (atomic_fetch_add(&server->ready_count, 1) + 1 != server->loop_count)
        return;
    struct log_line line;
    log_begin(&line, LOG_INFO, "server", "ready");
    log_text(&line, "hostname", loop->generation->settings->server.hostname);
    log_int(&line, "listeners", (int64_t)loop->generation->settings->listener_count);
    log_int(&line, "loops", server->loop_count);
    log_text(&line, "version", POSTERN_VERSION);
    log_end(&line);
}

static void attach(struct server_loop *loop)
{
    struct server *server = loop->server;
    loop->port = job_port_create(server->jobs, loop->loop);
    store_attach(server->store, loop->port);
    loop->env.loop = loop->loop;
    loop->env.port = loop->port;
    loop->env.tls = server->tls;
    loop->env.clock = &clock_system;
    loop->env.entropy = &random_system;
    loop->env.settings = &loop->generation->settings->net;
    loop->env.handshakes = server->handshakes;
    loop->env.maker = uv_run_maker(loop->loop);
    conn_env_init(&loop->env);
    loop->trace = server_trace_create(loop->port);
    server_trace_set(loop->trace, &loop->generation->settings->server);
    loop->env.trace = server_trace_tap(loop->trace);
    start_relay(loop, loop->generation->settings);
    loop->vetter = server_vetter_create(loop->loop);
    set_vetter(loop, loop->generation);
    start_listeners(loop);
    if (loop == &server->loops[0])
        server_reload_start(server->reload);
    tell_ready(loop);
}

static void stop_listeners(struct server_loop *loop)
{
    for (size_t i = 0; i < loop->bound_count; i++)
        listener_stop(&loop->listeners[i]);
    listener_stop(&loop->control);
}

static void detach(struct server_loop *loop)
{
    loop_timer_free(&loop->drain_timer);
    if (loop == &loop->server->loops[0])
        server_reload_stop(loop->server->reload);
    relay_free(&loop->relay);
    server_vetter_free(&loop->vetter);
    fetcher_free(&loop->fetcher);
    resolver_free(&loop->resolver);
    store_detach(loop->server->store, loop->port);
    server_trace_end(loop->trace);
    job_port_free(&loop->port);
    server_trace_free(&loop->trace);
    mem_free(loop->roles);
    mem_free(loop->listeners);
    server_generation_unref(&loop->generation);
}

void server_loop_run(struct server_loop *loop)
{
    attach(loop);
    uv_run_loop(loop->loop);
    detach(loop);
}

/* Looks every few milliseconds whether all is done: connections end by themselves, at the deadline
 * by force. */
static void on_drain_timer(void *owner)
{
    struct server_loop *loop = owner;
    if (loop->env.conn_count == 0 && loop->is_relay_idle) {
        uv_run_stop(loop->loop);
        return;
    }
    if (loop_now_ms(loop->loop) >= loop->drain_deadline_ms) {
        relay_free(&loop->relay);
        loop->is_relay_idle = true;
        conn_env_close(&loop->env);
    }
    loop_timer_start(loop->drain_timer, DRAIN_LOOK_MS);
}

static void on_relay_idle(void *owner)
{
    struct server_loop *loop = owner;
    loop->is_relay_idle = true;
}

static void drain(struct server_loop *loop, int64_t drain_max_ms)
{
    int64_t timeout_ms = loop->generation->settings->net.drain_timeout_ms;

    if (loop->is_draining)
        return;
    loop->is_draining = true;
    loop->drain_deadline_ms =
        loop_now_ms(loop->loop) + (timeout_ms < drain_max_ms ? timeout_ms : drain_max_ms);
    stop_listeners(loop);
    conn_env_drain(&loop->env);
    if (loop->relay != NULL)
        relay_drain(loop->relay, on_relay_idle, loop);
    loop->drain_timer = loop_timer_create(loop->loop, on_drain_timer, loop);
    loop_timer_start(loop->drain_timer, 0);
}

static void adopt(struct server_loop *loop, struct generation *generation)
{
    if (loop->is_draining) {
        server_generation_unref(&generation);
        return;
    }
    for (size_t i = 0; i < loop->bound_count; i++)
        set_role(loop, &loop->roles[i], generation, loop->bound[i].listener);
    loop->env.settings = &generation->settings->net;
    server_trace_set(loop->trace, &generation->settings->server);
    server_vetter_settle(loop->vetter);
    reload_relay(loop, generation->settings);
    set_vetter(loop, generation);
    server_generation_unref(&loop->generation);
    loop->generation = generation;
}

static void on_order(struct post *post)
{
    struct order *order = list_entry(post, struct order, post);
    if (order->generation == NULL)
        drain(order->loop, order->drain_max_ms);
    else
        adopt(order->loop, order->generation);
    mem_free(order);
}

static void send_order(struct server_loop *loop, struct generation *generation,
                       int64_t drain_max_ms)
{
    struct order *order = mem_new(struct order);
    order->post.run = on_order;
    order->loop = loop;
    order->generation = generation;
    order->drain_max_ms = drain_max_ms;
    loop_post(loop->loop, &order->post);
}

void server_loop_drain(struct server_loop *loop, int64_t drain_max_ms)
{
    send_order(loop, NULL, drain_max_ms);
}

void server_loop_adopt(struct server_loop *loop, struct generation *generation)
{
    send_order(loop, server_generation_ref(generation), 0);
}
