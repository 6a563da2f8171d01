/*
 * tell.c: lines for the tap, see tell.h. Owns the rule that nothing is shown unless somebody who
 * knows the protocol said that it may be. Tests: tests/unit/test_net_conn.c,
 * tests/unit/test_secrecy.c.
 */
#include "net/tell.h"

#include <stdio.h>

#include "base/mem.h"

/* The line that is being put together out of what is written. */
struct tell {
    char line[TELL_LINE_MAX];
    size_t line_len;  /* of what is shown */
    size_t size;      /* of the line so far */
    size_t hidden;    /* so much of it is not shown */
    size_t data_size; /* of bytes that are no lines */
};

void conn_tap(struct conn *conn, enum tap_kind kind, int code, struct span detail)
{
    if (conn->tap == NULL)
        return;
    const struct tap_event event = {.kind = kind,
                                    .conn_id = conn->host.conn_id,
                                    .at_us = clock_wall_us(conn->env->clock),
                                    .code = code,
                                    .detail = detail};
    tap_emit(conn->tap, &event);
}

void tell_begin(struct conn *conn, bool is_traced)
{
    conn->tap = is_traced && conn->env->trace != NULL ? conn->env->trace : conn->env->tap;
    if (conn->tap == NULL)
        return;
    conn->tell = mem_new(struct tell);
    conn->out.is_watched = true;
}

void tell_open(struct conn *conn)
{
    char peer[ENDPOINT_TEXT_SIZE];
    const struct tap_field fields[] = {{"session", span_of(conn->type->name)},
                                       {"listener", span_of(conn->host.listener)}};
    if (conn->tap == NULL)
        return;
    endpoint_text(&conn->host.peer, peer);
    const struct tap_event event = {.kind = TAP_OPEN,
                                    .conn_id = conn->host.conn_id,
                                    .at_us = clock_wall_us(conn->env->clock),
                                    .detail = span_of(peer),
                                    .fields = fields,
                                    .field_count = conn->host.listener[0] != '\0' ? 2 : 1};
    tap_emit(conn->tap, &event);
}

/* Prefixes of lines pass through it: none is secret, but none needs to stay either. */
void tell_end(struct conn *conn)
{
    mem_free(conn->tell);
    conn->tell = NULL;
}

void tell_bytes(struct conn *conn, enum tap_way way, size_t len)
{
    if (conn->tap == NULL || len == 0)
        return;
    const struct tap_event event = {.kind = TAP_DATA,
                                    .way = way,
                                    .conn_id = conn->host.conn_id,
                                    .at_us = clock_wall_us(conn->env->clock),
                                    .size = len};
    tap_emit(conn->tap, &event);
}

/* size: without the line's end. */
static void emit_line(struct conn *conn, enum tap_way way, struct span shown, size_t size,
                      size_t hidden_size)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%zu bytes", hidden_size);
    const struct tap_field hidden = {"hidden", span_make(text, (size_t)len)};
    const struct tap_event event = {.kind = TAP_LINE,
                                    .way = way,
                                    .conn_id = conn->host.conn_id,
                                    .at_us = clock_wall_us(conn->env->clock),
                                    .size = size,
                                    .detail = shown,
                                    .fields = &hidden,
                                    .field_count = hidden_size > 0 ? 1 : 0};
    tap_emit(conn->tap, &event);
}

void tell_line(struct conn *conn, enum line_fault fault, struct span line)
{
    if (conn->tap == NULL || conn->tls != NULL)
        return;
    size_t len = 0;
    /* A line with a fault is not what its beginning promises: it may be anything. */
    if (fault == LINE_OK && !conn->verdict.is_secret && conn->type->shown != NULL)
        len = conn->type->shown(line);
    struct span shown = span_first(span_first(line, len), TELL_LINE_MAX);
    emit_line(conn, TAP_IN, shown, line.len, line.len - shown.len);
}

/* ---- What is written ------------------------------------------------------------------------ */

static void flush_data(struct conn *conn)
{
    size_t size = conn->tell->data_size;
    conn->tell->data_size = 0;
    tell_bytes(conn, TAP_OUT, size);
}

/* The CR of its end is no part of it. */
static void flush_line(struct conn *conn)
{
    struct tell *tell = conn->tell;
    struct span shown = span_make(tell->line, tell->line_len);
    if (shown.len > 0 && shown.ptr[shown.len - 1] == '\r')
        shown.len--;
    emit_line(conn, TAP_OUT, shown, tell->size > 0 ? tell->size - 1 : 0, tell->hidden);
    tell->line_len = tell->size = tell->hidden = 0;
}

/* Where something is left out dots stand, if there is room. */
static void take_line_bytes(struct conn *conn, enum out_kind kind, struct span bytes)
{
    struct tell *tell = conn->tell;
    bool is_shown = kind == OUT_TEXT && conn->type->shown != NULL;
    struct span kept = is_shown ? bytes : span_of("...");
    kept = span_first(kept, TELL_LINE_MAX - tell->line_len);
    memcpy(tell->line + tell->line_len, kept.ptr, kept.len);
    tell->line_len += kept.len;
    tell->size += bytes.len;
    tell->hidden += is_shown ? bytes.len - kept.len : bytes.len;
}

static void on_run(void *owner, enum out_kind kind, struct span bytes)
{
    struct conn *conn = owner;
    if (kind == OUT_DATA) {
        conn->tell->data_size += bytes.len;
        return;
    }
    flush_data(conn);
    while (bytes.len > 0) {
        ptrdiff_t lf = span_find_byte(bytes, 0, '\n');
        size_t len = lf < 0 ? bytes.len : (size_t)lf;
        if (len > 0)
            take_line_bytes(conn, kind, span_first(bytes, len));
        bytes = span_from(bytes, lf < 0 ? len : len + 1);
        if (lf >= 0)
            flush_line(conn);
    }
}

void tell_written(struct conn *conn, size_t len)
{
    if (conn->tap == NULL)
        return;
    if (conn->tls != NULL) {
        tell_bytes(conn, TAP_OUT, len);
        return;
    }
    out_look(&conn->out, len, on_run, conn);
    flush_data(conn);
}
