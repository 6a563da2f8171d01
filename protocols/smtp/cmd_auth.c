/*
 * cmd_auth: AUTH (RFC 4954): the base64 lines around an exchange of auth/auth.h, the initial
 * response, cancelling with "*", and what each outcome costs. That it runs under TLS only is the
 * gate's doing (COMMAND_TLS_ONLY). Tests: tests/dialogue/smtp/auth*.dlg.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "protocols/smtp/server_internal.h"
#include "tls/facts.h"

struct auth_step {
    enum auth_state state;
    struct buf challenge;
    struct job *job;
};

static struct verdict auth_follow(struct smtp_session *session, struct auth_step *step);
static session_line_fn auth_line, auth_last_line;

static void auth_step_init(struct auth_step *step)
{
    step->job = NULL;
    buf_init(&step->challenge, 0);
}

static struct verdict auth_stop(struct smtp_session *session, enum smtp_server_reply reply)
{
    auth_exchange_free(&session->exchange);
    return smtp_refuse(session, reply, NULL);
}

/* "=" is the empty initial response; an empty line the empty response (RFC 4954 4). */
static bool decode_response(struct span text, struct buf *out)
{
    return text.len == 0 || codec_base64_decode(text, out) == 0;
}

struct verdict smtp_cmd_auth(struct smtp_session *session, struct span argument)
{
    struct auth_client client = {&session->host->peer, session->host->tls};
    struct auth_step step;
    struct buf initial;
    enum auth_mechanism mechanism;
    struct span rest = argument;
    struct span name = span_cut(&rest, ' ');

    if (session->login != NULL)
        return smtp_refuse(session, REPLY_LOGGED_IN_ALREADY, NULL);
    if (auth_mechanism_find(name, &mechanism) < 0)
        return smtp_refuse(session, REPLY_MECHANISM, NULL);
    rest = span_trim(rest);
    buf_init(&initial, SMTP_AUTH_LINE_MAX);
    if (!decode_response(span_is(rest, "=") ? span_of("") : rest, &initial)) {
        buf_wipe(&initial);
        return smtp_refuse(session, REPLY_BASE64, NULL);
    }
    auth_step_init(&step);
    struct span response = buf_span(&initial);
    session->exchange = auth_exchange_create(session->service->auth, mechanism, &client);
    step.state = auth_exchange_start(session->exchange, rest.len > 0 ? &response : NULL,
                                     &step.challenge, &step.job);
    buf_wipe(&initial);
    return auth_follow(session, &step);
}

static void put_challenge(struct smtp_session *session, struct span challenge)
{
    struct buf text;

    buf_init(&text, 0);
    require(codec_base64_encode(challenge, &text) == 0); /* it has no maximum */
    out_puts(session->host->out, "334 ");
    out_put(session->host->out, buf_span(&text));
    out_puts(session->host->out, "\r\n");
    buf_release(&text);
}

static struct verdict auth_success(struct smtp_session *session)
{
    const struct store_account *account = auth_exchange_account(session->exchange);
    struct log_line log;

    session->login = mem_strdup(account->address);
    host_name(session->host, span_of(session->login));
    smtp_log_begin(session, &log, LOG_INFO, "login");
    log_text(&log, "user", session->login);
    log_text(&log, "tls", session->host->tls == NULL ? "none" : session->host->tls->version);
    log_end(&log);
    auth_exchange_free(&session->exchange);
    return smtp_say(session, REPLY_LOGGED_IN);
}

static enum smtp_server_reply failure_reply(enum auth_failure failure)
{
    switch (failure) {
    case AUTH_MALFORMED:
        return REPLY_AUTH_MALFORMED;
    case AUTH_THROTTLED:
        return REPLY_AUTH_THROTTLED;
    case AUTH_UNAVAILABLE:
        return REPLY_AUTH_TEMPORARY;
    case AUTH_NO_FAILURE:
    case AUTH_BAD_CREDENTIALS:
    case AUTH_NOT_AUTHORIZED:
        break;
    }
    return REPLY_AUTH_FAILED;
}

static struct verdict auth_failed(struct smtp_session *session)
{
    enum auth_failure failure = auth_exchange_failure(session->exchange);
    struct log_line log;

    smtp_log_begin(session, &log, LOG_INFO, "login-failed");
    log_span(&log, "login", auth_exchange_login(session->exchange));
    log_text(&log, "why", auth_failure_text(failure));
    log_text(&log, "tls", session->host->tls == NULL ? "none" : session->host->tls->version);
    log_end(&log);
    if (++session->auth_failure_count >= session->service->auth_failures_max) {
        auth_exchange_free(&session->exchange);
        return smtp_say_and_close(session, REPLY_AUTH_TOO_MANY);
    }
    return auth_stop(session, failure_reply(failure));
}

static struct verdict auth_answer(void *arg, struct job *job)
{
    struct smtp_session *session = arg;
    struct auth_step step;

    auth_step_init(&step);
    step.state = auth_exchange_answer(session->exchange, job, &step.challenge);
    return auth_follow(session, &step);
}

/* Ends the step. */
static struct verdict auth_follow(struct smtp_session *session, struct auth_step *step)
{
    bool has_words =
        step->state == AUTH_CHALLENGE || (step->state == AUTH_SUCCESS && step->challenge.len > 0);

    if (has_words)
        put_challenge(session, buf_span(&step->challenge));
    buf_wipe(&step->challenge);
    switch (step->state) {
    case AUTH_CHALLENGE:
        return smtp_want_secret(session, auth_line);
    case AUTH_WAIT:
        return want_answer(step->job, auth_answer);
    case AUTH_SUCCESS:
        break;
    case AUTH_FAILURE:
        return auth_failed(session);
    }
    /* SCRAM's last word is a challenge that the client answers with nothing (RFC 4954 4). */
    return has_words ? smtp_want_secret(session, auth_last_line) : auth_success(session);
}

/* REPLY_NONE when the line may hold a response. */
static enum smtp_server_reply line_refusal(enum line_fault fault, struct span line)
{
    if (fault == LINE_TOO_LONG)
        return REPLY_LINE_TOO_LONG;
    if (fault != LINE_OK)
        return REPLY_BASE64;
    return span_is(line, "*") ? REPLY_AUTH_CANCELLED : REPLY_NONE;
}

static struct verdict auth_line(void *arg, enum line_fault fault, struct span line)
{
    struct smtp_session *session = arg;
    enum smtp_server_reply refusal = line_refusal(fault, line);
    struct auth_step step;
    struct buf response;

    if (refusal != REPLY_NONE)
        return auth_stop(session, refusal);
    buf_init(&response, SMTP_AUTH_LINE_MAX);
    if (!decode_response(line, &response)) {
        buf_wipe(&response);
        return auth_stop(session, REPLY_BASE64);
    }
    auth_step_init(&step);
    step.state =
        auth_exchange_feed(session->exchange, buf_span(&response), &step.challenge, &step.job);
    buf_wipe(&response);
    return auth_follow(session, &step);
}

static struct verdict auth_last_line(void *arg, enum line_fault fault, struct span line)
{
    struct smtp_session *session = arg;
    enum smtp_server_reply refusal = line_refusal(fault, line);

    if (refusal == REPLY_NONE && line.len > 0)
        refusal = REPLY_AUTH_MALFORMED;
    return refusal != REPLY_NONE ? auth_stop(session, refusal) : auth_success(session);
}
