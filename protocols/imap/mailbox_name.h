/*
 * mailbox_name: mailbox names between the wire's modified UTF-7 (RFC 3501 5.1.3) and the store's
 * UTF-8, their rules, and the patterns of LIST (RFC 3501 6.3.8). '/' separates levels. A name is a
 * key in the store, never a path.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_MAILBOX_NAME_H
#define POSTERN_PROTOCOLS_IMAP_MAILBOX_NAME_H

#include "base/arena.h"
#include "base/buf.h"

enum {
    IMAP_NAME_MAX = 1000,   /* UTF-8 bytes of a name; longer ones are refused */
    IMAP_PATTERN_MAX = 1000 /* bytes of a pattern with its reference; longer ones match nothing */
};

/* Appends the UTF-8 of a modified UTF-7 text; 0, ERR_SYNTAX or ERR_LIMIT. Only the canonical form
 * is taken: printable ASCII never encoded, so no two wire names are one mailbox. UTF-8 is taken as
 * it is, since clients send it. */
int imap_utf7_decode(struct span text, struct buf *utf8_out) __attribute__((warn_unused_result));
void imap_utf7_encode(struct span utf8, struct buf *text_out);

enum imap_name_use {
    IMAP_NAME_LOOKUP, /* any well-formed name */
    IMAP_NAME_MAKE    /* CREATE and RENAME: no wildcards, one trailing '/' is dropped */
};

/* The store's name for a wire name, in the arena: decoded, "INBOX" in capitals when it is the first
 * level in any case. False with a sentence when it is not a name. */
bool imap_name_parse(struct span text, enum imap_name_use use, struct arena *arena,
                     struct span *out, const char **error_out);

/* A pattern made ready: one bit a state, so matching costs name * pattern / 64 steps, whatever the
 * wildcards. */
struct imap_pattern;

/* reference and pattern are wire texts, joined as they are. NULL when malformed or too long. */
struct imap_pattern *imap_pattern_create(struct span reference, struct span pattern,
                                         struct arena *arena);
bool imap_pattern_matches(const struct imap_pattern *pattern, struct span name);

#endif
