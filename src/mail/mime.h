/*
 * mime: the one-pass scanner of messages (RFC 2045, 2046, 2231, 5322). It is fed a message as it
 * arrives, in any pieces, and at the end tells what IMAP needs for ever: ENVELOPE and BODYSTRUCTURE
 * as the bytes that FETCH sends, and where each part lies. Iterative, linear, bounded: what lies
 * deeper or further than the limits is one leaf.
 */
#ifndef POSTERN_MAIL_MIME_H
#define POSTERN_MAIL_MIME_H

#include "base/arena.h"
#include "base/buf.h"

/* Raise it when the rendering changes: rows with a lower one are rendered again when read. */
enum { MIME_RENDER_VERSION = 2 };

enum {
    MIME_DEPTH_MAX = 100,
    MIME_HEADER_MAX = 256 * 1024, /* bytes of one header that are looked at */
    MIME_BOUNDARY_MAX = 256,      /* RFC 2046 5.1.1 allows 70; mailers write more */
    MIME_STRUCTURE_MAX =
        2 * 1024 * 1024 /* of structure text; the part that crosses it is the last */
};

struct mime_scan;

struct mime_result {
    struct span envelope;    /* "(...)" as in RFC 3501 7.4.2; 8-bit strings as literals */
    struct span structure;   /* BODYSTRUCTURE with extension data */
    struct span parts;       /* for mime_part_find() */
    int64_t sent_s;          /* Date field's wall clock as sent, as if it were UTC, in seconds since
                                1970 (SENTON looks at the day that stands there); 0: none */
    unsigned received_count; /* Received fields of the main header: hops */
};

struct mime_scan *mime_scan_create(unsigned parts_max);
void mime_scan_feed(struct mime_scan *scan, struct span bytes);
/* Once; results live as long as the scan. */
void mime_scan_finish(struct mime_scan *scan, struct mime_result *out);
void mime_scan_free(struct mime_scan **scan);

enum mime_encoding { MIME_7BIT, MIME_8BIT, MIME_BINARY, MIME_QP, MIME_BASE64, MIME_UNKNOWN };

/* Where a part lies in the message, in bytes from its start. */
struct mime_part {
    uint64_t header_offset, header_len; /* header with its empty line */
    uint64_t body_offset, body_len;
    enum mime_encoding encoding;
    bool is_message; /* message/rfc822: its body starts with a header of its own */
    bool is_multipart;
    bool is_text; /* a leaf that is text, or a report or the like (message/...): for searching */
    char charset[32]; /* lower case; empty: none */
};

/* The part with that section number ("1", "2.3"; "" is the message itself); RFC 3501 6.4.5 rules,
 * message/rfc822 parts numbered through. For a message/rfc822 part `inner` (HEADER and TEXT of the
 * enclosed message) is asked with is_inner. false: no such part. */
bool mime_part_find(struct span parts, struct span section, bool is_inner, struct mime_part *out);
/* Part by part in order of their headers, containers too, for searching: start with *position 0. */
bool mime_part_next(struct span parts, size_t *position, struct mime_part *out);

/* Appends BODY (without extension data) cut from a BODYSTRUCTURE text. */
void mime_body_from_structure(struct span structure, struct buf *out);

#endif
