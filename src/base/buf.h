/*
 * buf: a run of bytes that grows, with a maximum that is set at birth (0: none; only for sizes
 * that no peer chooses). Memory is taken at the first append and given back by buf_release(), so
 * an idle owner holds none. Bytes are taken off the front cheaply: the rest moves only when room
 * is needed.
 */
#ifndef POSTERN_BASE_BUF_H
#define POSTERN_BASE_BUF_H

#include "base/span.h"

struct buf {
    char *data; /* read-only for users: first byte in use is data + start */
    size_t start;
    size_t len;      /* bytes in use */
    size_t capacity; /* bytes allocated */
    size_t max;      /* len never exceeds it; 0: no maximum */
};

static inline void buf_init(struct buf *buf, size_t max)
{
    *buf = (struct buf){.max = max};
}

/* Frees the memory; the buf is empty and usable, its maximum stays. */
void buf_release(struct buf *buf);
/* The same, overwriting the bytes first. */
void buf_wipe(struct buf *buf);

/* The bytes in use, valid until the next call that changes the buf. */
static inline struct span buf_span(const struct buf *buf)
{
    return (struct span){buf->data ? buf->data + buf->start : "", buf->len};
}

/* Empties without giving memory back. */
static inline void buf_clear(struct buf *buf)
{
    buf->start = buf->len = 0;
}

/* 0, or ERR_LIMIT with nothing appended when len would exceed max. */
int buf_append(struct buf *buf, struct span bytes) __attribute__((warn_unused_result));
/* For buffers without a maximum and texts that fit by construction: requires that it fits. */
void buf_put(struct buf *buf, struct span bytes);
void buf_puts(struct buf *buf, const char *text);
void buf_put_byte(struct buf *buf, char byte);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Room for at least size more bytes at the end; write there, then buf_add_len(). NULL when that
 * would exceed max. */
char *buf_reserve(struct buf *buf, size_t size) __attribute__((warn_unused_result));
void buf_add_len(struct buf *buf, size_t len);

/* Takes len bytes off the front; requires that there are as many. */
void buf_consume(struct buf *buf, size_t len);
/* Cuts the end off: len bytes stay. */
void buf_truncate(struct buf *buf, size_t len);

#endif
