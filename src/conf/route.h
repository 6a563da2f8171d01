/*
 * route: one route from words "key=value", as `postern route add` takes them and the store keeps
 * them, and back. The keys, their values, the checks and what is complained of are those of the
 * configuration's `routes` (schema.c, routes.c).
 */
#ifndef POSTERN_CONF_ROUTE_H
#define POSTERN_CONF_ROUTE_H

#include "base/arena.h"
#include "conf/conf.h"

enum { CONF_ROUTE_WORDS_MAX = 12 /* more than there are keys */ };

struct conf_route_report {
    conf_report_fn *tell;
    void *owner;
};

/* domain: "example.org", ".example.org" or "*"; words: each behind the first after a '\n'. out and
 * its texts live in the arena. 0, or ERR_CONFIG after report() was told, once for each complaint,
 * with line 0; report NULL: nobody is told. */
int conf_route_read(struct span domain, struct span words, struct arena *arena,
                    const struct conf_route_report *report, struct settings_route *out)
    __attribute__((warn_unused_result));

/* Appends " via=host host=h port=25 ...": what is not the default. Of a password only that there is
 * one. */
void conf_route_put(const struct settings_route *route, struct buf *out);

#endif
