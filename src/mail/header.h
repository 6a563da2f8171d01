/*
 * header: the fields of a message header, found one by one (RFC 5322 2.2). Tolerant: what is not a
 * field is skipped. Spans point into the input.
 */
#ifndef POSTERN_MAIL_HEADER_H
#define POSTERN_MAIL_HEADER_H

#include "base/arena.h"
#include "base/buf.h"

struct header_field {
    struct span name;  /* without colon and trailing space */
    struct span value; /* raw: folding and all, without the final CRLF */
    struct span whole; /* name to final CRLF, included */
};

/* The next field at *offset; false at the empty line or the end; *offset then stands at the empty
 * line (or the end). */
bool header_next(struct span header, size_t *offset, struct header_field *out);
/* First field of that name, without case. */
bool header_find(struct span header, const char *name, struct header_field *out);
/* Appends the value unfolded (RFC 5322 2.2.3) and trimmed. */
void header_unfold(struct span value, struct buf *out);
/* Appends the value with encoded words decoded to UTF-8 (RFC 2047), unfolded; unknown charsets stay
 * as they are. */
void header_decode(struct span value, struct buf *out);

/* One address of an address list (RFC 5322 3.4), as IMAP's ENVELOPE needs it (RFC 3501 7.4.2). */
struct header_address {
    struct span display_name;  /* decoded from quoting, encoded words left; empty: none */
    struct span local, domain; /* a group starts with its name in local and no domain, and ends
                                  with both empty */
    enum { HEADER_MAILBOX, HEADER_GROUP_START, HEADER_GROUP_END } kind;
};
/* Parses a From/To/Cc value; at most max addresses; texts live in the arena. Returns the count. */
size_t header_addresses(struct span value, struct arena *arena, struct header_address *out,
                        size_t max);

#endif
