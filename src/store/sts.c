/*
 * sts.c: the table of MTA-STS policies. Rows are small and few, so each change tidies a little.
 *
 * Tests: tests/unit/test_store_sts.c.
 */
#include "store/sts.h"

#include "base/mem.h"
#include "store/writer_internal.h"

enum { EXPIRED_SLICE = 100 };

/* SQL_STS and SQL_STS_PAGE. */
static struct store_sts read_row(struct arena *arena, const struct db_rows *rows)
{
    return (struct store_sts){
        .domain = arena_copy(arena, db_bytes_at(rows, 0)),
        .id = arena_copy(arena, db_bytes_at(rows, 1)),
        .policy = arena_copy(arena, db_bytes_at(rows, 2)),
        .fetched_us = db_int_at(rows, 3),
        .expires_us = db_int_at(rows, 4),
        .used_us = db_int_at(rows, 5),
    };
}

/* ---- Finding one ---------------------------------------------------------------------------- */

struct sts_find_request {
    struct request base;
    struct store_sts_find pub;
    struct span domain;
};
REQUEST_LAYOUT(sts_find_request);

static int sts_find_read(struct request *base, struct db *db)
{
    struct sts_find_request *request = (struct sts_find_request *)(void *)base;
    struct db_rows rows;
    int found = db_query_one(db, SQL_STS, DB_ARGS(db_text(request->domain)), &rows);
    if (found <= 0)
        return found == 0 ? ERR_NOT_FOUND : found;
    request->pub.row = read_row(&base->arena, &rows);
    db_done(&rows);
    return 0;
}

static const struct request_kind sts_find_kind = {
    .what = "read an MTA-STS policy",
    .lane = JOB_READ,
    .read = sts_find_read,
};

struct store_sts_find *store_sts_find_create(struct store *store, struct span domain)
{
    struct sts_find_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &sts_find_kind, store, &request->pub.status, &request->pub.fault);
    request->domain = arena_copy(&request->base.arena, domain);
    return &request->pub;
}

/* ---- Reading them all ----------------------------------------------------------------------- */

struct sts_page_request {
    struct request base;
    struct store_sts_page pub;
    struct span after;
    int64_t fetched_us, now_us;
    size_t count_max;
};
REQUEST_LAYOUT(sts_page_request);

static int sts_page_read(struct request *base, struct db *db)
{
    struct sts_page_request *request = (struct sts_page_request *)(void *)base;
    struct store_sts_page *pub = &request->pub;
    struct db_rows rows;
    int err = db_query(db, SQL_STS_PAGE,
                       DB_ARGS(db_text(request->after), db_int(request->fetched_us),
                               db_int(2 * request->now_us), db_u64(request->count_max)),
                       &rows);
    pub->rows = arena_alloc(&base->arena, (request->count_max + 1) * sizeof *pub->rows);
    pub->count = 0;
    while (err == 0 && (err = db_next(&rows)) == 1) {
        pub->rows[pub->count++] = read_row(&base->arena, &rows);
        err = 0;
    }
    return err;
}

static const struct request_kind sts_page_kind = {
    .what = "read the MTA-STS policies",
    .lane = JOB_READ,
    .read = sts_page_read,
};

struct store_sts_page *store_sts_page_create(struct store *store, struct span after_domain,
                                             int64_t fetched_us, int64_t now_us, size_t count_max)
{
    struct sts_page_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &sts_page_kind, store, &request->pub.status, &request->pub.fault);
    request->after = arena_copy(&request->base.arena, after_domain);
    request->fetched_us = fetched_us;
    request->now_us = now_us;
    request->count_max = count_max;
    return &request->pub;
}

/* ---- Writing -------------------------------------------------------------------------------- */

struct sts_keep_request {
    struct request base;
    struct store_sts_keep pub;
    struct store_sts row;
};
REQUEST_LAYOUT(sts_keep_request);

static int sts_keep_apply(struct request *base, struct writer *writer)
{
    const struct store_sts *row = &((struct sts_keep_request *)(void *)base)->row;
    int err =
        db_exec(writer->db, SQL_STS_KEEP,
                DB_ARGS(db_text(row->domain), db_text(row->id), db_text(row->policy),
                        db_int(row->fetched_us), db_int(row->expires_us), db_int(row->used_us)));
    if (err == 0)
        err = db_exec(writer->db, SQL_STS_EXPIRE,
                      DB_ARGS(db_int(writer->now_us), db_int(EXPIRED_SLICE)));
    return err != 0 ? err : db_exec(writer->db, SQL_STS_CUT, DB_ARGS(db_int(STORE_STS_MAX)));
}

static const struct request_kind sts_keep_kind = {
    .what = "keep an MTA-STS policy",
    .lane = JOB_WRITE,
    .apply = sts_keep_apply,
};

static int sts_use_apply(struct request *base, struct writer *writer)
{
    const struct store_sts *row = &((struct sts_keep_request *)(void *)base)->row;
    return db_exec(writer->db, SQL_STS_USE, DB_ARGS(db_int(row->used_us), db_text(row->domain)));
}

static const struct request_kind sts_use_kind = {
    .what = "note that an MTA-STS policy is used",
    .lane = JOB_WRITE,
    .apply = sts_use_apply,
};

static struct store_sts_keep *make_keep(struct store *store, const struct request_kind *kind,
                                        const struct store_sts *row)
{
    struct sts_keep_request *request = request_alloc(sizeof *request);
    struct arena *arena = &request->base.arena;
    request_init(&request->base, kind, store, &request->pub.status, &request->pub.fault);
    request->row = *row;
    request->row.domain = arena_copy(arena, row->domain);
    request->row.id = arena_copy(arena, row->id);
    request->row.policy = arena_copy(arena, row->policy);
    return &request->pub;
}

struct store_sts_keep *store_sts_keep_create(struct store *store, const struct store_sts *row)
{
    return make_keep(store, &sts_keep_kind, row);
}

struct store_sts_keep *store_sts_use_create(struct store *store, struct span domain,
                                            int64_t used_us)
{
    return make_keep(store, &sts_use_kind,
                     &(struct store_sts){.domain = domain, .used_us = used_us});
}
