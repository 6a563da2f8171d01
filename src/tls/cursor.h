/*
 * cursor: reads TLS's presentation language (RFC 8446 3): big-endian numbers and vectors behind
 * their length. Reading past the end gives zeroes and empty spans and marks the cursor as bad; the
 * caller looks once, at the end. Nothing is copied: spans lie in the input.
 */
#ifndef POSTERN_TLS_CURSOR_H
#define POSTERN_TLS_CURSOR_H

#include "base/span.h"

struct cursor {
    struct span rest;
    bool is_bad; /* something was cut; rest is empty then */
};

static inline struct cursor cursor_of(struct span bytes)
{
    return (struct cursor){bytes, false};
}

static inline struct span cursor_take(struct cursor *cursor, size_t len)
{
    if (len > cursor->rest.len) {
        cursor->is_bad = true;
        cursor->rest = span_from(cursor->rest, cursor->rest.len);
        return cursor->rest;
    }
    struct span taken = span_first(cursor->rest, len);
    cursor->rest = span_from(cursor->rest, len);
    return taken;
}

/* width: 1 to 4 bytes. */
static inline uint32_t cursor_number(struct cursor *cursor, size_t width)
{
    struct span bytes = cursor_take(cursor, width);
    uint32_t number = 0;
    for (size_t i = 0; i < bytes.len; i++)
        number = number << 8 | (unsigned char)bytes.ptr[i];
    return number;
}

/* A vector whose length takes width bytes. */
static inline struct span cursor_vector(struct cursor *cursor, size_t width)
{
    return cursor_take(cursor, cursor_number(cursor, width));
}

/* Whether there is more to read; for loops, which it bounds: each round must take something. */
static inline bool cursor_has_more(const struct cursor *cursor)
{
    return !cursor->is_bad && cursor->rest.len > 0;
}

#endif
