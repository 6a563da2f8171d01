/*
 * relay_internal: the structures of the relay, shared by the files of relay/ only.
 *
 * A relay leases entries (queue rows in memory), sorts them into destinations, and each destination
 * runs attempts (connections). An attempt's outcome becomes a settlement: a store transaction that
 * ends the lease.
 */
#ifndef POSTERN_RELAY_RELAY_INTERNAL_H
#define POSTERN_RELAY_RELAY_INTERNAL_H

#include "base/arena.h"
#include "base/map.h"
#include "dns/mx.h"
#include "protocols/smtp/client.h"
#include "relay/relay.h"
#include "store/queue_rows.h"
#include "tls/session.h"

enum {
    RELAY_LEASES_MAX = 2000,    /* entries in memory on one loop; the others wait in the store */
    RELAY_PAGE = 500,           /* rows read at a time */
    RELAY_RECIPIENTS_MAX = 100, /* of one transaction */
    RELAY_OVERLAP_US = 1000 * 1000,
    RELAY_RESCAN_MS = 60 * 1000,
    RELAY_SETTLE_RETRY_MS = 10 * 1000,
    RELAY_REASON_SIZE = 600
};

struct relay {
    struct relay_options options;
    const struct settings_relay *settings;
    struct store_watch *watch;
    struct timer *timer;
    struct job *scan; /* a look at the queue under way, or NULL */
    bool wants_scan;  /* the queue changed meanwhile */
    int64_t cursor_due_us;
    uint64_t cursor_id;
    struct map leases;       /* row id -> struct entry */
    struct map destinations; /* key -> struct destination */
    struct list settlements;
    size_t attempt_count;
    bool is_draining;
    void (*on_idle)(void *owner);
    void *idle_owner;
};

/* A leased row. */
struct entry {
    struct list_node node; /* in its destination's ready list, or in no list while under way */
    struct arena arena;    /* the row's texts */
    struct store_queue_row row;
    struct destination *destination;
};

/* How a destination is reached. */
struct route {
    bool is_smarthost;
    uint16_t port;
    enum relay_tls tls;
    enum tls_verify verify;
};

struct destination {
    struct relay *relay;
    char *key; /* "smarthost" or a domain in lower case */
    struct route route;
    struct list ready;
    size_t ready_count;
    struct mx_lookup *lookup;
    struct mx_host *hosts; /* of the last look-up */
    size_t host_count;
    struct list attempts;
    size_t attempt_count;
};

/* One connection, over all addresses that are tried for it. */
struct attempt {
    struct smtp_client_service service; /* first: the session's service */
    struct list_node node;              /* in its destination */
    struct relay *relay;                /* NULL: the relay is gone, only clean up */
    struct destination *destination;
    struct conn *conn;
    size_t host, address; /* which is being tried */
    struct tls_client_policy tls_policy;
    struct mx_host target; /* a copy: the destination may look up anew */
    bool is_usable;        /* a session came as far as asking for work */
    bool is_resting;       /* waits for work on a kept connection */
    unsigned message_count;
    char tls_text[160];             /* for the log: version, cipher, verdict */
    char reason[RELAY_REASON_SIZE]; /* why the last address did not work */
    /* The transaction under way. */
    struct smtp_transaction transaction;
    struct smtp_transaction_recipient *recipients;
    struct entry **entries;
    size_t entry_count;
};

/* What became of one entry. */
enum relay_verdict { RELAY_DELIVERED, RELAY_TEMPORARY, RELAY_PERMANENT };
struct relay_outcome {
    enum relay_verdict verdict;
    struct span status; /* "5.1.1", may be empty */
    struct span text;   /* in words, for log, queue and report */
    const char *host;   /* remote MTA, or NULL */
    const char *tls;    /* how it went there, or NULL */
};

/* route.c */
void relay_route(const struct relay *relay, const struct store_queue_row *row, struct route *out,
                 struct buf *key_out);

/* destination.c */
struct destination *relay_destination(struct relay *relay, const struct store_queue_row *row);
/* Puts the entry in line; relay_destination_run() then works. */
void relay_destination_add(struct destination *destination, struct entry *entry);
/* Starts, wakes or ends what is to be; frees the destination when nothing is left of it. */
void relay_destination_run(struct destination *destination);
/* Everything that waits is put off. */
void relay_destination_defer(struct destination *destination, const char *reason, const char *host);
void relay_destination_free(struct destination *destination);

/* attempt.c */
void relay_attempt_start(struct destination *destination);
/* The relay goes: the connection ends by itself. */
void relay_attempt_orphan(struct attempt *attempt);

/* outcome.c: takes the entry (its lease ends when the store has it). */
void relay_settle(struct relay *relay, struct entry *entry, const struct relay_outcome *outcome);
void relay_settlements_free(struct relay *relay);

/* relay.c */
void relay_entry_free(struct relay *relay, struct entry *entry);
/* After a lease, attempt or settlement ended: perhaps there is room for more, or all is done. */
void relay_moved(struct relay *relay);

#endif
