/*
 * span: a run of bytes that belongs to somebody else. All input is handled as spans; nothing is
 * NUL-terminated until it leaves for a library. A span is borrowed: it lives as long as the call
 * that was given it, unless the giver's header says more.
 */
#ifndef POSTERN_BASE_SPAN_H
#define POSTERN_BASE_SPAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
    const char *ptr;
    size_t len;
};

/* For literals and other text of our own, never for a peer's bytes. */
static inline struct span span_of(const char *text)
{
    return (struct span){text, strlen(text)};
}

static inline struct span span_make(const char *ptr, size_t len)
{
    return (struct span){ptr, len};
}

static inline bool span_is_empty(struct span span)
{
    return span.len == 0;
}

/* The bytes from offset on; empty when offset is past the end. */
static inline struct span span_from(struct span span, size_t offset)
{
    return offset >= span.len ? (struct span){span.ptr + span.len, 0}
                              : (struct span){span.ptr + offset, span.len - offset};
}

/* The first len bytes, fewer if there are not so many. */
static inline struct span span_first(struct span span, size_t len)
{
    return (struct span){span.ptr, len < span.len ? len : span.len};
}

bool span_equal(struct span a, struct span b);
/* ASCII letters compare without case; all else byte by byte. */
bool span_equal_nocase(struct span a, struct span b);
bool span_is(struct span span, const char *text);
bool span_is_nocase(struct span span, const char *text);
bool span_starts(struct span span, struct span prefix);
bool span_starts_nocase(struct span span, struct span prefix);
bool span_ends_nocase(struct span span, struct span suffix);

/* Ordered as bytes, the shorter first when one is a prefix of the other: <0, 0 or >0. */
int span_compare(struct span a, struct span b);

/* Offset of the first such byte at or after offset, or -1. */
ptrdiff_t span_find_byte(struct span span, size_t offset, char byte);
/* Offset of the first occurrence of needle, or -1. An empty needle is found at 0. */
ptrdiff_t span_find(struct span span, struct span needle);

/* Cuts *rest at the first separator: returns what was before it and leaves what is behind it.
 * Without a separator returns all and leaves *rest empty with ptr NULL. */
struct span span_cut(struct span *rest, char separator);

/* Without leading and trailing space and tab. */
struct span span_trim(struct span span);

/* Decimal digits only, no sign, no space. false when empty, not a number, or above max. */
bool span_to_u64(struct span span, uint64_t max, uint64_t *value_out);

/* Whether the span lies inside text that a C library may see: no NUL byte in it. */
bool span_has_nul(struct span span);

/* A NUL-terminated copy on the heap; the caller frees it with mem_free(). */
char *span_dup(struct span span) __attribute__((malloc, returns_nonnull, warn_unused_result));

#endif
