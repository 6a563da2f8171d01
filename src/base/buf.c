/*
 * buf.c: growing byte buffers with a maximum. Owns growth and the lazy removal at the front; who
 * may append how much is the owner's maximum. Tests: tests/unit/test_base_buf.c.
 */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/require.h"

enum { BUF_CAPACITY_MIN = 256 };

void buf_release(struct buf *buf)
{
    mem_free(buf->data);
    *buf = (struct buf){.max = buf->max};
}

void buf_wipe(struct buf *buf)
{
    mem_wipe(buf->data, buf->capacity);
    buf_release(buf);
}

/* Makes room for size more bytes behind what is in use. The new capacity at least doubles, so a
 * long run of appends costs linear time. Memory moves by copy and wipe-free: owners of secrets
 * reserve their maximum at once. */
static void make_room(struct buf *buf, size_t size)
{
    if (buf->data != NULL && buf->start + buf->len + size <= buf->capacity)
        return;
    require(buf->data != NULL || (buf->start == 0 && buf->len == 0));

    if (buf->data != NULL && buf->start > 0 && buf->len + size <= buf->capacity &&
        buf->start >= buf->len) {
        memcpy(buf->data, buf->data + buf->start, buf->len);
        buf->start = 0;
        return;
    }

    size_t capacity = buf->capacity < BUF_CAPACITY_MIN ? BUF_CAPACITY_MIN : buf->capacity;
    while (capacity < buf->len + size)
        capacity *= 2;
    if (buf->max != 0 && capacity > buf->max && buf->len + size <= buf->max)
        capacity = buf->max;

    if (buf->start == 0 || buf->data == NULL) {
        buf->data = mem_realloc(buf->data, capacity);
    } else {
        char *data = mem_alloc(capacity);
        memcpy(data, buf->data + buf->start, buf->len);
        mem_free(buf->data);
        buf->data = data;
        buf->start = 0;
    }
    buf->capacity = capacity;
}

static bool fits(const struct buf *buf, size_t size)
{
    return buf->max == 0 || (size <= buf->max && buf->len <= buf->max - size);
}

int buf_append(struct buf *buf, struct span bytes)
{
    if (!fits(buf, bytes.len))
        return ERR_LIMIT;
    if (bytes.len == 0)
        return 0;
    make_room(buf, bytes.len);
    memcpy(buf->data + buf->start + buf->len, bytes.ptr, bytes.len);
    buf->len += bytes.len;
    return 0;
}

void buf_put(struct buf *buf, struct span bytes)
{
    int err = buf_append(buf, bytes);
    require(err == 0);
}

void buf_puts(struct buf *buf, const char *text)
{
    buf_put(buf, span_of(text));
}

void buf_put_byte(struct buf *buf, char byte)
{
    buf_put(buf, span_make(&byte, 1));
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    char text[512];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    require(len >= 0);
    if ((size_t)len < sizeof text) {
        buf_put(buf, span_make(text, (size_t)len));
        return;
    }

    char *room = buf_reserve(buf, (size_t)len + 1);
    require(room != NULL);
    va_start(arguments, format);
    (void)vsnprintf(room, (size_t)len + 1, format, arguments);
    va_end(arguments);
    buf_add_len(buf, (size_t)len);
}

char *buf_reserve(struct buf *buf, size_t size)
{
    if (!fits(buf, size))
        return NULL;
    make_room(buf, size);
    return buf->data + buf->start + buf->len;
}

void buf_add_len(struct buf *buf, size_t len)
{
    require(buf->start + buf->len + len <= buf->capacity);
    buf->len += len;
}

void buf_consume(struct buf *buf, size_t len)
{
    require(len <= buf->len);
    buf->len -= len;
    buf->start = buf->len == 0 ? 0 : buf->start + len;
}

void buf_truncate(struct buf *buf, size_t len)
{
    require(len <= buf->len);
    buf->len = len;
}
