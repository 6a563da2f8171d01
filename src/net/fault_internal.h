/* The channels of net/fault.c: one direction of a spoilt transport. */
#ifndef POSTERN_NET_FAULT_INTERNAL_H
#define POSTERN_NET_FAULT_INTERNAL_H

#include "base/buf.h"
#include "net/fault.h"

enum { RECORD_HEADER_SIZE = 5 };

struct channel {
    enum spoil_way way;
    struct buf queue;
    size_t row; /* of the plan; the next one of this way */
    uint64_t passed_len, passed_records;
    bool has_tls; /* the first record has begun */
    unsigned header_len;
    unsigned char header[RECORD_HEADER_SIZE];
    size_t record_left; /* of the record under way, behind its header */
    size_t pace_len;    /* 0: as fast as it comes */
    int64_t pace_ms;
    size_t allowance; /* bytes that may pass before the pace's next interval */
    bool is_waiting;  /* held, or out of allowance: until the timer, or for ever */
    bool is_cut;      /* what comes is swallowed */
    struct timer *timer;
};

/* Takes the timer, whose owner calls channel_resume(). */
void channel_init(struct channel *channel, enum spoil_way way, struct timer *timer);
void channel_deinit(struct channel *channel);

/* The next row of this way, or NULL. */
const struct spoil_row *channel_next_row(struct channel *channel, const struct spoil_plan *plan);
/* Whether so much has passed that the row acts; row may be NULL. */
bool channel_is_due(const struct channel *channel, const struct spoil_row *row);
/* How many bytes at the front of the queue pass before the row or the pace stops them; counts them
 * as passed. */
size_t channel_pass_len(struct channel *channel, const struct spoil_row *row);

void channel_begin_pace(struct channel *channel, const struct spoil_row *row);
/* Out of allowance the channel waits for its timer. */
void channel_check_pace(struct channel *channel);
/* The timer fired: a hold or an interval is over. */
void channel_resume(struct channel *channel);

#endif
