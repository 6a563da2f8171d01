/*
 * settle_internal: outcomes on their way into the store, between outcome.c (what became of an
 * entry) and settle.c (writing it down, with the report that it causes).
 */
#ifndef POSTERN_RELAY_SETTLE_INTERNAL_H
#define POSTERN_RELAY_SETTLE_INTERNAL_H

#include "mail/dsn.h"
#include "relay/relay_internal.h"
#include "store/history.h"

/* One entry's. */
struct settled {
    struct entry *entry;
    struct store_outcome outcome; /* its text is `text` */
    bool is_delivered;            /* the peer has it, or it was a row that only owes a report */
    enum dsn_action action;       /* for the report */
    int64_t attempt_s, retry_until_s;
    char text[RELAY_REASON_SIZE];
    char status[16];
    char host[MX_NAME_SIZE];
    struct store_attempt attempt; /* for the history; number 0: none was made */
    struct arena arena;           /* its texts */
};

/* One transaction of the store: one entry, or several of one message that share a report. */
struct settlement {
    struct list_node node;
    struct relay *relay;
    struct settled **items; /* RELAY_RECIPIENTS_MAX at most */
    size_t count;
    struct job *job;     /* under way, or NULL */
    bool is_settling;    /* that job is the store's transaction */
    bool is_owed;        /* there was no room for it; counted in the relay's owed_count */
    struct timer *timer; /* waits to try again */
    unsigned retry_count;
    bool wants_report;
    char *original; /* header of the message, or all of it, for the report */
    size_t original_len;
    bool is_whole;
    struct store_body *report;
};

/* In the relay's list, without items. */
struct settlement *settlement_create(struct relay *relay);
/* Takes the item and the lease of its entry. */
void settlement_add(struct settlement *settlement, struct settled *item);
/* All items are there: reads what the report needs and writes it down; ends by itself. */
void settlement_submit(struct settlement *settlement);

/* Who gets a report to that address: its mailboxes or aliases when the domain is ours, else the
 * queue. How many: up to STORE_TARGETS_MAX; texts in the arena, or borrowed. */
size_t relay_report_recipients(const struct relay *relay, struct span to, struct arena *arena,
                               struct store_recipient *out);

#endif
