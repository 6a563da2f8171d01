/*
 * route_change: adding and deleting routes. What memory knows of them follows after the commit and
 * before the answer (account.c); relays hear of it by a watch.
 *
 * Tests: tests/unit/test_store_route.c.
 */
#include "store/route.h"

#include <string.h>

#include "store/writer_internal.h"

struct route_request {
    struct request base;
    struct store_change_route pub;
    enum store_route_action action;
    struct span domain;
    size_t words_len;
    char words[STORE_ROUTE_WORDS_MAX]; /* maybe a password: not in an arena, to be wiped */
};
REQUEST_LAYOUT(route_request);

static int count_routes(struct writer *writer, struct span domain, int64_t *same_out,
                        int64_t *all_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_ROUTE_COUNT, DB_ARGS(db_text(domain)), &rows);
    if (found <= 0)
        return found == 0 ? ERR_CORRUPT : found;
    *same_out = db_int_at(&rows, 0);
    *all_out = db_int_at(&rows, 1);
    db_done(&rows);
    return 0;
}

static int route_apply(struct request *base, struct writer *writer)
{
    struct route_request *request = (struct route_request *)(void *)base;
    struct span domain = request->domain;
    int64_t same = 0, all = 0;
    if (domain.len == 0 || domain.len >= STORE_ROUTE_SIZE ||
        request->words_len > STORE_ROUTE_WORDS_MAX)
        return ERR_LIMIT;
    int err = count_routes(writer, domain, &same, &all);
    if (err != 0)
        return err;
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_ACCOUNTS});
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = STORE_WATCH_ROUTES});
    if (request->action == STORE_ROUTE_DELETE)
        return same == 0 ? ERR_NOT_FOUND
                         : db_exec(writer->db, SQL_ROUTE_DELETE, DB_ARGS(db_text(domain)));
    if (same > 0)
        return ERR_EXISTS;
    if (all >= STORE_ROUTES_MAX)
        return ERR_FULL;
    return db_exec(
        writer->db, SQL_ROUTE_ADD,
        DB_ARGS(db_text(domain), db_text(span_make(request->words, request->words_len))));
}

static void route_release(struct request *base)
{
    struct route_request *request = (struct route_request *)(void *)base;
    explicit_bzero(request->words, sizeof request->words);
}

static const struct request_kind route_kind = {
    .what = "change the route",
    .lane = JOB_WRITE,
    .apply = route_apply,
    .release = route_release,
};

struct store_change_route *store_change_route_create(struct store *store,
                                                     enum store_route_action action,
                                                     struct span domain, struct span words)
{
    struct route_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &route_kind, store, &request->pub.status, &request->pub.fault);
    request->action = action;
    request->domain = arena_copy(&request->base.arena, domain);
    request->words_len = words.len; /* too long: refused where the store says so */
    if (words.len > 0 && words.len <= sizeof request->words)
        memcpy(request->words, words.ptr, words.len);
    return &request->pub;
}
