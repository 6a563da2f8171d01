/*
 * route: which way mail for a domain goes, beside the `routes` of the configuration: answered from
 * memory, changed by jobs, as domains are (domain.h). The store keeps a route as the words that it
 * was added with and does not read them; conf/route.h does. A word may be a password, in clear:
 * whoever may read the store's files (mode 0600) may read it.
 */
#ifndef POSTERN_STORE_ROUTE_H
#define POSTERN_STORE_ROUTE_H

#include "base/arena.h"
#include "store/store.h"

enum {
    STORE_ROUTE_SIZE = 257,       /* of a domain with its dot: ".example.org"; or "*" */
    STORE_ROUTE_WORDS_MAX = 2048, /* of all words of one route, with their line ends */
    STORE_ROUTES_MAX = 10000      /* rows: relays and sessions look through them in memory */
};

/* store_watch_create(): told when any route was added or deleted. */
#define STORE_WATCH_ROUTES UINT64_MAX

/* From memory, any thread. domain: exactly as it was added. words_out: in the arena, "key=value",
 * each behind the first after a '\n'. */
bool store_find_route(struct store *store, struct span domain, struct arena *arena,
                      struct span *words_out);
/* The same, in order of domain. What each() is given is borrowed. */
void store_each_route(struct store *store,
                      void (*each)(void *owner, struct span domain, struct span words),
                      void *owner);

enum store_route_action {
    STORE_ROUTE_ADD,   /* ERR_EXISTS; ERR_FULL over STORE_ROUTES_MAX */
    STORE_ROUTE_DELETE /* ERR_NOT_FOUND */
};

struct store_change_route {
    struct job job;
    int status;
    struct fault fault;
};
/* domain: in lower case, shorter than STORE_ROUTE_SIZE; words: up to STORE_ROUTE_WORDS_MAX (each
 * else ERR_LIMIT), none for a deletion. Copied; the copy of the words is wiped. */
struct store_change_route *store_change_route_create(struct store *store,
                                                     enum store_route_action action,
                                                     struct span domain, struct span words);

#endif
