/* fetcher_table: see the header. */
#include "tests/fake/fetcher_table.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/require.h"

struct fetch {
    struct fetcher_table *table;
    struct timer *timer;
    char host[FETCH_HOST_SIZE];
    size_t size_max;
    fetch_fn *on_answer;
    void *owner;
};

static const struct fetcher_row *find(const struct fetcher_table *table, const char *host)
{
    static const struct fetcher_row none = {.err = ERR_UNREACHABLE};
    for (size_t i = 0; i < table->count; i++) {
        if (strcmp(table->rows[i].host, host) == 0)
            return &table->rows[i];
    }
    return &none;
}

static void answer(void *owner)
{
    struct fetch *fetch = owner;
    const struct fetcher_row *row = find(fetch->table, fetch->host);
    struct fetch_answer answer = {.err = row->err};
    if (row->err == 0)
        answer.body = span_of(row->body);
    require(answer.body.len <= fetch->size_max);
    (void)snprintf(answer.why, sizeof answer.why, "%s", row->err == 0 ? "" : err_text(row->err));
    fetch_fn *on_answer = fetch->on_answer;
    void *waiter = fetch->owner;
    loop_timer_free(&fetch->timer);
    mem_free(fetch);
    on_answer(waiter, &answer);
}

static struct fetch *start(struct fetcher *fetcher, const struct fetch_request *request,
                           fetch_fn *on_answer, void *owner)
{
    struct fetcher_table *table = (struct fetcher_table *)fetcher;
    struct fetch *fetch = mem_new(struct fetch);
    char address[ENDPOINT_TEXT_SIZE];
    endpoint_text(&request->addresses[0], address);
    (void)snprintf(table->last, sizeof table->last, "https://%s:%u%s at %s trusting \"%s\"",
                   request->host, (unsigned)request->port, request->path, address,
                   request->trusted);
    table->asked++;
    fetch->table = table;
    (void)snprintf(fetch->host, sizeof fetch->host, "%s", request->host);
    fetch->size_max = request->size_max;
    fetch->on_answer = on_answer;
    fetch->owner = owner;
    fetch->timer = loop_timer_create(table->loop, answer, fetch);
    loop_timer_start(fetch->timer, find(table, request->host)->delay_ms);
    return fetch;
}

static void cancel(struct fetch *fetch)
{
    fetch->table->cancelled++;
    loop_timer_free(&fetch->timer);
    mem_free(fetch);
}

static void free_nothing(struct fetcher *fetcher)
{
    (void)fetcher;
}

static const struct fetcher_ops ops = {start, cancel, free_nothing};

void fetcher_table_init(struct fetcher_table *table, struct loop *loop,
                        const struct fetcher_row *rows, size_t count)
{
    *table = (struct fetcher_table){.fetcher = {&ops}, .loop = loop, .rows = rows, .count = count};
}
