/*
 * fill: puts the values of a file's tree, or their defaults, into the fields that the schema's rows
 * name, and complains of what does not fit, with the nearest known key for an unknown one.
 * Listeners go through here too (listeners.c calls it). Tests: test_conf_load.c.
 */
#include <limits.h>
#include <stdio.h>

#include "base/require.h"
#include "conf/conf_internal.h"
#include "conf/value.h"

enum { KEY_LEN_MAX = 64 /* longer keys have no neighbour */ };

/* --- fields --- */

static void set_number(const struct conf_row *row, void *base, int64_t value)
{
    char *field = (char *)base + row->offset;

    if (row->size == sizeof(uint16_t))
        *(uint16_t *)(void *)field = (uint16_t)value;
    else if (row->size == sizeof(unsigned))
        *(unsigned *)(void *)field = (unsigned)value;
    else
        *(int64_t *)(void *)field = value;
}

static void set_text(struct conf_load *load, const struct conf_row *row, void *base,
                     const char *text)
{
    const char **field = (const char **)(void *)((char *)base + row->offset);

    if ((row->flags & CONF_PATH) != 0 && text[0] != '\0' && text[0] != '/')
        text = strcmp(text, ".") == 0 ? arena_printf(load->arena, "%s", load->dir)
                                      : arena_printf(load->arena, "%s/%s", load->dir, text);
    *field = text;
}

static void set_list(const struct conf_row *row, void *base, const char **texts, size_t count)
{
    *(const char ***)(void *)((char *)base + row->offset) = texts;
    *(size_t *)(void *)((char *)base + row->size) = count;
}

/* --- complaints --- */

static void value_text(const struct conf_row *row, int64_t value, char out[32])
{
    struct buf buf;

    buf_init(&buf, 0);
    if (row->type == CONF_SIZE)
        conf_put_size(&buf, value);
    else if (row->type == CONF_TIME)
        conf_put_time(&buf, value);
    else
        buf_printf(&buf, "%lld", (long long)value);
    (void)snprintf(out, 32, "%.*s", (int)buf.len, buf_span(&buf).ptr);
    buf_release(&buf);
}

static void complain_of_type(struct conf_load *load, const struct conf_row *row,
                             const struct conf_node *node)
{
    static const char *const wanted[] = {[CONF_STRING] = "a text in quotes",
                                         [CONF_LIST] = "a list of texts",
                                         [CONF_BOOL] = "true or false",
                                         [CONF_COUNT] = "a number without quotes",
                                         [CONF_SIZE] = "a size with its unit",
                                         [CONF_TIME] = "a time with its unit",
                                         [CONF_CHOICE] = "one of a few texts in quotes",
                                         [CONF_ENUM] = "one of a few texts in quotes"};
    char path[80];
    bool is_list = row->type == CONF_LIST;

    conf_row_path(row, path);
    if (row->type == CONF_SIZE && node->kind == CONF_KIND_INT)
        conf_complain(load, node,
                      "%s has no unit: write \"%lldB\", \"%lldK\", \"%lldM\" or \"%lldG\"", path,
                      (long long)node->number, (long long)node->number, (long long)node->number,
                      (long long)node->number);
    else if (row->type == CONF_TIME && node->kind == CONF_KIND_INT)
        conf_complain(load, node,
                      "%s has no unit: write \"%llds\", \"%lldm\", \"%lldh\" or \"%lldd\"", path,
                      (long long)node->number, (long long)node->number, (long long)node->number,
                      (long long)node->number);
    else
        conf_complain(load, node, "%s is %s: must be %s, such as %s%s%s", path,
                      conf_kind_name(node->kind), wanted[row->type],
                      is_list                                             ? "[ \""
                      : row->type == CONF_BOOL || row->type == CONF_COUNT ? ""
                                                                          : "\"",
                      row->initial[0] != '\0' ? row->initial : "...",
                      is_list                                             ? "\" ]"
                      : row->type == CONF_BOOL || row->type == CONF_COUNT ? ""
                                                                          : "\"");
}

static bool number_is_in_range(struct conf_load *load, const struct conf_row *row,
                               const struct conf_node *node, int64_t value)
{
    char path[80], got[32], min[32], max[32];

    if (value >= row->min && value <= row->max)
        return true;
    value_text(row, value, got);
    value_text(row, row->min, min);
    value_text(row, row->max, max);
    conf_complain(load, node, "%s is %s: must be between %s and %s", conf_row_path(row, path), got,
                  min, max);
    return false;
}

static bool text_is_fit(struct conf_load *load, const struct conf_row *row,
                        const struct conf_node *node, const char *text)
{
    char path[80];
    const char *wrong = row->check != NULL ? row->check(text) : NULL;

    if (wrong != NULL)
        conf_complain(load, node, "%s \"%.100s\" %s", conf_row_path(row, path), text, wrong);
    return wrong == NULL;
}

/* --- one row --- */

static int parse_number(const struct conf_row *row, const char *text, int64_t *value_out)
{
    uint64_t count = 0;

    if (row->type == CONF_SIZE)
        return conf_parse_size(text, value_out);
    if (row->type == CONF_TIME)
        return conf_parse_time(text, value_out);
    if (!span_to_u64(span_of(text), INT64_MAX, &count))
        return ERR_SYNTAX;
    *value_out = (int64_t)count;
    return 0;
}

static const char **split_list(struct conf_load *load, const char *text, size_t *count_out)
{
    struct span rest = span_of(text);
    size_t max = 1;

    *count_out = 0;
    for (size_t i = 0; i < rest.len; i++)
        max += rest.ptr[i] == ',';
    const char **texts = arena_alloc(load->arena, max * sizeof *texts);
    while (rest.len > 0)
        texts[(*count_out)++] = arena_text(load->arena, span_cut(&rest, ','));
    return texts;
}

static void fill_default(struct conf_load *load, const struct conf_row *row, void *base)
{
    int64_t value = 0;
    size_t count = 0;
    const char **texts = NULL;

    switch (row->type) {
    case CONF_STRING:
    case CONF_CHOICE:
        set_text(load, row, base, row->initial);
        break;
    case CONF_LIST:
        texts = split_list(load, row->initial, &count);
        set_list(row, base, texts, count);
        break;
    case CONF_BOOL:
        *(bool *)((char *)base + row->offset) = strcmp(row->initial, "true") == 0;
        break;
    case CONF_ENUM:
        set_number(row, base, conf_choice_index(row->choices, row->initial));
        break;
    case CONF_COUNT:
    case CONF_SIZE:
    case CONF_TIME:
        require(parse_number(row, row->initial, &value) == 0);
        set_number(row, base, value);
        break;
    }
}

static void fill_list(struct conf_load *load, const struct conf_row *row,
                      const struct conf_node *node, void *base)
{
    char path[80];
    size_t count = 0, used = 0;

    for (const struct conf_node *child = node->children; child != NULL; child = child->next)
        count++;
    if ((int64_t)count < row->min || (int64_t)count > row->max) {
        conf_complain(load, node, "%s has %zu members: must have between %lld and %lld",
                      conf_row_path(row, path), count, (long long)row->min, (long long)row->max);
        return;
    }
    const char **texts = arena_alloc(load->arena, (count + 1) * sizeof *texts);
    for (const struct conf_node *child = node->children; child != NULL; child = child->next) {
        if (child->kind != CONF_KIND_TEXT)
            conf_complain(load, child, "%s has %s as a member: each must be a text in quotes",
                          conf_row_path(row, path), conf_kind_name(child->kind));
        else if (text_is_fit(load, row, child, child->text))
            texts[used++] = child->text;
    }
    set_list(row, base, texts, used);
}

static void fill_text(struct conf_load *load, const struct conf_row *row,
                      const struct conf_node *node, void *base)
{
    char path[80];
    int choice = row->choices != NULL ? conf_choice_index(row->choices, node->text) : 0;

    if (choice < 0)
        conf_complain(load, node, "%s is \"%.100s\": must be one of %s", conf_row_path(row, path),
                      node->text, row->choices);
    else if (row->type == CONF_ENUM)
        set_number(row, base, choice);
    else if (text_is_fit(load, row, node, node->text))
        set_text(load, row, base, node->text);
}

static void fill_unit(struct conf_load *load, const struct conf_row *row,
                      const struct conf_node *node, void *base)
{
    int64_t value = 0;
    char path[80];
    int err = parse_number(row, node->text, &value);

    if (err == ERR_LIMIT)
        value = INT64_MAX;
    if (err == ERR_SYNTAX)
        conf_complain(load, node,
                      "%s is \"%.100s\": must be a number with its unit, such as \"%s\" (%s)",
                      conf_row_path(row, path), node->text, row->initial,
                      row->type == CONF_SIZE ? "B, K, M, G" : "ms, s, m, h, d");
    else if (number_is_in_range(load, row, node, value))
        set_number(row, base, value);
}

static void fill_row(struct conf_load *load, const struct conf_row *row,
                     const struct conf_node *node, void *base)
{
    static const enum conf_kind wanted[] = {
        [CONF_STRING] = CONF_KIND_TEXT, [CONF_LIST] = CONF_KIND_LIST, [CONF_BOOL] = CONF_KIND_BOOL,
        [CONF_COUNT] = CONF_KIND_INT,   [CONF_SIZE] = CONF_KIND_TEXT, [CONF_TIME] = CONF_KIND_TEXT,
        [CONF_CHOICE] = CONF_KIND_TEXT, [CONF_ENUM] = CONF_KIND_TEXT};

    if (node->kind != wanted[row->type])
        complain_of_type(load, row, node);
    else if (row->type == CONF_LIST)
        fill_list(load, row, node, base);
    else if (row->type == CONF_BOOL)
        *(bool *)((char *)base + row->offset) = node->number != 0;
    else if (row->type == CONF_SIZE || row->type == CONF_TIME)
        fill_unit(load, row, node, base);
    else if (row->type != CONF_COUNT)
        fill_text(load, row, node, base);
    else if (number_is_in_range(load, row, node, node->number))
        set_number(row, base, node->number);
}

void conf_fill(struct conf_load *load, const struct conf_node *group,
               const struct conf_scope *scope, void *base)
{
    char path[80];

    for (size_t i = 0; i < scope->row_count; i++) {
        const struct conf_row *row = &scope->rows[i];
        if (strcmp(row->group, scope->group_name) != 0)
            continue;
        fill_default(load, row, base);
        const struct conf_node *node = group != NULL ? conf_node_get(group, row->name) : NULL;
        if (node != NULL)
            fill_row(load, row, node, base);
        else if (group != NULL && (row->flags & CONF_REQUIRED) != 0)
            conf_complain(load, group, "%s is not set: %s", conf_row_path(row, path),
                          row->sentence);
    }
}

/* --- unknown keys --- */

/* What may stand at the top level beside rows and groups (groups.c). */
static const char *const list_names[] = {"listeners", "certificates", "routes"};
enum { LIST_NAME_COUNT = sizeof list_names / sizeof *list_names };

/* Levenshtein's distance, for texts up to KEY_LEN_MAX. */
static unsigned distance(struct span a, struct span b)
{
    unsigned row[KEY_LEN_MAX + 1];

    for (size_t j = 0; j <= b.len; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned above = row[j];
            unsigned change = diagonal + (a.ptr[i - 1] != b.ptr[j - 1]);
            unsigned least = above < row[j - 1] ? above : row[j - 1];
            row[j] = change < least + 1 ? change : least + 1;
            diagonal = above;
        }
    }
    return row[b.len];
}

struct nearest {
    struct span wanted;
    unsigned distance;
    const char *name;
};

static void nearest_try(struct nearest *nearest, const char *name)
{
    unsigned found = distance(nearest->wanted, span_of(name));

    if (found < nearest->distance) {
        nearest->distance = found;
        nearest->name = name;
    }
}

static const struct conf_row *row_elsewhere(const char *name)
{
    for (size_t i = 0; i < conf_row_count; i++)
        if (strcmp(conf_rows[i].name, name) == 0)
            return &conf_rows[i];
    return NULL;
}

static void complain_of_unknown(struct conf_load *load, const struct conf_node *node,
                                const struct conf_scope *scope)
{
    const char *group_name = scope->group_name;
    struct nearest nearest = {.wanted = span_of(node->name), .distance = UINT_MAX};
    const char *dot = group_name[0] != '\0' ? "." : "";
    const struct conf_row *elsewhere = row_elsewhere(node->name);
    char path[80];

    if (nearest.wanted.len <= KEY_LEN_MAX) {
        for (size_t i = 0; i < scope->row_count; i++)
            if (strcmp(scope->rows[i].group, group_name) == 0)
                nearest_try(&nearest, scope->rows[i].name);
        for (size_t i = 0; group_name[0] == '\0' && i < conf_group_count; i++)
            nearest_try(&nearest, conf_groups[i].name);
        for (size_t i = 0; group_name[0] == '\0' && i < LIST_NAME_COUNT; i++)
            nearest_try(&nearest, list_names[i]);
    }
    /* More than a third wrong is no slip of the pen. */
    if (nearest.name != NULL && nearest.distance <= 1 + nearest.wanted.len / 3)
        conf_complain(load, node, "%s%s%.100s is not a key: did you mean %s%s%s?", group_name, dot,
                      node->name, group_name, dot, nearest.name);
    else if (elsewhere != NULL)
        conf_complain(load, node, "%s%s%.100s is not a key: did you mean %s?", group_name, dot,
                      node->name, conf_row_path(elsewhere, path));
    else
        conf_complain(load, node, "%s%s%.100s is not a key: conf/reference.conf lists them all",
                      group_name, dot, node->name);
}

static bool is_known(const struct conf_scope *scope, const char *name)
{
    for (size_t i = 0; i < scope->row_count; i++)
        if (strcmp(scope->rows[i].group, scope->group_name) == 0 &&
            strcmp(scope->rows[i].name, name) == 0)
            return true;
    if (scope->group_name[0] != '\0')
        return false;
    for (size_t i = 0; i < conf_group_count; i++)
        if (strcmp(conf_groups[i].name, name) == 0)
            return true;
    for (size_t i = 0; i < LIST_NAME_COUNT; i++)
        if (strcmp(list_names[i], name) == 0)
            return true;
    return false;
}

void conf_refuse_unknown(struct conf_load *load, const struct conf_node *group,
                         const struct conf_scope *scope)
{
    for (const struct conf_node *node = group->children; node != NULL; node = node->next)
        if (!is_known(scope, node->name))
            complain_of_unknown(load, node, scope);
}
