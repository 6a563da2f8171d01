/*
 * queue.c: the queue as an administrator sees it: list, show, retry, delete. When and where mail
 * goes is the relay's business. Tests: tests/unit/test_admin.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "base/err.h"
#include "mail/date.h"
#include "store/queue_rows.h"

enum {
    QUEUE_SEARCH_MAX = 100000, /* rows looked through for one that is named */
    QUEUE_LIST_MAX = 10000     /* more than anybody reads, and as much as a loop may stop for */
};

struct job *admin_start_queue(struct admin_call *call)
{
    return &store_queue_create(call->store, INT64_MAX, INT64_MIN, 0, QUEUE_SEARCH_MAX)->job;
}

static bool is_usable(struct admin_call *call, const struct store_queue *queue)
{
    if (queue->status == 0)
        return true;
    buf_puts(&call->text, "could not read the queue: ");
    admin_refuse(call, queue->fault.text[0] != '\0' ? queue->fault.text : err_text(queue->status));
    return false;
}

/* What other servers and senders wrote may be meant for the administrator's terminal: only plain
 * ASCII gets there. */
static void put_safe(struct admin_call *call, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.ptr[i];
        buf_put_byte(&call->text, byte >= ' ' && byte < 0x7F ? byte : '?');
    }
}

static void put_path(struct admin_call *call, const char *key, struct span path)
{
    buf_puts(&call->text, key);
    buf_puts(&call->text, "<");
    put_safe(call, path);
    buf_puts(&call->text, ">");
}

static void list_row(struct admin_call *call, const struct store_queue_row *row)
{
    char due[DATE_TEXT_SIZE];
    date_rfc3339(row->due_us / 1000000, due);
    buf_printf(&call->text, "%" PRIu64 " %016" PRIx64 " size=%" PRIu64 " attempts=%u due=%s",
               row->id, row->message, row->blob.length, row->attempts, due);
    put_path(call, " from=", row->reverse_path);
    put_path(call, " to=", row->recipient);
    if (row->last_status.len > 0) {
        buf_puts(&call->text, " last: ");
        put_safe(call, row->last_status);
    }
    buf_puts(&call->text, "\n");
}

void admin_finish_queue_list(struct admin_call *call, struct job *job)
{
    struct store_queue *queue = (struct store_queue *)job;
    if (!is_usable(call, queue))
        return;
    for (size_t i = 0; i < queue->count && i < QUEUE_LIST_MAX; i++)
        list_row(call, &queue->rows[i]);
    buf_printf(&call->text, "%zu%s in the queue%s\n", queue->count,
               queue->count == QUEUE_SEARCH_MAX ? " or more" : "",
               queue->count > QUEUE_LIST_MAX ? "; the first are shown" : "");
}

/* A queue id (decimal) or a message id (16 hexadecimal digits) names the row. */
static bool is_named(const struct store_queue_row *row, struct span name)
{
    char text[32];
    (void)snprintf(text, sizeof text, "%" PRIu64, row->id);
    if (span_is(name, text))
        return true;
    (void)snprintf(text, sizeof text, "%016" PRIx64, row->message);
    return span_is(name, text);
}

static void show_row(struct admin_call *call, const struct store_queue_row *row)
{
    char created[DATE_TEXT_SIZE], due[DATE_TEXT_SIZE];
    date_rfc3339(row->created_us / 1000000, created);
    date_rfc3339(row->due_us / 1000000, due);
    buf_printf(&call->text, "entry         %" PRIu64 "\n", row->id);
    buf_printf(&call->text, "message       %016" PRIx64 "\n", row->message);
    put_path(call, "from          ", row->reverse_path);
    put_path(call, "\nto            ", row->recipient);
    buf_printf(&call->text, "\nsize          %" PRIu64 " bytes\n", row->blob.length);
    buf_printf(&call->text, "received      %s\n", created);
    buf_printf(&call->text, "attempts      %u\n", row->attempts);
    buf_printf(&call->text, "next attempt  %s\n", due);
    buf_puts(&call->text, "last outcome  ");
    put_safe(call, row->last_status.len == 0 ? span_of("none yet") : row->last_status);
    buf_puts(&call->text, "\n");
}

void admin_finish_queue_show(struct admin_call *call, struct job *job)
{
    struct store_queue *queue = (struct store_queue *)job;
    if (!is_usable(call, queue))
        return;
    size_t found = 0;
    for (size_t i = 0; i < queue->count; i++) {
        if (!is_named(&queue->rows[i], call->words[2]))
            continue;
        if (found++ > 0)
            buf_puts(&call->text, "\n");
        show_row(call, &queue->rows[i]);
    }
    if (found == 0)
        admin_refuse(call, "there is no such entry; see: postern queue list");
}

static struct job *start_change(struct admin_call *call, enum store_outcome_kind kind)
{
    uint64_t id;
    if (!span_to_u64(call->words[2], INT64_MAX, &id)) {
        admin_refuse(call, "an entry is named by the number in the first column of: postern queue "
                           "list");
        return NULL;
    }
    const struct store_outcome outcome = {.id = id, .kind = kind};
    return &store_settle_create(call->store, &outcome, 1, NULL, NULL, 0)->job;
}

struct job *admin_start_queue_retry(struct admin_call *call)
{
    return start_change(call, STORE_OUTCOME_RETRY_NOW);
}

struct job *admin_start_queue_delete(struct admin_call *call)
{
    return start_change(call, STORE_OUTCOME_DONE);
}

static void tell_deleted(struct admin_call *call)
{
    uint64_t id;
    bool is_delete = span_is(call->words[1], "delete");
    if (is_delete && call->on_deleted != NULL && span_to_u64(call->words[2], INT64_MAX, &id))
        call->on_deleted(call->owner, id);
}

void admin_finish_queue_change(struct admin_call *call, struct job *job)
{
    const struct store_settle *settle = (struct store_settle *)job;
    buf_puts(&call->text, "entry ");
    buf_put(&call->text, call->words[2]);
    buf_puts(&call->text, ": ");
    if (settle->status != 0) {
        admin_refuse(call,
                     settle->fault.text[0] != '\0' ? settle->fault.text : err_text(settle->status));
    } else if (settle->missing_count > 0) {
        admin_refuse(call, "there is no such entry; see: postern queue list");
    } else {
        tell_deleted(call);
        admin_say(call, call->row->done);
    }
}
