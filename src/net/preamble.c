/*
 * preamble.c: what an accepted connection begins with where a proxy stands before us: its header is
 * read before anything else, then the connection begins as any other, with the announced address as
 * its peer. What lies behind the header is fed as if it had come just after it: to TLS where that
 * is implicit, to the session else, so an upgrade finds nothing that is not the client's own.
 * Tests: tests/unit/test_net_preamble.c.
 */
#include "net/preamble.h"

#include "net/close.h"
#include "net/deadline.h"
#include "net/proxy.h"
#include "net/quota.h"

void preamble_begin(struct conn *conn)
{
    conn->state = CONN_PREAMBLE;
    conn_set_deadline(conn, CONN_REASON_HANDSHAKE, conn->handshake_timeout_ms);
}

void conn_complain(struct conn *conn, enum log_level level, const char *event, const char *why)
{
    char peer[ENDPOINT_TEXT_SIZE];
    unsigned left_out = 0;
    struct log_line line;

    if (!complaints_take(&conn->env->complaints, &conn->host.peer, loop_now_ms(conn->env->loop),
                         &left_out))
        return;
    endpoint_text(&conn->host.peer, peer);
    log_begin(&line, level, "net", event);
    log_hex(&line, "conn", conn->host.conn_id);
    log_text(&line, "listener", conn->host.listener);
    log_text(&line, "peer", peer);
    if (why != NULL)
        log_text(&line, "why", why);
    if (left_out > 0)
        log_int(&line, "left_out", left_out);
    log_end(&line);
}

void preamble_give_up(struct conn *conn, const char *why)
{
    conn_complain(conn, LOG_WARN, "proxy-header", why);
    conn_drop(conn, "no good PROXY header");
}

/* The connection's place was nobody's so far: a proxy may hold as many as there are. */
static enum quota_answer take_place(struct conn *conn, const struct endpoint *announced)
{
    struct transport *transport = conn->transport;
    struct quota_holder holder = conn_holder(conn->role, announced);
    enum quota_answer answer = QUOTA_FITS;

    if (transport->quota != NULL)
        answer =
            quota_move(transport->quota, &transport->holder, &holder, loop_now_ms(conn->env->loop));
    if (answer == QUOTA_FITS)
        transport->holder = holder;
    return answer;
}

static void refuse_crowded(struct conn *conn, enum quota_answer answer)
{
    const char *words = conn_refusal(conn->role, answer);

    conn_complain(conn, LOG_WARN, "over-limit", quota_answer_text(answer));
    if (words != NULL)
        out_puts(&conn->out, words);
    conn_close(conn, "too many connections");
}

/* From here on the proxy is forgotten but for this line. */
static void log_announced(const struct conn *conn, const struct endpoint *proxy)
{
    char peer[ENDPOINT_TEXT_SIZE], proxy_text[ENDPOINT_TEXT_SIZE];
    struct log_line line;

    endpoint_text(&conn->host.peer, peer);
    endpoint_text(proxy, proxy_text);
    log_begin(&line, LOG_DEBUG, "net", "proxied");
    log_hex(&line, "conn", conn->host.conn_id);
    log_text(&line, "listener", conn->host.listener);
    log_text(&line, "peer", peer);
    log_text(&line, "proxy", proxy_text);
    log_end(&line);
}

static void follow(struct conn *conn, const struct proxy_header *header)
{
    struct endpoint proxy = conn->host.peer;

    if (header->is_announced) {
        conn->host.peer = header->source;
        enum quota_answer answer = take_place(conn, &header->source);
        if (answer != QUOTA_FITS) {
            refuse_crowded(conn, answer);
            return;
        }
        log_announced(conn, &proxy);
    }
    conn_set_deadline(conn, CONN_REASON_NONE, 0);
    conn_begin(conn);
}

/* The header may have come in pieces, and with it what the client said. */
void preamble_take(struct conn *conn, struct span bytes)
{
    struct proxy_header header;
    struct buf came;

    if (buf_append(&conn->wire, bytes) != 0) {
        preamble_give_up(conn, "more input than a PROXY header may have");
        return;
    }
    switch (proxy_parse(buf_span(&conn->wire), &header)) {
    case PROXY_MORE:
        return;
    case PROXY_BAD:
        preamble_give_up(conn, header.fault);
        return;
    case PROXY_DONE:
        break;
    }
    came = conn->wire;
    buf_init(&conn->wire, CONN_WIRE_MAX);
    follow(conn, &header);
    if (!conn->closing && came.len > header.len)
        conn_take_bytes(conn, span_from(buf_span(&came), header.len));
    buf_release(&came);
}
