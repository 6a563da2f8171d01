/*
 * conn.c: birth of a connection, what its transport tells it, writing, and the list of all.
 * Feeding the session is pump.c's, the end close.c's, time deadline.c's, TLS upgrade.c's. Every
 * entry tests conn->closing first and leaves by conn_settle(). Tests: tests/unit/test_net_pump.c.
 */
#include "net/conn.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/close.h"
#include "net/deadline.h"
#include "net/doorstep.h"
#include "net/preamble.h"
#include "net/pump.h"
#include "net/tell.h"
#include "net/upgrade.h"

enum { PART_COUNT = 16 };

static void on_post(struct post *post);

void conn_env_init(struct conn_env *env)
{
    list_init(&env->conns);
    env->conn_count = 0;
    env->upgrades_refused = env->handshakes_crowded = env->early_talkers = 0;
    env->crowded_log_at_ms = 0;
    env->crowded_unlogged = 0;
    complaints_init(&env->complaints);
    env->is_draining = false;
}

struct conn *conn_create(struct conn_env *env, const struct session_type *type)
{
    struct conn *conn = mem_new(struct conn);
    conn->env = env;
    conn->type = type;
    conn->timer = loop_timer_create(env->loop, conn_on_timer, conn);
    conn->timer_due_ms = conn->deadline_ms = conn->force_deadline_ms = CONN_NEVER_MS;
    conn->handshake_timeout_ms = env->settings->handshake_timeout_ms;
    conn->session_timeout_ms = env->settings->session_timeout_ms;
    conn->last_words_timeout_ms = env->settings->last_words_timeout_ms;
    conn->close_timeout_ms = env->settings->close_timeout_ms;
    conn->refuses_early_talkers = env->settings->refuse_early_talkers;
    conn->born_ms = loop_now_ms(env->loop);
    conn->post.run = on_post;
    out_init(&conn->out, (size_t)env->settings->output_mark);
    reader_init(&conn->reader);
    buf_init(&conn->wire, CONN_WIRE_MAX);
    buf_init(&conn->flight, 0); /* our own chain bounds it */
    pump_host_init(conn);
    list_append(&env->conns, &conn->node);
    env->conn_count++;
    return conn;
}

void conn_take_transport(struct conn *conn, struct transport *transport)
{
    conn->transport = transport;
    transport->events = &conn_transport_events;
    transport->owner = conn;
    conn->host.peer = transport->peer;
    conn->host.local = transport->local;
}

static void drain(struct conn *conn)
{
    conn->is_draining = true;
    conn->force_deadline_ms = loop_now_ms(conn->env->loop) + conn->env->settings->drain_timeout_ms;
}

void conn_accept(struct conn_env *env, const struct conn_role *role, struct transport *transport)
{
    struct conn *conn = conn_create(env, role->type);
    conn->role = role;
    conn->service = role->service_ref != NULL ? role->service_ref(role->service) : role->service;
    conn->service_unref = role->service_unref;
    conn->security = role->security;
    conn->host.listener = role->listener;
    conn_take_transport(conn, transport);
    tell_begin(conn, role->is_traced);
    if (env->is_draining)
        drain(conn);
    if (role->is_proxied)
        preamble_begin(conn);
    else
        conn_begin(conn);
    conn_settle(conn);
}

struct quota_holder conn_holder(const struct conn_role *role, const struct endpoint *peer)
{
    return (struct quota_holder){
        *peer, networks_have(role->trusted_networks, role->trusted_network_count, peer)};
}

const char *conn_refusal(const struct conn_role *role, enum quota_answer answer)
{
    bool is_hasty = answer == QUOTA_RATE || answer == QUOTA_RATE_NETWORK;
    if (role->security != CONN_PLAIN)
        return NULL;
    return is_hasty ? role->type->hasty : role->type->crowded;
}

void conn_begin(struct conn *conn)
{
    tell_open(conn);
    if (!doorstep_begin(conn))
        conn_open(conn);
}

void conn_open(struct conn *conn)
{
    if (conn->security == CONN_IMPLICIT) {
        upgrade_begin_implicit(conn);
    } else {
        conn->phase = CONN_PHASE_PLAIN;
        pump_open(conn, SESSION_FRESH);
    }
    if (conn->state == CONN_SESSION)
        pump_run(conn);
}

void conn_env_drain(struct conn_env *env)
{
    env->is_draining = true;
    list_each (node, &env->conns) {
        struct conn *conn = list_entry(node, struct conn, node);
        if (conn->closing)
            continue;
        drain(conn);
        conn_post(conn);
    }
    if (env->conn_count == 0 && env->on_idle != NULL)
        env->on_idle(env->on_idle_owner);
}

void conn_env_close(struct conn_env *env)
{
    bool was_empty = env->conn_count == 0;
    env->is_draining = true;
    list_each (node, &env->conns) {
        struct conn *conn = list_entry(node, struct conn, node);
        if (!conn->closing)
            conn_force(conn, ENDING_SHUTDOWN);
    }
    if (was_empty && env->on_idle != NULL)
        env->on_idle(env->on_idle_owner);
}

void conn_traffic(const struct conn *conn, uint64_t *in_out, uint64_t *out_out)
{
    *in_out = conn->bytes_in;
    *out_out = conn->bytes_out;
}

uint64_t conn_id(const struct conn *conn)
{
    return conn->host.conn_id;
}

const struct endpoint *conn_peer(const struct conn *conn)
{
    return &conn->host.peer;
}

const struct endpoint *conn_local(const struct conn *conn)
{
    return &conn->host.local;
}

void conn_wake(struct conn *conn)
{
    host_wake(&conn->host);
}

/* Heard in the loop's next round, so that an owner is never called back inside its own call. */
void conn_end(struct conn *conn, enum ending why)
{
    if (conn->closing || conn->has_end)
        return;
    conn->has_end = true;
    conn->end_why = why;
    conn_post(conn);
}

void conn_post(struct conn *conn)
{
    if (conn->is_posted)
        return;
    conn->is_posted = true;
    loop_post(conn->env->loop, &conn->post);
}

/* Goes on with whatever the connection is at; the pump only where it has a session. */
static void run(struct conn *conn)
{
    if (conn->has_end && conn->state != CONN_SESSION) {
        conn_finish(conn, conn->end_why);
        return;
    }
    if (conn->state == CONN_HANDSHAKE)
        upgrade_handshake(conn);
    if (conn->state == CONN_SESSION && !conn->closing && !conn->is_yielded)
        pump_run(conn);
}

static void on_post(struct post *post)
{
    struct conn *conn = list_entry(post, struct conn, post);
    conn->is_posted = false;
    if (conn->transport == NULL) {
        conn_bury(conn);
        return;
    }
    if (conn->closing)
        return;
    conn->is_yielded = false;
    run(conn);
    conn_settle(conn);
}

/* Outbound only; nothing was ever said before it. */
static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct conn *conn = owner;
    if (conn->closing)
        return;
    if (err != 0) {
        conn_keep_fault(conn, fault);
        conn_drop(conn, "could not connect");
        return;
    }
    conn->host.peer = conn->transport->peer;
    conn->host.local = conn->transport->local;
    if (conn->has_end)
        conn_finish(conn, conn->end_why);
    else
        conn_begin(conn);
    conn_settle(conn);
}

/* Sealed bytes are always kept: GnuTLS takes them out of a buffer, record by record. */
static void take_sealed(struct conn *conn, struct span bytes)
{
    if (buf_append(&conn->wire, bytes) != 0) {
        conn_drop(conn, "more sealed input than may wait");
        return;
    }
    conn->has_wire_input = true;
    run(conn);
}

static void take_clear(struct conn *conn, struct span bytes)
{
    reader_feed(&conn->reader, bytes);
    if (!conn->is_yielded)
        pump_run(conn);
    /* An upgrade or a close under way has looked at what is left, and wants none of it. */
    if (conn->closing || conn->state != CONN_SESSION)
        conn->reader.fresh = span_make("", 0);
    else if (reader_keep(&conn->reader) != 0)
        conn_finish(conn, ENDING_LIMIT);
}

void conn_take_bytes(struct conn *conn, struct span bytes)
{
    switch (conn->state) {
    case CONN_SESSION:
        if (conn->tls == NULL)
            take_clear(conn, bytes);
        else
            take_sealed(conn, bytes);
        break;
    case CONN_HANDSHAKE:
        take_sealed(conn, bytes);
        break;
    case CONN_CLOSING:
    case CONN_LINGERING:
        conn_discard(conn, bytes.len);
        break;
    case CONN_CONNECTING:
    case CONN_GOING_AHEAD:
        /* Reading is off: a transport that brings bytes nonetheless is not to be trusted. */
        conn_drop(conn, "input at a time when none is read");
        break;
    case CONN_PREAMBLE:
        preamble_take(conn, bytes);
        break;
    case CONN_DOORSTEP:
        doorstep_take(conn, bytes);
        break;
    }
}

static void on_read(void *owner, struct span bytes)
{
    struct conn *conn = owner;
    if (conn->closing || bytes.len == 0)
        return;
    conn->bytes_in += bytes.len;
    conn_take_bytes(conn, bytes);
    conn_settle(conn);
}

/* The clear stream has ended too, but under TLS what lies on the wire comes first. */
static void note_end(struct conn *conn, int err)
{
    conn->has_transport_end = true;
    if (conn->tls != NULL)
        conn->has_wire_input = true;
    else if (conn->input_end == CONN_INPUT_OPEN)
        conn->input_end = err == 0 ? CONN_INPUT_CLEAN : CONN_INPUT_CUT;
    if (err == 0)
        return;
    conn->is_broken = true;
    out_deinit(&conn->out);
    if (conn->events != NULL) {
        struct fault fault;
        (void)fault_set(&fault, err, "the connection broke: %s", err_text(err));
        conn_keep_fault(conn, &fault);
    }
}

static void on_end(void *owner, int err)
{
    struct conn *conn = owner;
    if (conn->closing)
        return;
    note_end(conn, err);
    switch (conn->state) {
    case CONN_SESSION:
        run(conn);
        break;
    case CONN_HANDSHAKE:
        upgrade_give_up(conn, err);
        break;
    case CONN_PREAMBLE: /* a proxy looks whether we are there, and says nothing */
    case CONN_DOORSTEP:
    case CONN_CONNECTING:
    case CONN_GOING_AHEAD:
        conn_finish(conn, err == 0 ? ENDING_CLEAN : ENDING_CUT);
        break;
    case CONN_CLOSING:
        conn_close_on(conn);
        break;
    case CONN_LINGERING:
        conn_drop(conn, conn->why);
        break;
    }
    conn_settle(conn);
}

static void on_written(void *owner)
{
    struct conn *conn = owner;
    if (conn->closing)
        return;
    if (conn->state == CONN_SESSION)
        run(conn);
    else if (conn->state == CONN_GOING_AHEAD)
        upgrade_go_on(conn);
    else if (conn->state == CONN_CLOSING)
        conn_close_on(conn);
    conn_settle(conn);
}

static void on_closed(void *owner)
{
    struct conn *conn = owner;
    conn->transport = NULL;
    conn_bury(conn);
}

const struct transport_events conn_transport_events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* How many bytes of the parts went; 0: the connection is broken, which no event will tell. */
static size_t write_parts(struct conn *conn, const struct span *parts, size_t count)
{
    if (conn->tls != NULL) {
        int64_t sealed = tls_session_write(conn->tls, parts, count);
        return sealed > 0 ? (size_t)sealed : 0;
    }
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    conn_push(conn, parts, count);
    return len;
}

/* Several small parts share a record or a system call. What was sealed or handed over can be
 * released: transport_write() copies what the kernel did not take. */
void conn_write(struct conn *conn)
{
    struct span parts[PART_COUNT];
    size_t max = conn->tls != NULL ? CONN_RECORD_MAX : CONN_WRITE_MAX;
    while (!conn->is_broken && conn->out.len > 0 &&
           transport_pending(conn->transport) < conn->out.mark) {
        size_t count = out_peek(&conn->out, parts, PART_COUNT, max);
        size_t len = write_parts(conn, parts, count);
        if (len == 0) {
            conn->is_broken = true;
            conn->input_end = CONN_INPUT_CUT;
            break;
        }
        tell_written(conn, len);
        out_consume(&conn->out, len);
    }
    if (conn->is_broken)
        out_deinit(&conn->out);
}

void conn_push(void *owner, const struct span *parts, size_t count)
{
    struct conn *conn = owner;
    if (conn->closing || conn->is_broken)
        return;
    for (size_t i = 0; i < count; i++)
        conn->bytes_out += parts[i].len;
    if (!conn->holds_flight) {
        transport_write(conn->transport, parts, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        buf_put(&conn->flight, parts[i]);
}

void conn_set_reading(struct conn *conn, bool is_wanted)
{
    if (conn->is_reading == is_wanted)
        return;
    conn->is_reading = is_wanted;
    if (is_wanted)
        transport_read_on(conn->transport);
    else
        transport_read_off(conn->transport);
}

/* Reading goes on while little waits, for a transport that is not read does not tell its end. */
static bool wants_reading(const struct conn *conn)
{
    if (conn->has_transport_end)
        return false;
    switch (conn->state) {
    case CONN_HANDSHAKE: /* whole records are taken at once, but for TLS_WAITING */
        return conn->wire.len < CONN_HANDSHAKE_WAITING_MAX;
    case CONN_SESSION: {
        bool takes_input = conn->verdict.want == WANT_LINE || conn->verdict.want == WANT_BYTES;
        bool is_free = !conn->is_yielded && conn_unsent(conn) < conn->out.mark;
        return (takes_input && is_free) ||
               reader_waiting(&conn->reader) + conn->wire.len < CONN_WAITING_MAX;
    }
    case CONN_CLOSING:
    case CONN_LINGERING:
        return conn->discarded < CONN_DISCARD_MAX;
    case CONN_PREAMBLE:
        return true;
    case CONN_DOORSTEP:
        return doorstep_listens(conn);
    case CONN_CONNECTING:
    case CONN_GOING_AHEAD:
        break;
    }
    return false;
}

void conn_settle(struct conn *conn)
{
    if (conn->closing)
        return;
    conn_set_reading(conn, wants_reading(conn));
    reader_relax(&conn->reader);
    if (conn->wire.len == 0 && conn->wire.data != NULL)
        buf_release(&conn->wire);
    conn_arm_timer(conn);
}

void conn_keep_fault(struct conn *conn, const struct fault *fault)
{
    if (conn->fault != NULL || fault == NULL)
        return;
    conn->fault = mem_new(struct fault);
    *conn->fault = *fault;
}
