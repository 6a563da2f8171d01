/*
 * upgrade.c: how a connection becomes secure, for STARTTLS and from the first byte, as server and
 * as client. Owns the order of the steps, which docs/UPGRADE.md explains; TLS itself is
 * tls/session.h, texts are the protocol's. What comes over the wire after the upgrade is fed by the
 * pump as ever. Tests: tests/unit/test_net_upgrade.c, tests/fuzz/fuzz_net_upgrade.c.
 */
#include "net/upgrade.h"

#include "base/log.h"
#include "base/require.h"
#include "net/close.h"
#include "net/deadline.h"
#include "net/pump.h"
#include "net/quota.h"

enum { CROWDED_LOG_MS = 1000 /* one line a second however many find no place */ };

static void log_conn(struct log_line *line, const struct conn *conn)
{
    char peer[ENDPOINT_TEXT_SIZE];
    endpoint_text(&conn->host.peer, peer);
    log_hex(line, "conn", conn->host.conn_id);
    log_text(line, "listener", conn->host.listener);
    log_text(line, "peer", peer);
}

/* Begins a line about what a peer did wrong, where it is worth one: our own outbound connections
 * always are, others as far as net/complaint.h goes. */
static bool begin_complaint(struct log_line *line, struct conn *conn, enum log_level level,
                            const char *area, const char *event)
{
    struct conn_env *env = conn->env;
    unsigned left_out = 0;
    if (conn->events == NULL &&
        !complaints_take(&env->complaints, &conn->host.peer, loop_now_ms(env->loop), &left_out))
        return false;
    log_begin(line, level, area, event);
    log_conn(line, conn);
    if (left_out > 0)
        log_int(line, "left_out", left_out);
    return true;
}

/* Everything that came before the handshake and was not carried out: kept, fresh or half a line;
 * the wire's buffer is empty in plaintext. */
static size_t plaintext_waiting(const struct conn *conn)
{
    return reader_waiting(&conn->reader) + conn->wire.len;
}

/* The injected commands of CVE-2011-0411, or a peer that does not wait for the go-ahead. */
static void refuse(struct conn *conn, size_t waiting)
{
    struct log_line line;
    struct fault fault;
    (void)fault_set(&fault, ERR_REFUSED,
                    "%zu bytes of plaintext came behind the upgrade's %s; they are not trusted",
                    waiting, conn->events != NULL ? "go-ahead" : "command");
    conn->env->upgrades_refused++;
    if (begin_complaint(&line, conn, LOG_WARN, "upgrade", "refused")) {
        log_int(&line, "waiting", (int64_t)waiting);
        log_text(&line, "fault", fault.text);
        log_end(&line);
    }
    conn_tap(conn, TAP_UPGRADE_REFUSED, (int)waiting, span_of(fault.text));
    conn_keep_fault(conn, &fault);
    out_put(&conn->out, conn->verdict.refusal);
    conn_close(conn, "upgrade refused");
}

static void log_crowded(const struct conn *conn)
{
    struct conn_env *env = conn->env;
    int64_t now_ms = loop_now_ms(env->loop);
    env->handshakes_crowded++;
    env->crowded_unlogged++;
    if (now_ms < env->crowded_log_at_ms)
        return;
    struct log_line line;
    log_begin(&line, LOG_WARN, "tls", "crowded");
    log_conn(&line, conn);
    log_int(&line, "refused", env->crowded_unlogged);
    log_end(&line);
    env->crowded_log_at_ms = now_ms + CROWDED_LOG_MS;
    env->crowded_unlogged = 0;
}

/* A handshake holds more memory than a session and may cost a signature: there is room for so many.
 * Those that we begin ourselves are bounded by who dials. */
static bool take_place(struct conn *conn)
{
    struct quota *places = conn->env->handshakes;
    if (places == NULL || conn->events != NULL)
        return true;
    const struct quota_holder holder = {.peer = conn->host.peer};
    conn->holds_handshake = quota_take(places, &holder, loop_now_ms(conn->env->loop)) == QUOTA_FITS;
    if (!conn->holds_handshake)
        log_crowded(conn);
    return conn->holds_handshake;
}

void upgrade_leave(struct conn *conn)
{
    const struct quota_holder holder = {.peer = conn->host.peer};
    if (conn->holds_handshake)
        quota_give_back(conn->env->handshakes, &holder);
    conn->holds_handshake = false;
}

void upgrade_begin(struct conn *conn)
{
    require(conn->state == CONN_SESSION);
    if (conn->tls != NULL) {
        log_event(LOG_ERROR, "upgrade", "asked-for-twice", "session", conn->type->name);
        conn_finish(conn, ENDING_LIMIT);
        return;
    }
    conn_set_reading(conn, false);
    conn_tap(conn, TAP_UPGRADE_OFFERED, 0, span_make("", 0));
    size_t waiting = plaintext_waiting(conn);
    if (waiting > 0) {
        refuse(conn, waiting);
        return;
    }
    /* A peer that has ended its direction will say no ClientHello; a broken one never comes here.
     */
    if (conn->input_end != CONN_INPUT_OPEN) {
        conn_finish(conn, ENDING_CLEAN);
        return;
    }
    if (!take_place(conn)) {
        out_put(&conn->out, conn->verdict.crowded);
        conn_close(conn, "too many handshakes");
        return;
    }

    conn->state = CONN_GOING_AHEAD;
    conn_set_deadline(conn, CONN_REASON_HANDSHAKE, conn->handshake_timeout_ms);
    out_put(&conn->out, conn->verdict.go_ahead);
    upgrade_go_on(conn);
}

static void put_tls_under(struct conn *conn, enum session_start start);

void upgrade_go_on(struct conn *conn)
{
    conn_write(conn);
    if (conn_unsent(conn) > 0)
        return;
    pump_free_session(conn);
    put_tls_under(conn, SESSION_UPGRADED);
}

void upgrade_begin_implicit(struct conn *conn)
{
    if (!take_place(conn)) {
        conn_drop(conn, "too many handshakes");
        return;
    }
    conn_set_deadline(conn, CONN_REASON_HANDSHAKE, conn->handshake_timeout_ms);
    put_tls_under(conn, SESSION_FRESH);
}

/* Nothing of the plaintext side is left: no session, no clear byte, no text on its way. */
static void put_tls_under(struct conn *conn, enum session_start start)
{
    require(conn->session == NULL && conn->tls == NULL);
    require(plaintext_waiting(conn) == 0 && conn_unsent(conn) == 0);
    reader_deinit(&conn->reader);
    conn->state = CONN_HANDSHAKE;
    conn->phase = CONN_PHASE_HANDSHAKE;
    conn->start_mode = start;

    struct tls_wire wire = {.in = &conn->wire, .push = conn_push, .owner = conn};
    struct conn_env *env = conn->env;
    uint64_t conn_id = conn->host.conn_id;
    if (conn->events == NULL)
        conn->tls = tls_session_accept(env->tls, &wire, conn->type->name, conn->tap, conn_id);
    else
        conn->tls = tls_session_connect(env->tls, &wire, conn->policy, conn->tap, conn_id);
    upgrade_handshake(conn);
}

static void log_established(const struct conn *conn, const struct tls_facts *facts)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "tls", "established");
    log_conn(&line, conn);
    log_text(&line, "version", facts->version);
    log_text(&line, "cipher", facts->cipher);
    log_text(&line, "group", facts->group);
    log_int(&line, "resumed", facts->is_resumed);
    log_int(&line, "us", facts->handshake_us);
    log_end(&line);
}

/* An upgraded client speaks first, any other waits for the greeting. On a port of implicit TLS,
 * bytes that lay behind the client's Finished are of one who was led here from a STARTTLS port
 * (Opossum) or speaks another protocol (ALPACA): a greeting would be taken for the answer to its
 * first command, and each answer for that to the next. docs/THREATS.md tells what this cannot see.
 * Half a record is no evidence: it may be a close_notify. */
static int64_t early_bytes(struct conn *conn, struct fault *fault)
{
    char byte;
    bool is_judged = conn->refuses_early_talkers && conn->events == NULL &&
                     conn->start_mode == SESSION_FRESH && conn->wire.len > 0;
    return is_judged ? tls_session_read(conn->tls, &byte, 1, fault) : ERR_AGAIN;
}

static void refuse_early_talker(struct conn *conn)
{
    struct log_line line;
    conn->env->early_talkers++;
    if (begin_complaint(&line, conn, LOG_WARN, "tls", "early-talker"))
        log_end(&line);
    conn_close(conn, "spoke before the greeting");
}

static void failed(struct conn *conn, const struct fault *fault)
{
    struct log_line line;
    if (begin_complaint(&line, conn, LOG_INFO, "tls", "failed")) {
        log_text(&line, "fault", fault->text);
        log_end(&line);
    }
    conn_keep_fault(conn, fault);
    conn_close(conn, "TLS handshake failed");
}

/* The new session knows of the old one's connection only what host tells. */
static void secured(struct conn *conn)
{
    const struct tls_facts *facts = tls_session_facts(conn->tls);
    conn->host.tls = facts;
    conn->phase = CONN_PHASE_SECURE;
    upgrade_leave(conn);
    conn->has_wire_input = true;
    log_established(conn, facts);
    if (conn->events != NULL)
        conn->events->on_secure(conn->owner, facts);
    struct fault fault;
    fault_clear(&fault);
    int64_t early = early_bytes(conn, &fault);
    if (early > 0)
        refuse_early_talker(conn);
    else if (early == ERR_TLS)
        failed(conn, &fault);
    else
        pump_open(conn, conn->start_mode);
}

/* What GnuTLS pushes meanwhile leaves in one write: a server's tickets come with the rest of its
 * flight, also to a client that goes away behind its Finished. */
static enum tls_progress step(struct conn *conn, struct fault *fault)
{
    conn->holds_flight = true;
    enum tls_progress progress = tls_session_handshake(conn->tls, fault);
    conn->holds_flight = false;
    const struct span flight = buf_span(&conn->flight);
    if (flight.len > 0)
        transport_write(conn->transport, &flight, 1);
    buf_release(&conn->flight);
    return progress;
}

void upgrade_handshake(struct conn *conn)
{
    struct fault fault;
    fault_clear(&fault);
    switch (step(conn, &fault)) {
    case TLS_DONE:
        secured(conn);
        break;
    case TLS_FAILED:
        failed(conn, &fault);
        break;
    case TLS_MORE_INPUT:
    case TLS_WAITING: /* whoever has the verdict calls conn_wake() */
        break;
    }
}

void upgrade_give_up(struct conn *conn, int err)
{
    struct fault fault;
    const char *why = err == ERR_TIMEOUT ? "it was not finished within its timeout"
                      : err == 0         ? "the peer closed the connection"
                                         : "the connection broke";
    (void)fault_set(&fault, err == 0 ? ERR_CLOSED : err, "could not finish the TLS handshake: %s",
                    why);
    conn_tap(conn, TAP_FAILED, 0, span_of(fault.text));
    failed(conn, &fault);
}
