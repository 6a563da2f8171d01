/*
 * read: the only file that knows libconfig: text to a tree of our own, with lines. What the keys
 * mean is fill.c's and listeners.c's. Tests: test_conf_load.c, fuzz_conf.c.
 *
 * libconfig 1.5 oddities met here: it stops at a NUL byte in silence; it gives a parse error the
 * file's name only inside an @include; it numbers duplicate names at their second line; its
 * integers are 32 bits wide unless they end in L, so both kinds are taken as 64 bits.
 */
#include <libconfig.h>
#include <stdarg.h>
#include <stdio.h>

#include "conf/conf_internal.h"

void conf_complain(struct conf_load *load, const struct conf_node *node, const char *format, ...)
{
    char sentence[1024];
    va_list args;

    va_start(args, format);
    (void)vsnprintf(sentence, sizeof sentence, format, args);
    va_end(args);
    load->complaint_count++;
    bool has_file = node != NULL && node->file != NULL;
    if (load->report != NULL)
        load->report(load->owner, has_file ? node->file : load->file, node != NULL ? node->line : 0,
                     sentence);
}

const char *conf_kind_name(enum conf_kind kind)
{
    static const char *const names[] = {
        [CONF_KIND_GROUP] = "a group",      [CONF_KIND_LIST] = "a list",
        [CONF_KIND_TEXT] = "a text",        [CONF_KIND_INT] = "a number",
        [CONF_KIND_BOOL] = "a truth value", [CONF_KIND_FLOAT] = "a broken number"};
    return names[kind];
}

const struct conf_node *conf_node_get(const struct conf_node *group, const char *name)
{
    for (const struct conf_node *node = group->children; node != NULL; node = node->next)
        if (strcmp(node->name, name) == 0)
            return node;
    return NULL;
}

static enum conf_kind kind_of(const config_setting_t *setting)
{
    switch (config_setting_type(setting)) {
    case CONFIG_TYPE_GROUP:
        return CONF_KIND_GROUP;
    case CONFIG_TYPE_ARRAY:
    case CONFIG_TYPE_LIST:
        return CONF_KIND_LIST;
    case CONFIG_TYPE_STRING:
        return CONF_KIND_TEXT;
    case CONFIG_TYPE_BOOL:
        return CONF_KIND_BOOL;
    case CONFIG_TYPE_FLOAT:
        return CONF_KIND_FLOAT;
    default:
        return CONF_KIND_INT;
    }
}

static struct span or_empty(const char *text)
{
    return span_of(text != NULL ? text : "");
}

static struct conf_node *node_create(struct conf_load *load, const config_setting_t *setting)
{
    struct conf_node *node = arena_new(load->arena, struct conf_node);

    node->name = arena_text(load->arena, or_empty(config_setting_name(setting)));
    node->kind = kind_of(setting);
    node->line = (int)config_setting_source_line(setting);
    node->file = load->file;
    if (config_setting_source_file(setting) != NULL)
        node->file = arena_text(load->arena, or_empty(config_setting_source_file(setting)));
    if (node->kind == CONF_KIND_TEXT)
        node->text = arena_text(load->arena, or_empty(config_setting_get_string(setting)));
    else if (node->kind == CONF_KIND_BOOL)
        node->number = config_setting_get_bool(setting);
    else if (config_setting_type(setting) == CONFIG_TYPE_INT)
        node->number = config_setting_get_int(setting);
    else if (node->kind == CONF_KIND_INT)
        node->number = config_setting_get_int64(setting);
    return node;
}

/* Recursion ends at CONF_DEPTH_MAX, whatever the file says. NOLINTNEXTLINE(misc-no-recursion) */
static struct conf_node *convert(struct conf_load *load, const config_setting_t *setting,
                                 unsigned depth)
{
    struct conf_node *node = node_create(load, setting);
    struct conf_node **end = &node->children;

    if (node->kind != CONF_KIND_GROUP && node->kind != CONF_KIND_LIST)
        return node;
    int count = config_setting_length(setting);
    if (depth == CONF_DEPTH_MAX && count > 0) {
        conf_complain(load, node, "\"%s\" is nested too deeply: no key has so many levels",
                      node->name);
        return node;
    }
    if (count > CONF_LIST_MAX) {
        conf_complain(load, node, "\"%s\" has %d members: at most %d are allowed", node->name,
                      count, CONF_LIST_MAX);
        return node;
    }
    for (int i = 0; i < count; i++) {
        *end = convert(load, config_setting_get_elem(setting, (unsigned)i), depth + 1);
        end = &(*end)->next;
    }
    return node;
}

static void complain_of_parse(struct conf_load *load, const config_t *config)
{
    const struct conf_node place = {.line = config_error_line(config),
                                    .file = config_error_file(config)};
    const char *text = config_error_text(config);

    conf_complain(load, &place,
                  "%s: a key is written name = value; with groups in { }, lists in [ ] or ( ), "
                  "texts in quotes (look at the line before, too)",
                  text != NULL ? text : "syntax error");
}

static int line_of_offset(struct span text, size_t offset)
{
    int line = 1;

    for (size_t i = 0; i < offset; i++)
        line += text.ptr[i] == '\n';
    return line;
}

struct conf_node *conf_read(struct conf_load *load, struct span text)
{
    struct conf_node *root = NULL;
    config_t config;

    ptrdiff_t nul = span_find_byte(text, 0, '\0');
    if (nul >= 0) {
        const struct conf_node place = {.line = line_of_offset(text, (size_t)nul)};
        conf_complain(load, &place, "there is a NUL byte here: write the file as plain text");
        return NULL;
    }
    char *copy = arena_text(load->arena, text);
    config_init(&config);
    config_set_include_dir(&config, load->dir);
    if (config_read_string(&config, copy) == CONFIG_TRUE)
        root = convert(load, config_root_setting(&config), 0);
    else
        complain_of_parse(load, &config);
    config_destroy(&config);
    return root;
}
