/*
 * bounce: makes the failure report of a queue entry (RFC 3464) as a body for store_settle.
 */
#ifndef POSTERN_QUEUE_BOUNCE_H
#define POSTERN_QUEUE_BOUNCE_H

#include "base/clock.h"
#include "mail/dsn.h"
#include "store/queue_rows.h"

struct bounce {
    struct span hostname;
    const struct store_queue_row *row;
    struct span status;     /* "5.1.1" */
    struct span diagnostic; /* the peer's reply, or our sentence */
    struct span remote_mta;
    struct span original_header; /* of the message; may be cut */
};

/* Whether a report may be sent: a null reverse-path never gets one (RFC 5321 4.5.5), nor does
 * NOTIFY=NEVER or one without FAILURE. */
bool bounce_is_due(const struct store_queue_row *row);
/* The report as a body; owned. scan: STORE_BODY_SCAN when the sender is local. */
struct store_body *bounce_create(struct store *store, const struct bounce *bounce,
                                 const struct clock *clock, enum store_body_scan scan);

#endif
