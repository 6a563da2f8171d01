/*
 * conf: generations of settings: made from a file, a text or the defaults, counted, compared. The
 * steps of a load are in read.c (text to tree), fill.c, groups.c, listeners.c, certificates.c
 * and routes.c (tree to fields), check.c. Tests: test_conf_load.c.
 */
#include "conf/conf.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"
#include "conf/lists_internal.h"

enum conf_checks { CONF_CHECK_TEXT, CONF_CHECK_MACHINE };

static struct conf_draft *draft_create(void)
{
    struct conf_draft *draft = mem_new(struct conf_draft);

    arena_init(&draft->arena);
    atomic_init(&draft->ref_count, 1);
    return draft;
}

static void draft_free(struct conf_draft *draft)
{
    arena_reset(&draft->arena);
    mem_free(draft);
}

/* A group's node; a complaint and NULL when it is no group. */
static const struct conf_node *group_at(struct conf_load *load, const struct conf_node *root,
                                        const char *name)
{
    const struct conf_node *node = conf_node_get(root, name);

    if (node == NULL || node->kind == CONF_KIND_GROUP)
        return node;
    conf_complain(load, node, "%s is %s: must be a group, %s = { ... };", name,
                  conf_kind_name(node->kind), name);
    return NULL;
}

static void fill_all(struct conf_load *load, const struct conf_node *root, struct conf_draft *draft)
{
    struct conf_scope scope = {conf_rows, conf_row_count, ""};

    if (root != NULL)
        conf_refuse_unknown(load, root, &scope);
    conf_fill(load, root, &scope, draft);
    for (size_t i = 0; i < conf_group_count; i++) {
        scope.group_name = conf_groups[i].name;
        const struct conf_node *group =
            root != NULL ? group_at(load, root, scope.group_name) : NULL;
        if (group != NULL)
            conf_refuse_unknown(load, group, &scope);
        conf_fill(load, group, &scope, draft);
    }
}

/* file: absolute. */
static const struct settings *load_text(struct span text, const char *file, enum conf_checks checks,
                                        conf_report_fn *report, void *owner)
{
    struct conf_draft *draft = draft_create();
    const char *slash = strrchr(file, '/');
    size_t dir_len = slash != NULL ? (size_t)(slash - file) : 0;

    draft->settings.file = arena_text(&draft->arena, span_of(file));
    struct conf_load load = {.file = draft->settings.file,
                             .dir = arena_text(&draft->arena, span_make(file, dir_len)),
                             .report = report,
                             .owner = owner,
                             .arena = &draft->arena};
    const struct conf_node *root = conf_read(&load, text);
    if (root != NULL) {
        fill_all(&load, root, draft);
        conf_fill_listeners(&load, root, draft);
        conf_fill_certificates(&load, root, draft);
        conf_fill_routes(&load, root, draft);
    }
    /* Only what is sound by itself is compared: else one slip would be told twice. */
    if (load.complaint_count == 0)
        conf_check_together(&load, root, draft);
    if (root != NULL && checks == CONF_CHECK_MACHINE)
        conf_check_machine(&load, root, draft);
    if (load.complaint_count > 0) {
        draft_free(draft);
        return NULL;
    }
    return &draft->settings;
}

const struct settings *conf_load(const char *file, conf_report_fn *report, void *owner)
{
    char absolute[PATH_MAX];
    char *text = NULL;
    size_t len = 0;
    struct fault fault;

    if (realpath(file, absolute) == NULL)
        (void)snprintf(absolute, sizeof absolute, "%s", file);
    if (file_read_all(absolute, CONF_FILE_SIZE_MAX, &text, &len, &fault) != 0) {
        if (report != NULL)
            report(owner, file, 0, fault.text);
        return NULL;
    }
    const struct settings *settings =
        load_text(span_make(text, len), absolute, CONF_CHECK_MACHINE, report, owner);
    mem_wipe(text, len); /* it may hold a password */
    mem_free(text);
    return settings;
}

const struct settings *conf_parse(struct span text, const char *file, conf_report_fn *report,
                                  void *owner)
{
    return load_text(text, file, CONF_CHECK_TEXT, report, owner);
}

const struct settings *conf_defaults(void)
{
    struct conf_draft *draft = draft_create();
    struct conf_load load = {.file = "(defaults)", .dir = ".", .arena = &draft->arena};

    fill_all(&load, NULL, draft);
    require(load.complaint_count == 0);
    draft->settings.file = "";
    return &draft->settings;
}

/* The settings are the draft's first member. Users may not write to them; the count is ours. */
static struct conf_draft *draft_of(const struct settings *settings)
{
    union {
        const struct settings *settings;
        struct conf_draft *draft;
    } both = {.settings = settings};

    return both.draft;
}

const struct settings *conf_ref(const struct settings *settings)
{
    atomic_fetch_add_explicit(&draft_of(settings)->ref_count, 1, memory_order_relaxed);
    return settings;
}

void conf_unref(const struct settings **settings)
{
    if (*settings == NULL)
        return;
    struct conf_draft *draft = draft_of(*settings);
    *settings = NULL;
    unsigned before = atomic_fetch_sub_explicit(&draft->ref_count, 1, memory_order_acq_rel);
    require(before > 0);
    if (before == 1)
        draft_free(draft);
}

/* --- what changed --- */

static bool texts_are_equal(const char *const *a, size_t a_count, const char *const *b,
                            size_t b_count)
{
    if (a_count != b_count)
        return false;
    for (size_t i = 0; i < a_count; i++)
        if (strcmp(a[i], b[i]) != 0)
            return false;
    return true;
}

static bool field_is_equal(const struct conf_row *row, const struct settings *old,
                           const struct settings *new)
{
    const char *a = (const char *)draft_of(old) + row->offset;
    const char *b = (const char *)draft_of(new) + row->offset;

    require(row->type != CONF_LIST); /* none of those needs a restart */
    if (row->type == CONF_STRING || row->type == CONF_CHOICE)
        return strcmp(*(const char *const *)(const void *)a,
                      *(const char *const *)(const void *)b) == 0;
    return memcmp(a, b, row->size) == 0;
}

static bool listeners_are_equal(const struct settings *old, const struct settings *new)
{
    if (old->listener_count != new->listener_count)
        return false;
    for (size_t i = 0; i < old->listener_count; i++) {
        const struct settings_listener *a = &old->listeners[i], *b = &new->listeners[i];
        if (strcmp(a->name, b->name) != 0 || a->protocol != b->protocol || a->tls != b->tls ||
            a->port != b->port || strcmp(a->socket_mode, b->socket_mode) != 0 ||
            strcmp(a->socket_group, b->socket_group) != 0 ||
            !texts_are_equal(a->addresses, a->address_count, b->addresses, b->address_count))
            return false;
    }
    return true;
}

const char *conf_needs_restart(const struct settings *old, const struct settings *new)
{
    for (size_t i = 0; i < conf_row_count; i++)
        if ((conf_rows[i].flags & CONF_RESTART) != 0 && !field_is_equal(&conf_rows[i], old, new))
            return conf_rows[i].name;
    return listeners_are_equal(old, new) ? NULL : "listeners";
}
