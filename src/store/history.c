/*
 * history.c: rows of received and attempt. A message has one of the first and up to
 * STORE_ATTEMPTS_KEPT an entry of the second; both have the message's id in front, which grows with
 * time, so that reading one message and forgetting the oldest need no index.
 *
 * Tests: tests/unit/test_store_history.c.
 */
#include "store/history_internal.h"

#include "base/mem.h"
#include "store/body_internal.h"
#include "store/writer_internal.h"

enum { FORGET_SLICE = 500 };

/* ---- Writing -------------------------------------------------------------------------------- */

static bool is_off(const struct writer *writer)
{
    return writer->store->settings.history_ms == 0;
}

int history_receive(struct writer *writer, const struct store_body *body,
                    const struct store_envelope *envelope)
{
    const struct store_origin *origin = &envelope->origin;
    if (is_off(writer))
        return 0;
    return db_exec(writer->db, SQL_RECEIVED_ADD,
                   DB_ARGS(db_u64(body->id), db_int(writer->now_us), db_u64(body->size),
                           db_text(envelope->reverse_path), db_text(origin->client),
                           db_text(origin->listener), db_text(origin->tls_version),
                           db_text(origin->tls_suite), db_text(origin->login)));
}

/* So that it is forgotten with its message, if that came before there was a history. */
static int keep_received(struct writer *writer, uint64_t message)
{
    const struct span none = {"", 0}, unknown = {"unknown", 7};
    return db_exec(writer->db, SQL_RECEIVED_ADD,
                   DB_ARGS(db_u64(message), db_int(writer->now_us), db_u64(0), db_text(none),
                           db_text(none), db_text(unknown), db_text(none), db_text(none),
                           db_text(none)));
}

int history_attempt(struct writer *writer, uint64_t message, const struct store_outcome *outcome)
{
    const struct store_attempt *attempt = outcome->attempt;
    if (attempt == NULL || is_off(writer))
        return 0;
    int err = keep_received(writer, message);
    if (err == 0 && attempt->number > STORE_ATTEMPTS_KEPT)
        err = db_exec(writer->db, SQL_ATTEMPTS_CUT,
                      DB_ARGS(db_u64(message), db_u64(outcome->id),
                              db_int((int64_t)attempt->number - STORE_ATTEMPTS_KEPT + 1)));
    if (err != 0)
        return err;
    return db_exec(
        writer->db, SQL_ATTEMPT_ADD,
        DB_ARGS(db_u64(message), db_u64(outcome->id), db_int(attempt->number),
                db_int(attempt->at_us), db_int(attempt->duration_us), db_text(attempt->verdict),
                db_text(attempt->recipient), db_text(attempt->route), db_text(attempt->host),
                db_text(attempt->address), db_text(attempt->tls_version),
                db_text(attempt->tls_suite), db_text(attempt->check), db_text(attempt->check_text),
                db_text(attempt->reply), db_int(attempt->due_us), db_text(attempt->checks)));
}

/* ---- Forgetting ----------------------------------------------------------------------------- */

/* The oldest first: up to a slice of messages; the last one's id, or 0. */
static int find_old(struct writer *writer, uint64_t *last_out, bool *has_more_out)
{
    struct db_rows rows;
    int64_t horizon_us = writer->now_us - writer->store->settings.history_ms * 1000;
    size_t count = 0;
    *last_out = 0;
    int err = db_query(writer->db, SQL_RECEIVED_OLDEST, DB_ARGS(db_int(FORGET_SLICE)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        int64_t at_us = db_int_at(&rows, 1);
        if (at_us > horizon_us) {
            db_done(&rows);
            return 0;
        }
        *last_out = db_u64_at(&rows, 0);
        *has_more_out = *has_more_out || ++count == FORGET_SLICE;
        err = 0;
    }
    return err;
}

int history_forget(struct writer *writer, bool *has_more_out)
{
    uint64_t last = 0;
    int err = find_old(writer, &last, has_more_out);
    if (err != 0 || last == 0)
        return err;
    err = db_exec(writer->db, SQL_RECEIVED_FORGET, DB_ARGS(db_u64(last)));
    return err != 0 ? err : db_exec(writer->db, SQL_ATTEMPTS_FORGET, DB_ARGS(db_u64(last)));
}

/* ---- Copies --------------------------------------------------------------------------------- */

struct store_origin history_copy_origin(struct arena *arena, const struct store_origin *origin)
{
    return (struct store_origin){
        .client = arena_copy(arena, origin->client),
        .listener = arena_copy(arena, origin->listener),
        .tls_version = arena_copy(arena, origin->tls_version),
        .tls_suite = arena_copy(arena, origin->tls_suite),
        .login = arena_copy(arena, origin->login),
    };
}

struct store_attempt *history_copy_attempt(struct arena *arena, const struct store_attempt *attempt)
{
    if (attempt == NULL)
        return NULL;
    struct store_attempt *copy = arena_alloc(arena, sizeof *copy);
    *copy = *attempt;
    copy->verdict = arena_copy(arena, attempt->verdict);
    copy->recipient = arena_copy(arena, attempt->recipient);
    copy->route = arena_copy(arena, attempt->route);
    copy->host = arena_copy(arena, attempt->host);
    copy->address = arena_copy(arena, attempt->address);
    copy->tls_version = arena_copy(arena, attempt->tls_version);
    copy->tls_suite = arena_copy(arena, attempt->tls_suite);
    copy->check = arena_copy(arena, attempt->check);
    copy->check_text = arena_copy(arena, attempt->check_text);
    copy->reply = arena_copy(arena, attempt->reply);
    copy->checks = arena_copy(arena, attempt->checks);
    return copy;
}

/* ---- Reading -------------------------------------------------------------------------------- */

struct history_request {
    struct request base;
    struct store_history pub;
    uint64_t message;
    size_t attempt_capacity, row_capacity;
};
REQUEST_LAYOUT(history_request);

static struct span text_at(struct history_request *request, const struct db_rows *rows, int column)
{
    return arena_copy(&request->base.arena, db_bytes_at(rows, column));
}

static int read_received(struct history_request *request, struct db *db)
{
    struct store_history *pub = &request->pub;
    struct db_rows rows;
    int found = db_query_one(db, SQL_RECEIVED, DB_ARGS(db_u64(request->message)), &rows);
    if (found <= 0)
        return found;
    pub->is_received = true;
    pub->received_us = db_int_at(&rows, 0);
    pub->size = db_u64_at(&rows, 1);
    pub->reverse_path = text_at(request, &rows, 2);
    pub->origin = (struct store_origin){
        .client = text_at(request, &rows, 3),
        .listener = text_at(request, &rows, 4),
        .tls_version = text_at(request, &rows, 5),
        .tls_suite = text_at(request, &rows, 6),
        .login = text_at(request, &rows, 7),
    };
    db_done(&rows);
    return 0;
}

static void add_attempt(struct history_request *request, const struct db_rows *rows)
{
    struct store_history *pub = &request->pub;
    pub->attempts = array_grow(pub->attempts, pub->attempt_count, &request->attempt_capacity,
                               sizeof *pub->attempts);
    pub->attempts[pub->attempt_count++] = (struct store_history_attempt){
        .entry = db_u64_at(rows, 0),
        .attempt = {.number = (unsigned)db_int_at(rows, 1),
                    .at_us = db_int_at(rows, 2),
                    .duration_us = db_int_at(rows, 3),
                    .verdict = text_at(request, rows, 4),
                    .recipient = text_at(request, rows, 5),
                    .route = text_at(request, rows, 6),
                    .host = text_at(request, rows, 7),
                    .address = text_at(request, rows, 8),
                    .tls_version = text_at(request, rows, 9),
                    .tls_suite = text_at(request, rows, 10),
                    .check = text_at(request, rows, 11),
                    .check_text = text_at(request, rows, 12),
                    .reply = text_at(request, rows, 13),
                    .due_us = db_int_at(rows, 14),
                    .checks = text_at(request, rows, 15)},
    };
}

static int read_attempts(struct history_request *request, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_ATTEMPTS, DB_ARGS(db_u64(request->message)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        add_attempt(request, &rows);
        err = 0;
    }
    return err;
}

static int read_queued(struct history_request *request, struct db *db)
{
    struct store_history *pub = &request->pub;
    struct db_rows rows;
    int err = db_query(db, SQL_QUEUE_OF_MESSAGE, DB_ARGS(db_u64(request->message)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        pub->rows =
            array_grow(pub->rows, pub->row_count, &request->row_capacity, sizeof *pub->rows);
        pub->rows[pub->row_count++] = queue_row_read(&rows, &request->base.arena);
        err = 0;
    }
    return err;
}

static int history_read(struct request *base, struct db *db)
{
    struct history_request *request = (struct history_request *)(void *)base;
    struct db_rows rows;
    int err = read_received(request, db);
    if (err == 0)
        err = read_attempts(request, db);
    if (err == 0)
        err = read_queued(request, db);
    if (err != 0)
        return err;
    int found = db_query_one(db, SQL_BLOB_OF_MESSAGE, DB_ARGS(db_u64(request->message)), &rows);
    request->pub.is_stored = found == 1;
    if (found == 1)
        db_done(&rows);
    return found < 0 ? found : 0;
}

static void history_release(struct request *base)
{
    struct store_history *pub = &((struct history_request *)(void *)base)->pub;
    mem_free(pub->attempts);
    mem_free(pub->rows);
    pub->attempts = NULL;
    pub->rows = NULL;
    pub->attempt_count = pub->row_count = 0;
}

static const struct request_kind history_kind = {
    .what = "read a message's history",
    .lane = JOB_SLOW, /* the queue has no index by message */
    .read = history_read,
    .reset = history_release,
    .release = history_release,
};

struct store_history *store_history_create(struct store *store, uint64_t message)
{
    struct history_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &history_kind, store, &request->pub.status, &request->pub.fault);
    request->message = message;
    return &request->pub;
}
