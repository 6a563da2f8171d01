/*
 * Owns the POP3 session: its birth, its lines, the gate before the handlers, its end. What a
 * command does is in cmd_*.c and retrieve.c. Tests: tests/dialogue/pop3, tests/fuzz/
 * fuzz_pop3_session.c.
 */
#include "base/mem.h"
#include "protocols/pop3/pop3_internal.h"

static session_line_fn on_line;

/* One deadline for all that comes before the login, so that no number of commands prolongs it. */
static int64_t timeout_ms(const struct pop3_session *session)
{
    if (session->state != POP3_AUTHORIZATION)
        return session->service->settings->idle_timeout_ms;
    int64_t left_ms = session->login_deadline_ms - clock_monotonic_ms(session->host->clock);
    return left_ms > 1 ? left_ms : 1;
}

struct verdict pop3_want_line(struct pop3_session *session, size_t max, session_line_fn *then)
{
    session->waiting = want_line(max, timeout_ms(session), then);
    return session->waiting;
}

struct verdict pop3_want_secret(struct pop3_session *session, session_line_fn *then)
{
    session->waiting = want_line(POP3_RESPONSE_LINE_MAX, timeout_ms(session), then);
    session->waiting.is_secret = true;
    return session->waiting;
}

struct verdict pop3_next(struct pop3_session *session)
{
    session->is_busy = false;
    return pop3_want_line(session, POP3_LINE_MAX, on_line);
}

bool pop3_is_private(const struct pop3_session *session)
{
    return session->host->tls != NULL || session->service->auth_without_tls;
}

static void *session_open(void *service, struct host *host, enum session_start start)
{
    struct pop3_session *session = mem_new(struct pop3_session);
    session->service = service;
    session->host = host;
    session->state = POP3_AUTHORIZATION;
    session->why = ENDING_CLEAN;
    session->login_deadline_ms =
        clock_monotonic_ms(host->clock) + session->service->settings->login_timeout_ms;
    buf_init(&session->user, POP3_LOGIN_MAX);
    buf_init(&session->login, 0);
    session->greets = start == SESSION_FRESH; /* behind STLS the client speaks first */
    return session;
}

static struct verdict session_start(void *arg)
{
    struct pop3_session *session = arg;
    /* No timestamp in angle brackets: it would offer APOP (RFC 1939 7). */
    if (session->greets)
        out_printf(session->host->out, "+OK %s POP3 ready\r\n", session->service->hostname);
    return pop3_next(session);
}

/* Nothing is watched: a maildrop stays as it was opened (RFC 1939 4). */
static struct verdict session_wake(void *arg)
{
    const struct pop3_session *session = arg;
    return session->waiting;
}

static void session_ending(void *arg, enum ending why)
{
    struct pop3_session *session = arg;
    session->why = why;
    /* A timeout ends without a word (RFC 1939 3), and never inside of a message. */
    if (!session->is_busy && why == ENDING_SHUTDOWN)
        out_puts(session->host->out, "-ERR [SYS/TEMP] server stops, try again later\r\n");
    if (!session->is_busy && why == ENDING_LIMIT)
        out_puts(session->host->out, "-ERR [SYS/TEMP] a limit was reached\r\n");
}

static const char *const ending_texts[] = {
#define ENDING_TEXT(name, text) [name] = text,
    ENDING_LIST(ENDING_TEXT)
#undef ENDING_TEXT
};

static void log_summary(const struct pop3_session *session)
{
    struct log_line line;
    pop3_log_begin(session, &line, LOG_INFO, "session");
    log_int(&line, "retrieved", (int64_t)session->retrieved_count);
    log_int(&line, "octets", (int64_t)session->retrieved_bytes);
    log_int(&line, "deleted", (int64_t)session->removed_count);
    log_text(&line, "end", session->is_quit ? "quit" : ending_texts[session->why]);
    log_end(&line);
}

static void session_free(void *arg)
{
    struct pop3_session *session = arg;
    if (session->login.len > 0)
        log_summary(session);
    pop3_close_maildrop(session);
    auth_exchange_free(&session->exchange);
    buf_release(&session->user);
    buf_release(&session->login);
    mem_free(session);
}

const struct session_type pop3_session_type = {
    .name = "pop3",
    .open = session_open,
    .start = session_start,
    .wake = session_wake,
    .ending = session_ending,
    .free = session_free,
    .crowded = "-ERR [SYS/TEMP] too many connections, try again later\r\n",
    .hasty = "-ERR [SYS/TEMP] you connect too often, try again in a minute\r\n",
    .shown = pop3_shown,
};

static const char *const fault_texts[] = {
    [LINE_OK] = "",
    [LINE_TOO_LONG] = "line is too long",
    [LINE_BARE_CR] = "bare CR: lines end with CRLF",
    [LINE_BARE_LF] = "bare LF: lines end with CRLF",
    [LINE_NUL] = "NUL in a command",
};

/* A browser that was talked into speaking to a mail port hears nothing (THREATS 6). */
static bool is_http(struct span name)
{
    static const char *const verbs[] = {"GET",    "POST",    "HEAD",  "PUT",
                                        "DELETE", "OPTIONS", "PATCH", "CONNECT"};
    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
        if (span_is(name, verbs[i]))
            return true;
    }
    return false;
}

static struct verdict refuse_unknown(struct pop3_session *session, struct span name)
{
    if (!is_http(name))
        return pop3_bad(session, "unknown command");
    struct log_line line;
    pop3_log_begin(session, &line, LOG_INFO, "http");
    log_span(&line, "verb", name);
    log_end(&line);
    return want_close();
}

static enum command_gate check_gate(const struct pop3_session *session,
                                    const struct command *command, struct span argument)
{
    /* Where passwords are allowed in plaintext, commands that need TLS pass as if it were there. */
    bool is_tls = (command->flags & COMMAND_TLS_ONLY) != 0 ? pop3_is_private(session)
                                                           : session->host->tls != NULL;
    return command_check(command, session->state, is_tls, !span_is_empty(span_trim(argument)));
}

static struct verdict run_command(struct pop3_session *session, struct span name,
                                  struct span argument)
{
    const struct command *command =
        command_find(pop3_commands, pop3_command_count, sizeof *pop3_commands, name);
    if (command == NULL)
        return refuse_unknown(session, name);
    switch (check_gate(session, command, argument)) {
    case COMMAND_ALLOWED:
        return ((const struct pop3_command *)(const void *)command)->run(session, argument);
    case COMMAND_NEEDS_TLS:
        return pop3_bad(session, "[AUTH] no passwords in plaintext: start TLS first");
    case COMMAND_ALREADY_TLS:
        return pop3_bad(session, "TLS is there already");
    case COMMAND_WRONG_STATE:
        return pop3_bad(session, session->state == POP3_AUTHORIZATION ? "log in first"
                                                                      : "not after the login");
    case COMMAND_HAS_ARGUMENT:
        return pop3_bad(session, "this command takes no argument");
    case COMMAND_UNKNOWN:
        break;
    }
    return refuse_unknown(session, name);
}

static struct verdict on_line(void *arg, enum line_fault fault, struct span line)
{
    struct pop3_session *session = arg;
    if (fault != LINE_OK)
        return pop3_bad(session, fault_texts[fault]);
    struct span argument = line;
    struct span name = span_cut(&argument, ' ');
    if (argument.ptr == NULL)
        argument = span_of("");
    return run_command(session, name, argument);
}
