/*
 * probe: the life of a look at a server: greeting, capabilities, upgrade, capabilities again,
 * login, goodbye. What is known from plaintext is forgotten at the upgrade because the session is.
 * What the words of a protocol mean is probe_rows.c's, logins are probe_login.c's.
 * Tests: tests/unit/test_probe.c, tests/fuzz/fuzz_probe.c.
 */
#include "protocols/probe.h"

#include "base/mem.h"
#include "protocols/probe_internal.h"

enum { BYE_TIMEOUT_MS = 3000, HIDDEN_SIZE = 64 };

static probe_reply_fn on_greeting, on_offers, on_upgrade, on_bye;

static const char *const protocol_names[] = {
#define PROTOCOL_NAME(name, text) [name] = text,
    PROBE_PROTOCOL_LIST(PROTOCOL_NAME)
#undef PROTOCOL_NAME
};

static const char *const step_names[] = {
#define STEP_NAME(name, text) [name] = text,
    PROBE_STEP_LIST(STEP_NAME)
#undef STEP_NAME
};

static const struct {
    const char *name, *sentence, *advice;
} results[] = {
#define RESULT_ROW(name, text, sentence, advice) [name] = {text, sentence, advice},
    PROBE_RESULT_LIST(RESULT_ROW)
#undef RESULT_ROW
};

const char *probe_protocol_name(enum probe_protocol protocol)
{
    return protocol_names[protocol];
}

const char *probe_protocol_alpn(enum probe_protocol protocol)
{
    return probe_rows[protocol].alpn;
}

bool probe_protocol_parse(struct span name, enum probe_protocol *protocol_out)
{
    if (span_is(name, "submission"))
        name = span_of("smtp");
    for (unsigned i = 0; i < PROBE_PROTOCOL_COUNT; i++) {
        if (span_is(name, protocol_names[i])) {
            *protocol_out = (enum probe_protocol)i;
            return true;
        }
    }
    return false;
}

const char *probe_step_name(enum probe_step step)
{
    return step_names[step];
}

const char *probe_result_name(enum probe_result result)
{
    return results[result].name;
}

const char *probe_result_sentence(enum probe_result result)
{
    return results[result].sentence;
}

const char *probe_result_advice(enum probe_result result)
{
    return results[result].advice;
}

/* ---- The session ---------------------------------------------------------------------------- */

static void *probe_open(void *service, struct host *host, enum session_start start)
{
    struct probe *probe = mem_new(struct probe);

    probe->host = host;
    probe->service = service;
    probe->row = &probe_rows[probe->service->protocol];
    probe->is_upgraded = start == SESSION_UPGRADED;
    buf_init(&probe->offers, PROBE_OFFERS_MAX);
    return probe;
}

static void probe_free(void *arg)
{
    struct probe *probe = arg;

    probe_login_free(probe);
    buf_release(&probe->offers);
    mem_free(probe);
}

static session_line_fn probe_line_in;

/* The rest of the reply under way: its lines share one deadline. */
static struct verdict wait_on(struct probe *probe)
{
    int64_t left_ms = probe->deadline_ms - clock_monotonic_ms(probe->host->clock);

    return want_line(PROBE_LINE_MAX, left_ms > 1 ? left_ms : 1, probe_line_in);
}

static struct verdict expect(struct probe *probe, enum probe_step step, unsigned wanted_code,
                             probe_reply_fn *on_reply)
{
    int64_t timeout_ms = probe->service->timeout_ms;

    if (step == PROBE_STEP_BYE && timeout_ms > BYE_TIMEOUT_MS)
        timeout_ms = BYE_TIMEOUT_MS;
    probe->step = step;
    probe->wanted_code = wanted_code;
    probe->on_reply = on_reply;
    probe->line_count = probe->code = 0;
    probe->is_list = false;
    probe->deadline_ms = clock_monotonic_ms(probe->host->clock) + timeout_ms;
    return wait_on(probe);
}

static struct verdict ask_offers(struct probe *probe)
{
    const struct probe_row *row = probe->row;
    char *text = mem_printf("%s%s%s", row->offers, row->says_name ? " " : "",
                            row->says_name ? probe->service->hostname : "");

    buf_clear(&probe->offers);
    struct verdict next =
        probe_command(probe, PROBE_STEP_OFFERS, row->offers_code, text, on_offers);
    mem_free(text);
    return next;
}

static struct verdict probe_start(void *arg)
{
    struct probe *probe = arg;

    if (probe->is_upgraded)
        return ask_offers(probe);
    return expect(probe, PROBE_STEP_GREETING, probe->row->greeting_code, on_greeting);
}

static struct verdict probe_wake(void *arg)
{
    return wait_on(arg);
}

static void tell(struct probe *probe, enum probe_result result, struct span words)
{
    if (probe->is_told)
        return;
    probe->is_told = true;
    probe->service->owner->on_result(probe->service->owner_arg, result, probe->step, words);
}

static void probe_ending(void *arg, enum ending why)
{
    tell(arg, why == ENDING_TIMEOUT ? PROBE_SILENT : PROBE_ENDED, span_of(""));
}

const struct session_type probe_type = {
    .name = "probe",
    .open = probe_open,
    .start = probe_start,
    .wake = probe_wake,
    .ending = probe_ending,
    .free = probe_free,
};

/* ---- Saying and hearing --------------------------------------------------------------------- */

static void tell_line(struct probe *probe, bool is_heard, struct span text, size_t size)
{
    const struct probe_line line = {.step = probe->step,
                                    .is_heard = is_heard,
                                    .is_secure = probe->host->tls != NULL,
                                    .text = text,
                                    .size = size};

    probe->service->owner->on_line(probe->service->owner_arg, &line);
}

/* Of a challenge the indicator stays to be seen; of a line that holds the password, nothing. */
static void tell_heard(struct probe *probe, enum probe_reply reply, struct span line)
{
    char hidden[HIDDEN_SIZE] = "<not shown>";
    struct span shown = line;

    if (probe->is_secret && reply == PROBE_REPLY_ASK && line.len > 4) {
        bool is_code = line.ptr[0] != '+';
        (void)stpcpy(hidden, is_code ? "334 <not shown>" : "+ <not shown>");
        shown = span_of(hidden);
    } else if (probe_is_secret(probe, line)) {
        shown = span_of(hidden);
    }
    tell_line(probe, true, shown, line.len + 2);
}

struct verdict probe_command(struct probe *probe, enum probe_step step, unsigned wanted_code,
                             const char *text, probe_reply_fn *on_reply)
{
    struct buf line;

    probe->step = step;
    buf_init(&line, 0);
    if (probe->row->is_tagged)
        buf_printf(&line, "p%u ", ++probe->tag);
    buf_puts(&line, text);
    tell_line(probe, false, buf_span(&line), line.len + 2);
    out_put(probe->host->out, buf_span(&line));
    out_puts(probe->host->out, "\r\n");
    buf_release(&line);
    return expect(probe, step, wanted_code, on_reply);
}

struct verdict probe_secret(struct probe *probe, bool is_command, const char *text,
                            struct span secret, probe_reply_fn *on_reply)
{
    struct buf shown;

    probe->step = PROBE_STEP_LOGIN;
    probe->is_secret = true;
    buf_init(&shown, 0);
    if (is_command && probe->row->is_tagged)
        buf_printf(&shown, "p%u ", ++probe->tag);
    buf_puts(&shown, text);
    out_put(probe->host->out, buf_span(&shown));
    out_put(probe->host->out, secret);
    out_puts(probe->host->out, "\r\n");
    size_t size = shown.len + secret.len + 2;
    if (secret.len > 0)
        buf_puts(&shown, "<not shown>");
    tell_line(probe, false, buf_span(&shown), size);
    buf_release(&shown);
    return expect(probe, PROBE_STEP_LOGIN, probe->row->auth_code, on_reply);
}

static struct verdict probe_line_in(void *arg, enum line_fault fault, struct span line)
{
    struct probe *probe = arg;
    struct span words = span_of("");
    enum probe_reply reply = PROBE_REPLY_NONSENSE;

    probe->line_count++;
    if (fault == LINE_OK)
        reply = probe->row->read(probe, line, &words);
    tell_heard(probe, reply, line);
    if (reply == PROBE_REPLY_NONSENSE)
        return probe_drop(probe, PROBE_NO_PROTOCOL, line);
    if (probe->line_count > PROBE_LINES_MAX)
        return probe_drop(probe, PROBE_ENDLESS, span_of(""));
    if (probe->step == PROBE_STEP_OFFERS && reply != PROBE_REPLY_BAD &&
        !probe_is_secret(probe, line) && probe->row->take_offer(probe, reply, words) != 0)
        return probe_drop(probe, PROBE_ENDLESS, span_of(""));
    return reply == PROBE_REPLY_MORE ? wait_on(probe) : probe->on_reply(probe, reply, words);
}

static struct verdict say_bye(struct probe *probe)
{
    return probe_command(probe, PROBE_STEP_BYE, probe->row->bye_code, probe->row->bye, on_bye);
}

/* Whatever the server says now: everything that we came for has been told. */
static struct verdict on_bye(struct probe *probe, enum probe_reply reply, struct span words)
{
    (void)probe;
    (void)reply;
    (void)words;
    return want_close();
}

struct verdict probe_stop(struct probe *probe, enum probe_result result, struct span words)
{
    tell(probe, result, probe_is_secret(probe, words) ? span_of("<not shown>") : words);
    return say_bye(probe);
}

struct verdict probe_drop(struct probe *probe, enum probe_result result, struct span words)
{
    tell(probe, result, probe_is_secret(probe, words) ? span_of("<not shown>") : words);
    return want_close();
}

/* ---- The way -------------------------------------------------------------------------------- */

static struct verdict on_greeting(struct probe *probe, enum probe_reply reply, struct span words)
{
    if (reply != PROBE_REPLY_GOOD)
        return probe_stop(probe, PROBE_GREETING_REFUSED, words);
    /* RFC 9051 6.2.1: STARTTLS belongs to the state before a login. */
    if (probe->is_preauth && probe->service->wants_upgrade && probe->host->tls == NULL)
        return probe_stop(probe, PROBE_PREAUTH, words);
    return ask_offers(probe);
}

bool probe_offers(const struct probe *probe, const char *name, struct span *rest_out)
{
    struct span rest = buf_span(&probe->offers);

    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        if (!span_is_nocase(span_cut(&line, ' '), name))
            continue;
        *rest_out = line.ptr != NULL ? line : span_of("");
        return true;
    }
    return false;
}

static struct verdict on_offers(struct probe *probe, enum probe_reply reply, struct span words)
{
    bool is_secure = probe->host->tls != NULL;
    bool wants_upgrade = probe->service->wants_upgrade && !is_secure;
    struct span rest;

    if (reply != PROBE_REPLY_GOOD) {
        buf_clear(&probe->offers);
        if (!wants_upgrade && !probe->row->may_lack_offers)
            return probe_stop(probe, PROBE_OFFERS_REFUSED, words);
    }
    probe->service->owner->on_offers(probe->service->owner_arg, is_secure,
                                     buf_span(&probe->offers));
    if (wants_upgrade && !probe_offers(probe, probe->row->upgrade_offer, &rest))
        return probe_stop(probe, PROBE_NOT_OFFERED, reply == PROBE_REPLY_BAD ? words : span_of(""));
    if (wants_upgrade)
        return probe_command(probe, PROBE_STEP_UPGRADE, probe->row->upgrade_code,
                             probe->row->upgrade, on_upgrade);
    if (probe->service->user != NULL)
        return probe_login(probe);
    return probe_stop(probe, PROBE_DONE, span_of(""));
}

/* With the go-ahead this session ends; what lies behind it in the same segment is the upgrade's
 * business: net/upgrade.c gives the connection up. */
static struct verdict on_upgrade(struct probe *probe, enum probe_reply reply, struct span words)
{
    if (reply == PROBE_REPLY_GOOD)
        return want_upgrade(span_of(""), span_of(""), span_of(""));
    return probe_stop(probe, PROBE_UPGRADE_REFUSED, words);
}
