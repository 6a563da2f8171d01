/*
 * skip.c: which rows the look for what is due need not read: those of destinations that have left
 * so much behind already (their line is full, or they are put off) that the rest only stands
 * before the mail of others, and much that is another loop's. The destination's refill finds the
 * former. Tests: tests/unit/test_relay_fair.c, test_relay_life.c.
 */
#include "base/mem.h"
#include "relay/relay_internal.h"

static void add(struct relay_skips *skips, const char *key, struct span place)
{
    if (skips->count == STORE_QUEUE_SKIP_MAX)
        return;
    for (size_t i = 0; i < skips->count; i++) {
        if (span_is(place, skips->items[i].place))
            return;
    }
    skips->items[skips->count].place = span_dup(place);
    skips->items[skips->count++].key = key == NULL ? NULL : mem_strdup(key);
}

void relay_skip_add(struct relay *relay, const struct destination *destination, struct span place)
{
    if (destination->passed_count >= RELAY_SKIP_FROM)
        add(&relay->skips, destination->key, place);
}

/* One that most of the rows have is found with one counter, whatever is mixed in (Boyer, Moore). */
void relay_skip_foreign(struct relay *relay, struct span place)
{
    struct relay_skips *skips = &relay->skips;
    bool is_same = skips->foreign != NULL && span_is(place, skips->foreign);
    if (!is_same && skips->foreign_count > 0) {
        skips->foreign_count--;
        return;
    }
    if (!is_same) {
        mem_free(skips->foreign);
        skips->foreign = span_dup(place);
    }
    if (++skips->foreign_count == RELAY_SKIP_FROM)
        add(skips, NULL, place);
}

static void drop(struct relay_skips *skips, size_t index)
{
    mem_free(skips->items[index].place);
    mem_free(skips->items[index].key);
    skips->items[index] = skips->items[--skips->count];
}

void relay_skip_apply(struct relay *relay, struct store_queue *look,
                      const struct relay_position *at)
{
    struct relay_skips *skips = &relay->skips;
    struct span places[STORE_QUEUE_SKIP_MAX];
    for (size_t i = skips->count; i-- > 0;) {
        const char *key = skips->items[i].key;
        struct destination *destination =
            key == NULL ? NULL : map_get(&relay->destinations, span_of(key));
        if (key == NULL && at->due_us > 0)
            continue; /* another loop's; its slot is free again when a whole pass begins */
        if (destination == NULL || !destination->has_more)
            drop(skips, i);
        else
            relay_pass_over(destination, at); /* the look may begin before what it left behind */
    }
    for (size_t i = 0; i < skips->count; i++)
        places[i] = span_of(skips->items[i].place);
    store_queue_skip(look, places, skips->count);
}

void relay_skips_clear(struct relay *relay)
{
    struct relay_skips *skips = &relay->skips;
    while (skips->count > 0)
        drop(skips, skips->count - 1);
    mem_free(skips->foreign);
    skips->foreign = NULL;
    skips->foreign_count = 0;
}
