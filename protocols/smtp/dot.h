/*
 * dot: message bytes on the wire (RFC 5321 4.5.2): the transparency of DATA taken off and put on,
 * incrementally, and the check of line ends. Only CRLF.CRLF ends a message; a bare CR, a bare LF or
 * a NUL never starts a line, so no other sequence can (SMTP smuggling, CVE-2023-51764 and kin).
 */
#ifndef POSTERN_PROTOCOLS_SMTP_DOT_H
#define POSTERN_PROTOCOLS_SMTP_DOT_H

#include "base/span.h"
#include "net/out.h"

enum smtp_dot_fault { SMTP_DOT_BARE_CR = 1, SMTP_DOT_BARE_LF = 2, SMTP_DOT_NUL = 4 };

enum smtp_dot_framing {
    SMTP_DOT_STUFFED, /* DATA: ends at CRLF.CRLF, dots at the start of a line are doubled */
    SMTP_DOT_COUNTED, /* BDAT: the length is known from elsewhere, dots mean nothing */
    SMTP_DOT_BINARY   /* the same of BODY=BINARYMIME: line ends mean nothing either */
};

struct smtp_dot {
    enum smtp_dot_framing framing;
    enum { SMTP_DOT_LINE, SMTP_DOT_TEXT, SMTP_DOT_CR, SMTP_DOT_DOT, SMTP_DOT_DOT_CR } state;
    unsigned faults; /* of enum smtp_dot_fault; once there is one nothing goes to the sink */
    bool is_done;    /* the final dot was seen */
};

/* Borrowed bytes of the message, dots taken off, line ends as they were. */
typedef void smtp_dot_sink_fn(void *owner, struct span bytes);

void smtp_dot_init(struct smtp_dot *dot, enum smtp_dot_framing framing);
/* Returns how many bytes belong to the message: all, or up to the final dot's CRLF. */
size_t smtp_dot_feed(struct smtp_dot *dot, struct span bytes, smtp_dot_sink_fn *sink, void *owner);
/* For SMTP_DOT_COUNTED, behind the last byte: a CR that waits for its LF was bare. */
void smtp_dot_finish(struct smtp_dot *dot);

/* The way out: dots doubled, every line end made CRLF whatever the stored bytes say, so that we
 * never send another server what it might take for an end. */
struct smtp_stuff {
    bool is_inside_line;
    bool has_cr; /* the last byte was a CR whose LF may follow */
};

void smtp_stuff_put(struct smtp_stuff *stuff, struct span bytes, struct out *out);
/* Ends an unfinished line and puts the final dot. */
void smtp_stuff_finish(struct smtp_stuff *stuff, struct out *out);

#endif
