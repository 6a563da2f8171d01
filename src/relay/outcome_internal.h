/*
 * outcome_internal: what became of an entry, from those who tried it to those who write it down.
 * For the files of relay/ only.
 */
#ifndef POSTERN_RELAY_OUTCOME_INTERNAL_H
#define POSTERN_RELAY_OUTCOME_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "store/queue_rows.h"

struct relay;
struct entry;

enum { RELAY_CHECKS_SIZE = 4096 };

/* What an attempt came to, beside its outcome. */
struct relay_tried {
    const char *address, *tls_version, *tls_suite, *check, *check_text;
    const char *checks; /* as struct store_attempt's */
    int64_t duration_us;
};

/* What became of one entry. */
enum relay_verdict { RELAY_DELIVERED, RELAY_TEMPORARY, RELAY_PERMANENT };
struct relay_outcome {
    enum relay_verdict verdict;
    struct span status;              /* "5.1.1", may be empty */
    struct span text;                /* in words, for log, queue and report */
    const char *host;                /* remote MTA, or NULL */
    const char *tls;                 /* how it went there, or NULL */
    bool peer_notifies;              /* delivered: the peer tells the sender (RFC 3461) */
    bool is_final;                   /* delivered: no further hop, the peer keeps it (LMTP) */
    const struct relay_tried *tried; /* NULL: it came to no session */
    const char *route;               /* the destination: a domain or "smarthost"; NULL: not known */
    int64_t due_us; /* temporary: when its destination is tried again; 0: by its own attempts */
};

/* outcome.c: takes the entry (its lease ends when the store has it). Those of one message share the
 * report that they cause: they are gathered in *group (NULL at first) until relay_settle_end() or
 * one of another message. A group that is not ended goes with the relay. */
struct settlement;
void relay_settle(struct relay *relay, struct entry *entry, const struct relay_outcome *outcome,
                  struct settlement **group);
/* The same for a row with one of STORE_OWES_ANY. */
void relay_settle_owed(struct relay *relay, struct entry *entry, struct settlement **group);
void relay_settle_end(struct settlement **group);
/* Whether its sender is to be told that it waits. */
bool relay_delay_is_due(const struct relay *relay, const struct store_queue_row *row);
/* settle.c */
void relay_settlements_free(struct relay *relay);
/* Whether a temporary failure is its last. */
bool relay_is_expired(const struct relay *relay, const struct store_queue_row *row);

#endif
