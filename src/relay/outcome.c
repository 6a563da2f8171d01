/*
 * outcome.c: what became of an entry, into log and store. A delivery ends its row; a temporary
 * failure moves its due time, or ends it when it is too old; a permanent one ends it and sends a
 * report, both in one transaction. A settlement that the store refuses is tried again: the lease
 * stays until the store has it, so nothing is delivered twice. Tests: tests/unit/test_relay.c.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "mail/address.h"
#include "mail/header.h"
#include "queue/bounce.h"
#include "queue/schedule.h"
#include "relay/relay_internal.h"
#include "store/account.h"

enum { HEADER_READ_MAX = 64 * 1024 };

struct settlement {
    struct list_node node;
    struct relay *relay;
    struct entry *entry;
    struct job *job;     /* under way, or NULL */
    bool is_settling;    /* that job is the store's transaction */
    struct timer *timer; /* waits to try again */
    unsigned retry_count;
    struct store_outcome outcome;
    char text[RELAY_REASON_SIZE];
    char status[16];
    char host[MX_NAME_SIZE];
    bool wants_report;
    char *header; /* of the original message, for the report */
    size_t header_len;
    struct store_body *report;
};

static void free_settlement(struct settlement *settlement)
{
    list_remove(&settlement->node);
    if (settlement->job != NULL && settlement->is_settling)
        job_disown(settlement->job);
    else if (settlement->job != NULL)
        job_cancel(settlement->job);
    loop_timer_free(&settlement->timer);
    store_body_free(&settlement->report);
    mem_free(settlement->header);
    mem_free(settlement);
}

static void log_outcome(const struct entry *entry, const struct relay_outcome *outcome,
                        const struct settlement *settlement)
{
    static const char *const events[] = {"delivered", "deferred", "failed"};
    const struct store_queue_row *row = &entry->row;
    struct log_line line;
    enum relay_verdict verdict = outcome->verdict;
    if (settlement->outcome.kind == STORE_OUTCOME_DONE && verdict == RELAY_TEMPORARY)
        verdict = RELAY_PERMANENT;
    log_begin(&line, LOG_INFO, "relay", events[verdict]);
    log_id(&line, "msg", row->message);
    log_span(&line, "from", row->reverse_path);
    log_span(&line, "to", row->recipient);
    log_text(&line, "host", outcome->host);
    log_text(&line, "tls", outcome->tls);
    log_int(&line, "attempt", (int64_t)row->attempts + 1);
    log_text(&line, "reply", settlement->text);
    if (settlement->outcome.kind == STORE_OUTCOME_DEFERRED)
        log_int(&line, "retry_at", settlement->outcome.due_us / 1000000);
    log_end(&line);
}

/* ---- Settling ------------------------------------------------------------------------------- */

static void submit(struct settlement *settlement);
static void submit_settle(struct settlement *settlement);

/* What a peer has taken is written down even now, or it would get it again after the next start. */
void relay_settlements_free(struct relay *relay)
{
    list_each (node, &relay->settlements) {
        struct settlement *settlement = list_entry(node, struct settlement, node);
        bool is_delivered =
            settlement->outcome.kind == STORE_OUTCOME_DONE && !settlement->wants_report;
        if (settlement->job == NULL && is_delivered)
            submit_settle(settlement);
        free_settlement(settlement);
    }
}

/* The store cannot now: its disk may be full for hours. */
static void retry_later(struct settlement *settlement)
{
    int64_t delay_ms = RELAY_RETRY_MS;
    for (unsigned i = 0; i < settlement->retry_count && delay_ms < RELAY_RETRY_MAX_MS; i++)
        delay_ms *= 2;
    settlement->retry_count++;
    loop_timer_start(settlement->timer,
                     delay_ms < RELAY_RETRY_MAX_MS ? delay_ms : RELAY_RETRY_MAX_MS);
}

static void on_retry(void *owner)
{
    submit(owner);
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
        log_event(LOG_ERROR, "relay", "settle", "why",
                  settle->fault.text[0] != '\0' ? settle->fault.text : err_text(settle->status));
        retry_later(settlement);
        return;
    }
    relay_entry_free(relay, settlement->entry);
    if (settlement->outcome.kind == STORE_OUTCOME_DEFERRED)
        relay_deferred(relay, settlement->outcome.due_us);
    free_settlement(settlement);
    relay_moved(relay);
}

static bool is_local(const struct relay *relay, struct span domain)
{
    for (size_t i = 0; i < relay->options.domain_count; i++) {
        if (span_is_nocase(domain, relay->options.domains[i]))
            return true;
    }
    return false;
}

/* A report that only goes on is not looked into. */
static enum store_body_scan report_scan(const struct settlement *settlement)
{
    struct address address;
    const char *reason;
    bool is_readable = address_parse(settlement->entry->row.reverse_path, &address, &reason) == 0;
    return is_readable && is_local(settlement->relay, address.domain) ? STORE_BODY_SCAN
                                                                      : STORE_BODY_RAW;
}

/* Who gets the report: the sender's mailbox or aliases when the domain is ours, else the queue. */
static size_t report_recipients(const struct settlement *settlement, struct arena *arena,
                                struct store_recipient *out)
{
    const struct relay *relay = settlement->relay;
    struct address address;
    const char *reason;
    if (address_parse(settlement->entry->row.reverse_path, &address, &reason) != 0)
        return 0;
    if (!is_local(relay, address.domain)) {
        out[0] = (struct store_recipient){.address = settlement->entry->row.reverse_path};
        return 1;
    }
    struct buf key;
    buf_init(&key, 0);
    address_key(&address, &key);
    struct store_target *targets = arena_alloc(arena, STORE_TARGETS_MAX * sizeof *targets);
    size_t count = store_resolve(relay->options.store, buf_span(&key),
                                 relay->options.subaddress_separator, arena, targets);
    buf_release(&key);
    for (size_t i = 0; i < count; i++)
        out[i] =
            (struct store_recipient){.account = targets[i].account, .address = targets[i].address};
    return count;
}

static void make_report(struct settlement *settlement)
{
    const struct relay *relay = settlement->relay;
    const struct bounce bounce = {
        .hostname = span_of(relay->options.hostname),
        .row = &settlement->entry->row,
        .status = span_of(settlement->status),
        .diagnostic = span_of(settlement->text),
        .remote_mta = span_of(settlement->host),
        .original_header =
            span_make(settlement->header == NULL ? "" : settlement->header, settlement->header_len),
    };
    store_body_free(&settlement->report);
    settlement->report =
        bounce_create(relay->options.store, &bounce, relay->options.clock, report_scan(settlement));
}

static void submit_settle(struct settlement *settlement)
{
    struct relay *relay = settlement->relay;
    struct arena arena;
    arena_init(&arena);
    struct store_recipient *recipients =
        arena_alloc(&arena, STORE_TARGETS_MAX * sizeof *recipients);
    size_t count =
        settlement->report == NULL ? 0 : report_recipients(settlement, &arena, recipients);
    if (count == 0)
        store_body_free(&settlement->report);
    struct store_settle *settle = store_settle_create(relay->options.store, &settlement->outcome, 1,
                                                      settlement->report, recipients, count);
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

static void submit(struct settlement *settlement)
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

/* ---- The original's header, for the report -------------------------------------------------- */

static void on_header(struct job *job, void *owner)
{
    struct settlement *settlement = owner;
    struct store_read *read = (struct store_read *)job;
    settlement->job = NULL;
    if (read->status == 0) {
        size_t offset = 0;
        struct header_field field;
        struct span text = span_make(read->bytes, read->len);
        while (header_next(text, &offset, &field))
            continue;
        settlement->header = mem_strndup(read->bytes, offset);
        settlement->header_len = offset;
    }
    submit(settlement);
}

static void read_header(struct settlement *settlement)
{
    const struct store_blob *blob = &settlement->entry->row.blob;
    size_t size = blob->length < HEADER_READ_MAX ? (size_t)blob->length : HEADER_READ_MAX;
    struct store_read *read = store_read_create(settlement->relay->options.store, blob, 0, size);
    settlement->job = &read->job;
    job_submit(settlement->relay->options.env->port, &read->job, on_header, settlement);
}

/* ---- Beginning ------------------------------------------------------------------------------ */

static void fill_texts(struct settlement *settlement, const struct relay_outcome *outcome,
                       bool is_expired)
{
    const char *prefix = is_expired ? "given up after too long: " : "";
    (void)snprintf(settlement->text, sizeof settlement->text, "%s%.*s", prefix,
                   (int)span_first(outcome->text, 500).len, outcome->text.ptr);
    bool is_ours = outcome->status.len == 0 || outcome->status.ptr[0] != '5';
    struct span status = is_expired ? span_of("4.4.7")
                         : is_ours  ? span_of("5.0.0")
                                    : outcome->status;
    (void)snprintf(settlement->status, sizeof settlement->status, "%.*s",
                   (int)span_first(status, 12).len, status.ptr);
    (void)snprintf(settlement->host, sizeof settlement->host, "%s",
                   outcome->host == NULL ? "" : outcome->host);
}

/* Never at the first attempt: after a long standstill each message gets its second chance. */
bool relay_is_expired(const struct relay *relay, const struct store_queue_row *row)
{
    int64_t age_us = clock_wall_us(relay->options.clock) - row->created_us;
    return row->attempts > 0 && age_us > relay->settings->expire_ms * 1000;
}

void relay_settle(struct relay *relay, struct entry *entry, const struct relay_outcome *outcome)
{
    struct settlement *settlement = mem_new(struct settlement);
    int64_t now_us = clock_wall_us(relay->options.clock);
    bool is_expired = outcome->verdict == RELAY_TEMPORARY && relay_is_expired(relay, &entry->row);
    bool is_final = outcome->verdict != RELAY_TEMPORARY || is_expired;
    settlement->relay = relay;
    settlement->entry = entry;
    settlement->timer = loop_timer_create(relay->options.env->loop, on_retry, settlement);
    fill_texts(settlement, outcome, is_expired);
    settlement->outcome = (struct store_outcome){
        .id = entry->row.id,
        .kind = is_final ? STORE_OUTCOME_DONE : STORE_OUTCOME_DEFERRED,
        .text = span_of(settlement->text),
    };
    if (!is_final) {
        int64_t delay_ms =
            schedule_delay_ms(relay->settings, entry->row.attempts + 1, relay->options.entropy);
        settlement->outcome.due_us =
            outcome->due_us != 0 ? outcome->due_us : now_us + delay_ms * 1000;
    }
    list_append(&relay->settlements, &settlement->node);
    log_outcome(entry, outcome, settlement);

    settlement->wants_report =
        is_final && outcome->verdict != RELAY_DELIVERED && bounce_is_due(&entry->row);
    if (settlement->wants_report)
        read_header(settlement);
    else
        submit(settlement);
}
