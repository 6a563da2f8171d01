/*
 * tlsrpt_internal: counting and sending of TLS results, shared by the files of relay/ only. See
 * tlsrpt.h. Each loop's relay has one counter; the sender is loop 0's.
 */
#ifndef POSTERN_RELAY_TLSRPT_INTERNAL_H
#define POSTERN_RELAY_TLSRPT_INTERNAL_H

#include "base/map.h"
#include "relay/tlsrpt.h"
#include "store/store.h"

enum {
    TLSRPT_COUNTERS_MAX = 1000,  /* in memory; what comes when it is full is not counted */
    TLSRPT_WRITE_MS = 60 * 1000, /* after the first that is counted */
    TLSRPT_TEXT_MAX = 2048,      /* of a policy or its patterns: whole lines of it */
    TLSRPT_REASON_MAX = 160
};

/* Microseconds and seconds since 1970 as days, UTC. */
int64_t tlsrpt_day(int64_t wall_us);

/* ---- tlsrpt.c: the counter ------------------------------------------------------------------ */

struct tlsrpt;
/* With the sender, on loop 0. The relay outlives it. Owned. */
struct tlsrpt *tlsrpt_create(struct relay *relay);
/* What is counted goes into the store now, and at once from here on; no more reports are begun. */
void tlsrpt_drain(struct tlsrpt *tlsrpt);
/* Before and after the relay's options change. */
void tlsrpt_pause(struct tlsrpt *tlsrpt);
void tlsrpt_resume(struct tlsrpt *tlsrpt);
/* What is counted is written still; nobody waits for it. Accepts a pointer to NULL. */
void tlsrpt_free(struct tlsrpt **tlsrpt);

/* ---- tlsrpt_send.c: the sender -------------------------------------------------------------- */

struct tlsrpt_sender;
/* Owned. The relay outlives it. */
struct tlsrpt_sender *tlsrpt_sender_create(struct relay *relay);
/* The relay's options change: what is asked of the old resolver is given up and asked anew. Before
 * the change, and after it. */
void tlsrpt_sender_pause(struct tlsrpt_sender *sender);
void tlsrpt_sender_resume(struct tlsrpt_sender *sender);
/* Accepts a pointer to NULL. */
void tlsrpt_sender_free(struct tlsrpt_sender **sender);

#endif
