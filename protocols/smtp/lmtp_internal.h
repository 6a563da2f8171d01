/*
 * What the files of the SMTP server share about its roles, and about the replies that LMTP (RFC
 * 2033) has behind a message: one for each forward-path that RCPT took.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_LMTP_INTERNAL_H
#define POSTERN_PROTOCOLS_SMTP_LMTP_INTERNAL_H

#include "protocols/smtp/server_internal.h"

/* What differs between the roles. */
struct smtp_manner {
    const char *protocol;               /* in the greeting */
    enum smtp_server_reply hello_first, /* nothing was said yet */
        no_recipients,                  /* for data, when RCPT took none */
        not_local;                      /* for a recipient elsewhere who may not be relayed to */
    bool has_login;
    bool is_told_each; /* a reply for each recipient behind the message */
};

const struct smtp_manner *smtp_manner(const struct smtp_session *session);
/* STARTTLS is offered; not through a unix socket, which does not leave the machine. */
bool smtp_may_upgrade(const struct smtp_session *session);

/* LMTP: a forward-path that RCPT took, and which of the recipients it led to. In the mail's arena.
 */
struct smtp_forward {
    struct smtp_forward *next;
    size_t count;
    size_t targets[];
};

/* RCPT took a forward-path; targets: which of the recipients it led to. */
void smtp_forward_add(struct smtp_session *session, const size_t *targets, size_t count);
/* LMTP: what became of each. */
void smtp_forwards_answer(struct smtp_session *session, const struct store_accept *accept);
/* LMTP: refuses the message for all of them but the last, whose reply the caller gives. */
void smtp_forwards_refuse(struct smtp_session *session, enum smtp_server_reply reply);

#endif
