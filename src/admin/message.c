/*
 * message.c: a message's life as lines of words, the first of which says what the line is:
 * received, attempt, waits, stored. How it is told is the subcommand's. Tests:
 * tests/unit/test_admin.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "admin/commands.h"
#include "base/err.h"
#include "store/history.h"

/* 16 hexadecimal digits, as log and 250 reply have it. */
static bool read_id(struct span text, uint64_t *id_out)
{
    static const char digits[] = "0123456789abcdef0123456789ABCDEF"; /* either case */
    *id_out = 0;
    for (size_t i = 0; i < text.len; i++) {
        const char *at = text.ptr[i] == '\0' ? NULL : strchr(digits, text.ptr[i]);
        int value = at == NULL ? -1 : (int)((at - digits) % 16);
        if (value < 0)
            return false;
        *id_out = *id_out << 4 | (uint64_t)value;
    }
    return text.len == 16 && *id_out <= INT64_MAX;
}

struct job *admin_start_message(struct admin_call *call)
{
    uint64_t id;
    if (read_id(call->words[2], &id))
        return &store_history_create(call->store, id)->job;
    admin_refuse(call, "a message is named by the 16 hexadecimal digits that stand behind msg= in "
                       "the log and in the 250 reply");
    return NULL;
}

static struct span number(struct admin_call *call, int64_t value)
{
    char text[24];
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    return arena_copy(&call->arena, span_of(text));
}

static void put(struct admin_call *call, const struct span *words, size_t count)
{
    if (admin_line_write(words, count, &call->text) != 0)
        call->status = 1; /* never: the buffer has no limit */
    buf_puts(&call->text, "\n");
}

static void put_received(struct admin_call *call, const struct store_history *history)
{
    const struct store_origin *origin = &history->origin;
    const struct span words[] = {span_of("received"),
                                 number(call, history->received_us),
                                 number(call, (int64_t)history->size),
                                 history->reverse_path,
                                 origin->client,
                                 origin->listener,
                                 origin->tls_version,
                                 origin->tls_suite,
                                 origin->login};
    put(call, words, sizeof words / sizeof *words);
}

static void put_attempt(struct admin_call *call, const struct store_history_attempt *entry)
{
    const struct store_attempt *attempt = &entry->attempt;
    const struct span words[] = {span_of("attempt"),
                                 number(call, (int64_t)entry->entry),
                                 number(call, attempt->number),
                                 number(call, attempt->at_us),
                                 number(call, attempt->duration_us),
                                 attempt->verdict,
                                 attempt->recipient,
                                 attempt->route,
                                 attempt->host,
                                 attempt->address,
                                 attempt->tls_version,
                                 attempt->tls_suite,
                                 attempt->check,
                                 attempt->check_text,
                                 attempt->reply,
                                 number(call, attempt->due_us),
                                 attempt->checks};
    put(call, words, sizeof words / sizeof *words);
}

static void put_waits(struct admin_call *call, const struct store_queue_row *row)
{
    const struct span words[] = {
        span_of("waits"),          number(call, (int64_t)row->id), number(call, row->attempts),
        number(call, row->due_us), number(call, row->is_held),     row->recipient,
        row->last_status};
    put(call, words, sizeof words / sizeof *words);
}

void admin_finish_message(struct admin_call *call, struct job *job)
{
    const struct store_history *history = (struct store_history *)job;
    bool is_known = history->is_received || history->is_stored || history->attempt_count > 0;
    if (history->status != 0) {
        admin_refuse(call, history->fault.text[0] != '\0' ? history->fault.text
                                                          : err_text(history->status));
        return;
    }
    if (!is_known) {
        admin_refuse(call, "nothing is known of this message: it was local only and is deleted, or "
                           "its history was longer ago than relay.history_time; look for its id in "
                           "the log");
        return;
    }
    if (history->is_received)
        put_received(call, history);
    for (size_t i = 0; i < history->attempt_count; i++)
        put_attempt(call, &history->attempts[i]);
    for (size_t i = 0; i < history->row_count; i++)
        put_waits(call, &history->rows[i]);
    if (history->is_stored)
        admin_say(call, "stored");
}
