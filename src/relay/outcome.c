/*
 * outcome.c: what became of an entry, into log and store. A delivery ends its row; a temporary
 * failure moves its due time, or ends it when it is too old; a permanent one ends it. Which report
 * that causes is decided here, by queue/bounce.h; it is sent in the transaction that settles the
 * row (settle.c). Tests: tests/unit/test_relay.c, test_relay_report.c.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "queue/bounce.h"
#include "queue/schedule.h"
#include "relay/settle_internal.h"

static void log_outcome(const struct relay_outcome *outcome, const struct settled *item)
{
    static const char *const events[] = {"delivered", "deferred", "failed"};
    const struct store_queue_row *row = &item->entry->row;
    struct log_line line;
    enum relay_verdict verdict = outcome->verdict;
    if (item->outcome.kind == STORE_OUTCOME_DONE && verdict == RELAY_TEMPORARY)
        verdict = RELAY_PERMANENT;
    log_begin(&line, LOG_INFO, "relay", events[verdict]);
    log_id(&line, "msg", row->message);
    log_span(&line, "from", row->reverse_path);
    log_span(&line, "to", row->recipient);
    log_text(&line, "host", outcome->host);
    log_text(&line, "tls", outcome->tls);
    log_int(&line, "attempt", (int64_t)row->attempts + 1);
    log_text(&line, "reply", item->text);
    if (item->outcome.kind == STORE_OUTCOME_DEFERRED)
        log_int(&line, "retry_at", item->outcome.due_us / 1000000);
    log_end(&line);
}

/* ---- Deciding ------------------------------------------------------------------------------- */

static void fill_texts(struct settled *item, const struct relay_outcome *outcome, bool is_expired)
{
    /* Of what the outcome does not say itself. */
    static const char *const statuses[] = {[DSN_FAILED] = "5.0.0",
                                           [DSN_DELAYED] = "4.0.0",
                                           [DSN_DELIVERED] = "2.1.5",
                                           [DSN_RELAYED] = "2.0.0",
                                           [DSN_EXPANDED] = "2.1.5"};
    const char *prefix = is_expired ? "given up after too long: " : "";
    (void)snprintf(item->text, sizeof item->text, "%s%.*s", prefix,
                   (int)span_first(outcome->text, 500).len, outcome->text.ptr);
    const char *status = statuses[item->action];
    bool is_told = outcome->status.len > 0 && outcome->status.ptr[0] == status[0];
    if (is_expired)
        (void)snprintf(item->status, sizeof item->status, "4.4.7");
    else if (is_told)
        (void)snprintf(item->status, sizeof item->status, "%.*s",
                       (int)span_first(outcome->status, 12).len, outcome->status.ptr);
    else
        (void)snprintf(item->status, sizeof item->status, "%s", status);
    (void)snprintf(item->host, sizeof item->host, "%s", outcome->host == NULL ? "" : outcome->host);
}

/* Never at the first attempt: after a long standstill each message gets its second chance. */
bool relay_is_expired(const struct relay *relay, const struct store_queue_row *row)
{
    int64_t age_us = clock_wall_us(relay->options.clock) - row->created_us;
    return row->attempts > 0 && age_us > relay->settings->expire_ms * 1000;
}

bool relay_delay_is_due(const struct relay *relay, const struct store_queue_row *row)
{
    int64_t age_us = clock_wall_us(relay->options.clock) - row->created_us;
    int64_t delay_ms = relay->settings->delay_report_ms;
    return delay_ms > 0 && age_us >= delay_ms * 1000 && bounce_is_due(row, DSN_DELAYED);
}

static void defer(const struct relay *relay, struct settled *item,
                  const struct relay_outcome *outcome, int64_t now_us)
{
    const struct store_queue_row *row = &item->entry->row;
    int64_t delay_ms =
        schedule_delay_ms(relay->settings, row->attempts + 1, relay->options.entropy);
    item->outcome.kind = STORE_OUTCOME_DEFERRED;
    item->outcome.due_us = outcome->due_us != 0 ? outcome->due_us : now_us + delay_ms * 1000;
    item->retry_until_s = (row->created_us + relay->settings->expire_ms * 1000) / 1000000;
}

/* Mail that waits is reported when it has waited for long; all else at once. */
static bool wants_report(const struct relay *relay, const struct settled *item,
                         const struct relay_outcome *outcome)
{
    const struct store_queue_row *row = &item->entry->row;
    if (item->action == DSN_DELAYED)
        return relay_delay_is_due(relay, row);
    /* RFC 3461 5.2.1: a peer that offers DSN reports what it delivers. */
    if (item->is_delivered && outcome->peer_notifies)
        return false;
    return bounce_is_due(row, item->action);
}

static enum dsn_action action_of(const struct relay_outcome *outcome, bool is_expired)
{
    if (outcome->verdict == RELAY_DELIVERED)
        return outcome->is_final ? DSN_DELIVERED : DSN_RELAYED;
    return outcome->verdict == RELAY_TEMPORARY && !is_expired ? DSN_DELAYED : DSN_FAILED;
}

static struct span keep(struct settled *item, const char *text)
{
    return arena_copy(&item->arena, span_of(text == NULL ? "" : text));
}

/* Of an entry that was tried, or put off with its destination. */
static void remember(struct settled *item, const struct relay_outcome *outcome, int64_t now_us)
{
    static const struct relay_tried none;
    static const char *const verdicts[] = {[DSN_FAILED] = "failed",
                                           [DSN_DELAYED] = "deferred",
                                           [DSN_DELIVERED] = "delivered",
                                           [DSN_RELAYED] = "delivered",
                                           [DSN_EXPANDED] = "delivered"};
    const struct relay_tried *tried = outcome->tried == NULL ? &none : outcome->tried;
    item->attempt = (struct store_attempt){
        .number = item->entry->row.attempts + 1,
        .at_us = now_us,
        .duration_us = tried->duration_us,
        .verdict = span_of(verdicts[item->action]),
        .recipient = item->entry->row.recipient,
        .route = keep(item, outcome->route),
        .host = span_of(item->host),
        .address = keep(item, tried->address),
        .tls_version = keep(item, tried->tls_version),
        .tls_suite = keep(item, tried->tls_suite),
        .check = keep(item, tried->check),
        .check_text = keep(item, tried->check_text),
        .checks = keep(item, tried->checks),
        .reply = span_of(item->text),
        .due_us = item->outcome.due_us,
    };
}

static struct settled *judge(const struct relay *relay, struct entry *entry,
                             const struct relay_outcome *outcome)
{
    struct settled *item = mem_new(struct settled);
    int64_t now_us = clock_wall_us(relay->options.clock);
    bool is_expired = outcome->verdict == RELAY_TEMPORARY && relay_is_expired(relay, &entry->row);
    arena_init(&item->arena);
    item->entry = entry;
    item->action = action_of(outcome, is_expired);
    item->is_delivered = outcome->verdict == RELAY_DELIVERED;
    item->attempt_s = now_us / 1000000;
    item->outcome = (struct store_outcome){.id = entry->row.id, .kind = STORE_OUTCOME_DONE};
    if (item->action == DSN_DELAYED)
        defer(relay, item, outcome, now_us);
    fill_texts(item, outcome, is_expired);
    remember(item, outcome, now_us);
    return item;
}

/* ---- Settling ------------------------------------------------------------------------------- */

static void settle_alone(struct relay *relay, struct settled *item)
{
    struct settlement *settlement = settlement_create(relay);
    settlement_add(settlement, item);
    settlement_submit(settlement);
}

static void settle_reported(struct relay *relay, struct settled *item, struct settlement **group)
{
    uint64_t message = item->entry->row.message;
    bool is_other = *group != NULL && ((*group)->items[0]->entry->row.message != message ||
                                       (*group)->count == RELAY_RECIPIENTS_MAX);
    if (is_other)
        relay_settle_end(group);
    if (*group == NULL) {
        *group = settlement_create(relay);
        (*group)->wants_report = true;
    }
    settlement_add(*group, item);
}

void relay_settle(struct relay *relay, struct entry *entry, const struct relay_outcome *outcome,
                  struct settlement **group)
{
    struct settled *item = judge(relay, entry, outcome);
    log_outcome(outcome, item);
    if (!wants_report(relay, item, outcome)) {
        settle_alone(relay, item);
        return;
    }
    if (item->action == DSN_DELAYED)
        item->outcome.notify = STORE_NOTIFY_DELAY_TOLD;
    settle_reported(relay, item, group);
}

void relay_settle_owed(struct relay *relay, struct entry *entry, struct settlement **group)
{
    static const char *const texts[] = {
        [DSN_DELIVERED] = "in the mailbox", [DSN_EXPANDED] = "went on to several recipients"};
    struct settled *item = mem_new(struct settled);
    arena_init(&item->arena);
    item->entry = entry;
    item->action = bounce_owed(&entry->row);
    item->is_delivered = true;
    item->outcome = (struct store_outcome){.id = entry->row.id, .kind = STORE_OUTCOME_DONE};
    const struct relay_outcome outcome = {
        .verdict = RELAY_DELIVERED,
        .text = item->action == DSN_RELAYED ? entry->row.last_status : span_of(texts[item->action]),
    };
    fill_texts(item, &outcome, false);
    if (bounce_is_due(&entry->row, item->action))
        settle_reported(relay, item, group);
    else
        settle_alone(relay, item);
}

void relay_settle_end(struct settlement **group)
{
    struct settlement *settlement = *group;
    *group = NULL;
    if (settlement != NULL)
        settlement_submit(settlement);
}
