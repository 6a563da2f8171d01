/*
 * tap: events for whoever looks at a connection: `postern connect`, the trace of `postern serve`,
 * later the lens. conn, upgrade and tls/trace put events in when a sink is set; a NULL sink costs
 * one comparison, and nothing is decoded for it. Never carries a secret: lines that hold one come
 * without their text, sealed bytes are only counted.
 */
#ifndef POSTERN_BASE_TAP_H
#define POSTERN_BASE_TAP_H

#include "base/span.h"

/* name, text, what the event's members are */
#define TAP_LIST(X)                                                                                \
    X(TAP_OPEN, "open")                       /* detail: peer */                                   \
    X(TAP_LINE, "line")                       /* one line in plaintext: text, or none if secret */ \
    X(TAP_DATA, "data")                       /* bytes that are not lines, or under TLS: size */   \
    X(TAP_UPGRADE_OFFERED, "upgrade-offered") /* the upgrade begins */                             \
    X(TAP_UPGRADE_REFUSED, "upgrade-refused") /* detail: why */                                    \
    X(TAP_HANDSHAKE, "handshake")             /* name: message; size, fields, bytes: its body */   \
    X(TAP_CHANGE_CIPHER, "change-cipher-spec")                                                     \
    X(TAP_CHECK, "check")   /* name: step (pki/judge.h); code: enum pki_check; detail: sentence */ \
    X(TAP_SECURE, "secure") /* detail: version; fields: what was agreed */                         \
    X(TAP_ALERT, "alert")   /* name; code: its number; fields: level */                            \
    X(TAP_RECORD, "record") /* name: content type on the wire; size with its header */             \
    X(TAP_FAILED, "failed") /* detail: why the handshake failed */                                 \
    X(TAP_CLOSE, "close")   /* detail: why */

enum tap_kind {
#define TAP_ENUM(name, text) name,
    TAP_LIST(TAP_ENUM)
#undef TAP_ENUM
};

enum tap_way { TAP_NO_WAY, TAP_IN, TAP_OUT };

/* A decoded fact: "cipher suites offered" = "TLS_AES_128_GCM_SHA256, ...". Values are escaped. */
struct tap_field {
    const char *name; /* literal, stable: keys of the JSON */
    struct span value;
};

/* Everything in it is borrowed until the sink returns. Times are in order within a connection. */
struct tap_event {
    enum tap_kind kind;
    enum tap_way way; /* as seen from us */
    uint64_t conn_id;
    int64_t at_us;    /* wall time */
    int code;         /* check verdict, alert number, handshake message type */
    const char *name; /* "ClientHello", "bad_certificate", "chain"; NULL: none */
    size_t size;      /* bytes on the wire, or of the message with its header */
    struct span detail;
    const struct tap_field *fields;
    size_t field_count;
    struct span bytes; /* of a public message, for those who want to see them; else empty */
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
