/*
 * close.c: how a connection ends: last words, close_notify, our end, a while of discarding, close
 * (rule 7), and what is told and freed behind it. Why discard: closing a socket that holds unread
 * input answers with a reset, and a reset may destroy a refusal that the peer has not read yet.
 * Tests: tests/unit/test_net_pump.c.
 */
#include "net/close.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/deadline.h"
#include "net/doorstep.h"
#include "net/pump.h"
#include "net/tell.h"
#include "net/upgrade.h"

const char *conn_ending_text(enum ending why)
{
    static const char *const texts[] = {
#define ENDING_TEXT(name, text) [name] = text,
        ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
    };
    return texts[why];
}

void conn_finish(struct conn *conn, enum ending why)
{
    if (conn->closing)
        return;
    switch (conn->state) {
    case CONN_SESSION:
    case CONN_GOING_AHEAD:
        conn->type->ending(conn->session, why);
        conn_close(conn, conn_ending_text(why));
        break;
    case CONN_CONNECTING:
    case CONN_PREAMBLE:
    case CONN_DOORSTEP:
    case CONN_HANDSHAKE:
        conn_drop(conn, conn_ending_text(why));
        break;
    case CONN_CLOSING:
    case CONN_LINGERING:
        break;
    }
}

void conn_force(struct conn *conn, enum ending why)
{
    conn_finish(conn, why);
    conn_drop(conn, conn->why != NULL ? conn->why : conn_ending_text(why));
}

void conn_close(struct conn *conn, const char *why)
{
    if (conn->closing || conn->state == CONN_CLOSING || conn->state == CONN_LINGERING)
        return;
    conn->why = why;
    upgrade_leave(conn);
    doorstep_leave(conn);
    pump_free_session(conn);
    conn->discarded = reader_waiting(&conn->reader) + conn->wire.len;
    reader_deinit(&conn->reader);
    buf_release(&conn->wire);
    conn->has_wire_input = false;
    conn->state = CONN_CLOSING;
    conn_set_deadline(conn, CONN_REASON_LAST_WORDS, conn->last_words_timeout_ms);
    conn_close_on(conn);
}

/* close_notify is the truth about our side's end (RFC 8446 6.1), so it goes only behind a
 * handshake that was completed and words that were all sealed. */
static void say_bye(struct conn *conn)
{
    if (conn->has_said_bye || conn->host.tls == NULL || conn->is_broken)
        return;
    conn->has_said_bye = true;
    tls_session_bye(conn->tls);
}

void conn_close_on(struct conn *conn)
{
    require(conn->state == CONN_CLOSING);
    if (conn->is_broken) {
        conn_drop(conn, conn->why);
        return;
    }
    /* Before the handshake is done there is nobody to seal for: the alert has been pushed. */
    if (conn->tls == NULL || conn->host.tls != NULL)
        conn_write(conn);
    if (conn->out.len == 0)
        say_bye(conn);
    if (conn->is_broken || conn_unsent(conn) > 0) {
        if (conn->is_broken)
            conn_drop(conn, conn->why);
        return;
    }

    transport_shutdown(conn->transport);
    conn->state = CONN_LINGERING;
    conn_set_deadline(conn, CONN_REASON_LINGER, conn->close_timeout_ms);
    if (conn->has_transport_end || conn->discarded >= CONN_DISCARD_MAX)
        conn_drop(conn, conn->why);
}

void conn_discard(struct conn *conn, size_t len)
{
    conn->discarded += len;
    if (conn->state == CONN_LINGERING && conn->discarded >= CONN_DISCARD_MAX)
        conn_drop(conn, conn->why);
}

void conn_drop(struct conn *conn, const char *why)
{
    if (conn->closing)
        return;
    conn->why = why;
    upgrade_leave(conn);
    doorstep_leave(conn);
    pump_free_session(conn);
    conn->closing = true;
    conn->host.tls = NULL;
    tls_session_free(&conn->tls);
    reader_deinit(&conn->reader);
    buf_release(&conn->wire);
    out_deinit(&conn->out);
    loop_timer_free(&conn->timer);
    transport_close(conn->transport);
}

static void log_closed(struct conn *conn)
{
    struct log_line line;
    char peer[ENDPOINT_TEXT_SIZE];
    bool is_info = conn->login != NULL || conn->events != NULL;
    log_begin(&line, is_info ? LOG_INFO : LOG_DEBUG, "conn", "closed");
    endpoint_text(&conn->host.peer, peer);
    log_hex(&line, "conn", conn->host.conn_id);
    log_text(&line, "listener", conn->host.listener);
    log_text(&line, "peer", peer);
    log_int(&line, "in", (int64_t)conn->bytes_in);
    log_int(&line, "out", (int64_t)conn->bytes_out);
    log_int(&line, "ms", loop_now_ms(conn->env->loop) - conn->born_ms);
    if (conn->login != NULL)
        log_text(&line, "login", conn->login);
    log_text(&line, "why", conn->why);
    if (conn->fault != NULL)
        log_text(&line, "fault", conn->fault->text);
    log_end(&line);
}

static void tell_gone(struct conn *conn)
{
    static const struct fault no_fault;
    const struct conn_owner_events *events = conn->events;
    conn->events = NULL;
    if (events != NULL)
        events->on_gone(conn->owner, conn->phase, conn->fault != NULL ? conn->fault : &no_fault);
}

void conn_bury(struct conn *conn)
{
    struct conn_env *env = conn->env;
    if (list_has(&conn->node)) {
        log_closed(conn);
        conn_tap(conn, TAP_CLOSE, 0, span_of(conn->why != NULL ? conn->why : ""));
        list_remove(&conn->node);
        tell_gone(conn);
        if (conn->service_unref != NULL)
            conn->service_unref(conn->service);
    }
    if (conn->is_posted)
        return;
    tell_end(conn);
    doorstep_free(conn);
    mem_free(conn->login);
    mem_free(conn->fault);
    mem_free(conn);
    env->conn_count--;
    if (env->conn_count == 0 && env->is_draining && env->on_idle != NULL)
        env->on_idle(env->on_idle_owner);
}
