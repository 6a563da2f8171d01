/*
 * unbinary: takes a message that may hold binary parts (RFC 3030, BODY=BINARYMIME), in any pieces,
 * and gives it on in lines: each part whose Content-Transfer-Encoding is binary becomes base64,
 * byte for byte, the containers round it 8bit. What comes out ends every line with CRLF and has no
 * NUL, so mailboxes, IMAP, POP3 and every next hop take it. Iterative, linear, bounded.
 *
 * What cannot be turned without guessing is a fault: half a message is never passed off as whole. A
 * DKIM signature over bytes that were turned no longer fits; one in a multipart/signed is a fault.
 */
#ifndef POSTERN_MAIL_UNBINARY_H
#define POSTERN_MAIL_UNBINARY_H

#include "base/span.h"

enum {
    UNBINARY_HEADER_MAX = 64 * 1024, /* of one part; it is held until its end is seen */
    UNBINARY_DEPTH_MAX = 100         /* multiparts within each other */
};

enum unbinary_fault {
    UNBINARY_OK,
    UNBINARY_LINES,  /* outside the binary parts: a bare CR, a bare LF or a NUL */
    UNBINARY_HEADER, /* a part's header too long, or it says two things at once about its body */
    UNBINARY_DEPTH,
    UNBINARY_SIGNED /* in a multipart/signed (RFC 1847 2.1): the signature would no longer fit */
};

struct unbinary;

/* Borrowed bytes of the message in lines. Not called any more after a fault. */
typedef void unbinary_sink_fn(void *owner, struct span bytes);

struct unbinary *unbinary_create(unbinary_sink_fn *sink, void *owner);
void unbinary_free(struct unbinary **unbinary);

/* The fault stays; what comes after it is dropped. */
enum unbinary_fault unbinary_feed(struct unbinary *unbinary, struct span bytes);
/* Behind the last byte, once. */
enum unbinary_fault unbinary_finish(struct unbinary *unbinary);
/* Whether what came out has bytes above 127. */
bool unbinary_has_8bit(const struct unbinary *unbinary);

#endif
