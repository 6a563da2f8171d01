/*
 * watch: looks at the header of a message as it passes, in any pieces: how many Received fields it
 * has (the loop check of RFC 5321 6.3), whether Date and Message-ID are there, where it ends,
 * whether it asks for delivery without TLS, and who had it before.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_WATCH_H
#define POSTERN_PROTOCOLS_SMTP_WATCH_H

#include "base/span.h"

enum {
    SMTP_WATCH_NAME_MAX = 12,   /* "tls-required" */
    SMTP_WATCH_VALUE_MAX = 256, /* an address (ADDRESS_MAX), and enough to know a longer one */
    /* Delivered-To fields that are looked at, from the top, where a loop has put the newest: each
     * is compared with all recipients. */
    SMTP_WATCH_DELIVERED_MAX = 100
};

/* The value of a Delivered-To field (RFC 9228), without the blanks around it. */
typedef void smtp_watch_delivered_fn(void *owner, struct span value);

struct smtp_watch {
    bool is_over; /* the empty line was seen */
    bool has_date, has_message_id;
    bool is_tls_optional; /* TLS-Required: No (RFC 8689 3) */
    unsigned received_count, delivered_count;
    smtp_watch_delivered_fn *on_delivered; /* NULL: nobody wants to know */
    void *owner;
    char name[SMTP_WATCH_NAME_MAX]; /* the first bytes of the line under way, in lower case */
    size_t name_len;
    char value[SMTP_WATCH_VALUE_MAX]; /* of the field under way, without the first blanks */
    size_t value_len;
    enum { SMTP_WATCH_NO_VALUE, SMTP_WATCH_TLS_REQUIRED, SMTP_WATCH_DELIVERED } value_of;
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
