/*
 * entropy: the door to randomness. crypto/random.h has the real one; tests give a seeded one.
 */
#ifndef POSTERN_BASE_ENTROPY_H
#define POSTERN_BASE_ENTROPY_H

#include <stddef.h>
#include <stdint.h>

struct entropy {
    /* Fills size bytes. Thread-safe in the real one. Cannot fail: it aborts. */
    void (*fill)(const struct entropy *entropy, void *bytes, size_t size);
};

static inline void entropy_fill(const struct entropy *entropy, void *bytes, size_t size)
{
    entropy->fill(entropy, bytes, size);
}

static inline uint64_t entropy_u64(const struct entropy *entropy)
{
    uint64_t value;
    entropy->fill(entropy, &value, sizeof value);
    return value;
}

#endif
