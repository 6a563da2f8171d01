/*
 * routes: which row of `routes`, the configuration's and the store's together, a domain's mail goes
 * by: the relay asks where to, the SMTP server whether to take the mail at all.
 */
#ifndef POSTERN_QUEUE_ROUTES_H
#define POSTERN_QUEUE_ROUTES_H

#include "base/arena.h"
#include "base/span.h"
#include "conf/settings/relay.h"
#include "store/store.h"

/* The row that names the domain; else the one with its longest suffix (".example.net" is each
 * domain below example.net); else the one of "*"; else NULL. domain: in any case; an address
 * literal or an empty one fits "*" only. Borrowed from the settings. */
const struct settings_route *routes_find(const struct settings_relay *settings, struct span domain);

/* The same over both lists, of one domain for once: the more exact name wins, of the same name the
 * configuration's. out's texts are the settings' or in the arena. False: no row. Any thread. */
bool routes_look_up(const struct settings_relay *settings, struct store *store, struct span domain,
                    struct arena *arena, struct settings_route *out);

/* Both lists as one, for who looks many domains up: settings as the configuration's, with the
 * store's rows behind its own; those with the same words are one row. A row of the store that
 * cannot be read any more leads to a host that nobody can have, so its mail waits. */
struct routes_merged {
    struct settings_relay settings; /* read-only for users; texts live as long as what was given */
    struct arena arena;
    struct routes_word *added; /* until routes_merged_finish() */
    size_t added_count, added_capacity;
};
struct routes_merged *routes_merged_create(const struct settings_relay *settings);
/* One of the store's: a callback of store_each_route(). */
void routes_merged_add(void *merged, struct span domain, struct span words);
void routes_merged_finish(struct routes_merged *merged);
/* Accepts a pointer to NULL. */
void routes_merged_free(struct routes_merged **merged);

#endif
