/*
 * skip_internal: places (store/queue_rows.h) whose rows the look for what is due does not read. For
 * the files of relay/ only.
 */
#ifndef POSTERN_RELAY_SKIP_INTERNAL_H
#define POSTERN_RELAY_SKIP_INTERNAL_H

#include "store/queue_rows.h"

struct relay;
struct destination;
struct relay_position;

/* Rows of one place that were passed over: further ones are not read. */
enum { RELAY_SKIP_FROM = 100 };

struct relay_skips {
    struct {
        char *place;
        /* The destination's: its rows are skipped as long as it has_more, and each of them is
         * behind its `more`. NULL: another loop's. */
        char *key;
    } items[STORE_QUEUE_SKIP_MAX];
    size_t count;
    char *foreign; /* the place that most rows of other loops have, perhaps, or NULL */
    size_t foreign_count;
};

/* The row was passed over; so will be what else is of its place. */
void relay_skip_add(struct relay *relay, const struct destination *destination, struct span place);
/* The row is another loop's. */
void relay_skip_foreign(struct relay *relay, struct span place);
/* Before a look for what is due that begins at `at`. */
void relay_skip_apply(struct relay *relay, struct store_queue *look,
                      const struct relay_position *at);
/* All may be another's now: nothing is skipped. */
void relay_skips_clear(struct relay *relay);

#endif
