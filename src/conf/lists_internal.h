/*
 * lists_internal: the top level's lists of groups: listeners and certificates.
 */
#ifndef POSTERN_CONF_LISTS_INTERNAL_H
#define POSTERN_CONF_LISTS_INTERNAL_H

#include "conf/conf_internal.h"

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

/* --- listeners.c: the list, and how its default is written --- */
void conf_fill_listeners(struct conf_load *load, const struct conf_node *root,
                         struct conf_draft *draft);
void conf_put_listeners(struct buf *out);
/* It listens on an address, not on unix sockets only. */
bool conf_listener_has_port(const struct settings_listener *listener);

#endif
