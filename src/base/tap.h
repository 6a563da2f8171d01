/*
 * tap: events for whoever looks at a connection (the lens). conn, upgrade and tls/trace put events
 * in when a sink is set; a NULL sink costs one comparison. Never carries a secret: the bytes of a
 * password exchange are replaced before they get here.
 */
#ifndef POSTERN_BASE_TAP_H
#define POSTERN_BASE_TAP_H

#include "base/span.h"

/* name, text */
#define TAP_LIST(X)                                                                                \
    X(TAP_OPEN, "open")                                                                            \
    X(TAP_CLEAR_IN, "clear-in")                                                                    \
    X(TAP_CLEAR_OUT, "clear-out")                                                                  \
    X(TAP_UPGRADE_OFFERED, "upgrade-offered")                                                      \
    X(TAP_UPGRADE_REFUSED, "upgrade-refused")                                                      \
    X(TAP_HANDSHAKE, "handshake")                                                                  \
    X(TAP_CHECK, "check")                                                                          \
    X(TAP_SECURE, "secure")                                                                        \
    X(TAP_ALERT, "alert")                                                                          \
    X(TAP_RECORD, "record")                                                                        \
    X(TAP_CLOSE, "close")

enum tap_kind {
#define TAP_ENUM(name, text) name,
    TAP_LIST(TAP_ENUM)
#undef TAP_ENUM
};

struct tap_event {
    enum tap_kind kind;
    uint64_t conn_id;
    int64_t at_us;      /* wall time */
    int code;           /* handshake message type, alert number, or error code */
    struct span detail; /* borrowed until the sink returns */
};

/* Called on the connection's loop thread. */
struct tap {
    void (*on_event)(struct tap *tap, const struct tap_event *event);
};

static inline void tap_emit(struct tap *tap, const struct tap_event *event)
{
    if (tap != NULL)
        tap->on_event(tap, event);
}

#endif
