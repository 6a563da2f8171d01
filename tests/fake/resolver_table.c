/* resolver_table: see the header. */
#include "tests/fake/resolver_table.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { RECORDS_MAX = 40 };

struct resolver_query {
    struct post post;
    struct resolver_table *table;
    char name[300];
    enum dns_type type;
    dns_fn *on_answer;
    void *owner;
    bool is_cancelled, is_silent;
};

static bool is_secure(const struct resolver_table *table, const char *name)
{
    return table->is_signed || (table->signed_zone != NULL &&
                                span_ends_nocase(span_of(name), span_of(table->signed_zone)));
}

static void answer(struct post *post)
{
    struct resolver_query *query = list_entry(post, struct resolver_query, post);
    struct span records[RECORDS_MAX];
    struct dns_answer answer = {.err = ERR_NOT_FOUND, .records = records, .why = "no such name"};
    const struct resolver_table *table = query->table;
    const char *name = query->name;
    if (table->alias != NULL && strcmp(name, table->alias) == 0)
        name = answer.canonical = table->alias_of;
    answer.is_secure = is_secure(table, query->name) && is_secure(table, name);
    for (size_t i = 0; !query->is_cancelled && i < table->count; i++) {
        const struct resolver_row *row = &table->rows[i];
        if (strcmp(row->name, name) != 0 || row->type != query->type)
            continue;
        answer.err = row->err;
        answer.why = row->err == 0 ? NULL : "try later";
        if (row->err == 0 && answer.count < RECORDS_MAX)
            records[answer.count++] = span_make(row->data, row->len);
    }
    if (!query->is_cancelled)
        query->on_answer(query->owner, &answer);
    mem_free(query);
}

static struct resolver_query *ask(struct resolver *resolver, const char *name, enum dns_type type,
                                  dns_fn *on_answer, void *owner)
{
    struct resolver_table *table = (struct resolver_table *)resolver;
    struct resolver_query *query = mem_new(struct resolver_query);
    table->asked++;
    query->table = table;
    (void)snprintf(query->name, sizeof query->name, "%s", name);
    query->type = type;
    query->on_answer = on_answer;
    query->owner = owner;
    query->post.run = answer;
    query->is_silent = type == table->silent;
    if (query->is_silent)
        table->pending++;
    else
        loop_post(table->loop, &query->post);
    return query;
}

static void cancel(struct resolver_query *query)
{
    query->is_cancelled = true;
    if (query->is_silent) {
        query->table->pending--;
        mem_free(query);
    }
}

static void free_nothing(struct resolver *resolver)
{
    (void)resolver;
}

static const struct resolver_ops ops = {.ask = ask, .cancel = cancel, .free = free_nothing};

void resolver_table_init(struct resolver_table *table, struct loop *loop,
                         const struct resolver_row *rows, size_t count)
{
    *table =
        (struct resolver_table){.resolver = {&ops}, .loop = loop, .rows = rows, .count = count};
}
