/*
 * destination_internal: a next hop with what waits for it, for the files of relay/ only.
 */
#ifndef POSTERN_RELAY_DESTINATION_INTERNAL_H
#define POSTERN_RELAY_DESTINATION_INTERNAL_H

#include "base/list.h"
#include "dns/mx.h"
#include "relay/relay.h"
#include "relay/security.h"
#include "tls/session.h"

struct entry;
struct relay_outcome;

/* Of a row in the order of the queue. */
struct relay_position {
    int64_t due_us;
    uint64_t id;
};
static inline bool relay_is_before(const struct relay_position *a, const struct relay_position *b)
{
    return a->due_us < b->due_us || (a->due_us == b->due_us && a->id < b->id);
}

/* How a destination is reached. */
#define ROUTE_DEFAULT SIZE_MAX
struct route {
    size_t row;    /* place in settings->routes, or ROUTE_DEFAULT: texts are there (relay_hop) */
    bool has_host; /* one server is named, else there is a look-up of MX records */
    bool is_refused;
    enum relay_protocol protocol;
    uint16_t port;
    enum relay_tls tls; /* what the configuration and the message demand; see security.h */
    enum tls_verify verify;
    bool waives_tls;   /* goes in plaintext when a handshake does not work, whatever the settings */
    bool requires_tls; /* for mail with REQUIRETLS, which has a destination of its own */
};

struct destination {
    struct list_node node; /* in relay->retired, else in no list */
    struct relay *relay;
    /* A domain in lower case, "smarthost:HOST" or "route N:HOST": each way its own; behind a space,
     * what its mail wishes. */
    char *key;
    struct route route;
    bool is_retired; /* has no ready entries and gets none */
    struct list ready;
    size_t ready_count;
    struct mx_lookup *lookup;
    struct security_stage *stage; /* behind it: what must be proven */
    struct relay_host *hosts;     /* of the last look-up */
    size_t host_count;
    int64_t hosts_ms;  /* when that was, of the loop */
    bool has_left_out; /* one of its hosts may not be tried now, but may be later */
    struct list attempts;
    size_t attempt_count;
    size_t attempts_most; /* what the peer has shown to bear; 0: not known */
    /* Rows that were passed over, since the line was long enough, and the first of them; a lower
     * bound. */
    bool has_more, wants_refill;
    struct relay_position more;
    size_t passed_count; /* since has_more is set */
    /* Put off as a whole, since no session came about. */
    unsigned failures;  /* in a row; 0: nothing of the following is set */
    int64_t put_off_us; /* until then; its rows have it as due time */
    bool is_flushed;    /* tried before that time */
    char *put_off_why;  /* why the last one did not come about */
};

/* destination.c */
/* Puts the entry in line where it goes now; relay_run() then works. An entry that belongs to
 * another loop is given back. */
void relay_line_up(struct relay *relay, struct entry *entry);
/* Starts, wakes or ends what is to be; frees the destination when nothing is left of it. */
void relay_destination_run(struct destination *destination);
/* The same for all. */
void relay_run(struct relay *relay);
/* What waits in line gets this outcome. */
void relay_destination_settle(struct destination *destination, const struct relay_outcome *outcome);
/* The next connection begins with a look-up. */
void relay_hosts_forget(struct destination *destination);
/* What was looked up at that time of the loop is to be looked up anew. */
bool relay_hosts_are_old(const struct relay *relay, int64_t since_ms);
/* All destinations, for those who end or change them: an array to be freed. */
struct destination **relay_destinations_list(const struct relay *relay, size_t *count_out);
/* No destination gets anything more; what waited is to be lined up anew. */
void relay_destinations_retire(struct relay *relay, struct list *waiting_out);
void relay_destinations_free(struct relay *relay);

/* put_off.c: destinations that nobody could be reached at. */
/* Everything that waits is put off, and what comes, with a delay that grows. */
void relay_put_off(struct destination *destination, const char *reason, const char *host);
bool relay_is_put_off(const struct destination *destination);
/* A session came about: what was put off is due. */
void relay_recover(struct destination *destination);
/* Frees what is remembered of it. */
void relay_put_off_forget(struct destination *destination);
/* Those whose time was over long ago are as if they had never been. */
void relay_put_off_tidy(struct relay *relay);
/* After relay_leases_flush(): all may be tried at once. */
void relay_see_flush(struct relay *relay);

/* take.c */
/* It left a row behind, there or later. */
void relay_pass_over(struct destination *destination, const struct relay_position *at);
/* Whether it may have more in line than half of what it has. */
bool relay_is_short(const struct destination *destination);

/* relay.c */
/* The line became short: what was passed over is looked for. */
void relay_refill(struct destination *destination);

#endif
