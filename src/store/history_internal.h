/* history_internal: writing and forgetting of history, on the writer's thread. */
#ifndef POSTERN_STORE_HISTORY_INTERNAL_H
#define POSTERN_STORE_HISTORY_INTERNAL_H

#include "store/history.h"
#include "store/request_internal.h"

/* A message that goes on. */
int history_receive(struct writer *writer, const struct store_body *body,
                    const struct store_envelope *envelope) __attribute__((warn_unused_result));
/* An attempt at one of its entries. */
int history_attempt(struct writer *writer, uint64_t message, const struct store_outcome *outcome)
    __attribute__((warn_unused_result));
/* A slice of what is too old. */
int history_forget(struct writer *writer, bool *has_more_out) __attribute__((warn_unused_result));
/* Texts into the request's arena. */
struct store_origin history_copy_origin(struct arena *arena, const struct store_origin *origin);
struct store_attempt *history_copy_attempt(struct arena *arena,
                                           const struct store_attempt *attempt);

/* queue_rows.c: a row of a statement with SQL_QUEUE's columns. */
struct db_rows;
struct store_queue_row queue_row_read(const struct db_rows *rows, struct arena *arena);

#endif
