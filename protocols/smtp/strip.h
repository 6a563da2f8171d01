/*
 * strip: takes the blind copy fields, Bcc and Resent-Bcc, out of a message that passes in any
 * pieces, folded lines and all (RFC 6409 8 lets a submission server, RFC 5322 3.6.3 tells why). Any
 * other byte goes on as it came. The bytes of a line are held only while its name can still become
 * one of the two.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_STRIP_H
#define POSTERN_PROTOCOLS_SMTP_STRIP_H

#include "base/span.h"

/* "resent-bcc" and blanks before the colon (RFC 5322 4.5); a line with more of them is no field. */
enum { SMTP_STRIP_HELD_MAX = 64 };

struct smtp_strip {
    enum { SMTP_STRIP_START, SMTP_STRIP_KEEP, SMTP_STRIP_DROP } state;
    bool is_over;     /* the header's end was seen */
    bool has_dropped; /* the field under way: its folded lines go too */
    char held[SMTP_STRIP_HELD_MAX];
    size_t held_len;
};

/* Borrowed bytes that stay. */
typedef void smtp_strip_sink_fn(void *owner, struct span bytes);

static inline void smtp_strip_init(struct smtp_strip *strip)
{
    *strip = (struct smtp_strip){0};
}

void smtp_strip_feed(struct smtp_strip *strip, struct span bytes, smtp_strip_sink_fn *sink,
                     void *owner);
/* Behind the last byte: what is held is no field. */
void smtp_strip_finish(struct smtp_strip *strip, smtp_strip_sink_fn *sink, void *owner);

#endif
