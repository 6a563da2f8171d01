/*
 * schedule: when to try again, as pure functions: exponential backoff with jitter.
 */
#ifndef POSTERN_QUEUE_SCHEDULE_H
#define POSTERN_QUEUE_SCHEDULE_H

#include "base/entropy.h"
#include "conf/settings/relay.h"

/* Milliseconds until the next attempt after `attempts` have been made (1 or more): retry_min
 * doubled each time up to retry_max, then up to a quarter more or less at random. */
int64_t schedule_delay_ms(const struct settings_relay *settings, unsigned attempts,
                          const struct entropy *entropy);
/* The same for a destination where `failures` attempts in a row (1 or more) reached nobody: up to a
 * quarter of retry_max, since it is one attempt for all that waits. */
int64_t schedule_put_off_ms(const struct settings_relay *settings, unsigned failures,
                            const struct entropy *entropy);

#endif
