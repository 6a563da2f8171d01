/*
 * map: a hash table from byte strings (or 64-bit numbers, as 8 bytes) to pointers. Keys are copied
 * in; the hash is seeded per process, so a peer cannot choose keys that collide. Not thread-safe.
 */
#ifndef POSTERN_BASE_MAP_H
#define POSTERN_BASE_MAP_H

#include "base/span.h"

struct map {
    struct map_slot *slots;
    size_t capacity;
    size_t count; /* read-only for users */
};

static inline void map_init(struct map *map)
{
    *map = (struct map){0};
}

/* Frees the table and its keys, not the values. */
void map_deinit(struct map *map);

/* The value, or NULL. */
void *map_get(const struct map *map, struct span key);
/* Adds or replaces; returns the value that was there before, or NULL. value is not NULL. */
void *map_set(struct map *map, struct span key, void *value);
/* Removes; returns the value that was there, or NULL. */
void *map_remove(struct map *map, struct span key);
/* The seeded hash, for other tables of peers' keys. */
uint64_t map_hash(struct span key);

void *map_get_u64(const struct map *map, uint64_t key);
void *map_set_u64(struct map *map, uint64_t key, void *value);
void *map_remove_u64(struct map *map, uint64_t key);

/* Walks in no order: start with *position 0; false at the end. Do not change the map meanwhile. */
bool map_next(const struct map *map, size_t *position, struct span *key_out, void **value_out);

#endif
