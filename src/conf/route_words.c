/*
 * route_words: a route's words as the tree that a file would have made of them, filled and checked
 * by the same functions. Tests: tests/unit/test_conf_route.c, tests/fuzz/fuzz_conf_route.c.
 */
#include "conf/lists_internal.h"
#include "conf/route.h"
#include "conf/value.h"

#include <stdio.h>

enum { WORD_LEN_MAX = 1024 };

static void tell_nobody(void *owner, const char *file, int line, const char *sentence)
{
    (void)owner;
    (void)file;
    (void)line;
    (void)sentence;
}

static const struct conf_row *row_of(const char *name)
{
    for (size_t i = 0; i < conf_route_row_count; i++)
        if (strcmp(conf_route_rows[i].name, name) == 0)
            return &conf_route_rows[i];
    return NULL;
}

static struct conf_node *make_node(struct conf_load *load, const char *name, struct span text)
{
    struct conf_node *node = arena_new(load->arena, struct conf_node);

    node->name = name;
    node->kind = CONF_KIND_TEXT;
    node->file = load->file;
    node->text = arena_text(load->arena, text);
    return node;
}

/* Words have no quotes: what a value is follows from its key. */
static void set_kind(struct conf_node *node)
{
    const struct conf_row *row = row_of(node->name);
    uint64_t number = 0;

    if (row != NULL && row->type == CONF_COUNT &&
        span_to_u64(span_of(node->text), INT32_MAX, &number)) {
        node->kind = CONF_KIND_INT;
        node->number = (int64_t)number;
    } else if (row != NULL && row->type == CONF_BOOL &&
               conf_choice_index("false|true", node->text) >= 0) {
        node->kind = CONF_KIND_BOOL;
        node->number = conf_choice_index("false|true", node->text);
    }
}

/* NULL after a complaint. */
static struct conf_node *read_word(struct conf_load *load, const struct conf_node *group,
                                   struct span word)
{
    ptrdiff_t equals = span_find_byte(word, 0, '=');

    if (word.len > WORD_LEN_MAX) {
        conf_complain(load, group, "a word of %zu bytes is too long: at most %d", word.len,
                      WORD_LEN_MAX);
        return NULL;
    }
    if (equals <= 0 || span_find_byte(word, 0, '\0') >= 0) {
        conf_complain(load, group, "\"%.*s\" is no key with its value: write such as via=host",
                      (int)span_first(word, equals < 0 ? 40 : 0).len, word.ptr);
        return NULL;
    }
    const char *name = arena_text(load->arena, span_first(word, (size_t)equals));
    if (conf_node_get(group, name) != NULL) {
        conf_complain(load, group, "routes.%.100s is given a second time", name);
        return NULL;
    }
    struct conf_node *node = make_node(load, name, span_from(word, (size_t)equals + 1));
    set_kind(node);
    return node;
}

static void read_words(struct conf_load *load, struct conf_node *group, struct span words)
{
    struct conf_node **end = &group->children->next;

    for (size_t i = 0; words.len > 0; i++) {
        struct conf_node *node = NULL;
        if (i < CONF_ROUTE_WORDS_MAX)
            node = read_word(load, group, span_cut(&words, '\n'));
        else
            conf_complain(load, group, "there are more words than a route has keys");
        if (node == NULL)
            return;
        *end = node;
        end = &node->next;
    }
}

int conf_route_read(struct span domain, struct span words, struct arena *arena,
                    const struct conf_route_report *report, struct settings_route *out)
{
    const struct conf_scope scope = {conf_route_rows, conf_route_row_count, "routes"};
    struct conf_load load = {.file = "route",
                             .dir = "",
                             .report = report != NULL ? report->tell : tell_nobody,
                             .owner = report != NULL ? report->owner : NULL,
                             .arena = arena};
    struct conf_node *group = make_node(&load, "routes", span_of(""));
    struct conf_node *domains = make_node(&load, "domains", span_of(""));

    group->kind = CONF_KIND_GROUP;
    group->children = domains;
    domains->kind = CONF_KIND_LIST;
    domains->children = make_node(&load, "", domain);
    read_words(&load, group, words);
    if (load.complaint_count == 0)
        conf_refuse_unknown(&load, group, &scope);
    if (load.complaint_count == 0)
        conf_fill_route(&load, group, out);
    return load.complaint_count == 0 ? 0 : ERR_CONFIG;
}

/* ---- And back ------------------------------------------------------------------------------- */

static struct span choice_at(const char *choices, unsigned index)
{
    struct span rest = span_of(choices), choice = span_cut(&rest, '|');

    for (unsigned i = 0; i < index; i++)
        choice = span_cut(&rest, '|');
    return choice;
}

static void put_text(struct buf *out, struct span text)
{
    bool is_quoted = span_find_byte(text, 0, ' ') >= 0;

    buf_puts(out, is_quoted ? "\"" : "");
    buf_put(out, text);
    buf_puts(out, is_quoted ? "\"" : "");
}

static struct span value_of(const struct conf_row *row, const struct settings_route *route,
                            char number_out[32])
{
    const char *field = (const char *)route + row->offset;
    uint64_t number = 0;

    if (row->type == CONF_STRING || row->type == CONF_CHOICE)
        return span_of(*(const char *const *)(const void *)field);
    if (row->type == CONF_BOOL)
        return span_of(*(const bool *)field ? "true" : "false");
    if (row->size == sizeof(uint16_t))
        number = *(const uint16_t *)(const void *)field;
    else if (row->size == sizeof(unsigned))
        number = *(const unsigned *)(const void *)field;
    if (row->type == CONF_ENUM)
        return choice_at(row->choices, (unsigned)number);
    (void)snprintf(number_out, 32, "%llu", (unsigned long long)number);
    return span_of(number_out);
}

void conf_route_put(const struct settings_route *route, struct buf *out)
{
    for (size_t i = 0; i < conf_route_row_count; i++) {
        const struct conf_row *row = &conf_route_rows[i];
        char number[32];
        if (row->type == CONF_LIST)
            continue;
        struct span value = value_of(row, route, number);
        bool is_required = (row->flags & CONF_REQUIRED) != 0;
        if (span_is(value, row->initial) && !is_required)
            continue;
        buf_printf(out, " %s=", row->name);
        put_text(out, (row->flags & CONF_SECRET) != 0 ? span_of("(hidden)") : value);
    }
}
