/*
 * settle.c: outcomes into the store, each with the report that it causes in one transaction. One
 * that the store refuses is tried again: the lease stays until the store has it, so nothing is
 * delivered or reported twice. What is told and decided stands in outcome.c. Tests:
 * tests/unit/test_relay_report.c, test_relay_life.c.
 */
#include "relay/settle_internal.h"

#include "base/log.h"
#include "base/mem.h"
#include "mail/address.h"
#include "mail/header.h"
#include "queue/bounce.h"
#include "relay/destination_internal.h"
#include "store/account.h"
#include "store/domain.h"

enum { HEADER_READ_MAX = 64 * 1024 };

struct settlement *settlement_create(struct relay *relay)
{
    struct settlement *settlement = mem_new(struct settlement);
    settlement->relay = relay;
    list_append(&relay->settlements, &settlement->node);
    return settlement;
}

void settlement_add(struct settlement *settlement, struct settled *item)
{
    size_t count = settlement->count + 1;
    settlement->items = mem_realloc(settlement->items, count * sizeof(struct settled *));
    settlement->items[settlement->count++] = item;
}

static void free_item(struct settled *item)
{
    arena_reset(&item->arena);
    mem_free(item);
}

/* While deliveries cannot be written down, each further one would be sent again if the process
 * ended now: so none is begun, and few are owed. A report is larger and may lack room alone; mail
 * that is delivered makes room for it. */
static void set_owed(struct settlement *settlement, int status)
{
    struct relay *relay = settlement->relay;
    bool is_owed = status == ERR_FULL && !settlement->wants_report;
    if (is_owed && !settlement->is_owed)
        relay->owed_count++;
    if (!is_owed && settlement->is_owed)
        relay->owed_count--;
    settlement->is_owed = is_owed;
}

static void free_settlement(struct settlement *settlement)
{
    set_owed(settlement, 0);
    list_remove(&settlement->node);
    if (settlement->job != NULL && settlement->is_settling)
        job_disown(settlement->job);
    else if (settlement->job != NULL)
        job_cancel(settlement->job);
    loop_timer_free(&settlement->timer);
    store_body_free(&settlement->report);
    for (size_t i = 0; i < settlement->count; i++)
        free_item(settlement->items[i]);
    mem_free(settlement->items);
    mem_free(settlement->original);
    mem_free(settlement);
}

/* ---- Into the store ------------------------------------------------------------------------- */

static void write_down(struct settlement *settlement);

/* The store cannot now: its disk may be full for hours. */
static void on_retry(void *owner)
{
    write_down(owner);
}

static void retry_later(struct settlement *settlement)
{
    int64_t delay_ms = RELAY_RETRY_MS;
    for (unsigned i = 0; i < settlement->retry_count && delay_ms < RELAY_RETRY_MAX_MS; i++)
        delay_ms *= 2;
    if (delay_ms > RELAY_RETRY_MAX_MS)
        delay_ms = RELAY_RETRY_MAX_MS;
    settlement->retry_count++;
    if (settlement->timer == NULL)
        settlement->timer =
            loop_timer_create(settlement->relay->options.env->loop, on_retry, settlement);
    loop_timer_start(settlement->timer, settlement->is_owed ? RELAY_OWED_MS : delay_ms);
}

static void log_report(const struct settlement *settlement, uint64_t report)
{
    const struct store_queue_row *row = &settlement->items[0]->entry->row;
    struct log_line line;
    log_begin(&line, LOG_INFO, "relay", "reported");
    log_id(&line, "msg", row->message);
    log_id(&line, "report", report);
    log_span(&line, "to", row->reverse_path);
    log_text(&line, "action", dsn_action_name(settlement->items[0]->action));
    log_int(&line, "rcpts", (int64_t)settlement->count);
    log_end(&line);
}

/* Of all that there is no room for, the first is told of. */
static void on_refused(struct settlement *settlement, const struct store_settle *settle)
{
    struct relay *relay = settlement->relay;
    bool was_owing = relay->owed_count > 0;
    set_owed(settlement, settle->status);
    if (!settlement->is_owed || !was_owing)
        log_event(LOG_ERROR, "relay", "settle", "why",
                  settle->fault.text[0] != '\0' ? settle->fault.text : err_text(settle->status));
    if (was_owing && relay->owed_count == 0)
        relay_run(relay);
    retry_later(settlement);
}

static void on_settled(struct job *job, void *owner)
{
    struct settlement *settlement = owner;
    struct relay *relay = settlement->relay;
    const struct store_settle *settle = (struct store_settle *)job;
    settlement->job = NULL;
    settlement->is_settling = false;
    /* A row that is gone was deleted by an administrator meanwhile. */
    if (settle->status != 0 && settle->status != ERR_NOT_FOUND) {
        on_refused(settlement, settle);
        return;
    }
    bool was_owed = settlement->is_owed;
    if (settle->report != 0)
        log_report(settlement, settle->report);
    for (size_t i = 0; i < settlement->count; i++) {
        const struct settled *item = settlement->items[i];
        relay_entry_free(relay, item->entry);
        if (item->outcome.kind == STORE_OUTCOME_DEFERRED)
            relay_deferred(relay, item->outcome.due_us);
    }
    free_settlement(settlement);
    if (was_owed && relay->owed_count == 0) {
        log_event(LOG_INFO, "relay", "settle-again", "why", "the store has room for outcomes");
        relay_run(relay);
    }
    relay_moved(relay);
}

static bool is_local(const struct relay *relay, struct span domain)
{
    for (size_t i = 0; i < relay->options.domain_count; i++) {
        if (span_is_nocase(domain, relay->options.domains[i]))
            return true;
    }
    return store_has_domain(relay->options.store, domain);
}

static struct span reverse_path_of(const struct settlement *settlement)
{
    return settlement->items[0]->entry->row.reverse_path;
}

/* A report that only goes on is not looked into. */
static enum store_body_scan report_scan(const struct settlement *settlement)
{
    struct address address;
    const char *reason;
    bool is_readable = address_parse(reverse_path_of(settlement), &address, &reason) == 0;
    return is_readable && is_local(settlement->relay, address.domain) ? STORE_BODY_SCAN
                                                                      : STORE_BODY_RAW;
}

/* Nothing is ever reported about it (RFC 3461 6.1). */
size_t relay_report_recipients(const struct relay *relay, struct span to, struct arena *arena,
                               struct store_recipient *out)
{
    struct address address;
    const char *reason;
    if (address_parse(to, &address, &reason) != 0)
        return 0;
    if (!is_local(relay, address.domain)) {
        out[0] = (struct store_recipient){.address = to, .notify = STORE_NOTIFY_NEVER};
        return 1;
    }
    struct buf key;
    buf_init(&key, 0);
    address_key(&address, &key);
    struct store_target *targets = arena_alloc(arena, STORE_TARGETS_MAX * sizeof *targets);
    size_t count = store_resolve(relay->options.store, buf_span(&key),
                                 relay->options.subaddress_separator, arena, targets);
    struct span forwarder = arena_copy(arena, buf_span(&key));
    buf_release(&key);
    for (size_t i = 0; i < count; i++)
        out[i] =
            (struct store_recipient){.account = targets[i].account,
                                     .address = targets[i].address,
                                     .forwarder = targets[i].account == 0 ? forwarder : span_of(""),
                                     .notify = STORE_NOTIFY_NEVER};
    return count;
}

static void make_report(struct settlement *settlement)
{
    const struct relay *relay = settlement->relay;
    struct dsn_recipient *told = mem_zalloc(settlement->count, sizeof *told);
    for (size_t i = 0; i < settlement->count; i++) {
        const struct settled *item = settlement->items[i];
        told[i] = (struct dsn_recipient){
            .final_recipient = item->entry->row.recipient,
            .original_recipient = item->entry->row.original,
            .action = item->action,
            .status = span_of(item->status),
            .diagnostic = span_of(item->text),
            .remote_mta = span_of(item->host),
            .last_attempt_s = item->attempt_s,
            .retry_until_s = item->retry_until_s,
        };
    }
    const struct bounce bounce = {
        .hostname = span_of(relay->options.hostname),
        .row = &settlement->items[0]->entry->row,
        .recipients = told,
        .recipient_count = settlement->count,
        .original = span_make(settlement->original == NULL ? "" : settlement->original,
                              settlement->original_len),
        .is_whole = settlement->is_whole,
    };
    store_body_free(&settlement->report);
    settlement->report =
        bounce_create(relay->options.store, &bounce, relay->options.clock, report_scan(settlement));
    mem_free(told);
}

static void submit_settle(struct settlement *settlement)
{
    struct relay *relay = settlement->relay;
    struct arena arena;
    arena_init(&arena);
    struct store_recipient *recipients =
        arena_alloc(&arena, STORE_TARGETS_MAX * sizeof *recipients);
    struct store_outcome *outcomes =
        arena_alloc(&arena, (settlement->count + 1) * sizeof *outcomes);
    for (size_t i = 0; i < settlement->count; i++) {
        outcomes[i] = settlement->items[i]->outcome;
        outcomes[i].text = span_of(settlement->items[i]->text);
        bool is_attempt = settlement->items[i]->attempt.number > 0;
        outcomes[i].attempt = is_attempt ? &settlement->items[i]->attempt : NULL;
    }
    size_t count =
        settlement->report == NULL
            ? 0
            : relay_report_recipients(relay, reverse_path_of(settlement), &arena, recipients);
    if (count == 0)
        store_body_free(&settlement->report);
    struct store_settle *settle = store_settle_create(
        relay->options.store, outcomes, settlement->count, settlement->report, recipients, count);
    /* RFC 8689 5: what a report tells is as private as what it is about. */
    settle->report_flags = settlement->items[0]->entry->row.mail_flags & STORE_MAIL_REQUIRETLS;
    settlement->report = NULL;
    settlement->job = &settle->job;
    settlement->is_settling = true;
    job_submit(relay->options.env->port, &settle->job, on_settled, settlement);
    arena_reset(&arena);
}

static void on_report_synced(struct job *job, void *owner)
{
    struct settlement *settlement = owner;
    const struct store_body_flush *flush = (struct store_body_flush *)job;
    settlement->job = NULL;
    if (flush->status == 0) {
        submit_settle(settlement);
        return;
    }
    store_body_free(&settlement->report);
    retry_later(settlement);
}

static void write_down(struct settlement *settlement)
{
    if (settlement->wants_report)
        make_report(settlement);
    if (settlement->report == NULL || !store_body_wants_sync(settlement->report)) {
        submit_settle(settlement);
        return;
    }
    struct store_body_flush *sync = store_body_sync_create(settlement->report);
    settlement->job = &sync->job;
    job_submit(settlement->relay->options.env->port, &sync->job, on_report_synced, settlement);
}

/* What a peer has taken is written down even now, or it would get it again after the next start;
 * the report about it stays owed. Everything else is tried again then. */
static void keep_deliveries(struct settlement *settlement)
{
    size_t kept = 0;
    for (size_t i = 0; i < settlement->count; i++) {
        struct settled *item = settlement->items[i];
        if (!item->is_delivered || (item->entry->row.notify & STORE_OWES_ANY) != 0) {
            free_item(item);
            continue;
        }
        if (settlement->wants_report) {
            item->outcome.kind = STORE_OUTCOME_OWED;
            item->outcome.notify =
                item->action == DSN_DELIVERED ? STORE_OWES_DELIVERED : STORE_OWES_RELAYED;
        }
        settlement->items[kept++] = item;
    }
    settlement->count = kept;
    if (kept == 0)
        return;
    if (settlement->job != NULL)
        job_cancel(settlement->job);
    store_body_free(&settlement->report);
    submit_settle(settlement);
}

void relay_settlements_free(struct relay *relay)
{
    list_each (node, &relay->settlements) {
        struct settlement *settlement = list_entry(node, struct settlement, node);
        if (!settlement->is_settling)
            keep_deliveries(settlement);
        free_settlement(settlement);
    }
}

/* ---- The original, for the report ----------------------------------------------------------- */

/* RFC 3461 6.2: the whole message with RET=FULL, but only where something failed. */
static bool wants_whole(const struct settlement *settlement)
{
    const struct store_queue_row *row = &settlement->items[0]->entry->row;
    bool is_failure = false;
    for (size_t i = 0; i < settlement->count; i++)
        is_failure = is_failure || settlement->items[i]->action == DSN_FAILED;
    return is_failure && span_is(row->return_kind, "FULL") &&
           row->blob.length <= settlement->relay->settings->report_original_max;
}

static void on_original(struct job *job, void *owner)
{
    struct settlement *settlement = owner;
    struct store_read *read = (struct store_read *)job;
    settlement->job = NULL;
    if (read->status == 0) {
        size_t offset = 0;
        struct header_field field;
        struct span text = span_make(read->bytes, read->len);
        while (!settlement->is_whole && header_next(text, &offset, &field))
            continue;
        settlement->original_len = settlement->is_whole ? read->len : offset;
        settlement->original = mem_strndup(read->bytes, settlement->original_len);
    }
    settlement->is_whole = settlement->is_whole && read->status == 0;
    write_down(settlement);
}

void settlement_submit(struct settlement *settlement)
{
    if (!settlement->wants_report) {
        write_down(settlement);
        return;
    }
    const struct store_blob *blob = &settlement->items[0]->entry->row.blob;
    settlement->is_whole = wants_whole(settlement);
    size_t size = settlement->is_whole || blob->length < HEADER_READ_MAX ? (size_t)blob->length
                                                                         : HEADER_READ_MAX;
    struct store_read *read = store_read_create(settlement->relay->options.store, blob, 0, size);
    settlement->job = &read->job;
    job_submit(settlement->relay->options.env->port, &read->job, on_original, settlement);
}
