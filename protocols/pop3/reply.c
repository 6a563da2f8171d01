/*
 * Owns the two forms of a reply (RFC 1939 3) and the count of errors. Texts are ours: nothing that
 * the peer said is repeated (THREATS 6).
 */
#include <stdarg.h>
#include <stdio.h>

#include "protocols/pop3/pop3_internal.h"

enum { REPLY_MAX = 510 }; /* RFC 2449 4: 512 octets with CRLF */

struct verdict pop3_ok(struct pop3_session *session, const char *format, ...)
{
    char text[REPLY_MAX];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text - sizeof "+OK ", format, args);
    va_end(args);
    out_printf(session->host->out, "+OK %s\r\n", text);
    return pop3_next(session);
}

struct verdict pop3_refuse(struct pop3_session *session, const char *text)
{
    out_printf(session->host->out, "-ERR %s\r\n", text);
    return pop3_next(session);
}

struct verdict pop3_bad(struct pop3_session *session, const char *text)
{
    if (++session->errors < session->service->settings->errors_max)
        return pop3_refuse(session, text);
    struct log_line line;
    pop3_log_begin(session, &line, LOG_INFO, "too-many-errors");
    log_text(&line, "last", text);
    log_end(&line);
    out_puts(session->host->out, "-ERR too many errors, closing the connection\r\n");
    return want_close();
}

void pop3_log_begin(const struct pop3_session *session, struct log_line *line, enum log_level level,
                    const char *event)
{
    char peer[ENDPOINT_TEXT_SIZE];
    log_begin(line, level, "pop3", event);
    log_hex(line, "conn", session->host->conn_id);
    endpoint_host(&session->host->peer, peer);
    log_text(line, "peer", peer);
    if (session->login.len > 0)
        log_span(line, "user", buf_span(&session->login));
}
