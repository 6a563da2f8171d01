/*
 * queue_rows: the queue as rows, one per remote recipient, ordered by when they are due. Who
 * delivers what is the relay's memory; when to try again is src/queue/schedule.c.
 *
 * Whoever watches the queue is told of rows that became due earlier than they were (new ones,
 * `queue retry`), not of those that the relay itself settled.
 *
 * Tests: tests/unit/test_store_queue.c.
 */
#include "store/queue_rows.h"

#include "base/mem.h"
#include "base/require.h"
#include "base/utf8.h"
#include "store/body_internal.h"
#include "store/history_internal.h"
#include "store/queue_internal.h"
#include "store/writer_internal.h"

/* Nobody's place. */
#define NOWHERE " "

/* The last '@': a quoted local part may hold one. */
static void put_place(struct span recipient, unsigned mail_flags, struct buf *out)
{
    for (ptrdiff_t at = span_find_byte(recipient, 0, '@'); at >= 0;
         at = span_find_byte(recipient, 0, '@'))
        recipient = span_from(recipient, (size_t)at + 1);
    for (size_t i = 0; i < recipient.len; i++) {
        char byte = recipient.ptr[i];
        buf_put_byte(out, byte >= 'A' && byte <= 'Z' ? (char)(byte | 32) : byte);
    }
    buf_printf(out, " %u", mail_flags & STORE_MAIL_WISHES);
}

int queue_add(struct writer *writer, const struct store_body *body,
              const struct store_envelope *envelope, const struct store_recipient *recipient)
{
    struct buf place;
    buf_init(&place, 0);
    put_place(recipient->address, envelope->mail_flags, &place);
    int err = db_exec(writer->db, SQL_QUEUE_ADD,
                      DB_ARGS(db_u64(store_next_id(writer->store)), db_u64(body->id),
                              db_text(envelope->reverse_path), db_text(recipient->address),
                              db_text(recipient->original), db_text(envelope->envelope_id),
                              db_text(envelope->return_kind), db_int(recipient->notify),
                              db_int(envelope->mail_flags), db_int(writer->now_us),
                              db_int(writer->now_us), db_text(recipient->forwarder),
                              db_text(buf_span(&place))));
    buf_release(&place);
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = 0});
    return err != 0 ? err : 1;
}

struct queue_request {
    struct request base;
    struct store_queue pub;
    int64_t due_us, after_due_us;
    uint64_t after_id;
    size_t count_max, capacity;
    struct span skipped[STORE_QUEUE_SKIP_MAX]; /* empty: none */
};
REQUEST_LAYOUT(queue_request);

struct store_queue_row queue_row_read(const struct db_rows *rows, struct arena *arena)
{
    return (struct store_queue_row){
        .id = db_u64_at(rows, 0),
        .message = db_u64_at(rows, 1),
        .notify = (unsigned)db_int_at(rows, 2),
        .mail_flags = (unsigned)db_int_at(rows, 3),
        .attempts = (unsigned)db_int_at(rows, 4),
        .created_us = db_int_at(rows, 5),
        .due_us = db_int_at(rows, 6),
        .is_held = db_int_at(rows, 7) != 0,
        .blob = {db_u64_at(rows, 8), db_u64_at(rows, 9), db_u64_at(rows, 10), db_u64_at(rows, 11)},
        .reverse_path = arena_copy(arena, db_bytes_at(rows, 12)),
        .recipient = arena_copy(arena, db_bytes_at(rows, 13)),
        .original = arena_copy(arena, db_bytes_at(rows, 14)),
        .envelope_id = arena_copy(arena, db_bytes_at(rows, 15)),
        .return_kind = arena_copy(arena, db_bytes_at(rows, 16)),
        .last_status = arena_copy(arena, db_bytes_at(rows, 17)),
        .forwarder = arena_copy(arena, db_bytes_at(rows, 18)),
        .place = arena_copy(arena, db_bytes_at(rows, 19)),
    };
}

/* The rows of one statement, until there is one more than asked for or one that is not due: it says
 * when the next is due. */
static int take_queue_rows(struct queue_request *request, struct db_rows *rows, bool *is_end_out)
{
    struct store_queue *pub = &request->pub;
    int err;
    while ((err = db_next(rows)) == 1) {
        int64_t due_us = db_int_at(rows, 6);
        if (due_us > request->due_us || pub->count == request->count_max) {
            pub->next_due_us = due_us;
            *is_end_out = true;
            db_done(rows);
            return 0;
        }
        pub->rows = array_grow(pub->rows, pub->count, &request->capacity, sizeof *pub->rows);
        pub->rows[pub->count++] = queue_row_read(rows, &request->base.arena);
    }
    return err;
}

/* Of one due time there may be a million (their destination was put off): behind one of them, and
 * behind that time, are two questions, each with its place in the index. */
static int queue_read(struct request *base, struct db *db)
{
    struct queue_request *request = (struct queue_request *)(void *)base;
    struct db_value args[STORE_QUEUE_SKIP_MAX + 4];
    size_t count = 0;
    bool is_end = false;
    struct db_rows rows;
    request->pub.next_due_us = INT64_MAX;
    args[count++] = db_int(request->after_due_us);
    args[count++] = db_u64(request->after_id);
    args[count++] = db_int(request->due_us == INT64_MAX); /* held ones only in a list */
    for (size_t i = 0; i < STORE_QUEUE_SKIP_MAX; i++)
        args[count++] =
            db_text(request->skipped[i].len > 0 ? request->skipped[i] : span_of(NOWHERE));
    args[count++] = db_u64(request->count_max + 1);

    int err = db_query(db, SQL_QUEUE_AT, args, count, &rows);
    if (err == 0)
        err = take_queue_rows(request, &rows, &is_end);
    if (err != 0 || is_end)
        return err;
    args[1] = args[0];
    err = db_query(db, SQL_QUEUE_AFTER, args + 1, count - 1, &rows);
    return err != 0 ? err : take_queue_rows(request, &rows, &is_end);
}

static void queue_release(struct request *base)
{
    struct store_queue *pub = &((struct queue_request *)(void *)base)->pub;
    mem_free(pub->rows);
    pub->rows = NULL;
    pub->count = 0;
}

static const struct request_kind queue_kind = {
    .what = "read the queue",
    .lane = JOB_READ,
    .read = queue_read,
    .reset = queue_release,
    .release = queue_release,
};

struct store_queue *store_queue_create(struct store *store, int64_t due_us, int64_t after_due_us,
                                       uint64_t after_id, size_t count_max)
{
    struct queue_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &queue_kind, store, &request->pub.status, &request->pub.fault);
    request->due_us = due_us;
    request->after_due_us = after_due_us;
    request->after_id = after_id;
    request->count_max = count_max < INT32_MAX ? count_max : INT32_MAX;
    return &request->pub;
}

void store_queue_skip(struct store_queue *queue, const struct span *places, size_t count)
{
    struct queue_request *request = (struct queue_request *)(void *)request_of(&queue->job);
    require(count <= STORE_QUEUE_SKIP_MAX);
    for (size_t i = 0; i < count; i++)
        request->skipped[i] = arena_copy(&request->base.arena, places[i]);
}

static int page_read(struct request *base, struct db *db)
{
    struct queue_request *request = (struct queue_request *)(void *)base;
    struct store_queue *pub = &request->pub;
    struct db_rows rows;
    int err = 0;
    if (request->after_id == 0) {
        err = db_query_one(db, SQL_QUEUE_COUNT, NULL, 0, &rows);
        pub->total = err == 1 ? db_u64_at(&rows, 0) : 0;
        db_done(&rows);
    }
    if (err >= 0)
        err = db_query(db, SQL_QUEUE_PAGE,
                       DB_ARGS(db_u64(request->after_id), db_u64(request->count_max)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        pub->rows = array_grow(pub->rows, pub->count, &request->capacity, sizeof *pub->rows);
        pub->rows[pub->count++] = queue_row_read(&rows, &base->arena);
        err = 0;
    }
    return err;
}

static const struct request_kind page_kind = {
    .what = "read the queue",
    .lane = JOB_READ,
    .read = page_read,
    .reset = queue_release,
    .release = queue_release,
};

struct store_queue *store_queue_page_create(struct store *store, uint64_t after_id,
                                            size_t count_max)
{
    struct queue_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &page_kind, store, &request->pub.status, &request->pub.fault);
    request->after_id = after_id;
    request->count_max = count_max < INT32_MAX ? count_max : INT32_MAX;
    return &request->pub;
}

struct settle_request {
    struct request base;
    struct store_settle pub;
    struct store_outcome *outcomes;
    size_t outcome_count;
    struct store_recipient *recipients;
    size_t recipient_count;
};
REQUEST_LAYOUT(settle_request);

/* 1, 0 or an error. */
static int queue_find(struct writer *writer, uint64_t id, uint64_t *message_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_QUEUE_MESSAGE, DB_ARGS(db_u64(id)), &rows);
    if (found <= 0)
        return found;
    *message_out = db_u64_at(&rows, 0);
    db_done(&rows);
    return 1;
}

static int queue_remove(struct writer *writer, uint64_t id, uint64_t message)
{
    int err = db_exec(writer->db, SQL_QUEUE_DELETE, DB_ARGS(db_u64(id)));
    return err != 0 ? err : writer_change_refs(writer, message, -1);
}

/* A row that is not there was settled before: an outcome may come twice. */
static int outcome_apply(struct writer *writer, const struct store_outcome *outcome,
                         size_t *missing_count)
{
    uint64_t message;
    int found = queue_find(writer, outcome->id, &message);
    *missing_count += found == 0;
    if (found <= 0)
        return found;
    int err = history_attempt(writer, message, outcome);
    if (err != 0)
        return err;
    switch (outcome->kind) {
    case STORE_OUTCOME_DONE:
        return queue_remove(writer, outcome->id, message);
    case STORE_OUTCOME_DEFERRED:
        return db_exec(writer->db, SQL_QUEUE_DEFER,
                       DB_ARGS(db_int(outcome->due_us), db_text(outcome->text),
                               db_int(outcome->notify), db_u64(outcome->id)));
    case STORE_OUTCOME_OWED:
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = 0});
        return db_exec(writer->db, SQL_QUEUE_OWE,
                       DB_ARGS(db_int(writer->now_us), db_text(outcome->text),
                               db_int(outcome->notify), db_u64(outcome->id)));
    case STORE_OUTCOME_HELD:
        return db_exec(writer->db, SQL_QUEUE_HOLD, DB_ARGS(db_u64(outcome->id)));
    case STORE_OUTCOME_RETRY_NOW:
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = 0});
        return db_exec(writer->db, SQL_QUEUE_DUE,
                       DB_ARGS(db_int(writer->now_us), db_u64(outcome->id)));
    }
    return ERR_INVALID;
}

/* A report to an address beyond ASCII goes nowhere else (RFC 6531 3.2). */
static unsigned report_flags(const struct settle_request *request)
{
    for (size_t i = 0; i < request->recipient_count; i++)
        if (!utf8_is_ascii(request->recipients[i].address))
            return request->pub.report_flags | STORE_MAIL_UTF8 | STORE_MAIL_8BIT;
    return request->pub.report_flags;
}

static int settle_apply(struct request *base, struct writer *writer)
{
    struct settle_request *request = (struct settle_request *)(void *)base;
    int err = 0;
    for (size_t i = 0; i < request->outcome_count && err == 0; i++)
        err = outcome_apply(writer, &request->outcomes[i], &request->pub.missing_count);
    if (err != 0 || base->body == NULL)
        return err;
    struct store_envelope envelope = {.reverse_path = span_of(""),
                                      .mail_flags = report_flags(request)};
    err = recipients_apply(writer, base->body, &envelope, request->recipients,
                           request->recipient_count);
    if (err == 0)
        request->pub.report = base->body->id;
    /* Nobody is there to take the report: the outcomes still count. */
    return err == ERR_NOT_FOUND ? 0 : err;
}

static const struct request_kind settle_kind = {
    .what = "settle the queue's entries",
    .lane = JOB_WRITE,
    .apply = settle_apply,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see queue_rows.h */
struct store_settle *store_settle_create(struct store *store, const struct store_outcome *outcomes,
                                         size_t count, struct store_body *report_body,
                                         const struct store_recipient *report_recipients,
                                         size_t report_recipient_count)
{
    struct settle_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &settle_kind, store, &request->pub.status, &request->pub.fault);
    struct arena *arena = &request->base.arena;
    request->outcomes = arena_alloc(arena, (count + 1) * sizeof *request->outcomes);
    for (size_t i = 0; i < count; i++) {
        request->outcomes[i] = outcomes[i];
        request->outcomes[i].text = arena_copy(arena, outcomes[i].text);
        request->outcomes[i].attempt = history_copy_attempt(arena, outcomes[i].attempt);
    }
    request->outcome_count = count;
    request->base.body = report_body;
    if (report_body != NULL)
        body_finish(report_body);
    request->recipients =
        recipients_copy(&request->base, report_recipients, report_recipient_count);
    request->recipient_count = report_recipient_count;
    return &request->pub;
}

enum { RECALL_SLICE = 1000 };

struct recall_request {
    struct request base;
    struct store_recall pub;
    int64_t due_us;
    uint64_t after_id;
};
REQUEST_LAYOUT(recall_request);

static int recall_apply(struct request *base, struct writer *writer)
{
    struct recall_request *request = (struct recall_request *)(void *)base;
    struct db_rows rows;
    int found = db_query_one(
        writer->db, SQL_QUEUE_RECALL_LAST,
        DB_ARGS(db_int(request->due_us), db_u64(request->after_id), db_int(RECALL_SLICE)), &rows);
    uint64_t last = found == 1 ? db_u64_at(&rows, 0) : 0;
    if (found == 1)
        db_done(&rows);
    if (found < 0 || last == 0)
        return found < 0 ? found : 0;
    int err = db_exec(writer->db, SQL_QUEUE_RECALL,
                      DB_ARGS(db_int(writer->now_us), db_int(request->due_us),
                              db_u64(request->after_id), db_u64(last)));
    request->after_id = last;
    base->is_unfinished = true;
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_NOTIFY, .id = 0});
    return err;
}

static const struct request_kind recall_kind = {
    .what = "recall entries that were put off",
    .lane = JOB_WRITE,
    .apply = recall_apply,
};

struct store_recall *store_recall_create(struct store *store, int64_t due_us)
{
    struct recall_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &recall_kind, store, &request->pub.status, &request->pub.fault);
    request->due_us = due_us;
    return &request->pub;
}
