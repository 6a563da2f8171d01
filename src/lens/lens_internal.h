/*
 * lens_internal: what json.c and text.c share: the words for an event's kind and direction.
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

#endif
