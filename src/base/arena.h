/*
 * arena: memory that is dropped in one call, for what lives as long as one command or one
 * transaction. Nothing in it is freed alone. One owner, one thread.
 */
#ifndef POSTERN_BASE_ARENA_H
#define POSTERN_BASE_ARENA_H

#include "base/span.h"

struct arena {
    struct arena_chunk *chunks;
    size_t used; /* bytes handed out since birth or the last reset: compare it with a limit */
};

static inline void arena_init(struct arena *arena)
{
    *arena = (struct arena){0};
}

/* Gives all memory back; the arena is usable again. */
void arena_reset(struct arena *arena);

/* size bytes of zeroes, aligned for any type. */
void *arena_alloc(struct arena *arena, size_t size)
    __attribute__((returns_nonnull, warn_unused_result));
struct span arena_copy(struct arena *arena, struct span bytes);
/* NUL-terminated copy, for bytes that were checked to hold no NUL. */
char *arena_text(struct arena *arena, struct span bytes)
    __attribute__((returns_nonnull, warn_unused_result));
char *arena_printf(struct arena *arena, const char *format, ...)
    __attribute__((format(printf, 2, 3), returns_nonnull, warn_unused_result));

#define arena_new(arena, type) ((type *)arena_alloc((arena), sizeof(type)))

#endif
