/*
 * lmtp: what the LMTP server (RFC 2033) does otherwise than the SMTP server, a row for each role,
 * and the replies behind a message: one for each forward-path that RCPT took, so that the client
 * keeps only those that are not here. Everything else is shared with the other roles. Tests:
 * tests/dialogue/smtp/lmtp*.dlg.
 */
#include "protocols/smtp/lmtp_internal.h"

#define SMTP_LOGINS                                                                                \
    .protocol = "ESMTP", .hello_first = REPLY_HELLO_FIRST, .no_recipients = REPLY_NO_RECIPIENTS,   \
    .not_local = REPLY_RELAY_DENIED, .has_login = true

static const struct smtp_manner manners[] = {
    [SMTP_MX] = {SMTP_LOGINS},
    [SMTP_SUBMISSION] = {SMTP_LOGINS},
    [SMTP_LMTP] = {.protocol = "LMTP",
                   .hello_first = REPLY_LHLO_FIRST,
                   .no_recipients = REPLY_RCPT_FIRST, /* RFC 2033 4.2: 503 */
                   .not_local = REPLY_NOT_LOCAL,
                   .is_told_each = true},
};

const struct smtp_manner *smtp_manner(const struct smtp_session *session)
{
    return &manners[session->service->role];
}

bool smtp_may_upgrade(const struct smtp_session *session)
{
    return session->service->offers_starttls && session->host->peer.address.ss_family != AF_UNIX;
}

void smtp_forward_add(struct smtp_session *session, const size_t *targets, size_t count)
{
    struct smtp_mail *mail = &session->mail;
    struct smtp_forward *forward;

    if (!smtp_manner(session)->is_told_each)
        return;
    forward = arena_alloc(&mail->arena, sizeof *forward + count * sizeof *targets);
    forward->count = count;
    memcpy(forward->targets, targets, count * sizeof *targets);
    if (mail->last_forward == NULL)
        mail->forwards = forward;
    else
        mail->last_forward->next = forward;
    mail->last_forward = forward;
}

/* Kept when one of the mailboxes that it leads to has it, as at a list whose members come and go.
 */
static enum smtp_server_reply forward_outcome(const struct smtp_forward *forward,
                                              const struct store_accept *accept)
{
    for (size_t i = 0; i < forward->count; i++)
        if (accept->recipients[forward->targets[i]].status == 0)
            return REPLY_ACCEPTED;
    return REPLY_NO_SUCH_USER;
}

void smtp_forwards_answer(struct smtp_session *session, const struct store_accept *accept)
{
    struct out *out = session->host->out;

    for (const struct smtp_forward *at = session->mail.forwards; at != NULL; at = at->next) {
        enum smtp_server_reply reply = forward_outcome(at, accept);
        if (reply == REPLY_ACCEPTED)
            smtp_reply_put_id(out, reply, accept->message);
        else
            smtp_reply_put(out, reply);
    }
}

void smtp_forwards_refuse(struct smtp_session *session, enum smtp_server_reply reply)
{
    const struct smtp_forward *at = session->mail.forwards;

    for (; at != NULL && at->next != NULL; at = at->next)
        smtp_reply_put(session->host->out, reply);
}
