/*
 * put_off.c: destinations that nobody could be reached at: no address answered, no session came as
 * far as asking for work. They are put off as a whole, so that their entries do not each try; all
 * their rows get the same due time, which is how they are found again when somebody answers before
 * it. Tests: tests/unit/test_relay_fair.c.
 */
#include <limits.h>

#include "base/log.h"
#include "base/mem.h"
#include "queue/schedule.h"
#include "relay/lease_internal.h"
#include "relay/relay_internal.h"

static void log_put_off(const struct destination *destination)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "relay", "put-off");
    log_text(&line, "destination", destination->key);
    log_int(&line, "failures", destination->failures);
    log_int(&line, "retry_at", destination->put_off_us / 1000000);
    log_text(&line, "why", destination->put_off_why);
    log_end(&line);
}

/* A time that no delay reaches was set by a clock that ran ahead: it would keep the mail for as
 * long as the clock was wrong by. */
bool relay_is_put_off(const struct destination *destination)
{
    const struct relay *relay = destination->relay;
    int64_t wait_us = destination->put_off_us - clock_wall_us(relay->options.clock);
    return destination->failures > 0 && !destination->is_flushed && wait_us > 0 &&
           wait_us <= 2 * relay->settings->retry_max_ms * 1000;
}

void relay_put_off_forget(struct destination *destination)
{
    destination->relay->put_off_count -= destination->failures > 0;
    destination->failures = 0;
    mem_free(destination->put_off_why);
    destination->put_off_why = NULL;
}

/* What a relay before this one knew stands in the rows: each time that nobody was reached is an
 * attempt of all that waited. New mail among them makes it begin anew. */
static unsigned failures_before(const struct destination *destination)
{
    unsigned least = UINT_MAX;
    list_each (node, &destination->ready) {
        const struct entry *entry = list_entry(node, struct entry, node);
        least = entry->row.attempts < least ? entry->row.attempts : least;
    }
    return least == UINT_MAX ? 0 : least;
}

void relay_put_off(struct destination *destination, const char *reason, const char *host)
{
    struct relay *relay = destination->relay;
    relay->put_off_count += destination->failures == 0;
    if (destination->failures == 0)
        destination->failures = failures_before(destination);
    destination->failures++;
    int64_t delay_ms =
        schedule_put_off_ms(relay->settings, destination->failures, relay->options.entropy);
    destination->put_off_us = clock_wall_us(relay->options.clock) + delay_ms * 1000;
    destination->is_flushed = false;
    mem_free(destination->put_off_why);
    destination->put_off_why = mem_strdup(reason);
    log_put_off(destination);

    const struct relay_outcome outcome = {.verdict = RELAY_TEMPORARY,
                                          .text = span_of(destination->put_off_why),
                                          .host = host,
                                          .route = destination->key,
                                          .due_us = destination->put_off_us};
    relay_destination_settle(destination, &outcome);
    if (relay->put_off_count > RELAY_PUT_OFF_MAX)
        relay_put_off_forget(destination);
    if (destination->has_more)
        relay_refill(destination);
}

void relay_recover(struct destination *destination)
{
    struct relay *relay = destination->relay;
    if (destination->failures == 0)
        return;
    /* Tried before its time, or by a row that is older than that: the others wait for it. */
    if (clock_wall_us(relay->options.clock) < destination->put_off_us) {
        struct store_recall *recall =
            store_recall_create(relay->options.store, destination->put_off_us);
        job_submit(relay->options.env->port, &recall->job, NULL, NULL);
        job_disown(&recall->job);
    }
    log_event(LOG_INFO, "relay", "recovered", "destination", destination->key);
    relay_put_off_forget(destination);
}

void relay_put_off_tidy(struct relay *relay)
{
    int64_t horizon_us = clock_wall_us(relay->options.clock) - relay->settings->retry_max_ms * 1000;
    size_t count;
    struct destination **all = relay_destinations_list(relay, &count);
    for (size_t i = 0; i < count; i++) {
        bool is_busy = all[i]->ready_count > 0 || all[i]->attempt_count > 0;
        if (is_busy || all[i]->failures == 0 || all[i]->put_off_us > horizon_us)
            continue;
        relay_put_off_forget(all[i]);
        relay_destination_run(all[i]);
    }
    mem_free(all);
}

void relay_see_flush(struct relay *relay)
{
    uint64_t turn = relay_flush_turn(relay->options.leases);
    if (turn == relay->flush_turn)
        return;
    relay->flush_turn = turn;
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&relay->destinations, &position, &key, &value))
        ((struct destination *)value)->is_flushed = true;
}
