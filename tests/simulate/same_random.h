/*
 * same_random: for a program that includes it (once), getrandom() gives the same bytes at each run,
 * since its own function comes before libc's. Hash tables and TLS draw their keys by it, and a
 * world in which a table has another order is not the same world again.
 */
#ifndef POSTERN_TESTS_SAME_RANDOM_H
#define POSTERN_TESTS_SAME_RANDOM_H

#include <stdint.h>
#include <sys/random.h>

ssize_t getrandom(void *bytes, size_t size, unsigned flags)
{
    static uint64_t state = 1;
    (void)flags;
    for (size_t i = 0; i < size; i++) {
        state = state * 6364136223846793005U + 1442695040888963407U;
        ((unsigned char *)bytes)[i] = (unsigned char)(state >> 56);
    }
    return (ssize_t)size;
}

#endif
