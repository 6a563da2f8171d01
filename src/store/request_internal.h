/*
 * request: what all of the store's jobs have in common. A job's memory is
 *
 *     struct x_request { struct request base; struct store_x pub; ...its own inputs... };
 *
 * so pub.job, which the caller holds, is found from base and back without a table. Inputs and
 * outputs live in the arena, except arrays that grow, which `release` frees.
 */
#ifndef POSTERN_STORE_REQUEST_INTERNAL_H
#define POSTERN_STORE_REQUEST_INTERNAL_H

#include "base/arena.h"
#include "store/body.h"
#include "store/db.h"

struct request;
struct writer;

/* One row a kind of job; unused functions are NULL. */
struct request_kind {
    const char *what; /* "could not WHAT: ..." */
    enum job_lane lane;
    /* JOB_READ, JOB_SLOW: in one read transaction. ERR_AGAIN: called again in a newer one, after
     * reset. */
    int (*read)(struct request *request, struct db *db);
    void (*reset)(struct request *request); /* forgets the outputs so far */
    /* Lanes without database. */
    int (*work)(struct request *request);
    /* JOB_WRITE: inside the batch's transaction, in a savepoint of its own. A long change does a
     * slice and sets is_unfinished: it is called again, in a later batch when others wait, and
     * settled is called after the last slice only. */
    int (*apply)(struct request *request, struct writer *writer);
    /* JOB_WRITE: after the commit of an apply that returned 0. */
    int (*settled)(struct request *request, struct writer *writer);
    /* Frees what is in neither arena nor body; leaves the fields cleared. */
    void (*release)(struct request *request);
};

struct request {
    const struct request_kind *kind;
    struct store *store;
    int *status;         /* pub.status */
    struct fault *fault; /* pub.fault */
    struct arena arena;
    struct store_body *body; /* taken; placed by the writer before apply */
    bool is_unfinished;      /* set by apply, cleared before it */
    char unused[7];          /* keeps what follows aligned to 16 bytes */
};

#define REQUEST_LAYOUT(type)                                                                       \
    _Static_assert(offsetof(struct type, pub) == sizeof(struct request), "pub follows base")

/* size: of the whole x_request. The caller then calls request_init. */
void *request_alloc(size_t size) __attribute__((returns_nonnull, warn_unused_result));
void request_init(struct request *request, const struct request_kind *kind, struct store *store,
                  int *status, struct fault *fault);
struct request *request_of(struct job *job);
struct job *request_job(struct request *request);

/* Keeps err as the status; writes a sentence when there is none yet. */
void request_fail(struct request *request, int err);

/* A range array copied into the arena. */
struct uid_range;
struct uid_range *request_copy_ranges(struct request *request, const struct uid_range *ranges,
                                      size_t count);
struct span *request_copy_spans(struct request *request, const struct span *spans, size_t count);

/* Room for one more item in a heap array: *capacity doubles when count has reached it. */
void *array_grow(void *items, size_t count, size_t *capacity, size_t item_size)
    __attribute__((returns_nonnull, warn_unused_result));

#endif
