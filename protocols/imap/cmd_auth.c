/*
 * cmd_auth: STARTTLS, LOGIN and AUTHENTICATE (RFC 3501 6.2, RFC 4959, RFC 4616, RFC 7677). Owns the
 * framing of SASL in IMAP; who may log in is auth/auth.h's. Passwords are wiped from the command's
 * memory by the lexer, and never logged. Tests: tests/dialogue/imap/login.dlg, authenticate.dlg.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/out.h"
#include "protocols/imap/imap_internal.h"

#include <stdio.h>

struct verdict imap_cmd_starttls(struct imap *imap)
{
    int len = snprintf(imap->upgrade_text, sizeof imap->upgrade_text,
                       "%s OK Begin TLS negotiation now\r\n", imap->tag);
    int refusal_len = snprintf(imap->refusal_text, sizeof imap->refusal_text,
                               "%s BAD Nothing may follow STARTTLS before TLS\r\n", imap->tag);
    int crowded_len =
        snprintf(imap->crowded_text, sizeof imap->crowded_text,
                 "%s NO [UNAVAILABLE] Too many TLS handshakes, come back later\r\n", imap->tag);
    return want_upgrade(span_make(imap->upgrade_text, (size_t)len),
                        span_make(imap->refusal_text, (size_t)refusal_len),
                        span_make(imap->crowded_text, (size_t)crowded_len));
}

/* The base64 of the longest response. */
enum { RESPONSE_LINE_MAX = CODEC_BASE64_LEN(AUTH_RESPONSE_MAX) };

/* A login under way. */
struct login {
    struct imap *imap;
    struct auth_exchange *exchange;
    struct buf challenge;
    bool is_server_final; /* the success data was sent; its empty answer is awaited */
};

static void login_free(void *work)
{
    struct login *login = work;
    auth_exchange_free(&login->exchange);
    buf_wipe(&login->challenge);
    mem_free(login);
}

static struct login *login_begin(struct imap *imap, enum auth_mechanism mechanism)
{
    struct login *login = mem_new(struct login);
    login->imap = imap;
    struct auth_client client = {.peer = &imap->host->peer, .tls = imap->host->tls};
    login->exchange = auth_exchange_create(imap->service->auth, mechanism, &client);
    buf_init(&login->challenge, AUTH_RESPONSE_MAX);
    imap_set_work(imap, login, login_free);
    return login;
}

static struct verdict succeed(struct login *login)
{
    struct imap *imap = login->imap;
    const struct store_account *account = auth_exchange_account(login->exchange);
    imap->account = account->id;
    imap->login = mem_strdup(account->address);
    imap->state = IMAP_AUTHENTICATED;
    host_name(imap->host, span_of(imap->login));

    struct log_line line;
    imap_log_begin(imap, &line, LOG_INFO, "login");
    log_text(&line, "tls", imap->host->tls == NULL ? "none" : imap->host->tls->version);
    log_end(&line);

    buf_puts(&imap->scratch, "CAPABILITY ");
    imap_put_capabilities(imap);
    struct span code = arena_copy(&imap->arena, buf_span(&imap->scratch));
    buf_clear(&imap->scratch);
    return imap_reply(imap, IMAP_OK, code, "Logged in");
}

static struct verdict refuse(struct login *login)
{
    struct imap *imap = login->imap;
    enum auth_failure failure = auth_exchange_failure(login->exchange);
    struct log_line line;
    imap_log_begin(imap, &line, LOG_INFO, "login-failed");
    log_span(&line, "login", auth_exchange_login(login->exchange));
    log_text(&line, "why", auth_failure_text(failure));
    log_text(&line, "tls", imap->host->tls == NULL ? "none" : imap->host->tls->version);
    log_end(&line);

    switch (failure) {
    case AUTH_UNAVAILABLE:
        return imap_no(imap, "UNAVAILABLE", "Could not check the password now; try again later");
    case AUTH_THROTTLED:
        imap->auth_failure_count++;
        return imap_no(imap, "UNAVAILABLE", "Too many failed logins; try again later");
    case AUTH_NOT_AUTHORIZED:
        imap->auth_failure_count++;
        return imap_no(imap, "AUTHORIZATIONFAILED", "May not act for that user");
    case AUTH_NO_FAILURE:
    case AUTH_BAD_CREDENTIALS:
    case AUTH_MALFORMED:
        break;
    }
    imap->auth_failure_count++;
    return imap_no(imap, "AUTHENTICATIONFAILED", "Wrong user or password");
}

static struct verdict go_on(struct login *login, enum auth_state state, struct job *job);

static struct verdict on_hash(void *session, struct job *job)
{
    struct imap *imap = session;
    struct login *login = imap->work;
    enum auth_state state = auth_exchange_answer(login->exchange, job, &login->challenge);
    require(state != AUTH_WAIT);
    return go_on(login, state, NULL);
}

/* A response line: base64, "*" to give up, or empty behind the server's last word. */
static struct verdict on_response(void *session, enum line_fault fault, struct span line)
{
    struct imap *imap = session;
    struct login *login = imap->work;
    if (fault == LINE_OK && span_is(line, "*"))
        return imap_bad(imap, "Given up");
    if (login->is_server_final)
        return fault == LINE_OK && line.len == 0 ? succeed(login)
                                                 : imap_bad(imap, "An empty line is expected");

    struct buf response;
    buf_init(&response, AUTH_RESPONSE_MAX);
    if (fault != LINE_OK || codec_base64_decode(line, &response) != 0) {
        buf_wipe(&response);
        return imap_bad(imap, "The response is not base64");
    }
    struct job *job = NULL;
    enum auth_state state =
        auth_exchange_feed(login->exchange, buf_span(&response), &login->challenge, &job);
    buf_wipe(&response);
    return go_on(login, state, job);
}

static struct verdict challenge(struct login *login)
{
    struct imap *imap = login->imap;
    struct buf *text = &imap->scratch;
    buf_puts(text, "+ ");
    int err = codec_base64_encode(buf_span(&login->challenge), text);
    require(err == 0); /* scratch has no maximum */
    buf_puts(text, "\r\n");
    imap_flush(imap);
    return imap_want_secret(imap, RESPONSE_LINE_MAX, on_response);
}

static struct verdict go_on(struct login *login, enum auth_state state, struct job *job)
{
    switch (state) {
    case AUTH_CHALLENGE:
        return challenge(login);
    case AUTH_WAIT:
        return want_answer(job, on_hash);
    case AUTH_SUCCESS:
        break;
    case AUTH_FAILURE:
        return refuse(login);
    }
    if (login->challenge.len == 0)
        return succeed(login);
    /* RFC 3501's OK carries no data: SCRAM's server-final goes as a challenge of its own. */
    login->is_server_final = true;
    return challenge(login);
}

static void wipe(struct span secret)
{
    mem_wipe((void *)(uintptr_t)secret.ptr, secret.len);
}

struct verdict imap_cmd_login(struct imap *imap)
{
    struct imap_args *args = &imap->args;
    struct span name, password;
    if (!imap_args_space(args) || !imap_args_astring(args, &name) || !imap_args_space(args) ||
        !imap_args_astring(args, &password) || !imap_args_end(args))
        return imap_bad_args(imap);

    struct login *login = login_begin(imap, AUTH_PLAIN);
    struct job *job = NULL;
    enum auth_state state = auth_exchange_password(login->exchange, name, password, &job);
    wipe(password);
    return go_on(login, state, job);
}

/* RFC 4959: "=" is an initial response of no bytes. */
static bool read_initial(struct imap_args *args, struct buf *out, bool *has_initial_out)
{
    *has_initial_out = !imap_args_at_end(args);
    if (!*has_initial_out)
        return true;
    if (!imap_args_space(args))
        return false;
    struct span text = imap_args_rest(args);
    if (span_is(text, "="))
        return true;
    return codec_base64_decode(text, out) == 0 ||
           imap_args_fail(args, "the initial response is not base64");
}

struct verdict imap_cmd_authenticate(struct imap *imap)
{
    struct imap_args *args = &imap->args;
    struct span name;
    struct buf initial;
    buf_init(&initial, AUTH_RESPONSE_MAX);
    bool has_initial = false;
    if (!imap_args_space(args) || !imap_args_atom(args, &name) ||
        !read_initial(args, &initial, &has_initial)) {
        buf_wipe(&initial);
        return imap_bad_args(imap);
    }

    enum auth_mechanism mechanism;
    if (auth_mechanism_find(name, &mechanism) != 0) {
        buf_wipe(&initial);
        return imap_no(imap, "CANNOT", "That mechanism is not offered");
    }
    struct login *login = login_begin(imap, mechanism);
    struct span response = buf_span(&initial);
    struct job *job = NULL;
    enum auth_state state = auth_exchange_start(login->exchange, has_initial ? &response : NULL,
                                                &login->challenge, &job);
    buf_wipe(&initial);
    return go_on(login, state, job);
}
