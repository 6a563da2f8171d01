/*
 * clock: the door to time. Everything that needs the time of day takes a clock; tests give one
 * that they turn by hand. For timers see net/loop.h.
 */
#ifndef POSTERN_BASE_CLOCK_H
#define POSTERN_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

struct clock {
    /* Microseconds since 1970-01-01 UTC. May jump when an administrator sets the time. */
    int64_t (*wall_us)(const struct clock *clock);
    /* Milliseconds that only go forward, from an arbitrary start. */
    int64_t (*monotonic_ms)(const struct clock *clock);
};

/* The machine's clock. */
extern const struct clock clock_system;

static inline int64_t clock_wall_us(const struct clock *clock)
{
    return clock->wall_us(clock);
}

static inline int64_t clock_wall_s(const struct clock *clock)
{
    return clock->wall_us(clock) / 1000000;
}

static inline int64_t clock_monotonic_ms(const struct clock *clock)
{
    return clock->monotonic_ms(clock);
}

#endif
