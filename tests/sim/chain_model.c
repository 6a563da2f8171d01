/*
 * chain_model: the messages of a world, what was seen of them and what was confirmed. Whether that
 * is as it must be is chain_judge.c's. Tests: tests/unit/test_chain.c.
 */
#include "tests/sim/chain_model.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "store/accept.h"
#include "tests/sim/sim.h"

enum { NUMBER_MAX = 1000000, LINE_SIZE = 400 };

void chain_model_init(struct chain_model *model, unsigned count)
{
    model->messages = mem_zalloc(count, sizeof *model->messages);
    model->count = count;
    buf_init(&model->events, 0);
    for (unsigned i = 0; i < count; i++) {
        struct chain_message *message = &model->messages[i];
        message->model = model;
        message->number = i;
        message->reports.message = message;
        buf_init(&message->history, 0);
    }
}

static void free_confirms(struct chain_pair *pair)
{
    while (pair->confirms != NULL) {
        struct chain_confirm *confirm = pair->confirms;
        pair->confirms = confirm->next;
        mem_free(confirm);
    }
}

void chain_model_deinit(struct chain_model *model)
{
    for (unsigned i = 0; i < model->count; i++) {
        struct chain_message *message = &model->messages[i];
        for (unsigned p = 0; p < message->pair_count; p++)
            free_confirms(&message->pairs[p]);
        free_confirms(&message->reports);
        buf_release(&message->history);
    }
    for (size_t i = 0; i < model->link_count; i++)
        mem_free(model->links[i]);
    buf_release(&model->events);
    mem_free(model->links);
    mem_free(model->messages);
}

static void put_line(const struct chain_model *model, struct buf *out, const char *who,
                     const char *text)
{
    int64_t now_ms = sim_now_ms(model->sim);
    buf_printf(out, "  %9" PRId64 ".%03d s  %s%s\n", now_ms / 1000, (int)(now_ms % 1000), who,
               text);
}

void chain_note(struct chain_message *message, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(message->model, &message->history, "", text);
}

void chain_event(struct chain_model *model, const char *who, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    put_line(model, &model->events, who, text);
}

/* ---- Finding -------------------------------------------------------------------------------- */

static struct chain_message *message_numbered(struct chain_model *model, struct span text)
{
    uint64_t number;
    size_t len = 0;
    while (len < text.len && text.ptr[len] >= '0' && text.ptr[len] <= '9')
        len++;
    if (!span_to_u64(span_first(text, len), NUMBER_MAX, &number) || number >= model->count)
        return NULL;
    return &model->messages[number];
}

struct chain_message *chain_message_of_address(struct chain_model *model, struct span address)
{
    ptrdiff_t tag = span_find_byte(address, 0, '+');
    struct span rest = span_from(address, tag < 0 ? 0 : (size_t)tag + 1);
    bool is_marked = rest.len > 1 && strchr("trs", rest.ptr[0]) != NULL;
    return is_marked ? message_numbered(model, span_from(rest, 1)) : NULL;
}

struct chain_message *chain_message_of_text(struct chain_model *model, struct span text)
{
    static const char number[] = "X-Token: ", to[] = "\r\nTo: <";
    /* A report may be without the original, when that could not be read. */
    bool is_report = span_find(text, span_of("multipart/report")) >= 0;
    const char *field = is_report ? to : number;
    ptrdiff_t at = span_find(text, span_of(field));
    struct span value = span_from(text, at < 0 ? text.len : (size_t)at + strlen(field));
    return is_report ? chain_message_of_address(model, span_cut(&value, '>'))
                     : message_numbered(model, value);
}

/* "u2+t17@a.test" is "u2@a.test" once it has found its mailbox. */
static bool is_same_address(struct span address, const char *given)
{
    struct span whole = span_of(given);
    ptrdiff_t plus = span_find_byte(whole, 0, '+'), at = span_find_byte(whole, 0, '@');
    if (span_equal(address, whole))
        return true;
    if (plus < 0 || at < 0 || address.len != (size_t)plus + whole.len - (size_t)at)
        return false;
    return span_equal(span_first(address, (size_t)plus), span_first(whole, (size_t)plus)) &&
           span_equal(span_from(address, (size_t)plus), span_from(whole, (size_t)at));
}

struct chain_pair *chain_pair_of(struct chain_message *message, struct span address)
{
    for (unsigned i = 0; i < message->pair_count; i++) {
        if (is_same_address(address, message->pairs[i].address))
            return &message->pairs[i];
    }
    return is_same_address(address, message->sender) ? &message->reports : NULL;
}

/* ---- Texts ---------------------------------------------------------------------------------- */

/* Every third line begins with a dot, some are nothing else. */
static void put_body(const struct chain_message *message, struct buf *out)
{
    size_t end = out->len + message->body_len;
    for (unsigned line = 0; out->len < end; line++)
        buf_printf(out, "%s%0*u\r\n", line % 3 == 0 ? "." : "line ", (int)(line * 7 % 60),
                   message->number * 31 + line);
    buf_puts(out, ".\r\nthe end\r\n");
}

void chain_put_text(const struct chain_message *message, struct buf *out)
{
    buf_printf(out,
               "X-Token: %u\r\nSubject: message %u\r\nDate: Thu, 1 Jan 2026 00:00:00 +0000\r\n"
               "Message-ID: <%u@client.test>\r\n\r\n",
               message->number, message->number, message->number);
    put_body(message, out);
}

/* What servers put before it is theirs. */
static bool is_whole(const struct chain_message *message, struct span text)
{
    struct buf wanted;
    buf_init(&wanted, 0);
    chain_put_text(message, &wanted);
    ptrdiff_t at = span_find(text, span_of("X-Token: "));
    bool is_so = at >= 0 && span_equal(span_from(text, (size_t)at), buf_span(&wanted));
    buf_release(&wanted);
    return is_so;
}

/* ---- Confirmed ------------------------------------------------------------------------------ */

struct chain_link *chain_link_create(struct chain_model *model, unsigned from)
{
    if (model->link_count == model->link_capacity) {
        model->link_capacity = model->link_capacity == 0 ? 64 : model->link_capacity * 2;
        model->links =
            mem_realloc(model->links, model->link_capacity * sizeof(struct chain_link *));
    }
    struct chain_link *link = mem_new(struct chain_link);
    link->from = from;
    link->to = -1;
    model->links[model->link_count++] = link;
    return link;
}

void chain_confirmed(struct chain_pair *pair, struct chain_link *link, unsigned failed_batches)
{
    struct chain_confirm *confirm = mem_new(struct chain_confirm);
    confirm->next = pair->confirms;
    confirm->link = link;
    confirm->failed_batches = failed_batches;
    pair->confirms = confirm;
    if (link == NULL)
        return;
    confirm->unacked = link->unacked;
    link->unacked = confirm;
}

void chain_acked(struct chain_model *model, struct chain_link *link)
{
    for (; link != NULL && link->unacked != NULL; link->unacked = link->unacked->unacked) {
        link->unacked->is_acked = true;
        link->unacked->acked_ms = sim_now_ms(model->sim);
    }
}

/* A commit whose sync failed was told as a failure; when the process dies before anything was
 * written over it, the next one finds it whole. */
bool chain_is_excused(const struct chain_model *model, const struct chain_confirm *confirm)
{
    if (confirm->ghost_of != 0)
        return model->crashes >= confirm->ghost_of;
    return confirm->is_excused ||
           (confirm->link != NULL && confirm->link->fired && !confirm->is_acked);
}

/* How many of the message's copies a node was given: each has a row of its own. */
static unsigned copies_given_to(const struct chain_pair *pair, unsigned node)
{
    unsigned count = pair->message->entry == node;
    for (const struct chain_confirm *at = pair->confirms; at != NULL; at = at->next)
        count += at->link != NULL && at->link->to == (int)node && at->ghost_of == 0;
    return count;
}

/* What was read is written down before the time goes on, unless the disk did not take it. */
static void excuse(struct chain_pair *pair, const struct chain_row *row)
{
    int64_t now_ms = sim_now_ms(pair->message->model->sim);
    bool is_only_row = !row->is_report && copies_given_to(pair, row->node) == 1;
    for (struct chain_confirm *confirm = pair->confirms; confirm != NULL; confirm = confirm->next) {
        if (confirm->link == NULL || confirm->link->from != row->node || confirm->is_excused ||
            confirm->ghost_of != 0)
            continue;
        if (is_only_row && confirm->is_acked && confirm->acked_ms < now_ms &&
            confirm->failed_batches == row->failed_batches)
            chain_wrong(pair->message, pair, "was settled, and waits again after a crash");
        confirm->is_excused = true;
    }
}

void chain_unsettled(struct chain_message *message, const struct chain_row *row)
{
    if (row->is_report) {
        excuse(&message->reports, row);
        return;
    }
    for (unsigned i = 0; i < message->pair_count; i++) {
        struct chain_pair *pair = &message->pairs[i];
        if (is_same_address(row->address, pair->address) || span_is(row->address, pair->alias))
            excuse(pair, row);
    }
}

/* ---- Seen ----------------------------------------------------------------------------------- */

void chain_seen(struct chain_message *message, struct span address, struct span text,
                const char *where)
{
    struct chain_pair *pair = chain_pair_of(message, address);
    chain_note(message, "%s has it for %.*s", where, (int)address.len, address.ptr);
    if (pair == NULL || pair == &message->reports) {
        chain_wrong(message, NULL, "is where nobody sent it");
        return;
    }
    pair->copies++;
    if (!is_whole(message, text))
        chain_wrong(message, pair, "is not whole, or not as it was sent");
}

static void count_action(struct chain_pair *pair, struct span action)
{
    const struct {
        const char *name;
        unsigned *count;
    } actions[] = {{"failed", &pair->failed},
                   {"delayed", &pair->delayed},
                   {"delivered", &pair->delivered},
                   {"relayed", &pair->relayed}};
    for (size_t i = 0; i < sizeof actions / sizeof *actions; i++)
        *actions[i].count += span_is(action, actions[i].name);
}

static struct span line_behind(struct span text, const char *field, size_t *offset)
{
    ptrdiff_t at = span_find(span_from(text, *offset), span_of(field));
    if (at < 0)
        return span_make(NULL, 0);
    *offset += (size_t)at + strlen(field);
    struct span rest = span_from(text, *offset);
    ptrdiff_t end = span_find(rest, span_of("\r\n"));
    return span_first(rest, end < 0 ? rest.len : (size_t)end);
}

void chain_seen_report(struct chain_model *model, struct span text, const char *where)
{
    struct chain_message *message = chain_message_of_text(model, text);
    size_t offset = 0;
    if (message == NULL)
        return;
    message->reports.copies++;
    for (;;) {
        struct span address = line_behind(text, "Final-Recipient: rfc822; ", &offset);
        if (address.ptr == NULL)
            return;
        struct span action = line_behind(text, "Action: ", &offset);
        struct span status = line_behind(text, "Status: ", &offset);
        struct chain_pair *pair = chain_pair_of(message, address);
        chain_note(message, "%s has a report: %.*s %.*s %.*s", where, (int)address.len, address.ptr,
                   (int)action.len, action.ptr, (int)status.len, status.ptr);
        if (pair == NULL || pair == &message->reports)
            chain_wrong(message, NULL, "is reported about somebody whom nobody sent it");
        else
            count_action(pair, action);
    }
}
