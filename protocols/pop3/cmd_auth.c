/*
 * Owns USER, PASS (RFC 1939 7) and AUTH (RFC 5034): base64, its framing, and which failure is
 * answered how (response codes of RFC 3206). Who somebody is, is decided in src/auth. Tests:
 * tests/dialogue/pop3/login.dlg, auth*.dlg.
 */
#include "base/codec.h"
#include "protocols/pop3/pop3_internal.h"

static session_line_fn on_response, on_last_response;
static session_answer_fn on_checked;

static void create_exchange(struct pop3_session *session, enum auth_mechanism mechanism)
{
    struct auth_client client = {.peer = &session->host->peer, .tls = session->host->tls};
    auth_exchange_free(&session->exchange);
    session->exchange = auth_exchange_create(session->service->auth, mechanism, &client);
}

static const struct failure_reply {
    bool is_counted; /* towards auth_failures_max */
    const char *text;
} failure_replies[] = {
    [AUTH_NO_FAILURE] = {false, "[SYS/TEMP] could not check right now, try again later"},
    [AUTH_BAD_CREDENTIALS] = {true, "[AUTH] wrong user or password"},
    [AUTH_MALFORMED] = {false, "malformed response"},
    [AUTH_NOT_AUTHORIZED] = {true, "[AUTH] may not act for that identity"},
    /* Not [AUTH]: the client would ask its user for another password. */
    [AUTH_THROTTLED] = {true, "[SYS/TEMP] too many failed logins from your address, wait a while"},
    [AUTH_UNAVAILABLE] = {false, "[SYS/TEMP] could not check right now, try again later"},
};

static void log_failure(const struct pop3_session *session, enum auth_failure failure)
{
    struct log_line line;
    pop3_log_begin(session, &line, LOG_INFO, "login-failed");
    log_span(&line, "login", auth_exchange_login(session->exchange));
    log_text(&line, "why", auth_failure_text(failure));
    log_int(&line, "tls", session->host->tls != NULL);
    log_end(&line);
}

static struct verdict refuse_login(struct pop3_session *session)
{
    enum auth_failure failure = auth_exchange_failure(session->exchange);
    const struct failure_reply *reply = &failure_replies[failure];
    log_failure(session, failure);
    auth_exchange_free(&session->exchange);
    if (failure == AUTH_MALFORMED)
        return pop3_bad(session, reply->text);
    session->auth_failures += reply->is_counted;
    struct verdict verdict = pop3_refuse(session, reply->text);
    return session->auth_failures < session->service->auth_failures_max ? verdict : want_close();
}

static struct verdict accept_login(struct pop3_session *session)
{
    const struct store_account *account = auth_exchange_account(session->exchange);
    buf_put(&session->login, span_of(account->address));
    struct log_line line;
    pop3_log_begin(session, &line, LOG_INFO, "login");
    log_int(&line, "tls", session->host->tls != NULL);
    log_end(&line);
    struct verdict verdict = pop3_open_maildrop(session, account);
    auth_exchange_free(&session->exchange);
    return verdict;
}

static void put_challenge(struct pop3_session *session, struct span challenge)
{
    struct buf text;
    buf_init(&text, 0);
    buf_puts(&text, "+ ");
    codec_base64_put(challenge, &text);
    buf_puts(&text, "\r\n");
    out_put(session->host->out, buf_span(&text));
    buf_release(&text);
}

/* Follows what the exchange wants next. */
static struct verdict follow(struct pop3_session *session, enum auth_state state,
                             struct span challenge, struct job *job)
{
    switch (state) {
    case AUTH_CHALLENGE:
        put_challenge(session, challenge);
        return pop3_want_secret(session, on_response);
    case AUTH_WAIT:
        return want_answer(job, on_checked);
    case AUTH_SUCCESS:
        if (span_is_empty(challenge))
            return accept_login(session);
        /* POP3 has no place for data with success: it goes as a challenge (RFC 5034 4). */
        put_challenge(session, challenge);
        return pop3_want_secret(session, on_last_response);
    case AUTH_FAILURE:
        break;
    }
    return refuse_login(session);
}

static struct verdict on_checked(void *arg, struct job *job)
{
    struct pop3_session *session = arg;
    struct buf challenge;
    buf_init(&challenge, 0);
    enum auth_state state = auth_exchange_answer(session->exchange, job, &challenge);
    struct verdict verdict = follow(session, state, buf_span(&challenge), NULL);
    buf_release(&challenge);
    return verdict;
}

static struct verdict give_up(struct pop3_session *session, const char *text)
{
    auth_exchange_free(&session->exchange);
    return pop3_bad(session, text);
}

/* text: base64 of a response. is_initial: it came with the command. */
static struct verdict feed(struct pop3_session *session, struct span text, bool is_initial)
{
    struct buf response, challenge;
    buf_init(&response, POP3_RESPONSE_LINE_MAX);
    buf_init(&challenge, 0);
    struct job *job = NULL;
    struct verdict verdict;
    if (codec_base64_decode(text, &response) != 0) {
        verdict = give_up(session, "response is not base64");
    } else {
        struct span bytes = buf_span(&response);
        enum auth_state state =
            is_initial ? auth_exchange_start(session->exchange, &bytes, &challenge, &job)
                       : auth_exchange_feed(session->exchange, bytes, &challenge, &job);
        verdict = follow(session, state, buf_span(&challenge), job);
    }
    buf_wipe(&response);
    buf_release(&challenge);
    return verdict;
}

static struct verdict on_response(void *arg, enum line_fault fault, struct span line)
{
    struct pop3_session *session = arg;
    if (fault != LINE_OK)
        return give_up(session, "response is too long or not a line of base64");
    if (span_is(line, "*"))
        return give_up(session, "login given up");
    return feed(session, line, false);
}

/* The client has seen the server's signature and says so with an empty response. */
static struct verdict on_last_response(void *arg, enum line_fault fault, struct span line)
{
    struct pop3_session *session = arg;
    if (fault != LINE_OK || !span_is_empty(line))
        return give_up(session, span_is(line, "*") ? "login given up" : "response is not empty");
    return accept_login(session);
}

struct verdict pop3_auth(struct pop3_session *session, struct span argument)
{
    struct span rest = span_trim(argument);
    struct span name = span_cut(&rest, ' ');
    enum auth_mechanism mechanism;
    if (span_is_empty(name))
        return pop3_bad(session, "which mechanism? CAPA lists them");
    if (auth_mechanism_find(name, &mechanism) != 0)
        return pop3_bad(session, "unknown mechanism: CAPA lists those there are");
    buf_clear(&session->user);
    create_exchange(session, mechanism);
    if (rest.ptr != NULL) /* "=" stands for an empty initial response */
        return feed(session, span_is(rest, "=") ? span_of("") : rest, true);

    struct buf challenge;
    buf_init(&challenge, 0);
    struct job *job;
    enum auth_state state = auth_exchange_start(session->exchange, NULL, &challenge, &job);
    struct verdict verdict = follow(session, state, buf_span(&challenge), job);
    buf_release(&challenge);
    return verdict;
}

struct verdict pop3_user(struct pop3_session *session, struct span argument)
{
    struct span name = span_trim(argument);
    buf_clear(&session->user);
    if (span_is_empty(name))
        return pop3_bad(session, "USER needs a name");
    if (buf_append(&session->user, name) != 0)
        return pop3_bad(session, "name is too long");
    /* The same for names that exist and names that do not (THREATS 18). */
    return pop3_ok(session, "now the password");
}

/* The argument is the password as it is: it may hold spaces, at its ends too (RFC 1939 7). */
struct verdict pop3_pass(struct pop3_session *session, struct span argument)
{
    if (session->user.len == 0)
        return pop3_bad(session, "USER first");
    create_exchange(session, AUTH_PLAIN);
    struct job *job;
    enum auth_state state =
        auth_exchange_password(session->exchange, buf_span(&session->user), argument, &job);
    buf_release(&session->user);
    return follow(session, state, span_of(""), job);
}
