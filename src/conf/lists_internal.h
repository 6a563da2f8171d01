/*
 * lists_internal: the top level's lists of groups: listeners, certificates and routes.
 */
#ifndef POSTERN_CONF_LISTS_INTERNAL_H
#define POSTERN_CONF_LISTS_INTERNAL_H

#include "conf/conf_internal.h"

/* schema.c */
extern const struct conf_row conf_route_rows[];
extern const size_t conf_route_row_count;

/* --- groups.c: lists of groups --- */

/* A list and what its members are; fill sets one member's fields by the scope. */
struct conf_groups {
    const char *name;
    const struct conf_row *rows;
    size_t row_count, count_min, count_max;
    void (*fill)(struct conf_load *load, const struct conf_node *node,
                 const struct conf_scope *scope, struct conf_draft *draft);
};
void conf_fill_groups(struct conf_load *load, const struct conf_node *list,
                      const struct conf_groups *groups, struct conf_draft *draft);

/* --- certificates.c: the list beside tls.certificate --- */
void conf_fill_certificates(struct conf_load *load, const struct conf_node *root,
                            struct conf_draft *draft);
void conf_check_certificates(struct conf_load *load, const struct conf_node *root,
                             const struct settings_tls *tls);

/* --- routes.c: the list, its index of domains, and who may read its passwords --- */
void conf_fill_routes(struct conf_load *load, const struct conf_node *root,
                      struct conf_draft *draft);
/* One route by the rows, with its checks and what follows from others. */
void conf_fill_route(struct conf_load *load, const struct conf_node *node,
                     struct settings_route *route);
void conf_check_routes(struct conf_load *load, const struct conf_node *root);

/* --- listeners.c: the list, and how its default is written --- */
void conf_fill_listeners(struct conf_load *load, const struct conf_node *root,
                         struct conf_draft *draft);
void conf_put_listeners(struct buf *out);
/* It listens on an address, not on unix sockets only. */
bool conf_listener_has_port(const struct settings_listener *listener);

#endif
