/*
 * bounce: who is told what became of his mail, and the report about it (RFC 3464) as a body for
 * store_settle: failure, delay, success.
 */
#ifndef POSTERN_QUEUE_BOUNCE_H
#define POSTERN_QUEUE_BOUNCE_H

#include "base/clock.h"
#include "mail/dsn.h"
#include "store/queue_rows.h"

struct bounce {
    struct span hostname;
    /* Of any of the recipients: one message, one transaction in which it came. */
    const struct store_queue_row *row;
    const struct dsn_recipient *recipients; /* those for whom a report of their action is due */
    size_t recipient_count;
    struct span original; /* header of the message (may be cut), or the whole of it */
    bool is_whole;
};

/* Whether the sender is to be told: RFC 3461 5.2.2 to 5.2.7. A null reverse-path never gets a
 * report (RFC 5321 4.5.5), nor does NOTIFY=NEVER; without NOTIFY failures and delays are told; of a
 * delay once. */
bool bounce_is_due(const struct store_queue_row *row, enum dsn_action action);
/* What a row with one of STORE_OWES_ANY owes. */
enum dsn_action bounce_owed(const struct store_queue_row *row);
/* The report as a body; owned. scan: STORE_BODY_SCAN when the sender is local. */
struct store_body *bounce_create(struct store *store, const struct bounce *bounce,
                                 const struct clock *clock, enum store_body_scan scan);

#endif
