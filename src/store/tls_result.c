/*
 * tls_result: the table of TLS results: adding up, reading one domain's of a day, and taking them
 * away with the report that tells of them. What a report says is relay/tlsrpt_report.c's.
 *
 * Tests: tests/unit/test_store_tls_result.c.
 */
#include "store/tls_result.h"

#include "base/mem.h"
#include "store/body_internal.h"
#include "store/queue_internal.h"
#include "store/writer_internal.h"

/* ---- Counting ------------------------------------------------------------------------------- */

struct tls_count_request {
    struct request base;
    struct store_tls_count pub;
    struct store_tls_result *results;
    size_t count;
};
REQUEST_LAYOUT(tls_count_request);

static int count_rows(struct writer *writer, int64_t day, int64_t *count_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_TLS_RESULT_COUNT, DB_ARGS(db_int(day)), &rows);
    if (found <= 0)
        return found;
    *count_out = db_int_at(&rows, 0);
    db_done(&rows);
    return 0;
}

/* 1: the counter is there and was moved; 0: there is none. */
static int add_up(struct writer *writer, const struct store_tls_result *result)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_TLS_RESULT_ADD_UP,
                             DB_ARGS(db_u64(result->sessions), db_int(result->day),
                                     db_text(result->domain), db_text(result->policy_domain),
                                     db_text(result->policy), db_text(result->policy_text),
                                     db_text(result->mx_patterns), db_text(result->result),
                                     db_text(result->sending_ip), db_text(result->mx_host),
                                     db_text(result->receiving_ip), db_text(result->reason)),
                             &rows);
    if (found == 1)
        db_done(&rows);
    return found;
}

static int add_new(struct writer *writer, const struct store_tls_result *result)
{
    return db_exec(
        writer->db, SQL_TLS_RESULT_ADD,
        DB_ARGS(db_int(result->day), db_text(result->domain), db_text(result->policy_domain),
                db_text(result->policy), db_text(result->policy_text), db_text(result->mx_patterns),
                db_text(result->result), db_text(result->sending_ip), db_text(result->mx_host),
                db_text(result->receiving_ip), db_text(result->reason), db_u64(result->sessions)));
}

static int tls_count_apply(struct request *base, struct writer *writer)
{
    struct tls_count_request *request = (struct tls_count_request *)(void *)base;
    int64_t day = INT64_MIN, rows = 0;
    int err = 0;
    request->pub.left_out = 0;
    for (size_t i = 0; i < request->count && err == 0; i++) {
        const struct store_tls_result *result = &request->results[i];
        if (result->day != day)
            err = count_rows(writer, result->day, &rows);
        day = result->day;
        int found = err != 0 ? err : add_up(writer, result);
        if (found != 0) {
            err = found < 0 ? found : 0;
            continue;
        }
        if (rows >= STORE_TLS_RESULTS_MAX) {
            request->pub.left_out++;
            continue;
        }
        rows++;
        err = add_new(writer, result);
    }
    return err;
}

static const struct request_kind tls_count_kind = {
    .what = "count TLS results",
    .lane = JOB_WRITE,
    .apply = tls_count_apply,
};

static struct store_tls_result copy_result(struct arena *arena,
                                           const struct store_tls_result *result)
{
    return (struct store_tls_result){
        .day = result->day,
        .domain = arena_copy(arena, result->domain),
        .policy_domain = arena_copy(arena, result->policy_domain),
        .policy = arena_copy(arena, result->policy),
        .policy_text = arena_copy(arena, result->policy_text),
        .mx_patterns = arena_copy(arena, result->mx_patterns),
        .result = arena_copy(arena, result->result),
        .sending_ip = arena_copy(arena, result->sending_ip),
        .mx_host = arena_copy(arena, result->mx_host),
        .receiving_ip = arena_copy(arena, result->receiving_ip),
        .reason = arena_copy(arena, result->reason),
        .sessions = result->sessions,
    };
}

struct store_tls_count *store_tls_count_create(struct store *store,
                                               const struct store_tls_result *results, size_t count)
{
    struct tls_count_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &tls_count_kind, store, &request->pub.status, &request->pub.fault);
    struct arena *arena = &request->base.arena;
    request->results = arena_alloc(arena, (count + 1) * sizeof *request->results);
    for (size_t i = 0; i < count; i++)
        request->results[i] = copy_result(arena, &results[i]);
    request->count = count;
    return &request->pub;
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct tls_next_request {
    struct request base;
    struct store_tls_next pub;
    int64_t before_day, after_day;
    struct span after_domain;
    size_t capacity;
};
REQUEST_LAYOUT(tls_next_request);

static struct span text_at(struct tls_next_request *request, const struct db_rows *rows, int column)
{
    return arena_copy(&request->base.arena, db_bytes_at(rows, column));
}

static void add_row(struct tls_next_request *request, const struct db_rows *rows)
{
    struct store_tls_next *pub = &request->pub;
    pub->results = array_grow(pub->results, pub->count, &request->capacity, sizeof *pub->results);
    pub->results[pub->count++] = (struct store_tls_result){
        .day = db_int_at(rows, 0),
        .domain = text_at(request, rows, 1),
        .policy_domain = text_at(request, rows, 2),
        .policy = text_at(request, rows, 3),
        .policy_text = text_at(request, rows, 4),
        .mx_patterns = text_at(request, rows, 5),
        .result = text_at(request, rows, 6),
        .sending_ip = text_at(request, rows, 7),
        .mx_host = text_at(request, rows, 8),
        .receiving_ip = text_at(request, rows, 9),
        .reason = text_at(request, rows, 10),
        .sessions = db_u64_at(rows, 11),
    };
}

static int tls_next_read(struct request *base, struct db *db)
{
    struct tls_next_request *request = (struct tls_next_request *)(void *)base;
    struct db_rows rows;
    int found = db_query_one(db, SQL_TLS_RESULT_NEXT,
                             DB_ARGS(db_int(request->after_day), db_text(request->after_domain),
                                     db_int(request->before_day)),
                             &rows);
    if (found <= 0)
        return found;
    int64_t day = db_int_at(&rows, 0);
    struct span domain = text_at(request, &rows, 1);
    db_done(&rows);
    int err =
        db_query(db, SQL_TLS_RESULTS,
                 DB_ARGS(db_int(day), db_text(domain), db_int(STORE_TLS_REPORT_ROWS_MAX)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        add_row(request, &rows);
        err = 0;
    }
    return err;
}

static void tls_next_release(struct request *base)
{
    struct store_tls_next *pub = &((struct tls_next_request *)(void *)base)->pub;
    mem_free(pub->results);
    pub->results = NULL;
    pub->count = 0;
}

static const struct request_kind tls_next_kind = {
    .what = "read TLS results",
    .lane = JOB_READ,
    .read = tls_next_read,
    .reset = tls_next_release,
    .release = tls_next_release,
};

struct store_tls_next *store_tls_next_create(struct store *store, int64_t before_day,
                                             int64_t after_day, struct span after_domain)
{
    struct tls_next_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &tls_next_kind, store, &request->pub.status, &request->pub.fault);
    request->before_day = before_day;
    request->after_day = after_day;
    request->after_domain = arena_copy(&request->base.arena, after_domain);
    return &request->pub;
}

/* ---- Reporting ------------------------------------------------------------------------------ */

struct tls_done_request {
    struct request base;
    struct store_tls_done pub;
    int64_t day;
    struct span domain;
    struct store_envelope envelope;
    struct store_recipient *recipients;
    size_t recipient_count;
};
REQUEST_LAYOUT(tls_done_request);

static int tls_done_apply(struct request *base, struct writer *writer)
{
    struct tls_done_request *request = (struct tls_done_request *)(void *)base;
    int err = db_exec(writer->db, SQL_TLS_RESULT_DELETE,
                      DB_ARGS(db_int(request->day), db_text(request->domain)));
    if (err != 0 || base->body == NULL)
        return err;
    request->pub.message = base->body->id;
    return recipients_apply(writer, base->body, &request->envelope, request->recipients,
                            request->recipient_count);
}

static const struct request_kind tls_done_kind = {
    .what = "keep a TLS report",
    .lane = JOB_WRITE,
    .apply = tls_done_apply,
};

struct store_tls_done *store_tls_done_create(struct store *store,
                                             const struct store_tls_report *report)
{
    struct tls_done_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &tls_done_kind, store, &request->pub.status, &request->pub.fault);
    struct arena *arena = &request->base.arena;
    request->day = report->day;
    request->domain = arena_copy(arena, report->domain);
    request->envelope = (struct store_envelope){
        .reverse_path = arena_copy(arena, report->reverse_path),
        .mail_flags = report->mail_flags,
    };
    request->base.body = report->body;
    if (report->body != NULL)
        body_finish(report->body);
    request->recipients =
        recipients_copy(&request->base, report->recipients, report->recipient_count);
    request->recipient_count = report->recipient_count;
    return &request->pub;
}
