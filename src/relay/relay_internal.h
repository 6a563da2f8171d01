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
#include "relay/destination_internal.h"
#include "relay/outcome_internal.h"
#include "relay/relay.h"
#include "relay/skip_internal.h"
#include "store/queue_rows.h"
#include "tls/session.h"

enum {
    RELAY_LEASES_MAX = 2000,    /* entries in memory on one loop; the others wait in the store */
    RELAY_PAGE = 500,           /* rows read at a time */
    RELAY_RECIPIENTS_MAX = 100, /* of one transaction */
    RELAY_TRIES_MAX = 10,       /* dials for one connection: a list may be long and dead */
    /* Hosts and their policies are not used for longer, nor are connections to them: without this a
     * destination that always has mail would never hear of a policy, or a change of DNS. */
    RELAY_HOSTS_AGE_MS = 5 * 60 * 1000,
    RELAY_OVERLAP_US = 1000 * 1000,
    RELAY_PAUSE_MS = 5, /* between two looks: a queue may change all the time */
    RELAY_RESCAN_MS = 60 * 1000,
    RELAY_RESCAN_REST = 20,    /* a look at the whole queue is followed by so many times its time */
    RELAY_PUT_OFF_MAX = 10000, /* destinations; those over it are tried with each entry */
    RELAY_RETRY_MS = 10 * 1000, /* when the store cannot read or settle; doubled for one outcome */
    RELAY_RETRY_MAX_MS = 5 * 60 * 1000,
    RELAY_OWED_MS = 2 * 1000, /* the same where only room is missing: few are asked, all wait */
    RELAY_REASON_SIZE = 600
};

/* What a page is read for: what is due, what is due implausibly late, or what a destination that
 * has become short left in the store. */
enum relay_look { RELAY_LOOK_DUE, RELAY_LOOK_AHEAD, RELAY_LOOK_REFILL };

struct relay {
    struct relay_options options;
    struct routes_merged *merged;          /* the options' settings and the store's routes */
    const struct settings_relay *settings; /* in it */
    struct store_watch *watch, *routes_watch;
    struct timer *timer;
    struct job *scan; /* a look at the queue, or the move of its rows, under way, or NULL */
    enum relay_look look;
    bool is_whole_page; /* it filled its page: there is more */
    bool is_passing;    /* the look for what is due has more pages before it */
    bool is_whole_pass; /* it began at the queue's beginning, at */
    int64_t pass_began_ms;
    bool wants_scan, wants_ahead; /* the queue changed meanwhile */
    bool wants_refill;            /* a destination does */
    bool is_full;                 /* looks again when there is room for more leases */
    int64_t rescan_at_ms;         /* then from the beginning */
    int64_t scanned_ms;           /* when the last look ended */
    int64_t next_due_us;          /* as it said */
    int64_t deferred_us;          /* the first due time that was set since the last look began */
    struct relay_position cursor; /* of the look for what is due */
    struct relay_position refill_cursor; /* of that for refill_key */
    char *refill_key;                    /* of a destination, or NULL */
    size_t page_taken;                   /* rows of the page that were taken or moved */
    struct relay_skips skips;
    struct store_outcome *moved; /* RELAY_PAGE of them */
    size_t moved_count;
    uint64_t flush_turn; /* as of the leases, when it was last looked at */
    size_t put_off_count;
    struct map leases;       /* row id -> struct entry */
    struct map destinations; /* key -> struct destination */
    struct list retired;     /* destinations whose route holds no more: only attempts are left */
    struct list settlements;
    size_t owed_count; /* of them for which the store has no room; nothing is sent meanwhile */
    struct tlsrpt *tlsrpt;
    struct sts *sts; /* NULL: no MTA-STS */
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

/* route.c */
void relay_route(const struct relay *relay, const struct store_queue_row *row, struct route *out,
                 struct buf *key_out);
/* The texts of a route, borrowed from the settings of now: they may be other memory after a reload
 * that leaves all routes as they are. */
struct hop_texts {
    const char *host; /* when has_host */
    const char *user, *password;
    const char *refusal; /* when is_refused */
};
struct hop_texts relay_hop(const struct relay *relay, const struct route *route);
/* Whether what leads to the next hop differs: routes, host, port, TLS, login. */
bool relay_routes_differ(const struct settings_relay *old, const struct settings_relay *new);

/* take.c */
/* Takes, passes over or collects for a move each row of the page. */
void relay_take_page(struct relay *relay, const struct store_queue *queue);
/* The move of the rows that were collected, and its end. */
struct job *relay_move_page(struct relay *relay);
void relay_page_moved(struct relay *relay);
void relay_entries_free(struct relay *relay);

/* relay.c */
bool relay_is_mine(const struct relay *relay, struct span key);
void relay_entry_free(struct relay *relay, struct entry *entry);
/* Something is due, perhaps, that a look has seen before: the next one begins at the beginning. */
void relay_look_whole(struct relay *relay);
/* An entry was put off: the queue is looked at when it is due. */
void relay_deferred(struct relay *relay, int64_t due_us);
/* After a lease, attempt or settlement ended: perhaps there is room for more, or all is done. */
void relay_moved(struct relay *relay);

#endif
