/*
 * history: what is remembered of mail on its way out: where it came from, and each attempt. Written
 * with the message and with each outcome, in the same transactions; forgotten after
 * settings.history_ms (0: nothing is written). Mail that is local only has none. See store.h.
 */
#ifndef POSTERN_STORE_HISTORY_H
#define POSTERN_STORE_HISTORY_H

#include "store/queue_rows.h"

enum { STORE_ATTEMPTS_KEPT = 30 }; /* of an entry: the first and the last ones */

/* What became of an entry, once. */
struct store_attempt {
    unsigned number; /* 1 for the first */
    int64_t at_us;   /* when its outcome was known */
    int64_t duration_us;
    struct span verdict; /* "delivered", "deferred", "failed" */
    struct span recipient;
    struct span route;                  /* the domain or "smarthost" */
    struct span host, address;          /* empty: none was reached */
    struct span tls_version, tls_suite; /* empty: plaintext, or no session */
    struct span check, check_text;      /* of the certificate, in a word and in a sentence */
    /* What was demanded, and each check by itself: lines "policy dane SENTENCE", "chain good
     * SENTENCE"; a sentence may be empty. */
    struct span checks;
    struct span reply; /* the peer's, or our sentence */
    int64_t due_us;    /* of the next attempt; 0: none */
};

struct store_history_attempt {
    uint64_t entry;
    struct store_attempt attempt;
};

struct store_history {
    struct job job;
    int status;
    struct fault fault;
    bool is_received; /* origin and so on are there */
    int64_t received_us;
    uint64_t size;
    struct span reverse_path;
    struct store_origin origin;
    struct store_history_attempt *attempts; /* by entry and number */
    size_t attempt_count;
    struct store_queue_row *rows; /* what still waits */
    size_t row_count;
    bool is_stored; /* the message is here still: in a mailbox or the queue */
};
struct store_history *store_history_create(struct store *store, uint64_t message);

#endif
