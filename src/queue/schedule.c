/*
 * schedule.c: backoff. A pure function of settings, attempts and one random number.
 * Tests: tests/unit/test_queue.c.
 */
#include "queue/schedule.h"

static int64_t back_off(int64_t delay, int64_t most, unsigned count, const struct entropy *entropy)
{
    for (unsigned i = 1; i < count && delay < most; i++)
        delay *= 2;
    if (delay > most)
        delay = most;
    /* Jitter: messages that failed together are not tried together again. */
    int64_t quarter = delay / 4;
    int64_t spread = (int64_t)(entropy_u64(entropy) % (uint64_t)(2 * quarter + 1));
    return delay - quarter + spread;
}

int64_t schedule_delay_ms(const struct settings_relay *settings, unsigned attempts,
                          const struct entropy *entropy)
{
    return back_off(settings->retry_min_ms, settings->retry_max_ms, attempts, entropy);
}

int64_t schedule_put_off_ms(const struct settings_relay *settings, unsigned failures,
                            const struct entropy *entropy)
{
    int64_t least = settings->retry_min_ms, most = settings->retry_max_ms / 4;
    return back_off(least, most < least ? least : most, failures, entropy);
}
