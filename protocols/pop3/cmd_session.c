/*
 * Owns the commands of any state: CAPA (RFC 2449), STLS (RFC 2595), NOOP, QUIT. Whether STLS goes
 * on is decided in net/upgrade.c. Tests: tests/dialogue/pop3/capa_*.dlg, stls*.dlg, dele.dlg.
 */
#include "protocols/pop3/pop3_internal.h"

static void put_sasl(struct out *out)
{
    out_puts(out, "SASL");
    for (int i = 0; i < AUTH_MECHANISM_COUNT; i++)
        out_printf(out, " %s", auth_mechanism_name((enum auth_mechanism)i));
    out_puts(out, "\r\n");
}

struct verdict pop3_capa(struct pop3_session *session, struct span argument)
{
    (void)argument;
    struct out *out = session->host->out;
    out_puts(out, "+OK capabilities follow\r\n"
                  "TOP\r\nUIDL\r\nRESP-CODES\r\nAUTH-RESP-CODE\r\nPIPELINING\r\n");
    /* What cannot be used yet is not announced (THREATS 4). */
    if (session->service->offers_stls && session->host->tls == NULL)
        out_puts(out, "STLS\r\n");
    if (pop3_is_private(session)) {
        out_puts(out, "USER\r\n");
        put_sasl(out);
    }
    out_puts(out, "EXPIRE NEVER\r\nIMPLEMENTATION Postern\r\n.\r\n");
    return pop3_next(session);
}

struct verdict pop3_stls(struct pop3_session *session, struct span argument)
{
    (void)argument;
    if (!session->service->offers_stls)
        return pop3_bad(session, "TLS is not offered here");
    return want_upgrade(
        span_of("+OK begin TLS\r\n"),
        span_of("-ERR data behind STLS: nothing may be sent before TLS begins\r\n"),
        span_of("-ERR [SYS/TEMP] too many TLS handshakes at this moment, come back later\r\n"));
}

struct verdict pop3_noop(struct pop3_session *session, struct span argument)
{
    (void)argument;
    return pop3_ok(session, "still here");
}

struct verdict pop3_quit(struct pop3_session *session, struct span argument)
{
    (void)argument;
    session->is_quit = true;
    if (session->maildrop.deleted_count > 0)
        return pop3_update(session);
    /* The lock goes first: a client may come back before this connection is closed. */
    pop3_close_maildrop(session);
    (void)pop3_ok(session, "bye");
    return want_close();
}
