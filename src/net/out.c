/*
 * out.c: the queue of blocks behind out.h. Owns the blocks and when a referred body is released;
 * when and how much is written is the pump's business. Small texts share a block, so that a run of
 * replies leaves as one part. Tests: tests/unit/test_net_out.c.
 */
#include "net/out.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"

/* The first block of an empty out holds one ordinary reply; those behind it hold listings. */
enum { BLOCK_FIRST = 1024 - 64, BLOCK_NEXT = 8192 - 64 };

struct out_block {
    struct out_block *next;
    const char *ptr; /* what is still waiting */
    size_t len;
    size_t capacity; /* of text; 0: by reference */
    enum out_kind kind;
    void (*release)(void *arg);
    void *arg;
    char text[];
};

void out_init(struct out *out, size_t mark)
{
    require(mark > 0);
    *out = (struct out){.mark = mark};
}

static struct out_block *append_block(struct out *out, size_t capacity)
{
    struct out_block *block = mem_alloc(sizeof *block + capacity);
    *block = (struct out_block){.ptr = block->text, .capacity = capacity, .kind = out->kind};
    if (out->last != NULL)
        out->last->next = block;
    else
        out->first = block;
    out->last = block;
    return block;
}

/* A client's passwords pass through here, hence the wipe of what was copied. */
static void free_first(struct out *out)
{
    struct out_block *block = out->first;
    out->first = block->next;
    if (out->first == NULL)
        out->last = NULL;
    if (block->release != NULL)
        block->release(block->arg);
    if (block->capacity > 0)
        mem_wipe(block->text, (size_t)(block->ptr - block->text) + block->len);
    mem_free(block);
}

void out_deinit(struct out *out)
{
    while (out->first != NULL)
        free_first(out);
    out->len = 0;
}

static char *block_end(struct out_block *block)
{
    return block->text + (block->ptr - block->text) + block->len;
}

static size_t room_in_last(const struct out *out)
{
    const struct out_block *last = out->last;
    if (last == NULL || last->capacity == 0 || (out->is_watched && last->kind != out->kind))
        return 0;
    return last->capacity - (size_t)(last->ptr - last->text) - last->len;
}

/* At least size bytes of room at the end of the returned block. */
static struct out_block *block_for(struct out *out, size_t size)
{
    if (size <= room_in_last(out))
        return out->last;
    /* Kinds that alternate would waste the larger blocks. */
    size_t usual = out->first == NULL || out->is_watched ? BLOCK_FIRST : BLOCK_NEXT;
    return append_block(out, size > usual ? size : usual);
}

static void add_len(struct out *out, size_t len)
{
    out->last->len += len;
    out->len += len;
}

void out_put(struct out *out, struct span bytes)
{
    size_t room = room_in_last(out);
    size_t len = bytes.len < room ? bytes.len : room;
    if (len > 0) {
        memcpy(block_end(out->last), bytes.ptr, len);
        add_len(out, len);
        bytes = span_from(bytes, len);
    }
    if (bytes.len == 0)
        return;

    struct out_block *block = block_for(out, bytes.len);
    memcpy(block_end(block), bytes.ptr, bytes.len);
    add_len(out, bytes.len);
}

void out_puts(struct out *out, const char *text)
{
    out_put(out, span_of(text));
}

/* Formats in place; only a text that does not fit into what is left of the block is made twice. */
void out_printf(struct out *out, const char *format, ...)
{
    size_t room = room_in_last(out);
    char none[1];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(room > 0 ? block_end(out->last) : none, room > 0 ? room : sizeof none,
                        format, arguments);
    va_end(arguments);
    require(len >= 0);
    if (len == 0)
        return;

    if ((size_t)len >= room) {
        struct out_block *block = block_for(out, (size_t)len + 1);
        va_start(arguments, format);
        (void)vsnprintf(block_end(block), (size_t)len + 1, format, arguments);
        va_end(arguments);
    }
    add_len(out, (size_t)len);
}

void out_refer(struct out *out, struct span bytes, void (*release)(void *arg), void *arg)
{
    if (bytes.len == 0) {
        if (release != NULL)
            release(arg);
        return;
    }
    struct out_block *block = append_block(out, 0);
    block->ptr = bytes.ptr;
    block->release = release;
    block->arg = arg;
    add_len(out, bytes.len);
}

size_t out_peek(const struct out *out, struct span *parts, size_t count, size_t max)
{
    size_t used = 0;
    const struct out_block *block = out->first;
    for (; block != NULL && used < count && max > 0; block = block->next) {
        if (block->len == 0)
            continue;
        parts[used] = span_first(span_make(block->ptr, block->len), max);
        max -= parts[used].len;
        used++;
    }
    return used;
}

void out_look(const struct out *out, size_t len,
              void (*on_run)(void *owner, enum out_kind kind, struct span bytes), void *owner)
{
    require(len <= out->len);
    for (const struct out_block *block = out->first; len > 0; block = block->next) {
        struct span bytes = span_first(span_make(block->ptr, block->len), len);
        on_run(owner, block->kind, bytes);
        len -= bytes.len;
    }
}

void out_consume(struct out *out, size_t len)
{
    require(len <= out->len);
    out->len -= len;
    while (len > 0) {
        struct out_block *block = out->first;
        size_t taken = len < block->len ? len : block->len;
        block->ptr += taken;
        block->len -= taken;
        len -= taken;
        if (block->len == 0)
            free_first(out);
    }
}
