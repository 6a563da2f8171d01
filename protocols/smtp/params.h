/*
 * params: what stands behind the path in MAIL and RCPT (RFC 5321 4.1.2 esmtp-param; RFC 1870 SIZE,
 * 6152 BODY, 6531 SMTPUTF8, 8689 REQUIRETLS, 4954 AUTH, 3461 RET ENVID NOTIFY ORCPT). Spans point
 * into the text.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_PARAMS_H
#define POSTERN_PROTOCOLS_SMTP_PARAMS_H

#include "base/buf.h"

enum smtp_body_kind { SMTP_BODY_UNSAID, SMTP_BODY_7BIT, SMTP_BODY_8BITMIME, SMTP_BODY_BINARYMIME };

struct smtp_mail_params {
    bool has_size;
    uint64_t size; /* UINT64_MAX when it is a number beyond that */
    enum smtp_body_kind body;
    bool is_utf8;
    bool requires_tls;       /* REQUIRETLS */
    struct span auth;        /* xtext or "<>", as sent; empty: not given */
    struct span return_kind; /* "FULL", "HDRS" or empty */
    struct span envelope_id; /* xtext, as sent */
};

struct smtp_rcpt_params {
    unsigned notify;      /* of enum store_notify */
    struct span original; /* ORCPT, "rfc822;" and xtext, as sent */
};

enum { SMTP_ENVID_MAX = 100, SMTP_ORCPT_MAX = 500 }; /* RFC 3461 4.4, 4.2 */

enum smtp_params_fault {
    SMTP_PARAMS_OK,
    SMTP_PARAMS_SYNTAX,  /* not a parameter, a bad or missing value, or given twice: 501 */
    SMTP_PARAMS_UNKNOWN, /* no parameter of ours: 555 (RFC 5321 4.1.1.11) */
    SMTP_PARAMS_VALUE    /* a value that we do not offer: 504 */
};

/* text: all behind the path, begins with a space or is empty. */
enum smtp_params_fault smtp_params_mail(struct span text, struct smtp_mail_params *out);
enum smtp_params_fault smtp_params_rcpt(struct span text, struct smtp_rcpt_params *out);

/* Whether it is xtext (RFC 3461 4): printable ASCII but + and =, or +HH. */
bool smtp_params_is_xtext(struct span text);
/* Appends bytes as xtext. */
void smtp_params_put_xtext(struct span bytes, struct buf *out);

#endif
