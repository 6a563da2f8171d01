/*
 * Owns the exchanges: which message follows which, for PLAIN (RFC 4616), LOGIN and SCRAM-SHA-256,
 * and the job that checks a password. Leaves base64 and replies to the protocols, SCRAM's grammar
 * to scram.c, tables to auth.c. A job holds copies, never the exchange, which may be gone when it
 * runs. Tests: tests/unit/test_auth_sasl.c, tests/fuzz/fuzz_auth_sasl.c.
 */
#include "auth/auth_internal.h"
#include "auth/identity.h"
#include "auth/scram.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/require.h"
#include "base/utf8.h"

/* The longest login name that is looked at: no address is longer. */
enum { LOGIN_MAX = STORE_ADDRESS_SIZE, SERVER_NONCE_SIZE = 24 /* base64 without padding */ };

struct auth_exchange;
typedef enum auth_state step_fn(struct auth_exchange *exchange, struct span response,
                                struct buf *challenge_out, struct job **job_out);

struct auth_exchange {
    struct auth *auth;
    enum auth_mechanism mechanism;
    enum auth_failure failure;
    struct throttle_key peer;
    step_fn *step; /* takes the next response; NULL: none is expected */
    bool is_job_under_way;
    struct buf login; /* as typed */
    struct auth_subject subject;
    unsigned char digest[DIGEST_SHA256_SIZE]; /* of the password in the job, for the cache */
    struct scram scram;
};

/* A password to be checked. Everything in it is a copy. */
struct password_job {
    struct job job;
    struct password_verifier verifier;
    size_t password_len;
    char password[AUTH_PASSWORD_MAX];
    bool is_match; /* out */
};

static step_fn step_plain, step_login_name, step_login_password, step_scram_first, step_scram_final;

static const struct mechanism {
    const char *name;
    bool is_client_first;
} mechanisms[AUTH_MECHANISM_COUNT] = {
#define AUTH_ROW(id, text, client_first) [id] = {.name = text, .is_client_first = client_first},
    AUTH_MECHANISM_LIST(AUTH_ROW)
#undef AUTH_ROW
};

/* The step that takes the client's first response, and the challenge that asks for it. */
static const struct opening {
    step_fn *step;
    const char *challenge;
} openings[AUTH_MECHANISM_COUNT] = {
    [AUTH_PLAIN] = {step_plain, ""},
    [AUTH_LOGIN] = {step_login_name, "Username:"},
    [AUTH_SCRAM_SHA_256] = {step_scram_first, ""},
};

int auth_mechanism_find(struct span name, enum auth_mechanism *out)
{
    for (size_t i = 0; i < AUTH_MECHANISM_COUNT; i++) {
        if (span_is_nocase(name, mechanisms[i].name)) {
            *out = (enum auth_mechanism)i;
            return 0;
        }
    }
    return ERR_NOT_FOUND;
}

const char *auth_mechanism_name(enum auth_mechanism mechanism)
{
    return mechanisms[mechanism].name;
}

bool auth_client_speaks_first(enum auth_mechanism mechanism)
{
    return mechanisms[mechanism].is_client_first;
}

struct auth_exchange *auth_exchange_create(struct auth *auth, enum auth_mechanism mechanism,
                                           const struct auth_client *client)
{
    struct auth_exchange *exchange = mem_new(struct auth_exchange);
    exchange->auth = auth;
    exchange->mechanism = mechanism;
    exchange->peer = throttle_key_of(client->peer);
    buf_init(&exchange->login, LOGIN_MAX);
    scram_init(&exchange->scram);
    return exchange;
}

void auth_exchange_free(struct auth_exchange **exchange_ptr)
{
    struct auth_exchange *exchange = *exchange_ptr;
    *exchange_ptr = NULL;
    if (exchange == NULL)
        return;
    scram_deinit(&exchange->scram);
    buf_release(&exchange->login);
    mem_wipe(exchange, sizeof *exchange);
    mem_free(exchange);
}

const struct store_account *auth_exchange_account(const struct auth_exchange *exchange)
{
    return &exchange->subject.account;
}

enum auth_failure auth_exchange_failure(const struct auth_exchange *exchange)
{
    return exchange->failure;
}

struct span auth_exchange_login(const struct auth_exchange *exchange)
{
    return buf_span(&exchange->login);
}

static enum auth_state fail(struct auth_exchange *exchange, enum auth_failure failure)
{
    exchange->failure = failure;
    return AUTH_FAILURE;
}

/* A password or proof was looked at and was wrong: that is what the throttle counts. */
static enum auth_state fail_credentials(struct auth_exchange *exchange)
{
    auth_note_failure(exchange->auth, &exchange->peer);
    return fail(exchange, AUTH_BAD_CREDENTIALS);
}

enum auth_state auth_exchange_start(struct auth_exchange *exchange, const struct span *initial,
                                    struct buf *challenge_out, struct job **job_out)
{
    const struct opening *opening = &openings[exchange->mechanism];
    exchange->step = opening->step;
    if (initial != NULL)
        return auth_exchange_feed(exchange, *initial, challenge_out, job_out);
    buf_clear(challenge_out);
    *job_out = NULL;
    buf_puts(challenge_out, opening->challenge);
    return AUTH_CHALLENGE;
}

enum auth_state auth_exchange_feed(struct auth_exchange *exchange, struct span response,
                                   struct buf *challenge_out, struct job **job_out)
{
    step_fn *step = exchange->step;
    require(step != NULL);
    exchange->step = NULL;
    buf_clear(challenge_out);
    *job_out = NULL;
    if (response.len > AUTH_RESPONSE_MAX)
        return fail(exchange, AUTH_MALFORMED);
    return step(exchange, response, challenge_out, job_out);
}

/* Keeps the login name for the log and for later steps; false when it cannot be one. */
static bool take_login(struct auth_exchange *exchange, struct span login)
{
    buf_clear(&exchange->login);
    return !span_is_empty(login) && !span_has_nul(login) && utf8_is_valid(login) &&
           buf_append(&exchange->login, login) == 0;
}

/* Nobody acts for another: an authorization identity is empty or names the same account. */
static bool may_act_for(const struct auth_exchange *exchange, struct span authzid)
{
    return span_is_empty(authzid) ||
           identity_is_same(authzid, buf_span(&exchange->login), auth_domain(exchange->auth));
}

static void run_password_job(struct job *job)
{
    struct password_job *check = list_entry(job, struct password_job, job);
    check->is_match =
        password_matches(&check->verifier, span_make(check->password, check->password_len));
}

static void free_password_job(struct job *job)
{
    struct password_job *check = list_entry(job, struct password_job, job);
    mem_wipe(check->password, sizeof check->password);
    mem_wipe(&check->verifier, sizeof check->verifier);
    mem_free(check);
}

static struct job *create_password_job(const struct auth_subject *subject, struct span password)
{
    struct password_job *check = mem_new(struct password_job);
    check->job.lane = JOB_HASH;
    check->job.run = run_password_job;
    check->job.free = free_password_job;
    check->verifier = subject->verifier;
    check->password_len = password.len;
    memcpy(check->password, password.ptr, password.len);
    return &check->job;
}

/* The login name is in exchange->login. */
static enum auth_state check_password(struct auth_exchange *exchange, struct span password,
                                      struct job **job_out)
{
    if (!password_is_valid(password))
        return fail(exchange, AUTH_MALFORMED);
    if (auth_is_throttled(exchange->auth, &exchange->peer))
        return fail(exchange, AUTH_THROTTLED);
    auth_look_up(exchange->auth, buf_span(&exchange->login), &exchange->subject);
    if (auth_remembers(exchange->auth, &exchange->subject, password, exchange->digest))
        return AUTH_SUCCESS;
    *job_out = create_password_job(&exchange->subject, password);
    exchange->is_job_under_way = true;
    return AUTH_WAIT;
}

enum auth_state auth_exchange_answer(struct auth_exchange *exchange, struct job *job,
                                     struct buf *challenge_out)
{
    require(exchange->is_job_under_way);
    exchange->is_job_under_way = false;
    buf_clear(challenge_out);
    const struct password_job *check = list_entry(job, struct password_job, job);
    if (!check->is_match || !exchange->subject.is_known)
        return fail_credentials(exchange);
    auth_remember(exchange->auth, &exchange->subject, exchange->digest);
    return AUTH_SUCCESS;
}

enum auth_state auth_exchange_password(struct auth_exchange *exchange, struct span login,
                                       struct span password, struct job **job_out)
{
    *job_out = NULL;
    if (!take_login(exchange, login))
        return fail(exchange, AUTH_MALFORMED);
    return check_password(exchange, password, job_out);
}

/* RFC 4616 2: [authzid] NUL authcid NUL passwd. */
static enum auth_state step_plain(struct auth_exchange *exchange, struct span response,
                                  struct buf *challenge_out, struct job **job_out)
{
    (void)challenge_out;
    struct span authzid = span_cut(&response, '\0');
    if (response.ptr == NULL)
        return fail(exchange, AUTH_MALFORMED);
    struct span login = span_cut(&response, '\0');
    if (response.ptr == NULL || !take_login(exchange, login) || !utf8_is_valid(authzid))
        return fail(exchange, AUTH_MALFORMED);
    if (!may_act_for(exchange, authzid))
        return fail(exchange, AUTH_NOT_AUTHORIZED);
    return check_password(exchange, response, job_out);
}

static enum auth_state step_login_name(struct auth_exchange *exchange, struct span response,
                                       struct buf *challenge_out, struct job **job_out)
{
    (void)job_out;
    if (!take_login(exchange, response))
        return fail(exchange, AUTH_MALFORMED);
    buf_puts(challenge_out, "Password:");
    exchange->step = step_login_password;
    return AUTH_CHALLENGE;
}

static enum auth_state step_login_password(struct auth_exchange *exchange, struct span response,
                                           struct buf *challenge_out, struct job **job_out)
{
    (void)challenge_out;
    return check_password(exchange, response, job_out);
}

static enum auth_state step_scram_first(struct auth_exchange *exchange, struct span response,
                                        struct buf *challenge_out, struct job **job_out)
{
    (void)job_out;
    struct scram *scram = &exchange->scram;
    if (scram_take_first(scram, response) != 0 || !take_login(exchange, buf_span(&scram->name)))
        return fail(exchange, AUTH_MALFORMED);
    if (!may_act_for(exchange, buf_span(&scram->authzid)))
        return fail(exchange, AUTH_NOT_AUTHORIZED);
    if (auth_is_throttled(exchange->auth, &exchange->peer))
        return fail(exchange, AUTH_THROTTLED);
    auth_look_up(exchange->auth, buf_span(&exchange->login), &exchange->subject);

    unsigned char bytes[SERVER_NONCE_SIZE];
    entropy_fill(auth_entropy(exchange->auth), bytes, sizeof bytes);
    struct buf nonce;
    buf_init(&nonce, 0);
    codec_base64_put(span_make((const char *)bytes, sizeof bytes), &nonce);
    scram_challenge(scram, &exchange->subject.verifier, buf_span(&nonce), challenge_out);
    buf_release(&nonce);
    exchange->step = step_scram_final;
    return AUTH_CHALLENGE;
}

static enum auth_state step_scram_final(struct auth_exchange *exchange, struct span response,
                                        struct buf *challenge_out, struct job **job_out)
{
    (void)job_out;
    /* Asked again: many exchanges may have begun before the first of them was refused. */
    if (auth_is_throttled(exchange->auth, &exchange->peer))
        return fail(exchange, AUTH_THROTTLED);
    const struct auth_subject *subject = &exchange->subject;
    int err = scram_take_final(&exchange->scram, response, &subject->verifier, challenge_out);
    if (err == ERR_SYNTAX)
        return fail(exchange, AUTH_MALFORMED);
    if (err == 0 && subject->is_known)
        return AUTH_SUCCESS;
    buf_clear(challenge_out);
    return fail_credentials(exchange);
}
