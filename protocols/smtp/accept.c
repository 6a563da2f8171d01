/*
 * accept: from the first byte of a message to its reply: bytes into the store's body, what breaks a
 * message (size, line ends, loops, a full disk), durability, the one transaction, 250. A broken
 * message is read to its real end and nothing of it is kept. Tests: tests/dialogue/smtp/data*.dlg,
 * size*.dlg, hops*.dlg.
 */
#include "protocols/smtp/lmtp_internal.h"
#include "protocols/smtp/stranger.h"
#include "tls/facts.h"

/* RFC 9228 4: who finds its own field has had the message before. Only those whose alias leads it
 * out again: what ends here goes round no more. A user whom the same alias has gets it again, once:
 * the field may also be of another server that has the same address, and then it is the first. */
static void on_delivered(void *arg, struct span value)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;
    struct address address;
    const char *reason;
    struct buf key;

    if (!mail->has_remote || address_parse(value, &address, &reason) != 0)
        return;
    buf_init(&key, 0);
    address_key(&address, &key);
    for (size_t i = 0; i < mail->recipient_count; i++)
        if (span_equal(mail->recipients[i].forwarder, buf_span(&key)))
            mail->recipients[i].notify |= STORE_CAME_BACK;
    buf_release(&key);
}

/* For all of them it is a loop: the peer hears it at once. One of several is told by a report. */
static bool has_come_back(const struct smtp_mail *mail)
{
    size_t count = 0;

    for (size_t i = 0; i < mail->recipient_count; i++)
        count += (mail->recipients[i].notify & STORE_CAME_BACK) != 0;
    return count > 0 && count == mail->recipient_count;
}

static void accept_lines(void *arg, struct span bytes);

void smtp_accept_begin(struct smtp_session *session, enum smtp_dot_framing framing)
{
    struct smtp_mail *mail = &session->mail;

    smtp_dot_init(&mail->dot, framing);
    smtp_watch_init(&mail->watch);
    mail->watch.on_delivered = on_delivered;
    mail->watch.owner = session;
    smtp_strip_init(&mail->strip);
    if (mail->is_binary)
        mail->unbinary = unbinary_create(accept_lines, session);
    mail->body = store_body_create(session->service->store,
                                   mail->has_local ? STORE_BODY_SCAN : STORE_BODY_RAW);
    smtp_prefix_begin(session);
}

/* Part of the message as we keep it. */
static void accept_keep(void *arg, struct span bytes)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;

    if (mail->is_holding_header)
        smtp_prefix_hold(session, bytes);
    else
        store_body_add(mail->body, bytes);
}

/* Nothing but whole lines, or pieces of them, from here on. */
static void accept_lines(void *arg, struct span bytes)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;

    if (mail->broken != REPLY_NONE)
        return;
    mail->size += bytes.len;
    if (mail->size > session->service->settings->message_size_max) {
        smtp_accept_break(session, REPLY_TOO_LARGE);
        return;
    }
    (void)smtp_watch_feed(&mail->watch, bytes);
    if (session->service->role == SMTP_SUBMISSION)
        smtp_strip_feed(&mail->strip, bytes, accept_keep, session);
    else
        accept_keep(session, bytes);
}

static void accept_binary_fault(struct smtp_session *session, enum unbinary_fault fault)
{
    static const enum smtp_server_reply replies[] = {
        [UNBINARY_LINES] = REPLY_BINARY_LINES,
        [UNBINARY_HEADER] = REPLY_BINARY_HEADER,
        [UNBINARY_DEPTH] = REPLY_BINARY_DEPTH,
        [UNBINARY_SIGNED] = REPLY_BINARY_SIGNED,
    };

    if (fault != UNBINARY_OK)
        smtp_accept_break(session, replies[fault]);
}

void smtp_accept_bytes(void *arg, struct span bytes)
{
    struct smtp_session *session = arg;
    struct smtp_mail *mail = &session->mail;

    if (mail->unbinary == NULL)
        accept_lines(session, bytes);
    else if (mail->broken == REPLY_NONE)
        accept_binary_fault(session, unbinary_feed(mail->unbinary, bytes));
}

/* What comes out of a binary message may need 8BITMIME of the next hop, never BINARYMIME. */
static void accept_binary_end(struct smtp_session *session)
{
    struct smtp_mail *mail = &session->mail;

    if (mail->unbinary == NULL || mail->broken != REPLY_NONE)
        return;
    accept_binary_fault(session, unbinary_finish(mail->unbinary));
    if (unbinary_has_8bit(mail->unbinary))
        mail->flags |= STORE_MAIL_8BIT;
}

void smtp_accept_break(struct smtp_session *session, enum smtp_server_reply why)
{
    struct smtp_mail *mail = &session->mail;

    if (mail->broken == REPLY_NONE)
        mail->broken = why;
    store_body_free(&mail->body);
    buf_release(&mail->header);
    mail->is_holding_header = false;
}

/* Line ends come first: how a message was cut on its way must not change what is said of it. */
enum smtp_server_reply smtp_accept_fault(const struct smtp_session *session)
{
    unsigned faults = session->mail.dot.faults;

    if ((faults & SMTP_DOT_BARE_LF) != 0)
        return REPLY_MESSAGE_BARE_LF;
    if ((faults & SMTP_DOT_BARE_CR) != 0)
        return REPLY_MESSAGE_BARE_CR;
    if ((faults & SMTP_DOT_NUL) != 0)
        return REPLY_MESSAGE_NUL;
    return session->mail.broken;
}

bool smtp_accept_is_endless(const struct smtp_session *session, uint64_t more)
{
    uint64_t max = session->service->settings->message_size_max;
    uint64_t bound = max > UINT64_MAX / SMTP_SWALLOW_FACTOR / 2
                         ? UINT64_MAX / 2
                         : max * SMTP_SWALLOW_FACTOR + SMTP_SWALLOW_BASE;

    return more > bound || session->mail.wire_size + more > bound;
}

static enum smtp_server_reply store_reply(int status)
{
    return status == ERR_FULL ? REPLY_STORE_FULL : REPLY_STORE_ERROR;
}

static void log_store_fault(const struct smtp_session *session, const struct fault *fault)
{
    struct log_line log;

    smtp_log_begin(session, &log, LOG_ERROR, "not-kept");
    log_text(&log, "why", fault->text);
    log_end(&log);
}

static struct verdict accept_flushed(void *arg, struct job *job)
{
    struct smtp_session *session = arg;
    const struct store_body_flush *flush = (const void *)job;

    if (flush->status < 0) {
        log_store_fault(session, &flush->fault);
        smtp_accept_break(session, store_reply(flush->status));
    }
    return session->then(session);
}

struct verdict smtp_accept_flush(struct smtp_session *session, smtp_then_fn *then)
{
    struct smtp_mail *mail = &session->mail;

    if (mail->dot.faults != 0 && mail->body != NULL)
        smtp_accept_break(session, smtp_accept_fault(session));
    if (mail->body == NULL || !store_body_wants_flush(mail->body))
        return then(session);
    session->then = then;
    return want_answer(&store_body_flush_create(mail->body)->job, accept_flushed);
}

static struct verdict accept_refuse(struct smtp_session *session, enum smtp_server_reply reply)
{
    struct log_line log;

    smtp_log_begin(session, &log, LOG_INFO, "message-refused");
    log_span(&log, "from", session->mail.reverse_path);
    log_int(&log, "rcpts", (int64_t)session->mail.recipient_count);
    log_int(&log, "size", (int64_t)session->mail.wire_size);
    log_text(&log, "why", smtp_reply_text(reply));
    log_end(&log);
    smtp_forwards_refuse(session, reply);
    smtp_mail_reset(session);
    /* What the world is to blame for costs the client nothing. */
    return smtp_reply_code(reply) < 500 ? smtp_say(session, reply)
                                        : smtp_refuse(session, reply, NULL);
}

static struct verdict accept_submit(struct smtp_session *session);

struct verdict smtp_accept_end(struct smtp_session *session)
{
    struct smtp_mail *mail = &session->mail;

    accept_binary_end(session);
    enum smtp_server_reply fault = smtp_accept_fault(session);
    if (fault == REPLY_NONE && mail->watch.received_count > session->service->settings->hops_max)
        fault = REPLY_TOO_MANY_HOPS;
    if (fault == REPLY_NONE && has_come_back(mail))
        fault = REPLY_FORWARD_LOOP;
    if (fault != REPLY_NONE)
        return accept_refuse(session, fault);
    if (session->service->role == SMTP_SUBMISSION)
        smtp_strip_finish(&mail->strip, accept_keep, session);
    if (mail->is_holding_header)
        smtp_prefix_end(session);
    if (!store_body_wants_sync(mail->body))
        return accept_submit(session);
    session->then = accept_submit;
    return want_answer(&store_body_sync_create(mail->body)->job, accept_flushed);
}

/* What several recipients came to, in the one reply that SMTP has. An account that was deleted
 * since its RCPT is as if it had been deleted a moment later. */
static enum smtp_server_reply accept_outcome(const struct store_accept *accept)
{
    size_t gone = 0;

    if (accept->status < 0)
        return store_reply(accept->status);
    for (size_t i = 0; i < accept->recipient_count; i++)
        gone += accept->recipients[i].status == ERR_NOT_FOUND;
    return gone == accept->recipient_count ? REPLY_NO_SUCH_USER : REPLY_ACCEPTED;
}

static void log_accepted(const struct smtp_session *session, uint64_t message)
{
    const struct smtp_mail *mail = &session->mail;
    struct log_line log;

    smtp_log_begin(session, &log, LOG_INFO, "accepted");
    log_id(&log, "msg", message);
    log_span(&log, "from", mail->reverse_path);
    if (mail->rcpt_count == 1)
        log_span(&log, "rcpt", mail->only_rcpt);
    log_int(&log, "rcpts", (int64_t)mail->rcpt_count);
    log_int(&log, "size", (int64_t)mail->size);
    log_text(&log, "tls", session->host->tls == NULL ? "none" : session->host->tls->version);
    if (session->login != NULL)
        log_text(&log, "user", session->login);
    if (smtp_stranger_name(session)[0] != '\0')
        log_text(&log, "name", smtp_stranger_name(session));
    log_end(&log);
}

static struct verdict accept_done(void *arg, struct job *job)
{
    struct smtp_session *session = arg;
    const struct store_accept *accept = (const void *)job;
    enum smtp_server_reply reply = accept_outcome(accept);

    if (reply != REPLY_ACCEPTED) {
        if (accept->status < 0)
            log_store_fault(session, &accept->fault);
        return accept_refuse(session, reply);
    }
    log_accepted(session, accept->message);
    if (smtp_manner(session)->is_told_each)
        smtp_forwards_answer(session, accept);
    else
        smtp_reply_put_id(session->host->out, REPLY_ACCEPTED, accept->message);
    smtp_mail_reset(session);
    session->error_count = session->idle_count = 0;
    return smtp_next(session);
}

static struct store_origin origin_of(const struct smtp_session *session,
                                     const char client[ENDPOINT_TEXT_SIZE])
{
    const struct tls_facts *tls = session->host->tls;

    return (struct store_origin){
        .client = span_of(client),
        .listener = span_of(session->host->listener),
        .tls_version = span_of(tls == NULL ? "" : tls->version),
        .tls_suite = span_of(tls == NULL ? "" : tls->cipher),
        .login = span_of(session->login == NULL ? "" : session->login),
    };
}

static struct verdict accept_submit(struct smtp_session *session)
{
    char client[ENDPOINT_TEXT_SIZE] = "";
    struct smtp_mail *mail = &session->mail;
    struct store_body *body = mail->body;
    struct store_envelope envelope = {.reverse_path = mail->reverse_path,
                                      .envelope_id = mail->envelope_id,
                                      .return_kind = mail->return_kind,
                                      .mail_flags = mail->flags};

    if (mail->broken != REPLY_NONE) /* the sync did not work */
        return accept_refuse(session, mail->broken);
    mail->body = NULL;
    /* The sender's word to the servers wins over its word in the header (RFC 8689 4.1). */
    if (mail->watch.is_tls_optional && (mail->flags & STORE_MAIL_REQUIRETLS) == 0)
        envelope.mail_flags |= STORE_MAIL_TLS_OPTIONAL;
    endpoint_text(&session->host->peer, client);
    envelope.origin = origin_of(session, client);
    return want_answer(&store_accept_create(session->service->store, body, &envelope,
                                            mail->recipients, mail->recipient_count)
                            ->job,
                       accept_done);
}
