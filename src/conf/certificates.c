/*
 * certificates: the list of certificates beside the default one of group tls, and what their files
 * must be like. Their keys are rows of schema.c, filled by fill.c. Tests: test_conf_load.c.
 */
#include "conf/lists_internal.h"

static void fill_one(struct conf_load *load, const struct conf_node *node,
                     const struct conf_scope *scope, struct conf_draft *draft)
{
    struct settings_tls *tls = &draft->settings.tls;

    struct settings_tls_pair *pair = &tls->pairs[tls->pair_count++];

    conf_fill(load, node, scope, pair);
    if (conf_node_get(node, "certificate") != NULL && pair->certificate[0] == '\0')
        conf_complain(load, node, "certificates.certificate is empty: name a file");
    if (conf_node_get(node, "key") != NULL && pair->key[0] == '\0')
        conf_complain(load, node, "certificates.key is empty: name a file");
}

void conf_fill_certificates(struct conf_load *load, const struct conf_node *root,
                            struct conf_draft *draft)
{
    const struct conf_groups groups = {.name = "certificates",
                                       .rows = conf_certificate_rows,
                                       .row_count = conf_certificate_row_count,
                                       .count_min = 0,
                                       .count_max = TLS_PAIRS_MAX - 1,
                                       .fill = fill_one};
    const struct conf_node *list = conf_node_get(root, groups.name);

    draft->settings.tls.pair_count = 1; /* the one of group tls; check.c may take it away */
    if (list != NULL)
        conf_fill_groups(load, list, &groups, draft);
}

void conf_check_certificates(struct conf_load *load, const struct conf_node *root,
                             const struct settings_tls *tls)
{
    const struct conf_node *list = conf_node_get(root, "certificates");
    const struct conf_node *node = list != NULL ? list->children : NULL;

    for (size_t i = 1; i < tls->pair_count && node != NULL; i++, node = node->next) {
        conf_check_file(load, node, "certificates.certificate", tls->pairs[i].certificate);
        conf_check_privacy(load, node, tls->pairs[i].key, "the private key");
    }
}
