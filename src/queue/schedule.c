/*
 * schedule.c: backoff. A pure function of settings, attempts and one random number.
 * Tests: tests/unit/test_queue.c.
 */
#include "queue/schedule.h"

int64_t schedule_delay_ms(const struct settings_relay *settings, unsigned attempts,
                          const struct entropy *entropy)
{
    int64_t delay = settings->retry_min_ms;
    for (unsigned i = 1; i < attempts && delay < settings->retry_max_ms; i++)
        delay *= 2;
    if (delay > settings->retry_max_ms)
        delay = settings->retry_max_ms;
    /* Jitter: messages that failed together are not tried together again. */
    int64_t quarter = delay / 4;
    int64_t spread = (int64_t)(entropy_u64(entropy) % (uint64_t)(2 * quarter + 1));
    return delay - quarter + spread;
}
