/*
 * received: the trace fields that we add (RFC 5321 4.4, RFC 3848, RFC 8314 4.3 for tls).
 */
#ifndef POSTERN_MAIL_RECEIVED_H
#define POSTERN_MAIL_RECEIVED_H

#include "base/buf.h"

struct received {
    struct span helo;        /* as the client said it, already checked */
    struct span peer_name;   /* of the address, confirmed, or "unknown"; empty: not looked for */
    struct span peer;        /* address literal text, "[192.0.2.1]" */
    struct span by;          /* our host name */
    struct span with;        /* "ESMTPSA", "UTF8SMTPS", ... */
    struct span tls_version; /* empty: no TLS; else "TLSv1.3" */
    struct span tls_cipher;
    struct span id;
    struct span for_address; /* empty unless there is exactly one recipient */
    int64_t at_s;
};

/* Appends the folded field with its CRLF; no line over 78 characters where words allow it, and a
 * peer's bytes that are not printable ASCII (or UTF-8 in UTF8SMTP) are replaced by '?'. */
void received_put(const struct received *received, struct buf *out);
enum received_protocol { RECEIVED_SMTP, RECEIVED_ESMTP, RECEIVED_LMTP };
/* The `with` keyword of RFC 3848 and 6531. */
const char *received_with(enum received_protocol protocol, bool is_tls, bool is_auth, bool is_utf8);

#endif
