/*
 * dsn: writes delivery status notifications (RFC 3464 in a multipart/report of RFC 6522).
 */
#ifndef POSTERN_MAIL_DSN_H
#define POSTERN_MAIL_DSN_H

#include "base/buf.h"

enum dsn_action { DSN_FAILED, DSN_DELAYED, DSN_DELIVERED, DSN_RELAYED, DSN_EXPANDED };

struct dsn_recipient {
    struct span final_recipient;
    struct span original_recipient; /* ORCPT as received, in xtext; empty: none */
    enum dsn_action action;
    struct span status;     /* "5.1.1" */
    struct span diagnostic; /* the peer's reply or our sentence; empty: none */
    struct span remote_mta; /* empty: none */
    int64_t last_attempt_s;
    int64_t retry_until_s; /* DELAYED only */
};

struct dsn {
    struct span hostname;    /* reporting MTA */
    struct span to;          /* the original reverse-path */
    struct span envelope_id; /* ENVID as received, in xtext; empty: none */
    struct span message_id;  /* of the report, without <> */
    int64_t arrival_s, now_s;
    const struct dsn_recipient *recipients;
    size_t recipient_count;
    struct span original; /* header of the original message, or the whole of it */
    bool is_whole;        /* message/rfc822 instead of text/rfc822-headers */
    bool is_utf8;         /* it came with SMTPUTF8: message/global instead (RFC 6533) */
};

/* "failed", "delayed" and so on. */
const char *dsn_action_name(enum dsn_action action);
/* Appends the whole report, CRLF lines, dots not stuffed. */
void dsn_write(const struct dsn *dsn, struct buf *out);

#endif
