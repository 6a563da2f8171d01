/*
 * queue.c: the queue for an administrator, a page at a time: rows, and what is done with those that
 * are named. Which ones are meant and how they are shown is the subcommand's, so nothing here holds
 * a loop for long. Tests: tests/unit/test_admin.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "base/err.h"
#include "store/queue_rows.h"

/* ---- Rows ----------------------------------------------------------------------------------- */

static struct job *refuse_name(struct admin_call *call)
{
    admin_refuse(call,
                 "an entry is named by the number in the first column of: postern queue list");
    return NULL;
}

struct job *admin_start_queue_rows(struct admin_call *call)
{
    uint64_t after;
    if (!span_to_u64(call->words[2], INT64_MAX, &after))
        return refuse_name(call);
    return &store_queue_page_create(call->store, after, ADMIN_QUEUE_PAGE)->job;
}

static struct span number(char text[24], uint64_t value)
{
    int len = snprintf(text, 24, "%" PRIu64, value);
    return span_make(text, (size_t)len);
}

/* The order is struct admin_queue_row's; times in microseconds. */
static void put_row(struct admin_call *call, const struct store_queue_row *row)
{
    char texts[6][24], message[24];
    (void)snprintf(message, sizeof message, "%016" PRIx64, row->message);
    const struct span words[ADMIN_QUEUE_WORDS] = {
        number(texts[0], row->id),
        span_of(message),
        number(texts[1], row->blob.length),
        number(texts[2], row->attempts),
        number(texts[3], (uint64_t)row->created_us),
        number(texts[4], (uint64_t)row->due_us),
        number(texts[5], row->is_held),
        row->reverse_path,
        row->recipient,
        row->last_status,
    };
    if (admin_line_write(words, ADMIN_QUEUE_WORDS, &call->text) != 0)
        call->status = 1; /* never: the buffer has no limit */
    buf_puts(&call->text, "\n");
}

void admin_finish_queue_rows(struct admin_call *call, struct job *job)
{
    const struct store_queue *queue = (struct store_queue *)job;
    if (queue->status != 0) {
        buf_puts(&call->text, "could not read the queue: ");
        admin_refuse(call,
                     queue->fault.text[0] != '\0' ? queue->fault.text : err_text(queue->status));
        return;
    }
    buf_printf(&call->text, "%" PRIu64 "\n", queue->total);
    for (size_t i = 0; i < queue->count; i++)
        put_row(call, &queue->rows[i]);
}

static bool read_numbers(const struct admin_call *call, uint64_t *numbers)
{
    static const struct {
        int word;
        uint64_t most;
    } fields[] = {{0, INT64_MAX}, {2, INT64_MAX}, {3, UINT32_MAX},
                  {4, INT64_MAX}, {5, INT64_MAX}, {6, 1}};
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
        if (!span_to_u64(call->words[fields[i].word], fields[i].most, &numbers[i]))
            return false;
    }
    return true;
}

bool admin_queue_row_read(struct admin_call *call, struct span line, struct admin_queue_row *out)
{
    uint64_t numbers[6];
    if (admin_line_read(call, line) != 0 || call->word_count != ADMIN_QUEUE_WORDS ||
        !read_numbers(call, numbers))
        return false;
    *out = (struct admin_queue_row){
        .id = numbers[0],
        .message = call->words[1],
        .size = numbers[1],
        .attempts = (unsigned)numbers[2],
        .created_us = (int64_t)numbers[3],
        .due_us = (int64_t)numbers[4],
        .is_held = numbers[5] != 0,
        .reverse_path = call->words[7],
        .recipient = call->words[8],
        .last_status = call->words[9],
    };
    return true;
}

/* ---- Changes -------------------------------------------------------------------------------- */

static size_t read_ids(struct span list, struct store_outcome *outcomes,
                       enum store_outcome_kind kind)
{
    size_t count = 0;
    while (list.len > 0) {
        struct span text = span_cut(&list, ',');
        uint64_t id;
        if (count == ADMIN_QUEUE_PAGE || !span_to_u64(text, INT64_MAX, &id))
            return 0;
        outcomes[count++] = (struct store_outcome){.id = id, .kind = kind};
    }
    return count;
}

static struct job *start_change(struct admin_call *call, enum store_outcome_kind kind)
{
    struct store_outcome *outcomes = arena_alloc(&call->arena, ADMIN_QUEUE_PAGE * sizeof *outcomes);
    size_t count = read_ids(call->words[2], outcomes, kind);
    if (count == 0)
        return refuse_name(call);
    /* A relay that looks at the queue behind the commit is to know of it. */
    if (kind == STORE_OUTCOME_RETRY_NOW && call->on_queue != NULL)
        call->on_queue(call->owner, ADMIN_QUEUE_RETRY, 0);
    return &store_settle_create(call->store, outcomes, count, NULL, NULL, 0)->job;
}

struct job *admin_start_queue_retry(struct admin_call *call)
{
    return start_change(call, STORE_OUTCOME_RETRY_NOW);
}

struct job *admin_start_queue_hold(struct admin_call *call)
{
    return start_change(call, STORE_OUTCOME_HELD);
}

struct job *admin_start_queue_delete(struct admin_call *call)
{
    return start_change(call, STORE_OUTCOME_DONE);
}

/* Who has one in hand is to leave it alone. */
static void take_away(struct admin_call *call)
{
    struct span list = call->words[2];
    uint64_t id;
    if (span_is(call->words[1], "retry") || call->on_queue == NULL)
        return;
    while (list.len > 0) {
        if (span_to_u64(span_cut(&list, ','), INT64_MAX, &id))
            call->on_queue(call->owner, ADMIN_QUEUE_TAKEN_AWAY, id);
    }
}

void admin_finish_queue_change(struct admin_call *call, struct job *job)
{
    const struct store_settle *settle = (struct store_settle *)job;
    if (settle->status != 0) {
        admin_refuse(call,
                     settle->fault.text[0] != '\0' ? settle->fault.text : err_text(settle->status));
        return;
    }
    take_away(call);
    buf_printf(&call->text, "%zu\n", settle->missing_count);
}
