/*
 * mem: the heap. Allocation never returns NULL: when the machine has no memory left the process
 * aborts, and the store's crash safety covers it. A size chosen by a peer is limited before it
 * gets here (a buf's maximum, a named limit), so only our own mistakes or a tiny machine end here.
 */
#ifndef POSTERN_BASE_MEM_H
#define POSTERN_BASE_MEM_H

#include <stddef.h>

/* size bytes, uninitialised. Owned by the caller, freed with mem_free(). */
void *mem_alloc(size_t size) __attribute__((malloc, returns_nonnull, warn_unused_result));

/* count * size bytes of zeroes; aborts on overflow of the product. */
void *mem_zalloc(size_t count, size_t size)
    __attribute__((malloc, returns_nonnull, warn_unused_result));

/* Grows or shrinks; ptr may be NULL. The old pointer is invalid afterwards. */
void *mem_realloc(void *ptr, size_t size) __attribute__((returns_nonnull, warn_unused_result));

/* A NUL-terminated copy of a NUL-terminated text. */
char *mem_strdup(const char *text) __attribute__((malloc, returns_nonnull, warn_unused_result));

/* A copy of len bytes with a NUL behind it. */
char *mem_strndup(const char *bytes, size_t len)
    __attribute__((malloc, returns_nonnull, warn_unused_result));

/* A NUL-terminated text as printf would make it. */
char *mem_printf(const char *format, ...)
    __attribute__((format(printf, 1, 2), malloc, returns_nonnull, warn_unused_result));

/* Accepts NULL. */
void mem_free(void *ptr);

/* Overwrites bytes so that the compiler may not leave it out: for secrets, before they are freed.
 */
void mem_wipe(void *ptr, size_t size);

#define mem_new(type) ((type *)mem_zalloc(1, sizeof(type)))

#endif
