/*
 * lens_internal: what json.c and text.c share: the words for an event's kind and direction, and
 * what a terminal must not be given.
 */
#ifndef POSTERN_LENS_LENS_INTERNAL_H
#define POSTERN_LENS_LENS_INTERNAL_H

#include "base/tap.h"

static inline const char *lens_kind_name(enum tap_kind kind)
{
    static const char *const names[] = {
#define LENS_KIND(name, text) [name] = text,
        TAP_LIST(LENS_KIND)
#undef LENS_KIND
    };
    return names[kind];
}

/* Whether code says something: elsewhere it is 0 and left out. */
static inline bool lens_has_code(enum tap_kind kind)
{
    return kind == TAP_HANDSHAKE || kind == TAP_CHECK || kind == TAP_ALERT;
}

/* Controls, marks that turn the direction of writing around, what cannot be seen, and separators
 * that some terminals follow. */
static inline bool lens_is_treacherous(uint32_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
           (c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xe0000 && c <= 0xe0fff);
}

#endif
