/*
 * queue: parts of `postern queue`: which entries are meant, and how they are shown. For src/cli
 * and its tests.
 */
#ifndef POSTERN_CLI_QUEUE_H
#define POSTERN_CLI_QUEUE_H

#include "admin/admin.h"
#include "base/buf.h"
#include "base/span.h"

/* Takes --json out of the words; whether it was there. */
bool queue_cut_json(int *argc, char **argv);

/* ---- queue_filter.c ------------------------------------------------------------------------- */

/* Entries that are all of this; an empty text or 0 asks for nothing. Texts are borrowed. */
struct queue_filter {
    struct span name;      /* an entry's number or a message's id */
    struct span sender;    /* the whole address, without case; "<>": reports */
    struct span recipient; /* the same */
    struct span domain;    /* the recipient's */
    struct span status;    /* stands in the last outcome: a host, a code, a word */
    int64_t older_ms;
    bool is_held;
};
/* Adds one word of the command line: an ID, a domain, "held", or one of message= sender=
 * recipient= domain= host= status= older=. NULL, or what is wrong with it. */
const char *queue_filter_add(struct queue_filter *filter, const char *word)
    __attribute__((warn_unused_result));
bool queue_filter_matches(const struct queue_filter *filter, const struct admin_queue_row *row,
                          int64_t now_us);

/* ---- queue_print.c -------------------------------------------------------------------------- */

struct queue_totals {
    uint64_t entries, bytes, held, tried;
    int64_t oldest_us; /* created; 0: none */
};
void queue_totals_add(struct queue_totals *totals, const struct admin_queue_row *row);

/* One line; one block of lines; one JSON object and a line end. Only printable ASCII of what others
 * wrote, and valid JSON. */
void queue_put_line(struct buf *out, const struct admin_queue_row *row, int64_t now_us);
void queue_put_block(struct buf *out, const struct admin_queue_row *row, int64_t now_us);
void queue_put_json(struct buf *out, const struct admin_queue_row *row);
/* "3 in the queue, 12K, 1 held, the oldest for 3h" */
void queue_put_totals(struct buf *out, const struct queue_totals *totals, int64_t now_us);
/* "[####      ] 4000 of 10000, 3s left": of so many entries so many are done, in this time. */
void queue_put_progress(struct buf *out, uint64_t done, uint64_t total, int64_t taken_us);
/* "3h12m": the two largest units that matter. */
void queue_put_span(struct buf *out, int64_t us);
/* Others' bytes for a terminal. */
void queue_put_safe(struct buf *out, struct span text);

/* ---- message_json.c ------------------------------------------------------------------------- */

/* A line of `message show` (admin/message.c) as one JSON object and a line end; of an unknown kind:
 * nothing. */
void message_put_json(struct buf *out, const struct span *words, size_t count);

#endif
