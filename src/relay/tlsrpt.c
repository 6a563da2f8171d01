/*
 * tlsrpt.c: counts TLS results of one loop and writes them to the store, about once a minute. What
 * a session's result is says whoever notes it (outcome of the handshake: tlsrpt_session.c). Tests:
 * tests/unit/test_relay_tlsrpt.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay_internal.h"
#include "relay/tlsrpt_internal.h"
#include "relay/tlsrpt_report.h"

/* The key in `counters` is all texts of the result, so its spans can lie in one copy of that. */
struct counter {
    struct store_tls_result result;
    char *texts;
};

enum { TEXT_COUNT = 10 };

struct tlsrpt {
    struct relay *relay;
    struct map counters;
    struct timer *timer;
    struct tlsrpt_sender *sender; /* on loop 0, else NULL */
    struct job *job;              /* a write under way, or NULL */
    size_t dropped;               /* not counted, since the last line about it */
};

int64_t tlsrpt_day(int64_t wall_us)
{
    return wall_us / 1000000 / TLSRPT_DAY_S;
}

/* ---- Writing -------------------------------------------------------------------------------- */

static void forget(struct tlsrpt *tlsrpt)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&tlsrpt->counters, &position, &key, &value)) {
        mem_free(((struct counter *)value)->texts);
        mem_free(value);
    }
    map_deinit(&tlsrpt->counters);
    map_init(&tlsrpt->counters);
}

static struct job *make_job(struct tlsrpt *tlsrpt)
{
    struct store_tls_result *results = mem_zalloc(tlsrpt->counters.count + 1, sizeof *results);
    size_t count = 0, position = 0;
    struct span key;
    void *value;
    while (map_next(&tlsrpt->counters, &position, &key, &value))
        results[count++] = ((struct counter *)value)->result;
    struct store_tls_count *job =
        store_tls_count_create(tlsrpt->relay->options.store, results, count);
    mem_free(results);
    forget(tlsrpt);
    return &job->job;
}

static void complain(const char *why, size_t count)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "tlsrpt", "uncounted");
    log_text(&line, "why", why);
    log_int(&line, "results", (int64_t)count);
    log_end(&line);
}

/* A store that could not write has lost these: they are a statistic, no mail. */
static void on_written(struct job *job, void *owner)
{
    struct tlsrpt *tlsrpt = owner;
    const struct store_tls_count *written = (struct store_tls_count *)job;
    tlsrpt->job = NULL;
    if (written->status != 0)
        complain(written->fault.text, 0);
    else if (written->left_out > 0)
        complain("the day has as many different results as are kept", written->left_out);
    if (tlsrpt->counters.count > 0)
        loop_timer_start(tlsrpt->timer, TLSRPT_WRITE_MS);
}

static void write_now(struct tlsrpt *tlsrpt)
{
    loop_timer_stop(tlsrpt->timer);
    if (tlsrpt->job != NULL || tlsrpt->counters.count == 0)
        return;
    tlsrpt->job = make_job(tlsrpt);
    job_submit(tlsrpt->relay->options.env->port, tlsrpt->job, on_written, tlsrpt);
}

static void on_timer(void *owner)
{
    struct tlsrpt *tlsrpt = owner;
    if (tlsrpt->dropped > 0)
        complain("more different results came than memory keeps until they are written",
                 tlsrpt->dropped);
    tlsrpt->dropped = 0;
    write_now(tlsrpt);
}

/* ---- Counting ------------------------------------------------------------------------------- */

/* So many whole lines as fit: half a TLSA record would be another one. */
static struct span cut_lines(struct span text)
{
    struct span cut = span_first(text, TLSRPT_TEXT_MAX);
    if (cut.len == text.len)
        return text;
    while (cut.len > 0 && cut.ptr[cut.len] != '\n')
        cut.len--;
    return cut;
}

static void describe(const struct tlsrpt_session *session, struct span texts[TEXT_COUNT])
{
    static const char *const policies[] = {
#define POLICY_TEXT(name, text) text,
        TLSRPT_POLICY_LIST(POLICY_TEXT)
#undef POLICY_TEXT
    };
    static const char *const results[] = {
#define RESULT_TEXT(name, text) text,
        TLSRPT_RESULT_LIST(RESULT_TEXT)
#undef RESULT_TEXT
    };
    const struct span none = {"", 0};
    bool is_good = session->result == TLSRPT_GOOD;
    bool has_owner = session->policy_domain.len > 0;
    texts[0] = span_first(session->domain, MX_NAME_SIZE - 1);
    texts[1] = has_owner ? span_first(session->policy_domain, MX_NAME_SIZE - 1) : texts[0];
    texts[2] = span_of(policies[session->policy]);
    texts[3] = cut_lines(session->policy_text);
    texts[4] = cut_lines(session->mx_patterns);
    texts[5] = span_of(results[session->result]);
    texts[6] = is_good ? none : session->sending_ip;
    texts[7] = is_good ? none : span_first(session->mx_host, MX_NAME_SIZE - 1);
    texts[8] = is_good ? none : session->receiving_ip;
    texts[9] = is_good ? none : span_first(session->reason, TLSRPT_REASON_MAX);
}

/* NUL between them: none has one in it, or its counter is that of another text; no harm is done. */
static void put_key(int64_t day, const struct span texts[TEXT_COUNT], struct buf *key)
{
    buf_printf(key, "%lld", (long long)day);
    for (size_t i = 0; i < TEXT_COUNT; i++) {
        buf_put_byte(key, '\0');
        if (texts[i].len > 0)
            buf_put(key, texts[i]);
    }
}

static struct span place(char **at, struct span text)
{
    struct span placed = {*at, text.len};
    if (text.len > 0)
        memcpy(*at, text.ptr, text.len);
    *at += text.len;
    return placed;
}

static struct counter *make_counter(int64_t day, const struct span texts[TEXT_COUNT])
{
    struct counter *counter = mem_new(struct counter);
    size_t size = 1;
    for (size_t i = 0; i < TEXT_COUNT; i++)
        size += texts[i].len;
    char *at = counter->texts = mem_alloc(size);
    struct store_tls_result *result = &counter->result;
    struct span *const placed[TEXT_COUNT] = {
        &result->domain,       &result->policy_domain, &result->policy,     &result->policy_text,
        &result->mx_patterns,  &result->result,        &result->sending_ip, &result->mx_host,
        &result->receiving_ip, &result->reason};
    for (size_t i = 0; i < TEXT_COUNT; i++)
        *placed[i] = place(&at, texts[i]);
    result->day = day;
    return counter;
}

static void count(struct tlsrpt *tlsrpt, const struct tlsrpt_session *session)
{
    struct span texts[TEXT_COUNT];
    struct buf key;
    int64_t day = tlsrpt_day(clock_wall_us(tlsrpt->relay->options.clock));
    describe(session, texts);
    buf_init(&key, 0);
    put_key(day, texts, &key);
    struct counter *counter = map_get(&tlsrpt->counters, buf_span(&key));
    if (counter == NULL && tlsrpt->counters.count >= TLSRPT_COUNTERS_MAX) {
        tlsrpt->dropped++;
    } else if (counter == NULL) {
        counter = make_counter(day, texts);
        (void)map_set(&tlsrpt->counters, buf_span(&key), counter);
    }
    if (counter != NULL)
        counter->result.sessions++;
    buf_release(&key);
    if (tlsrpt->counters.count == 1 && tlsrpt->job == NULL && counter != NULL &&
        counter->result.sessions == 1)
        loop_timer_start(tlsrpt->timer, TLSRPT_WRITE_MS);
}

void tlsrpt_note(struct relay *relay, const struct tlsrpt_session *session)
{
    if (relay->tlsrpt == NULL || !relay->settings->tls_reports || session->domain.len == 0)
        return;
    count(relay->tlsrpt, session);
    if (relay->is_draining)
        write_now(relay->tlsrpt);
}

/* ---- Life ----------------------------------------------------------------------------------- */

struct tlsrpt *tlsrpt_create(struct relay *relay)
{
    struct tlsrpt *tlsrpt = mem_new(struct tlsrpt);
    tlsrpt->relay = relay;
    map_init(&tlsrpt->counters);
    tlsrpt->timer = loop_timer_create(relay->options.env->loop, on_timer, tlsrpt);
    if (relay->options.env->loop->index == 0)
        tlsrpt->sender = tlsrpt_sender_create(relay);
    return tlsrpt;
}

void tlsrpt_drain(struct tlsrpt *tlsrpt)
{
    tlsrpt_pause(tlsrpt);
    write_now(tlsrpt);
}

void tlsrpt_pause(struct tlsrpt *tlsrpt)
{
    if (tlsrpt->sender != NULL)
        tlsrpt_sender_pause(tlsrpt->sender);
}

void tlsrpt_resume(struct tlsrpt *tlsrpt)
{
    if (tlsrpt->sender != NULL)
        tlsrpt_sender_resume(tlsrpt->sender);
}

void tlsrpt_free(struct tlsrpt **tlsrpt)
{
    struct tlsrpt *old = *tlsrpt;
    *tlsrpt = NULL;
    if (old == NULL)
        return;
    tlsrpt_sender_free(&old->sender);
    if (old->job != NULL)
        job_disown(old->job);
    if (old->counters.count > 0) {
        struct job *job = make_job(old);
        job_submit(old->relay->options.env->port, job, on_written, old);
        job_disown(job);
    }
    forget(old);
    map_deinit(&old->counters);
    loop_timer_free(&old->timer);
    mem_free(old);
}
