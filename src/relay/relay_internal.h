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
#include "relay/relay.h"
#include "store/queue_rows.h"
#include "tls/session.h"

enum {
    RELAY_LEASES_MAX = 2000,    /* entries in memory on one loop; the others wait in the store */
    RELAY_PAGE = 500,           /* rows read at a time */
    RELAY_RECIPIENTS_MAX = 100, /* of one transaction */
    RELAY_TRIES_MAX = 10, /* addresses tried for one connection: a list may be long and dead */
    RELAY_OVERLAP_US = 1000 * 1000,
    RELAY_PAUSE_MS =
        5, /* between two looks: a queue that always changes is not read all the time */
    RELAY_RESCAN_MS = 60 * 1000,
    RELAY_RETRY_MS = 10 * 1000, /* when the store cannot read or settle; doubled for one outcome */
    RELAY_RETRY_MAX_MS = 5 * 60 * 1000,
    RELAY_REASON_SIZE = 600
};

struct relay {
    struct relay_options options;
    const struct settings_relay *settings;
    struct store_watch *watch;
    struct timer *timer;
    struct job *scan; /* a look at the queue under way, or NULL */
    bool scans_ahead; /* it is for rows that are due implausibly late */
    bool wants_scan;  /* the queue changed meanwhile */
    bool wants_ahead;
    bool is_full;         /* looks again when there is room for more leases */
    int64_t rescan_at_ms; /* then from the beginning */
    int64_t scanned_ms;   /* when the last look ended */
    int64_t next_due_us;  /* as it said */
    int64_t deferred_us;  /* the first due time that was set since the last look began */
    int64_t cursor_due_us;
    uint64_t cursor_id;
    struct map leases;       /* row id -> struct entry */
    struct map destinations; /* key -> struct destination */
    struct list retired;     /* destinations whose route holds no more: only attempts are left */
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
};

/* How a destination is reached. */
struct route {
    bool is_smarthost;
    enum relay_protocol protocol;
    uint16_t port;
    enum relay_tls tls;
    enum tls_verify verify;
};

struct destination {
    struct list_node node; /* in relay->retired, else in no list */
    struct relay *relay;
    char *key; /* "smarthost" or a domain in lower case */
    struct route route;
    bool is_retired; /* has no ready entries and gets none */
    struct list ready;
    size_t ready_count;
    struct mx_lookup *lookup;
    struct mx_host *hosts; /* of the last look-up */
    size_t host_count;
    struct list attempts;
    size_t attempt_count;
    size_t attempts_most; /* what the peer has shown to bear; 0: not known */
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
/* Whether what leads to the next hop differs: host, port, TLS, login. */
bool relay_routes_differ(const struct settings_relay *old, const struct settings_relay *new);

/* destination.c */
/* Puts the entry in line where it goes now; relay_run() then works. An entry that belongs to
 * another loop is given back. */
void relay_line_up(struct relay *relay, struct entry *entry);
/* Starts, wakes or ends what is to be; frees the destination when nothing is left of it. */
void relay_destination_run(struct destination *destination);
/* The same for all. */
void relay_run(struct relay *relay);
/* Everything that waits is put off. */
void relay_destination_defer(struct destination *destination, const char *reason, const char *host);
/* No destination gets anything more; what waited is to be lined up anew. */
void relay_destinations_retire(struct relay *relay, struct list *waiting_out);
void relay_destinations_free(struct relay *relay);

/* outcome.c: takes the entry (its lease ends when the store has it). */
void relay_settle(struct relay *relay, struct entry *entry, const struct relay_outcome *outcome);
void relay_settlements_free(struct relay *relay);

/* relay.c */
bool relay_is_mine(const struct relay *relay, struct span key);
void relay_entry_free(struct relay *relay, struct entry *entry);
/* An entry was put off: the queue is looked at when it is due. */
void relay_deferred(struct relay *relay, int64_t due_us);
/* After a lease, attempt or settlement ended: perhaps there is room for more, or all is done. */
void relay_moved(struct relay *relay);

#endif
