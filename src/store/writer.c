/*
 * writer: the write lane. Everything that waits is one batch: all its bodies are made durable, its
 * rows written (each request in a savepoint, so one that fails takes only itself down), the
 * transaction committed, and only then is anybody answered. Alone, a request waits for nothing.
 *
 * What requests do is in their kinds' apply functions; counters and the log of changes are
 * writer_mailbox.c's. Tests: tests/unit/test_store_accept.c, test_store_crash.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "store/account_internal.h"
#include "store/body_internal.h"
#include "store/reaper_internal.h"
#include "store/writer_internal.h"

struct writer *writer_create(struct store *store, struct db *db)
{
    struct writer *writer = mem_new(struct writer);
    writer->store = store;
    writer->db = db;
    writer->segments.current = SEGMENT_NONE;
    writer->segments.fd = -1;
    writer->reaper = reaper_create();
    map_init(&writer->mailboxes);
    (void)pthread_mutex_init(&writer->lock, NULL);
    return writer;
}

void writer_forget(struct writer *writer)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&writer->mailboxes, &position, &key, &value))
        mem_free(value);
    map_deinit(&writer->mailboxes);
    map_init(&writer->mailboxes);
    writer->touched_count = 0;
    writer->dirty_count = 0;
}

void writer_free(struct writer **writer_ref)
{
    struct writer *writer = *writer_ref;
    *writer_ref = NULL;
    if (writer == NULL)
        return;
    reaper_finish(writer);
    writer_forget(writer);
    map_deinit(&writer->mailboxes);
    segments_close(&writer->segments, writer->store);
    reaper_free(&writer->reaper);
    db_close(&writer->db);
    mem_free(writer->touched);
    mem_free(writer->dirty);
    mem_free(writer->effects);
    mem_free(writer->requests);
    (void)pthread_mutex_destroy(&writer->lock);
    mem_free(writer);
}

void writer_effect(struct writer *writer, const struct writer_effect *effect)
{
    writer->effects = array_grow(writer->effects, writer->effect_count, &writer->effect_capacity,
                                 sizeof *writer->effects);
    writer->effects[writer->effect_count++] = *effect;
}

static void batch_collect(struct writer *writer, struct list *jobs)
{
    writer->request_count = 0;
    list_each (node, jobs) {
        struct job *job = list_entry(node, struct job, node);
        struct request *request = request_of(job);
        if (job_is_cancelled(job)) {
            request_fail(request, ERR_CANCELLED);
            continue;
        }
        writer->requests = array_grow(writer->requests, writer->request_count,
                                      &writer->request_capacity, sizeof(struct request *));
        writer->requests[writer->request_count++] = request;
    }
}

/* Puts the writer's memory back to where it was before the request. */
static void request_take_back(struct writer *writer, size_t effect_mark)
{
    writer->effect_count = effect_mark;
    for (size_t i = 0; i < writer->touched_count; i++)
        writer_mailbox_take_back(writer, writer->touched[i]);
    writer->touched_count = 0;
}

static void request_took_place(struct writer *writer)
{
    for (size_t i = 0; i < writer->touched_count; i++)
        writer->touched[i]->is_touched = writer->touched[i]->is_loaded_now = false;
    writer->touched_count = 0;
}

/* A long change that is alone need not pay for a commit after each slice; with the limit a commit
 * stays of the size of an ordinary batch's. Whoever comes meanwhile waits for one slice. */
enum { SLICES_AT_ONCE = 8 };

static bool is_alone(const struct writer *writer)
{
    return writer->request_count == 1 && !jobs_has_waiting(writer->store->jobs, JOB_WRITE);
}

static int request_apply(struct writer *writer, struct request *request)
{
    int err = 0;
    for (unsigned i = 0; i < SLICES_AT_ONCE; i++) {
        request->is_unfinished = false;
        err = request->kind->apply(request, writer);
        if (err != 0 || !request->is_unfinished || !is_alone(writer))
            break;
    }
    return err;
}

/* 0 also when the request failed alone; an error ends the batch. */
static int batch_apply_one(struct writer *writer, struct request *request)
{
    struct db *db = writer->db;
    size_t effect_mark = writer->effect_count;
    int err = db_savepoint(db);
    if (err != 0)
        return err;
    err = request_apply(writer, request);
    if (err == 0) {
        request_took_place(writer);
        return db_release(db);
    }
    if (err == db_last_error(db))
        (void)db_fault(db, request->fault, request->kind->what);
    request_fail(request, err);
    request_take_back(writer, effect_mark);
    if (!db_has_transaction(db))
        return err;
    return db_undo(db);
}

/* A change in any case, so that this commit is written even when nobody asks for anything. */
static int batch_overwrite_doubt(struct writer *writer)
{
    uint64_t count;
    return writer_count_up(writer, "failed_commits", 1, &count);
}

static int batch_apply(struct writer *writer)
{
    int err = db_begin(writer->db);
    if (err == 0 && writer->is_in_doubt)
        err = batch_overwrite_doubt(writer);
    for (size_t i = 0; i < writer->request_count && err == 0; i++) {
        if (*writer->requests[i]->status == 0)
            err = batch_apply_one(writer, writer->requests[i]);
    }
    if (err == 0)
        err = writer_keep_mailboxes(writer);
    if (err == 0) {
        writer->is_kept_in_segments = true;
        err = segments_keep(&writer->segments, writer->db, writer->effects, writer->effect_count);
    }
    if (err != 0)
        return err;
    err = db_commit(writer->db);
    writer->is_in_doubt = err != 0;
    return err;
}

/* Nothing of it took place. */
static void batch_fail(struct writer *writer, int err)
{
    struct fault fault;
    fault_clear(&fault);
    (void)db_fault(writer->db, &fault, "write to the store");
    db_rollback(writer->db);
    for (size_t i = 0; i < writer->request_count; i++) {
        struct request *request = writer->requests[i];
        if (*request->status != 0)
            continue;
        *request->fault = fault;
        request_fail(request, err);
    }
    if (writer->is_kept_in_segments)
        segments_revert(&writer->segments, writer->effects, writer->effect_count);
    writer_forget(writer);
}

/* Effects outside of the database, in memory and on disk: now that they cannot be undone. */
static void batch_effects(struct writer *writer)
{
    struct store *store = writer->store;
    uint64_t *notify = mem_zalloc(writer->effect_count + 1, sizeof *notify);
    size_t notify_count = 0;
    bool has_accounts = false;
    for (size_t i = 0; i < writer->effect_count; i++) {
        const struct writer_effect *effect = &writer->effects[i];
        if (effect->kind == EFFECT_NOTIFY)
            notify[notify_count++] = effect->id;
        else if (effect->kind == EFFECT_UNLINK)
            store_discard_file(store, effect->id);
        else if (effect->kind == EFFECT_DROP)
            segments_remove(&writer->segments, store, effect->id);
        has_accounts = has_accounts || effect->kind == EFFECT_ACCOUNTS;
    }
    if (has_accounts && snapshot_load(store, writer->db) != 0)
        log_event(LOG_ERROR, "store", "users", "why",
                  "could not read the users anew: the old ones hold until the next change");
    if (notify_count > 0)
        watches_notify(store, notify, notify_count);
    mem_free(notify);
}

static void batch_settle(struct writer *writer)
{
    segments_kept(&writer->segments, writer->now_us);
    for (size_t i = 0; i < writer->request_count; i++) {
        struct request *request = writer->requests[i];
        if (*request->status != 0)
            continue;
        if (request->is_unfinished) {
            request_job(request)->wants_again = true;
            continue;
        }
        if (request->body != NULL)
            request->body->is_kept = request->body->has_row;
        if (request->kind->settled == NULL)
            continue;
        int err = request->kind->settled(request, writer);
        if (err != 0)
            request_fail(request, err);
    }
}

void writer_batch(void *owner, struct list *jobs)
{
    struct writer *writer = owner;
    (void)pthread_mutex_lock(&writer->lock);
    writer->now_us = clock_wall_us(writer->store->clock);
    writer->effect_count = 0;
    writer->is_kept_in_segments = false;
    batch_collect(writer, jobs);
    segments_place(&writer->segments, writer->store, writer->requests, writer->request_count);

    int err = batch_apply(writer);
    if (err == 0) {
        writer_batch_done(writer);
        batch_settle(writer);
        batch_effects(writer);
    } else {
        batch_fail(writer, err);
    }
    if (!writer->is_in_doubt)
        store_unlink_discarded(writer->store);
    (void)pthread_mutex_unlock(&writer->lock);
}
