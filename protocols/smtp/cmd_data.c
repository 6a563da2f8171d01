/*
 * cmd_data: the two framings of a message: DATA, which ends with a dot, and BDAT, which is counted
 * (RFC 3030). A chunk that is refused is still skipped byte by byte, so nothing in it is ever taken
 * for a command. What becomes of the bytes is in accept.c. Tests: tests/dialogue/smtp/data*.dlg,
 * bdat*.dlg, smuggling*.dlg.
 */
#include "protocols/smtp/lmtp_internal.h"

static struct verdict data_more(struct smtp_session *session);

struct verdict smtp_cmd_data(struct smtp_session *session, struct span argument)
{
    (void)argument;
    if (session->mail.is_binary) { /* RFC 3030 3 */
        session->has_refused_data = true;
        return smtp_refuse(session, REPLY_BINARY_NEEDS_BDAT, NULL);
    }
    smtp_accept_begin(session, SMTP_DOT_STUFFED);
    smtp_reply_put(session->host->out, REPLY_GO_ON);
    return data_more(session);
}

static struct verdict data_bytes(void *arg, struct span bytes, size_t *taken_out)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;

    *taken_out = smtp_dot_feed(&mail->dot, bytes, smtp_accept_bytes, session);
    mail->wire_size += *taken_out;
    if (mail->dot.is_done)
        return smtp_accept_end(session);
    if (smtp_accept_is_endless(session, 0))
        return smtp_say_and_close(session, REPLY_TOO_LARGE_CLOSING);
    return smtp_accept_flush(session, data_more);
}

static struct verdict data_more(struct smtp_session *session)
{
    return want_bytes(SMTP_BYTES_MAX, session->service->settings->data_timeout_ms, data_bytes);
}

/* "size" or "size LAST"; a size has at most 20 digits and fits 64 bits. */
static bool parse_chunk(struct span argument, uint64_t *size_out, bool *is_last_out)
{
    struct span rest = argument;
    struct span digits = span_cut(&rest, ' ');

    rest = span_trim(rest);
    *is_last_out = span_is_nocase(rest, "LAST");
    return (rest.len == 0 || *is_last_out) && span_to_u64(digits, UINT64_MAX, size_out);
}

/* Why there is no transaction that a chunk could belong to. */
static enum smtp_server_reply chunk_refusal(const struct smtp_session *session)
{
    switch (session->state) {
    case SMTP_STATE_START:
        return smtp_manner(session)->hello_first;
    case SMTP_STATE_READY:
        return REPLY_CHUNK_REFUSED;
    case SMTP_STATE_MAIL:
        return session->mail.refused_count > 0 ? smtp_manner(session)->no_recipients
                                               : REPLY_CHUNK_REFUSED;
    case SMTP_STATE_RCPT:
    case SMTP_STATE_CHUNKS:
        break;
    }
    return REPLY_NONE;
}

static struct verdict chunk_end(struct smtp_session *session)
{
    if (session->is_last_chunk) {
        smtp_dot_finish(&session->mail.dot);
        return smtp_accept_end(session);
    }
    enum smtp_server_reply fault = smtp_accept_fault(session);
    return fault == REPLY_NONE ? smtp_say(session, REPLY_CHUNK_OK)
                               : smtp_refuse(session, fault, NULL);
}

static struct verdict chunk_more(struct smtp_session *session);

static struct verdict chunk_bytes(void *arg, struct span bytes, size_t *taken_out)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;
    struct span chunk =
        bytes.len > session->chunk_left ? span_first(bytes, session->chunk_left) : bytes;

    *taken_out = smtp_dot_feed(&mail->dot, chunk, smtp_accept_bytes, session);
    mail->wire_size += chunk.len;
    session->chunk_left -= chunk.len;
    return smtp_accept_flush(session, chunk_more);
}

static struct verdict chunk_skip(void *arg, struct span bytes, size_t *taken_out)
{
    struct smtp_session *session = arg;

    *taken_out = bytes.len > session->chunk_left ? (size_t)session->chunk_left : bytes.len;
    session->chunk_left -= *taken_out;
    return chunk_more(session);
}

static struct verdict chunk_more(struct smtp_session *session)
{
    bool is_skipped = session->chunk_refusal != REPLY_NONE;

    if (session->chunk_left > 0) {
        size_t max = session->chunk_left < SMTP_BYTES_MAX ? (size_t)session->chunk_left
                                                          : (size_t)SMTP_BYTES_MAX;
        return want_bytes(max, session->service->settings->data_timeout_ms,
                          is_skipped ? chunk_skip : chunk_bytes);
    }
    return is_skipped ? smtp_refuse(session, session->chunk_refusal, NULL) : chunk_end(session);
}

struct verdict smtp_cmd_bdat(struct smtp_session *session, struct span argument)
{
    struct smtp_mail *mail = &session->mail;
    uint64_t size;

    /* Without a length nobody knows where the next command is. */
    if (!parse_chunk(argument, &size, &session->is_last_chunk))
        return smtp_say_and_close(session, REPLY_BDAT_SYNTAX);
    if (smtp_accept_is_endless(session, size))
        return smtp_say_and_close(session, REPLY_TOO_LARGE_CLOSING);
    if (size == 0 && !session->is_last_chunk && smtp_is_too_idle(session))
        return smtp_say_and_close(session, REPLY_TOO_IDLE);
    session->chunk_left = size;
    session->chunk_refusal = chunk_refusal(session);
    if (session->chunk_refusal != REPLY_NONE)
        return chunk_more(session);
    if (session->state == SMTP_STATE_RCPT) {
        smtp_accept_begin(session, mail->is_binary ? SMTP_DOT_BINARY : SMTP_DOT_COUNTED);
        session->state = SMTP_STATE_CHUNKS;
    }
    uint64_t max = session->service->settings->message_size_max;
    if (mail->size > max || size > max - mail->size)
        smtp_accept_break(session, REPLY_TOO_LARGE);
    return chunk_more(session);
}
