/*
 * unbinary_internal: what the converter's files share: the way through the lines and parts
 * (unbinary.c), headers and the boundaries that they announce (unbinary_header.c).
 */
#ifndef POSTERN_MAIL_UNBINARY_INTERNAL_H
#define POSTERN_MAIL_UNBINARY_INTERNAL_H

#include "mail/mime_internal.h"
#include "mail/unbinary.h"

enum {
    UNBINARY_LINE_MAX = MIME_BOUNDARY_MAX + 66, /* with CRLF; longer: no delimiter, as in mime.c */
    UNBINARY_GROUP = 57                         /* bytes that make a line of 76 (RFC 2045 6.8) */
};

/* What the bytes under way are. */
enum unbinary_body {
    UNBINARY_IN_HEADER,
    UNBINARY_IN_LINES, /* a part as it is, a preamble or an epilogue */
    UNBINARY_IN_BYTES  /* a binary part */
};

/* A multipart whose close-delimiter has not come. */
struct unbinary_level {
    size_t boundary_start, boundary_len; /* in boundaries */
    bool is_digest, is_signed;           /* is_signed: or one round it */
};

struct unbinary {
    unbinary_sink_fn *sink;
    void *owner;
    enum unbinary_fault fault;
    bool has_8bit;
    bool is_root; /* the header under way is the message's own */
    bool in_digest;
    enum unbinary_body body;
    enum { UNBINARY_AT_LINE, UNBINARY_AT_TEXT, UNBINARY_AT_CR, UNBINARY_AT_DASH } place;
    bool has_eol; /* a CRLF came that a delimiter would take along (RFC 2046 5.1.1) */
    size_t line_len;
    char line[UNBINARY_LINE_MAX]; /* one that begins with a dash and may be a delimiter */
    struct buf header;            /* of the part under way */
    size_t header_line;           /* where its last line begins */
    size_t group_len;
    char group[UNBINARY_GROUP]; /* bytes that make no whole line of base64 yet */
    struct buf text;            /* base64 to be given on */
    struct buf boundaries;
    struct arena arena; /* of one header */
    unsigned depth;
    struct unbinary_level levels[UNBINARY_DEPTH_MAX];
};

/* unbinary.c: gives it on. */
void unbinary_put(struct unbinary *it, struct span bytes);
/* The first one stays. */
void unbinary_fail(struct unbinary *it, enum unbinary_fault fault);

/* unbinary_header.c: the header under way has ended, with or without its empty line: gives it on,
 * changed where its part is, and sets what comes next. */
void unbinary_end_header(struct unbinary *it);
/* Which open multipart the line (without CRLF) delimits, the innermost first; -1: none. */
int unbinary_delimited(const struct unbinary *it, struct span line, bool *is_close_out);

#endif
