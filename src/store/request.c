/*
 * request: birth, running in the read lanes, and death of the store's jobs. The write lane is
 * writer.c; what a kind does stands in the kind's own file.
 *
 * Tests: tests/unit/test_store_*.c.
 */
#include "store/request_internal.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "store/store_internal.h"
#include "store/view.h"

/* How often a read begins a newer transaction before it gives up; each time means that a commit
 * fell between two statements. */
enum { READ_TRIES_MAX = 100 };

static void request_run(struct job *job);
static void request_free(struct job *job);

void *request_alloc(size_t size)
{
    return mem_zalloc(1, size);
}

struct job *request_job(struct request *request)
{
    return (struct job *)(void *)((char *)request + sizeof *request);
}

struct request *request_of(struct job *job)
{
    return (struct request *)(void *)((char *)job - sizeof(struct request));
}

void request_init(struct request *request, const struct request_kind *kind, struct store *store,
                  int *status, struct fault *fault)
{
    request->kind = kind;
    request->store = store;
    request->status = status;
    request->fault = fault;
    arena_init(&request->arena);
    struct job *job = request_job(request);
    job->lane = kind->lane;
    job->run = request_run;
    job->free = request_free;
    atomic_init(&job->is_cancelled, false);
}

static void request_free(struct job *job)
{
    struct request *request = request_of(job);
    if (request->kind->release != NULL)
        request->kind->release(request);
    store_body_free(&request->body);
    arena_reset(&request->arena);
    mem_free(request);
}

void request_fail(struct request *request, int err)
{
    *request->status = err;
    if (err != 0 && request->fault->text[0] == '\0')
        (void)fault_set(request->fault, err, "could not %s: %s", request->kind->what,
                        err_text(err));
    request->fault->err = err;
}

static void request_read(struct request *request, struct db *db)
{
    int err = ERR_AGAIN;
    for (int i = 0; i < READ_TRIES_MAX && err == ERR_AGAIN; i++) {
        if (i > 0 && request->kind->reset != NULL)
            request->kind->reset(request);
        err = db_begin(db);
        if (err == 0)
            err = request->kind->read(request, db);
        if (err != 0 && err == db_last_error(db) && request->fault->text[0] == '\0')
            (void)db_fault(db, request->fault, request->kind->what);
        db_rollback(db);
    }
    request_fail(request, err);
}

static void request_run(struct job *job)
{
    struct request *request = request_of(job);
    if (job_is_cancelled(job)) {
        request_fail(request, ERR_CANCELLED);
        return;
    }
    if (request->kind->work != NULL) {
        request_fail(request, request->kind->work(request));
        return;
    }
    struct db *db = readers_take(request->store, request->fault);
    if (db == NULL) {
        request_fail(request, request->fault->err);
        return;
    }
    request_read(request, db);
    readers_give(request->store, db);
}

struct uid_range *request_copy_ranges(struct request *request, const struct uid_range *ranges,
                                      size_t count)
{
    struct uid_range *copy = arena_alloc(&request->arena, (count + 1) * sizeof *copy);
    if (count > 0)
        memcpy(copy, ranges, count * sizeof *copy);
    return copy;
}

struct span *request_copy_spans(struct request *request, const struct span *spans, size_t count)
{
    struct span *copy = arena_alloc(&request->arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++)
        copy[i] = arena_copy(&request->arena, spans[i]);
    return copy;
}

void *array_grow(void *items, size_t count, size_t *capacity, size_t item_size)
{
    if (items != NULL && count < *capacity)
        return items;
    *capacity = *capacity < 8 ? 8 : *capacity * 2;
    require(*capacity <= SIZE_MAX / item_size);
    return mem_realloc(items, *capacity * item_size);
}
