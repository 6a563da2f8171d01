/*
 * out: the replies of a session on their way to the peer, a queue of blocks. Small texts are copied
 * together; large bodies are put in by reference. The pump writes it; sessions only put into it and
 * stop (WANT_DRAIN) when it is full. Loop thread only. An empty out holds no memory.
 */
#ifndef POSTERN_NET_OUT_H
#define POSTERN_NET_OUT_H

#include "base/span.h"

/* What bytes are, for who looks at the connection (base/tap.h). */
enum out_kind {
    OUT_TEXT,  /* lines that may be shown */
    OUT_DATA,  /* a message, a literal: nobody wants to read it there */
    OUT_SECRET /* a password or what proves one: never shown */
};

struct out {
    struct out_block *first, *last; /* out.c only */
    size_t len;                     /* read-only for users: bytes waiting */
    size_t mark;                    /* above it the session is to stop; config key output_mark */
    bool is_watched;                /* somebody looks: kinds are kept apart */
    enum out_kind kind;             /* of what is put next: out_set_kind() */
};

void out_init(struct out *out, size_t mark);
void out_deinit(struct out *out);

/* What is put from now on is of that kind, until the next call. Costs nothing where nobody looks.
 */
static inline void out_set_kind(struct out *out, enum out_kind kind)
{
    out->kind = kind;
}

/* Copies. */
void out_put(struct out *out, struct span bytes);
void out_puts(struct out *out, const char *text);
void out_printf(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* By reference: bytes stay as they are until release(arg) is called, when they have been written or
 * the connection died. release may be NULL for bytes that live for ever. */
void out_refer(struct out *out, struct span bytes, void (*release)(void *arg), void *arg);

static inline bool out_is_full(const struct out *out)
{
    return out->len >= out->mark;
}

/* For the pump: fills parts with up to count spans of waiting bytes, at most max bytes in all;
 * returns how many parts. */
size_t out_peek(const struct out *out, struct span *parts, size_t count, size_t max);
/* Shows the first len bytes, run by run, with their kinds. */
void out_look(const struct out *out, size_t len,
              void (*on_run)(void *owner, enum out_kind kind, struct span bytes), void *owner);
/* Takes len bytes off the front. */
void out_consume(struct out *out, size_t len);

#endif
