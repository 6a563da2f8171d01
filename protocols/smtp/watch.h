/*
 * watch: looks at the header of a message as it passes, in any pieces: how many Received fields it
 * has (the loop check of RFC 5321 6.3), whether Date and Message-ID are there, where it ends,
 * and whether it asks for delivery without TLS.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_WATCH_H
#define POSTERN_PROTOCOLS_SMTP_WATCH_H

#include "base/span.h"

enum {
    SMTP_WATCH_NAME_MAX = 12, /* "tls-required" */
    SMTP_WATCH_VALUE_MAX = 4  /* "no", and enough to know that it is something else */
};

struct smtp_watch {
    bool is_over; /* the empty line was seen */
    bool has_date, has_message_id;
    bool is_tls_optional; /* TLS-Required: No (RFC 8689 3) */
    unsigned received_count;
    char name[SMTP_WATCH_NAME_MAX]; /* the first bytes of the line under way, in lower case */
    size_t name_len;
    char value[SMTP_WATCH_VALUE_MAX]; /* of TLS-Required, without blanks */
    size_t value_len;
    bool is_in_value;
    bool is_named;    /* the name is whole: only blanks and the colon may follow */
    bool is_skipping; /* the rest of the line does not matter */
};

static inline void smtp_watch_init(struct smtp_watch *watch)
{
    *watch = (struct smtp_watch){0};
}

/* Lines end with CRLF. Returns how many bytes belong to the header, its empty line included. */
size_t smtp_watch_feed(struct smtp_watch *watch, struct span bytes);

#endif
