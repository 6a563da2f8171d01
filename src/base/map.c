/*
 * map.c: hash table with open addressing, linear probing and removal by shifting back, so there are
 * no tombstones. The hash is SipHash-1-3 with a key drawn once per process.
 * Tests: tests/unit/test_base_map.c.
 */
#include "base/map.h"

#include <pthread.h>
#include <sys/random.h>

#include "base/mem.h"
#include "base/require.h"

enum { MAP_CAPACITY_MIN = 16 };

struct map_slot {
    char *key; /* owned; NULL: free slot */
    size_t key_len;
    uint64_t hash;
    void *value;
};

static uint64_t hash_key[2];
static pthread_once_t hash_key_once = PTHREAD_ONCE_INIT;

static void draw_hash_key(void)
{
    ssize_t len = getrandom(hash_key, sizeof hash_key, 0);
    require(len == (ssize_t)sizeof hash_key);
}

static inline uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[2] += v[3];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] = rotate(v[0], 32);
    v[2] += v[1];
    v[0] += v[3];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] = rotate(v[2], 32);
}

uint64_t map_hash(struct span key)
{
    (void)pthread_once(&hash_key_once, draw_hash_key);
    uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575U, hash_key[1] ^ 0x646f72616e646f6dU,
                     hash_key[0] ^ 0x6c7967656e657261U, hash_key[1] ^ 0x7465646279746573U};
    size_t whole = key.len & ~(size_t)7;
    for (size_t i = 0; i < whole; i += 8) {
        uint64_t word;
        memcpy(&word, key.ptr + i, 8);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    if (key.len > whole)
        memcpy(&last, key.ptr + whole, key.len - whole);
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    for (int i = 0; i < 3; i++)
        sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

/* The slot that holds the key, or the free one where it would go. */
static struct map_slot *find_slot(const struct map *map, struct span key, uint64_t hash)
{
    size_t mask = map->capacity - 1;
    for (size_t i = hash & mask;; i = (i + 1) & mask) {
        struct map_slot *slot = &map->slots[i];
        if (slot->key == NULL)
            return slot;
        if (slot->hash == hash && span_equal(span_make(slot->key, slot->key_len), key))
            return slot;
    }
}

static void grow(struct map *map)
{
    size_t old_capacity = map->capacity;
    struct map_slot *old = map->slots;
    map->capacity = old_capacity == 0 ? MAP_CAPACITY_MIN : old_capacity * 2;
    map->slots = mem_zalloc(map->capacity, sizeof *map->slots);
    size_t mask = map->capacity - 1;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].key == NULL)
            continue;
        size_t at = old[i].hash & mask;
        while (map->slots[at].key != NULL)
            at = (at + 1) & mask;
        map->slots[at] = old[i];
    }
    mem_free(old);
}

void map_deinit(struct map *map)
{
    for (size_t i = 0; i < map->capacity; i++)
        mem_free(map->slots[i].key);
    mem_free(map->slots);
    map_init(map);
}

void *map_get(const struct map *map, struct span key)
{
    if (map->count == 0)
        return NULL;
    const struct map_slot *slot = find_slot(map, key, map_hash(key));
    return slot->key == NULL ? NULL : slot->value;
}

void *map_set(struct map *map, struct span key, void *value)
{
    require(value != NULL);
    if ((map->count + 1) * 4 > map->capacity * 3)
        grow(map);

    uint64_t hash = map_hash(key);
    struct map_slot *slot = find_slot(map, key, hash);
    void *before = slot->key == NULL ? NULL : slot->value;
    if (slot->key == NULL) {
        *slot = (struct map_slot){mem_strndup(key.ptr, key.len), key.len, hash, value};
        map->count++;
    }
    slot->value = value;
    return before;
}

/* Moves later slots of the same run forward into the hole, so that look-ups still find them. */
static void close_hole(struct map *map, size_t hole)
{
    size_t mask = map->capacity - 1;
    for (size_t i = (hole + 1) & mask; map->slots[i].key != NULL; i = (i + 1) & mask) {
        size_t home = map->slots[i].hash & mask;
        size_t distance_home = (i - home) & mask, distance_hole = (i - hole) & mask;
        if (distance_home < distance_hole)
            continue;
        map->slots[hole] = map->slots[i];
        hole = i;
    }
    map->slots[hole] = (struct map_slot){0};
}

void *map_remove(struct map *map, struct span key)
{
    if (map->count == 0)
        return NULL;
    struct map_slot *slot = find_slot(map, key, map_hash(key));
    if (slot->key == NULL)
        return NULL;
    void *value = slot->value;
    mem_free(slot->key);
    map->count--;
    close_hole(map, (size_t)(slot - map->slots));
    return value;
}

void *map_get_u64(const struct map *map, uint64_t key)
{
    return map_get(map, span_make((const char *)&key, sizeof key));
}

void *map_set_u64(struct map *map, uint64_t key, void *value)
{
    return map_set(map, span_make((const char *)&key, sizeof key), value);
}

void *map_remove_u64(struct map *map, uint64_t key)
{
    return map_remove(map, span_make((const char *)&key, sizeof key));
}

bool map_next(const struct map *map, size_t *position, struct span *key_out, void **value_out)
{
    for (; *position < map->capacity; (*position)++) {
        const struct map_slot *slot = &map->slots[*position];
        if (slot->key == NULL)
            continue;
        *key_out = span_make(slot->key, slot->key_len);
        *value_out = slot->value;
        (*position)++;
        return true;
    }
    return false;
}
