/*
 * server: the IMAP session: opening, greeting, last words, and the end of every command (RFC 3501
 * section 3, 7.1). Collecting commands is input.c's, telling changes update.c's.
 * Tests: tests/dialogue/imap, tests/fuzz/fuzz_imap_session.c.
 */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/out.h"
#include "protocols/imap/imap_internal.h"
#include "protocols/imap/reply.h"
#include "protocols/imap/update.h"

static void *imap_open(void *service, struct host *host, enum session_start start)
{
    struct imap *imap = mem_new(struct imap);
    imap->host = host;
    imap->service = service;
    imap->state = IMAP_NOT_AUTHENTICATED;
    imap->login_deadline_ms =
        clock_monotonic_ms(host->clock) + imap->service->settings->login_timeout_ms;
    imap_lexer_init(&imap->lexer, imap->service->settings->command_size_max);
    arena_init(&imap->arena);
    buf_init(&imap->tail, 0);
    buf_init(&imap->scratch, 0);
    imap->is_greeted = start == SESSION_UPGRADED;
    return imap;
}

static struct verdict imap_start(void *session)
{
    struct imap *imap = session;
    if (!imap->is_greeted) {
        buf_puts(&imap->scratch, "* OK [CAPABILITY ");
        imap_put_capabilities(imap);
        buf_puts(&imap->scratch, "] ");
        buf_puts(&imap->scratch, imap->service->hostname);
        buf_puts(&imap->scratch, " Postern ready\r\n");
        imap_flush(imap);
    }
    return imap_next_command(imap);
}

/* News of the selected mailbox are told at once in IDLE, else with the next command. */
static struct verdict imap_wake(void *session)
{
    struct imap *imap = session;
    if (imap->is_idling && imap->selected != NULL && imap->selected->is_dirty)
        return imap_idle_update(imap);
    return imap_want_again(imap);
}

static void imap_ending(void *session, enum ending why)
{
    struct imap *imap = session;
    struct out *out = imap->host->out;
    struct log_line line;
    imap_log_begin(imap, &line, imap->login == NULL ? LOG_DEBUG : LOG_INFO, "closed");
    static const char *const words[] = {
#define ENDING_TEXT(name, text) [name] = text,
        ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
    };
    log_text(&line, "why", words[why]);
    log_end(&line);

    if (imap->is_streaming)
        return;
    if (why == ENDING_TIMEOUT)
        out_puts(out, "* BYE Too long without a command\r\n");
    if (why == ENDING_SHUTDOWN)
        out_puts(out, "* BYE The server stops; connect again later\r\n");
    if (why == ENDING_LIMIT)
        out_puts(out, "* BYE A limit was reached\r\n");
}

static void free_work(struct imap *imap)
{
    if (imap->work_free != NULL)
        imap->work_free(imap->work);
    imap->work = NULL;
    imap->work_free = NULL;
}

static void imap_free(void *session)
{
    struct imap *imap = session;
    free_work(imap);
    imap_deselect(imap);
    imap_lexer_reset(&imap->lexer);
    arena_reset(&imap->arena);
    buf_release(&imap->tail);
    buf_release(&imap->scratch);
    mem_free(imap->login);
    mem_free(imap);
}

const struct session_type imap_session_type = {
    .name = "imap",
    .open = imap_open,
    .start = imap_start,
    .wake = imap_wake,
    .ending = imap_ending,
    .free = imap_free,
    .shown = imap_shown,
    .crowded = "* BYE [UNAVAILABLE] Too many connections, try again later\r\n",
    .hasty = "* BYE [UNAVAILABLE] You connect too often, try again in a minute\r\n",
};

void imap_log_begin(const struct imap *imap, struct log_line *line, enum log_level level,
                    const char *event)
{
    log_begin(line, level, "imap", event);
    if (!log_is_on(level))
        return;
    char peer[ENDPOINT_TEXT_SIZE];
    endpoint_host(&imap->host->peer, peer);
    log_hex(line, "conn", imap->host->conn_id);
    log_text(line, "peer", peer);
    if (imap->login != NULL)
        log_text(line, "user", imap->login);
}

void imap_flush(struct imap *imap)
{
    out_put(imap->host->out, buf_span(&imap->scratch));
    buf_clear(&imap->scratch);
}

void imap_set_work(struct imap *imap, void *work, void (*work_free)(void *work))
{
    free_work(imap);
    imap->work = work;
    imap->work_free = work_free;
}

struct verdict imap_bye(struct imap *imap, const char *text)
{
    out_puts(imap->host->out, "* BYE ");
    out_puts(imap->host->out, text);
    out_puts(imap->host->out, "\r\n");
    return want_close();
}

static void log_fact(const struct imap *imap, const char *event)
{
    struct log_line line;
    imap_log_begin(imap, &line, LOG_INFO, event);
    log_end(&line);
}

/* What stood before an unknown command may be no tag, but a password that came too early. */
static void put_tail(struct out *out, struct span tail, size_t secret_len)
{
    out_set_kind(out, OUT_SECRET);
    out_put(out, span_first(tail, secret_len));
    out_set_kind(out, OUT_TEXT);
    out_put(out, span_from(tail, secret_len));
}

/* The tagged reply, behind all that was to be told. */
static struct verdict send_tail(struct imap *imap)
{
    put_tail(imap->host->out, buf_span(&imap->tail), imap->command == NULL ? strlen(imap->tag) : 0);
    buf_release(&imap->tail);
    if (imap->is_lost)
        return imap_bye(imap, "Cannot tell where the next command begins");
    if (imap->error_count >= imap->service->settings->errors_max) {
        log_fact(imap, "too-many-errors");
        return imap_bye(imap, "Too many errors");
    }
    if (imap->auth_failure_count >= imap->service->auth_failures_max)
        return imap_bye(imap, "Too many failed logins");
    if (imap->is_closing)
        return want_close();
    return imap_next_command(imap);
}

struct verdict imap_reply(struct imap *imap, enum imap_reply_kind kind, struct span code,
                          const char *text)
{
    static const char *const words[] = {
        [IMAP_OK] = " OK ", [IMAP_NO] = " NO ", [IMAP_BAD] = " BAD "};
    struct buf *tail = &imap->tail;
    buf_puts(tail, imap->tag);
    buf_puts(tail, words[kind]);
    if (code.len > 0) {
        buf_put_byte(tail, '[');
        buf_put(tail, code);
        buf_puts(tail, "] ");
    }
    buf_puts(tail, text);
    buf_puts(tail, "\r\n");

    imap->error_count += kind == IMAP_BAD;
    imap->is_idling = false;
    imap->is_streaming = false;
    free_work(imap);
    return imap_tell(imap, send_tail);
}

static struct span code_span(const char *code)
{
    return code == NULL ? (struct span){0} : span_of(code);
}

struct verdict imap_ok(struct imap *imap, const char *code, const char *text)
{
    return imap_reply(imap, IMAP_OK, code_span(code), text);
}

struct verdict imap_no(struct imap *imap, const char *code, const char *text)
{
    return imap_reply(imap, IMAP_NO, code_span(code), text);
}

struct verdict imap_bad(struct imap *imap, const char *text)
{
    return imap_reply(imap, IMAP_BAD, (struct span){0}, text);
}

struct verdict imap_bad_args(struct imap *imap)
{
    const char *why = imap->args.error == NULL ? "wrong arguments" : imap->args.error;
    if (imap->args.refusal != NULL)
        return imap_no(imap, imap->args.refusal,
                       arena_printf(&imap->arena, "Could not use the name: %s", why));
    return imap_bad(imap, arena_printf(&imap->arena, "Could not read the command: %s", why));
}

/* What the peer may know of a failed job; the rest is for the log. */
static const struct {
    int status;
    const char *code, *text;
} status_replies[] = {
    {ERR_NOT_FOUND, "NONEXISTENT", "there is no such mailbox"},
    {ERR_EXISTS, "ALREADYEXISTS", "there is one of that name"},
    {ERR_LIMIT, "LIMIT", "a limit was reached"},
    {ERR_FULL, "OVERQUOTA", "there is no room left"},
    {ERR_REFUSED, "CANNOT", "that is not allowed"},
    {ERR_INVALID, "CANNOT", "that is not possible"},
};

struct verdict imap_no_status(struct imap *imap, int status, const struct fault *fault,
                              const char *what)
{
    const char *code = "UNAVAILABLE", *why = "the server has a problem; try again later";
    bool is_ours = true;
    for (size_t i = 0; i < sizeof status_replies / sizeof *status_replies; i++) {
        if (status_replies[i].status != status)
            continue;
        code = status_replies[i].code;
        why = status_replies[i].text;
        is_ours = status == ERR_FULL;
    }
    if (is_ours) {
        struct log_line line;
        imap_log_begin(imap, &line, LOG_ERROR, "store-failed");
        log_text(&line, "what", what);
        log_text(&line, "why", fault->text[0] != '\0' ? fault->text : err_text(status));
        log_end(&line);
    }
    return imap_no(imap, code, arena_printf(&imap->arena, "Could not %s: %s", what, why));
}
