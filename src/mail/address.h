/*
 * address: SMTP paths and mailboxes (RFC 5321 4.1.2, RFC 6531) as spans into the input.
 */
#ifndef POSTERN_MAIL_ADDRESS_H
#define POSTERN_MAIL_ADDRESS_H

#include "base/buf.h"

enum { ADDRESS_LOCAL_MAX = 64, ADDRESS_DOMAIN_MAX = 255, ADDRESS_MAX = 254 };

struct address {
    struct span local;  /* as written, quotes included; empty for the null reverse-path */
    struct span domain; /* as written; "[192.0.2.1]" for a literal; empty for <> and <postmaster> */
    bool is_quoted;
    bool is_literal;
    bool is_utf8; /* has bytes above 127: needs SMTPUTF8 */
};

enum address_kind {
    ADDRESS_REVERSE, /* may be <> */
    ADDRESS_FORWARD  /* may be <postmaster> without domain */
};

/* Parses "<...>" at the start of text; *rest_out is what stands behind '>'. A source route (@a,@b:)
 * is refused. 0, or ERR_SYNTAX with *reason_out, a short text of ours ("local part is longer than
 * 64 octets"). */
int address_parse_path(struct span text, enum address_kind kind, struct address *out,
                       struct span *rest_out, const char **reason_out)
    __attribute__((warn_unused_result));
/* The same without the brackets, all of text: for configuration and command line. */
int address_parse(struct span text, struct address *out, const char **reason_out)
    __attribute__((warn_unused_result));

/* A host name (LDH labels, or UTF-8 ones) or address literal, as in EHLO (RFC 5321 4.1.1.1). */
bool address_is_domain(struct span text);

/* Appends "local@domain" in the form that addresses are compared and stored in: domain and local
 * part in lower case (ASCII), needless quotes removed. */
void address_key(const struct address *address, struct buf *out);

#endif
