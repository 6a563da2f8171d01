/*
 * server: the life of an SMTP server session (RFC 5321) and the way of a line: cut into verb and
 * argument, found in the table, let through the gate, run. It owns the count of errors and what
 * happens at their limit. It leaves the commands to cmd_*.c, messages to accept.c. Tests:
 * tests/dialogue/smtp/, tests/unit/test_smtp_seam.c, tests/fuzz/fuzz_smtp_session.c.
 */
#include "base/mem.h"
#include "protocols/smtp/lmtp_internal.h"
#include "tls/facts.h"

static void *server_open(void *service, struct host *host, enum session_start start)
{
    struct smtp_session *session = mem_new(struct smtp_session);

    session->host = host;
    session->service = service;
    session->state = SMTP_STATE_START;
    session->is_upgraded = start == SESSION_UPGRADED;
    session->login_deadline_ms =
        clock_monotonic_ms(host->clock) + session->service->settings->login_timeout_ms;
    arena_init(&session->mail.arena);
    map_init(&session->mail.targets);
    return session;
}

static struct verdict server_start(void *arg)
{
    struct smtp_session *session = arg;

    if (!session->is_upgraded)
        out_printf(session->host->out, "220 %s %s Postern\r\n", session->service->hostname,
                   smtp_manner(session)->protocol);
    return smtp_next(session);
}

static void server_free(void *arg)
{
    struct smtp_session *session = arg;

    smtp_mail_reset(session);
    auth_exchange_free(&session->exchange);
    mem_free(session->helo);
    mem_free(session->login);
    mem_free(session);
}

/* Nothing is watched: the same want again. */
static struct verdict server_wake(void *arg)
{
    struct smtp_session *session = arg;

    return session->last;
}

static void server_ending(void *arg, enum ending why)
{
    struct smtp_session *session = arg;

    switch (why) {
    case ENDING_TIMEOUT:
        smtp_reply_put(session->host->out, REPLY_TIMEOUT);
        break;
    case ENDING_SHUTDOWN:
        smtp_reply_put(session->host->out, REPLY_STOPPING);
        break;
    case ENDING_LIMIT:
        smtp_reply_put(session->host->out, REPLY_LIMIT);
        break;
    case ENDING_CLEAN:
    case ENDING_CUT:
        break;
    }
}

const struct session_type smtp_session_type = {
    .name = "smtp",
    .open = server_open,
    .start = server_start,
    .wake = server_wake,
    .ending = server_ending,
    .free = server_free,
    .crowded = "421 4.3.2 Too many connections, try again later\r\n",
    .hasty = "421 4.7.0 You connect too often, try again in a minute\r\n",
    .early = "554 5.5.1 You spoke before the greeting, closing the connection\r\n",
    .shown = smtp_shown,
};

/* Of its own for the name, which is also what ALPN is compared with: none is registered for LMTP,
 * so a client that offers names is led astray, and one that offers none is served. */
const struct session_type lmtp_session_type = {
    .name = "lmtp",
    .open = server_open,
    .start = server_start,
    .wake = server_wake,
    .ending = server_ending,
    .free = server_free,
    .crowded = "421 4.3.2 Too many connections, try again later\r\n",
    .hasty = "421 4.7.0 You connect too often, try again in a minute\r\n",
    .shown = smtp_shown,
};

bool smtp_may_use_passwords(const struct smtp_session *session)
{
    if (!smtp_manner(session)->has_login)
        return false;
    return session->host->tls != NULL || session->service->settings->auth_without_tls;
}

/* HTTP requests reach mail ports from browsers (ALPACA, old form POST tricks): no answer. Looked
 * for at each line, for behind an upgrade that an attacker made the browser's first line is not the
 * connection's, and no command of SMTP is called so. */
static bool is_http(struct span verb)
{
    static const char *const verbs[] = {"GET",     "POST",    "PUT",   "HEAD",
                                        "OPTIONS", "CONNECT", "TRACE", "PATCH"};

    for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
        if (span_is_nocase(verb, verbs[i]))
            return true;
    return false;
}

static struct verdict server_refuse_fault(struct smtp_session *session, enum line_fault fault)
{
    static const enum smtp_server_reply replies[] = {[LINE_TOO_LONG] = REPLY_LINE_TOO_LONG,
                                                     [LINE_BARE_CR] = REPLY_BARE_CR,
                                                     [LINE_BARE_LF] = REPLY_BARE_LF,
                                                     [LINE_NUL] = REPLY_NUL};

    return smtp_refuse(session, replies[fault], NULL);
}

/* What a command needs that comes too early or too late. */
static enum smtp_server_reply out_of_order(const struct smtp_session *session,
                                           const struct command *command)
{
    switch (session->state) {
    case SMTP_STATE_START:
        return smtp_manner(session)->hello_first;
    case SMTP_STATE_READY:
        return REPLY_MAIL_FIRST;
    case SMTP_STATE_MAIL:
    case SMTP_STATE_RCPT:
        if (strcmp(command->name, "MAIL") == 0)
            return REPLY_MAIL_NESTED;
        if (strcmp(command->name, "DATA") != 0)
            return REPLY_NOT_IN_MAIL;
        return session->mail.refused_count > 0 ? smtp_manner(session)->no_recipients
                                               : REPLY_RCPT_FIRST;
    case SMTP_STATE_CHUNKS:
        break;
    }
    return REPLY_CHUNKS_BEGUN;
}

/* No command of these is an error, but a peer that says nothing else holds a connection for ever.
 */
bool smtp_is_too_idle(struct smtp_session *session)
{
    struct log_line log;

    if (session->idle_count++ < session->service->settings->idle_commands_max)
        return false;
    smtp_log_begin(session, &log, LOG_INFO, "too-idle");
    log_end(&log);
    return true;
}

static struct verdict server_run(struct smtp_session *session, struct span verb,
                                 struct span argument)
{
    const struct smtp_command *row = smtp_command_find(verb);

    if (row == NULL || (row->roles & 1U << session->service->role) == 0)
        return smtp_refuse(session, REPLY_UNKNOWN_COMMAND, NULL);
    bool is_tls = (row->command.flags & COMMAND_TLS_ONLY) != 0 ? smtp_may_use_passwords(session)
                                                               : session->host->tls != NULL;
    enum command_gate gate = command_check(&row->command, session->state, is_tls, argument.len > 0);
    session->has_refused_data = gate != COMMAND_ALLOWED && span_is_nocase(verb, "DATA");
    switch (gate) {
    case COMMAND_ALLOWED:
        return (row->command.flags & COMMAND_IDLE) != 0 && smtp_is_too_idle(session)
                   ? smtp_say_and_close(session, REPLY_TOO_IDLE)
                   : row->run(session, argument);
    case COMMAND_UNKNOWN:
        return smtp_refuse(session, REPLY_UNKNOWN_COMMAND, NULL);
    case COMMAND_NEEDS_TLS:
        return smtp_refuse(session, REPLY_TLS_FIRST, NULL);
    case COMMAND_ALREADY_TLS:
        return smtp_refuse(session, REPLY_TLS_ALREADY, NULL);
    case COMMAND_HAS_ARGUMENT:
        return smtp_refuse(session, REPLY_NO_ARGUMENT, NULL);
    case COMMAND_WRONG_STATE:
        break;
    }
    return smtp_refuse(session, out_of_order(session, &row->command), NULL);
}

static struct verdict server_line(void *arg, enum line_fault fault, struct span line)
{
    struct smtp_session *session = arg;
    bool was_refused_data = session->has_refused_data;
    struct span rest = line;
    struct span verb = span_cut(&rest, ' ');

    session->has_refused_data = false;
    /* A client that did not wait for the answer to DATA sends its message now, and nothing in it
     * may be run as a command (RFC 2920 3.1). So it did when the refusal has not left yet; and when
     * it has, a message that was on its way begins with a field, not with a command. */
    if (was_refused_data &&
        (session->host->out->len > 0 || smtp_command_find(span_trim(verb)) == NULL))
        return smtp_say_and_close(session, REPLY_DATA_BEHIND);
    if (is_http(verb)) {
        struct log_line log;
        smtp_log_begin(session, &log, LOG_INFO, "http");
        log_end(&log);
        return want_close();
    }
    if (fault != LINE_OK)
        return server_refuse_fault(session, fault);
    if (line.len > session->service->settings->command_line_max && !span_is_nocase(verb, "AUTH"))
        return smtp_refuse(session, REPLY_LINE_TOO_LONG, NULL);
    return server_run(session, span_trim(verb), span_trim(rest));
}

struct verdict smtp_next(struct smtp_session *session)
{
    size_t max = session->service->settings->command_line_max;

    /* An initial response may be longer than any other command (RFC 4954 4). */
    if (max < SMTP_AUTH_LINE_MAX && session->login == NULL && smtp_may_use_passwords(session))
        max = SMTP_AUTH_LINE_MAX;
    return smtp_want_line(session, max, server_line);
}

/* At submission all that comes before the login has one deadline, so that no number of commands
 * prolongs it. */
static int64_t timeout_ms(const struct smtp_session *session)
{
    int64_t timeout_ms = session->service->settings->command_timeout_ms;

    if (session->service->role != SMTP_SUBMISSION || session->login != NULL)
        return timeout_ms;
    int64_t left_ms = session->login_deadline_ms - clock_monotonic_ms(session->host->clock);
    return left_ms > timeout_ms ? timeout_ms : left_ms > 1 ? left_ms : 1;
}

struct verdict smtp_want_line(struct smtp_session *session, size_t max, session_line_fn *then)
{
    session->last = want_line(max, timeout_ms(session), then);
    return session->last;
}

struct verdict smtp_want_secret(struct smtp_session *session, session_line_fn *then)
{
    session->last = want_line(SMTP_AUTH_LINE_MAX, timeout_ms(session), then);
    session->last.is_secret = true;
    return session->last;
}

struct verdict smtp_say(struct smtp_session *session, enum smtp_server_reply reply)
{
    smtp_reply_put(session->host->out, reply);
    return smtp_next(session);
}

struct verdict smtp_refuse(struct smtp_session *session, enum smtp_server_reply reply,
                           const char *detail)
{
    if (session->error_count++ >= session->service->settings->errors_max) {
        struct log_line log;
        smtp_log_begin(session, &log, LOG_INFO, "too-many-errors");
        log_end(&log);
        return smtp_say_and_close(session, REPLY_TOO_MANY_ERRORS);
    }
    if (detail != NULL)
        smtp_reply_put_detail(session->host->out, reply, detail);
    else
        smtp_reply_put(session->host->out, reply);
    return smtp_next(session);
}

struct verdict smtp_say_and_close(struct smtp_session *session, enum smtp_server_reply reply)
{
    smtp_reply_put(session->host->out, reply);
    return want_close();
}

void smtp_log_begin(const struct smtp_session *session, struct log_line *line, enum log_level level,
                    const char *event)
{
    char peer[ENDPOINT_TEXT_SIZE];

    endpoint_host(&session->host->peer, peer);
    log_begin(line, level, "smtp", event);
    log_hex(line, "conn", session->host->conn_id);
    log_text(line, "peer", peer);
}
