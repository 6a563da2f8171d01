/*
 * prefix: the fields that stand before a message when we keep it: Return-Path on final delivery
 * (RFC 5321 4.4), Received, and at submission Date and Message-ID where they are missing (RFC 6409
 * 8.2, 8.3). For the latter the header is held back until its end is seen. Tests:
 * tests/dialogue/smtp/trace*.dlg, submission.dlg.
 */
#include "mail/date.h"
#include "mail/received.h"
#include "protocols/smtp/stranger.h"
#include "tls/facts.h"

#include <inttypes.h>
#include <stdio.h>

static void put_received(const struct smtp_session *session, struct buf *out)
{
    const struct smtp_mail *mail = &session->mail;
    const struct host *host = session->host;
    const struct tls_facts *tls = host->tls;
    enum received_protocol protocol = session->service->role == SMTP_LMTP ? RECEIVED_LMTP
                                      : session->is_esmtp                 ? RECEIVED_ESMTP
                                                                          : RECEIVED_SMTP;
    char peer[ENDPOINT_TEXT_SIZE], id[17];

    endpoint_literal(&host->peer, peer);
    (void)snprintf(id, sizeof id, "%016" PRIx64, store_body_id(mail->body));
    struct received received = {
        .helo = span_of(session->helo),
        .peer_name = span_of(smtp_stranger_name(session)),
        .peer = span_of(peer),
        .by = span_of(session->service->hostname),
        .with = span_of(received_with(protocol, tls != NULL, session->login != NULL,
                                      (mail->flags & STORE_MAIL_UTF8) != 0)),
        .tls_version = span_of(tls == NULL ? "" : tls->version),
        .tls_cipher = span_of(tls == NULL ? "" : tls->cipher),
        .id = span_of(id),
        .for_address = mail->rcpt_count == 1 ? mail->only_rcpt : span_of(""),
        .at_s = clock_wall_s(host->clock)};
    received_put(&received, out);
}

void smtp_prefix_begin(struct smtp_session *session)
{
    struct smtp_mail *mail = &session->mail;
    struct buf prefix;

    buf_init(&prefix, 0);
    /* All recipients share the body, and a relay may not send a Return-Path on. */
    if (!mail->has_remote) {
        buf_puts(&prefix, "Return-Path: <");
        buf_put(&prefix, mail->reverse_path);
        buf_puts(&prefix, ">\r\n");
    }
    put_received(session, &prefix);
    store_body_add(mail->body, buf_span(&prefix));
    buf_release(&prefix);
    mail->is_holding_header = session->service->role == SMTP_SUBMISSION;
    buf_init(&mail->header, 0); /* bounded by SMTP_HEADER_HOLD_MAX and one piece */
}

void smtp_prefix_hold(struct smtp_session *session, struct span bytes)
{
    struct smtp_mail *mail = &session->mail;

    buf_put(&mail->header, bytes);
    if (mail->watch.is_over || mail->header.len > SMTP_HEADER_HOLD_MAX)
        smtp_prefix_end(session);
}

void smtp_prefix_end(struct smtp_session *session)
{
    struct smtp_mail *mail = &session->mail;
    /* Cut short, a header may have the fields further down: then nothing is added. */
    bool is_known = mail->watch.is_over || mail->header.len <= SMTP_HEADER_HOLD_MAX;
    struct buf missing;

    buf_init(&missing, 0);
    if (is_known && !mail->watch.has_date) {
        char date[DATE_TEXT_SIZE];
        date_rfc5322(clock_wall_s(session->host->clock), date);
        buf_printf(&missing, "Date: %s\r\n", date);
    }
    if (is_known && !mail->watch.has_message_id)
        buf_printf(&missing, "Message-ID: <%016" PRIx64 "@%s>\r\n", store_body_id(mail->body),
                   session->service->hostname);
    if (missing.len > 0)
        store_body_add(mail->body, buf_span(&missing));
    if (mail->header.len > 0)
        store_body_add(mail->body, buf_span(&mail->header));
    buf_release(&missing);
    buf_release(&mail->header);
    mail->is_holding_header = false;
}
