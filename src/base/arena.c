/*
 * arena.c: memory dropped in one call. Chunks double up to 64 KiB; what is larger gets a chunk of
 * its own. Tests: tests/unit/test_base_buf.c.
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"

enum { ARENA_CHUNK_MIN = 1024, ARENA_CHUNK_MAX = 64 * 1024 };

struct arena_chunk {
    struct arena_chunk *next;
    size_t size, used;
    alignas(max_align_t) char bytes[];
};

void arena_reset(struct arena *arena)
{
    struct arena_chunk *chunk = arena->chunks;
    while (chunk != NULL) {
        struct arena_chunk *next = chunk->next;
        mem_free(chunk);
        chunk = next;
    }
    arena_init(arena);
}

static struct arena_chunk *new_chunk(struct arena *arena, size_t size)
{
    size_t wanted = ARENA_CHUNK_MIN;
    if (arena->chunks != NULL && arena->chunks->size < ARENA_CHUNK_MAX)
        wanted = arena->chunks->size * 2;
    if (wanted > ARENA_CHUNK_MAX)
        wanted = ARENA_CHUNK_MAX;
    if (wanted < size)
        wanted = size;

    struct arena_chunk *chunk = mem_alloc(sizeof *chunk + wanted);
    chunk->size = wanted;
    chunk->used = 0;
    chunk->next = arena->chunks;
    arena->chunks = chunk;
    return chunk;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    size_t rounded = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
    require(rounded >= size);
    struct arena_chunk *chunk = arena->chunks;
    if (chunk == NULL || chunk->size - chunk->used < rounded)
        chunk = new_chunk(arena, rounded);
    void *ptr = chunk->bytes + chunk->used;
    chunk->used += rounded;
    arena->used += rounded;
    return memset(ptr, 0, size);
}

struct span arena_copy(struct arena *arena, struct span bytes)
{
    return (struct span){arena_text(arena, bytes), bytes.len};
}

char *arena_text(struct arena *arena, struct span bytes)
{
    char *copy = arena_alloc(arena, bytes.len + 1);
    if (bytes.len > 0)
        memcpy(copy, bytes.ptr, bytes.len);
    return copy;
}

char *arena_printf(struct arena *arena, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    require(len >= 0);

    char *text = arena_alloc(arena, (size_t)len + 1);
    va_start(arguments, format);
    (void)vsnprintf(text, (size_t)len + 1, format, arguments);
    va_end(arguments);
    return text;
}
