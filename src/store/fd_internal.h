/*
 * fd_internal: open files of segments and bodies, for readers on any thread. A loop thread only
 * finds what is open; a lane opens.
 */
#ifndef POSTERN_STORE_FD_INTERNAL_H
#define POSTERN_STORE_FD_INTERNAL_H

#include "base/arena.h"
#include "store/body.h"
#include "store/db.h"

struct fd_cache;

struct fd_cache *fd_cache_create(struct store *store);
void fd_cache_free(struct fd_cache **cache);
/* Reads what is in the page cache; ERR_AGAIN: not open or not there. */
int64_t fd_cache_read_now(struct fd_cache *cache, const struct store_blob *blob, uint64_t offset,
                          void *bytes_out, size_t size);
/* Blocks; opens when needed. Bytes read or an error. */
int64_t fd_cache_read(struct fd_cache *cache, const struct store_blob *blob, uint64_t offset,
                      void *bytes_out, size_t size);
/* No reader uses this file from now on (it is about to be zeroed, renamed or unlinked). */
void fd_cache_forget(struct fd_cache *cache, const struct store_blob *blob);

/* Where a blob lies now, and its checksum. ERR_NOT_FOUND. */
int blob_find(struct db *db, uint64_t id, struct store_blob *out, uint32_t *crc_out)
    __attribute__((warn_unused_result));
/* A whole body, checked, into the arena; ERR_LIMIT when longer than max. */
struct blob_want {
    uint64_t id;
    size_t max;
};
int blob_read_all(struct store *store, struct db *db, const struct blob_want *want,
                  struct arena *arena, struct span *out) __attribute__((warn_unused_result));

#endif
