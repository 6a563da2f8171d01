/*
 * groups: lists of groups, ( { ... }, { ... } ): listeners, certificates and routes. What is in a
 * member is rows of schema.c, filled by fill.c. Tests: test_conf_load.c.
 */
#include "conf/lists_internal.h"

static void fill_member(struct conf_load *load, const struct conf_node *node,
                        const struct conf_groups *groups, struct conf_draft *draft)
{
    const struct conf_scope scope = {groups->rows, groups->row_count, groups->name};

    if (node->kind != CONF_KIND_GROUP) {
        conf_complain(load, node, "a member of %s is %s: must be a group { %s = ...; }",
                      groups->name, conf_kind_name(node->kind), groups->rows[0].name);
        return;
    }
    conf_refuse_unknown(load, node, &scope);
    groups->fill(load, node, &scope, draft);
}

void conf_fill_groups(struct conf_load *load, const struct conf_node *list,
                      const struct conf_groups *groups, struct conf_draft *draft)
{
    size_t count = 0;

    if (list->kind != CONF_KIND_LIST) {
        conf_complain(load, list, "%s is %s: must be a list of groups, ( { ... }, { ... } )",
                      groups->name, conf_kind_name(list->kind));
        return;
    }
    for (const struct conf_node *node = list->children; node != NULL; node = node->next)
        count++;
    if (count < groups->count_min || count > groups->count_max) {
        conf_complain(load, list, "%s has %zu members: must have between %zu and %zu", groups->name,
                      count, groups->count_min, groups->count_max);
        return;
    }
    for (const struct conf_node *node = list->children; node != NULL; node = node->next)
        fill_member(load, node, groups, draft);
}
