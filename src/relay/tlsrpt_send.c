/*
 * tlsrpt_send.c: once a day, at a random time after midnight, each domain's results of the days
 * before: asks DNS whether the domain wants a report, makes it and puts it into the queue, or drops
 * the results. One domain at a time. What a report says is tlsrpt_report.c's. Tests:
 * tests/unit/test_relay_tlsrpt.c, tests/clients/test_tlsrpt.py.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "mail/date.h"
#include "relay/settle_internal.h"
#include "relay/tlsrpt_internal.h"
#include "relay/tlsrpt_record.h"
#include "relay/tlsrpt_report.h"
#include "store/account.h"

enum {
    GRACE_MS = 10 * 60 * 1000, /* all loops have written what they counted until midnight */
    LOOK_MS = 60 * 60 * 1000,  /* the clock may have been set; and the wait after trouble */
    FROM_SIZE = 400,
    RECIPIENTS_MAX = TLSRPT_PLACES_MAX * STORE_TARGETS_MAX
};
static const int64_t day_us = (int64_t)TLSRPT_DAY_S * 1000000;

struct tlsrpt_sender {
    struct relay *relay;
    struct timer *timer;
    bool is_paused;
    int64_t due_us; /* when the next round begins */
    /* Of the round. */
    bool has_left; /* a domain's results stay: its DNS did not answer */
    int64_t today, after_day;
    char after_domain[MX_NAME_SIZE]; /* done so far: up to here */
    /* Of the domain under way. */
    int64_t day;
    char domain[MX_NAME_SIZE];
    struct tlsrpt_record record;
    struct resolver_query *query;
    struct job *job;
    uint64_t message;        /* id of the report */
    bool is_settling;        /* the job is the store's transaction */
    struct store_body *body; /* the mail, before that */
    struct resolver *asked;  /* of query */
};

static void read_on(struct tlsrpt_sender *sender);

static int64_t now_us(const struct tlsrpt_sender *sender)
{
    return clock_wall_us(sender->relay->options.clock);
}

/* ---- When ----------------------------------------------------------------------------------- */

static void sleep_on(struct tlsrpt_sender *sender)
{
    int64_t wait_ms = (sender->due_us - now_us(sender)) / 1000 + 1;
    if (wait_ms < 0)
        wait_ms = 0;
    loop_timer_start(sender->timer, wait_ms < LOOK_MS ? wait_ms : LOOK_MS);
}

static int64_t random_ms(const struct tlsrpt_sender *sender, int64_t least_ms, int64_t most_ms)
{
    uint64_t width = (uint64_t)(most_ms - least_ms) + 1;
    return least_ms + (int64_t)(entropy_u64(sender->relay->options.entropy) % width);
}

/* RFC 8460 4.1: not everybody at the stroke of midnight. midnight_us: the one after the day. */
static int64_t choose_time(const struct tlsrpt_sender *sender, int64_t midnight_us)
{
    int64_t delay_ms = sender->relay->settings->tls_report_delay_ms;
    int64_t grace_ms = delay_ms < GRACE_MS ? delay_ms : GRACE_MS;
    int64_t at_us = midnight_us + random_ms(sender, grace_ms, delay_ms) * 1000;
    int64_t now = now_us(sender);
    /* After a start later in the day: what a server that was down has left. */
    return at_us >= now ? at_us : now + random_ms(sender, 0, grace_ms) * 1000;
}

static void end_round(struct tlsrpt_sender *sender, bool is_whole)
{
    int64_t midnight_us = (sender->today + 1) * day_us;
    sender->due_us = is_whole && !sender->has_left ? choose_time(sender, midnight_us)
                                                   : now_us(sender) + (int64_t)LOOK_MS * 1000;
    sleep_on(sender);
}

static void on_timer(void *owner)
{
    struct tlsrpt_sender *sender = owner;
    int64_t now = now_us(sender);
    if (sender->due_us > now + 2 * day_us) /* the clock was set back */
        sender->due_us = choose_time(sender, tlsrpt_day(now) * day_us);
    if (!sender->relay->settings->tls_reports)
        sender->due_us = now + (int64_t)LOOK_MS * 1000;
    if (now < sender->due_us) {
        sleep_on(sender);
        return;
    }
    sender->today = tlsrpt_day(now);
    sender->has_left = false;
    sender->after_day = 0;
    sender->after_domain[0] = '\0';
    read_on(sender);
}

/* ---- Log ------------------------------------------------------------------------------------ */

/* why NULL: the report is on its way. */
static void tell(const struct tlsrpt_sender *sender, enum log_level level, const char *event,
                 const char *why)
{
    struct log_line line;
    char date[DATE_TEXT_SIZE];
    date_rfc3339(sender->day * TLSRPT_DAY_S, date);
    date[sizeof "2026-11-21" - 1] = '\0';
    log_begin(&line, level, "tlsrpt", event);
    log_text(&line, "domain", sender->domain);
    log_text(&line, "day", date);
    if (why != NULL)
        log_text(&line, "why", why);
    else
        log_id(&line, "msg", sender->message);
    log_end(&line);
}

/* ---- Settling ------------------------------------------------------------------------------- */

static void step_over(struct tlsrpt_sender *sender)
{
    sender->after_day = sender->day;
    memcpy(sender->after_domain, sender->domain, sizeof sender->after_domain);
}

static void on_settled(struct job *job, void *owner)
{
    struct tlsrpt_sender *sender = owner;
    const struct store_tls_done *done = (struct store_tls_done *)job;
    sender->job = NULL;
    sender->is_settling = false;
    sender->message = done->message;
    if (done->status == 0 && done->message != 0)
        tell(sender, LOG_INFO, "reported", NULL);
    else if (done->status != 0)
        tell(sender, LOG_WARN, "unreported", done->fault.text);
    sender->has_left = sender->has_left || done->status != 0;
    step_over(sender);
    read_on(sender);
}

static void settle(struct tlsrpt_sender *sender, const struct store_tls_report *report)
{
    struct store_tls_done *done = store_tls_done_create(sender->relay->options.store, report);
    sender->job = &done->job;
    sender->is_settling = true;
    job_submit(sender->relay->options.env->port, &done->job, on_settled, sender);
}

static void drop(struct tlsrpt_sender *sender)
{
    const struct store_tls_report report = {.day = sender->day, .domain = span_of(sender->domain)};
    settle(sender, &report);
}

/* ---- The mail ------------------------------------------------------------------------------- */

/* "" in the settings: the postmaster of this host. */
static void write_from(const struct relay *relay, char out[FROM_SIZE])
{
    const char *from = relay->settings->tls_report_from;
    if (from[0] != '\0')
        (void)snprintf(out, FROM_SIZE, "%s", from);
    else
        (void)snprintf(out, FROM_SIZE, "postmaster@%s", relay->options.hostname);
}

static void submit(struct tlsrpt_sender *sender)
{
    struct relay *relay = sender->relay;
    struct arena arena;
    char from[FROM_SIZE];
    size_t count = 0;
    arena_init(&arena);
    struct store_recipient *recipients = arena_alloc(&arena, RECIPIENTS_MAX * sizeof *recipients);
    for (size_t i = 0; i < sender->record.place_count; i++) {
        const struct tlsrpt_place *place = &sender->record.places[i];
        if (place->kind == TLSRPT_MAILTO)
            count +=
                relay_report_recipients(relay, span_of(place->text), &arena, &recipients[count]);
    }
    write_from(relay, from);
    const struct store_tls_report report = {.day = sender->day,
                                            .domain = span_of(sender->domain),
                                            .body = sender->body,
                                            .reverse_path = span_of(from),
                                            .mail_flags = STORE_MAIL_TLS_OPTIONAL,
                                            .recipients = recipients,
                                            .recipient_count = count};
    sender->body = NULL;
    settle(sender, &report);
    arena_reset(&arena);
}

static void on_synced(struct job *job, void *owner)
{
    struct tlsrpt_sender *sender = owner;
    const struct store_body_flush *flush = (struct store_body_flush *)job;
    sender->job = NULL;
    if (flush->status == 0) {
        submit(sender);
        return;
    }
    store_body_free(&sender->body);
    tell(sender, LOG_WARN, "unreported", flush->fault.text);
    end_round(sender, false);
}

/* Addresses by ", "; false when all places are of another kind. */
static bool put_addresses(const struct tlsrpt_record *record, struct buf *out)
{
    for (size_t i = 0; i < record->place_count; i++) {
        if (record->places[i].kind != TLSRPT_MAILTO)
            continue;
        buf_puts(out, out->len > 0 ? ",\r\n " : "");
        buf_printf(out, "<%s>", record->places[i].text);
    }
    return out->len > 0;
}

static void write_mail(struct tlsrpt_sender *sender, const struct store_tls_next *next,
                       struct span to)
{
    const struct relay *relay = sender->relay;
    const char *contact = relay->settings->tls_report_contact;
    char from[FROM_SIZE], id[TLSRPT_REPORT_ID_SIZE];
    struct buf text;
    write_from(relay, from);
    (void)snprintf(id, sizeof id, "%" PRId64 ".%016" PRIx64, sender->day,
                   entropy_u64(relay->options.entropy));
    const struct tlsrpt_report report = {.submitter = span_of(relay->options.hostname),
                                         .from = span_of(from),
                                         .contact = span_of(contact[0] != '\0' ? contact : from),
                                         .to = to,
                                         .id = id,
                                         .now_s = now_us(sender) / 1000000,
                                         .results = next->results,
                                         .count = next->count};
    buf_init(&text, 0);
    tlsrpt_report_mail(&report, &text);
    sender->body = store_body_create(relay->options.store, STORE_BODY_SCAN);
    store_body_add(sender->body, buf_span(&text));
    buf_release(&text);
}

/* ---- The domain ----------------------------------------------------------------------------- */

static void on_results(struct job *job, void *owner)
{
    struct tlsrpt_sender *sender = owner;
    const struct store_tls_next *next = (struct store_tls_next *)job;
    struct buf to;
    sender->job = NULL;
    if (next->status != 0) {
        end_round(sender, false);
        return;
    }
    /* Others may have come before it meanwhile: from a loop whose write was late. */
    bool is_same = next->count > 0 && next->results[0].day == sender->day &&
                   span_is(next->results[0].domain, sender->domain);
    if (!is_same) {
        read_on(sender);
        return;
    }
    buf_init(&to, 0);
    (void)put_addresses(&sender->record, &to);
    write_mail(sender, next, buf_span(&to));
    buf_release(&to);
    if (!store_body_wants_sync(sender->body)) {
        submit(sender);
        return;
    }
    struct store_body_flush *sync = store_body_sync_create(sender->body);
    sender->job = &sync->job;
    job_submit(sender->relay->options.env->port, &sync->job, on_synced, sender);
}

static void ask_store(struct tlsrpt_sender *sender, void (*on_answer)(struct job *job, void *owner))
{
    struct relay *relay = sender->relay;
    struct store_tls_next *next = store_tls_next_create(
        relay->options.store, sender->today, sender->after_day, span_of(sender->after_domain));
    sender->job = &next->job;
    job_submit(relay->options.env->port, &next->job, on_answer, sender);
}

static void on_record(void *owner, const struct dns_answer *answer)
{
    struct tlsrpt_sender *sender = owner;
    struct fault fault;
    struct buf to;
    sender->query = NULL;
    if (answer->err != 0 && answer->err != ERR_NOT_FOUND) {
        tell(sender, LOG_INFO, "waiting", answer->why);
        sender->has_left = true;
        step_over(sender);
        read_on(sender);
        return;
    }
    int err = answer->err != 0
                  ? answer->err
                  : tlsrpt_record_find(answer->records, answer->count, &sender->record, &fault);
    buf_init(&to, 0);
    if (err != 0) {
        tell(sender, err == ERR_NOT_FOUND ? LOG_DEBUG : LOG_INFO, "unwanted",
             err == ERR_NOT_FOUND ? "the domain asks for no reports" : fault.text);
        drop(sender);
    } else if (!put_addresses(&sender->record, &to)) {
        tell(sender, LOG_INFO, "unwanted", "the domain takes reports by https only");
        drop(sender);
    } else {
        ask_store(sender, on_results); /* the same again: what was read first is freed */
    }
    buf_release(&to);
}

static void ask_dns(struct tlsrpt_sender *sender)
{
    struct relay *relay = sender->relay;
    char *name = mem_printf("_smtp._tls.%s", sender->domain);
    sender->asked = relay->options.resolver;
    sender->query = resolver_ask(sender->asked, name, DNS_TXT, on_record, sender);
    mem_free(name);
    if (sender->query == NULL)
        drop(sender);
}

static void on_next(struct job *job, void *owner)
{
    struct tlsrpt_sender *sender = owner;
    const struct store_tls_next *next = (struct store_tls_next *)job;
    sender->job = NULL;
    if (next->status != 0) {
        log_event(LOG_WARN, "tlsrpt", "unread", "why", next->fault.text);
        end_round(sender, false);
        return;
    }
    if (next->count == 0) {
        end_round(sender, true);
        return;
    }
    const struct store_tls_result *first = &next->results[0];
    sender->day = first->day;
    (void)snprintf(sender->domain, sizeof sender->domain, "%.*s", (int)first->domain.len,
                   first->domain.ptr);
    int64_t keep_ms = sender->relay->settings->tls_report_keep_ms;
    if ((sender->today - sender->day - 1) * TLSRPT_DAY_S * 1000 >= keep_ms) {
        tell(sender, LOG_INFO, "expired", "the results could not be reported in time");
        drop(sender);
        return;
    }
    if (!sender->is_paused)
        ask_dns(sender);
}

static void read_on(struct tlsrpt_sender *sender)
{
    if (!sender->is_paused)
        ask_store(sender, on_next);
}

/* ---- Life ----------------------------------------------------------------------------------- */

struct tlsrpt_sender *tlsrpt_sender_create(struct relay *relay)
{
    struct tlsrpt_sender *sender = mem_new(struct tlsrpt_sender);
    sender->relay = relay;
    sender->timer = loop_timer_create(relay->options.env->loop, on_timer, sender);
    sender->due_us = choose_time(sender, tlsrpt_day(now_us(sender)) * day_us);
    sleep_on(sender);
    return sender;
}

void tlsrpt_sender_pause(struct tlsrpt_sender *sender)
{
    sender->is_paused = true;
    loop_timer_stop(sender->timer);
    if (sender->query != NULL)
        resolver_cancel(sender->asked, &sender->query);
    if (sender->job != NULL && !sender->is_settling) {
        job_cancel(sender->job);
        sender->job = NULL;
    }
    store_body_free(&sender->body);
}

void tlsrpt_sender_resume(struct tlsrpt_sender *sender)
{
    sender->is_paused = false;
    if (sender->job == NULL)
        sleep_on(sender); /* a round that was under way begins anew: it is due still */
}

void tlsrpt_sender_free(struct tlsrpt_sender **sender)
{
    struct tlsrpt_sender *old = *sender;
    *sender = NULL;
    if (old == NULL)
        return;
    tlsrpt_sender_pause(old);
    if (old->job != NULL)
        job_disown(old->job);
    loop_timer_free(&old->timer);
    mem_free(old);
}
