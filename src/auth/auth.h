/*
 * auth: who is this? SASL exchanges for all protocols (PLAIN RFC 4616, LOGIN, SCRAM-SHA-256
 * RFC 7677), password verifiers, the throttle. Sans I/O: an exchange is fed decoded responses and
 * gives decoded challenges; base64 and its framing belong to the protocol.
 *
 * An unknown user and a wrong password get the same answer after the same work; SCRAM invents a
 * stable salt for unknown users. What takes time (PBKDF2) is a job in the hash lane; a password
 * that was verified lately is answered at once. Shared by all loops; thread-safe.
 */
#ifndef POSTERN_AUTH_AUTH_H
#define POSTERN_AUTH_AUTH_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/entropy.h"
#include "conf/settings/auth.h"
#include "net/endpoint.h"
#include "net/job.h"
#include "store/account.h"
#include "tls/facts.h"

struct auth;

/* domain: what login names without one belong to; copied. */
struct auth *auth_create(const struct settings_auth *settings, struct store *store,
                         struct span domain, const struct clock *clock,
                         const struct entropy *entropy);
void auth_free(struct auth **auth);
/* After a reload; copied. */
void auth_set_settings(struct auth *auth, const struct settings_auth *settings);

/* A verifier for a new password: "SCRAM-SHA-256$4096:salt$stored:server". Takes milliseconds.
 * ERR_INVALID when the password is empty, too long (AUTH_PASSWORD_MAX) or not UTF-8. */
enum { AUTH_PASSWORD_MAX = 256, AUTH_RESPONSE_MAX = 8192 };
int auth_make_verifier(struct span password, unsigned iteration_count,
                       const struct entropy *entropy, char verifier_out[STORE_VERIFIER_SIZE])
    __attribute__((warn_unused_result));

/* name as in capability lists, whether the client speaks first */
#define AUTH_MECHANISM_LIST(X)                                                                     \
    X(AUTH_PLAIN, "PLAIN", true)                                                                   \
    X(AUTH_LOGIN, "LOGIN", false)                                                                  \
    X(AUTH_SCRAM_SHA_256, "SCRAM-SHA-256", true)

enum auth_mechanism {
#define AUTH_ENUM(name, text, client_first) name,
    AUTH_MECHANISM_LIST(AUTH_ENUM)
#undef AUTH_ENUM
        AUTH_MECHANISM_COUNT
};

/* 0 or ERR_NOT_FOUND; name without case. */
int auth_mechanism_find(struct span name, enum auth_mechanism *out)
    __attribute__((warn_unused_result));
const char *auth_mechanism_name(enum auth_mechanism mechanism);
bool auth_client_speaks_first(enum auth_mechanism mechanism);

/* Why a login did not work: for the log and for the reply that the protocol chooses. */
#define AUTH_FAILURE_LIST(X)                                                                       \
    X(AUTH_NO_FAILURE, "ok")                                                                       \
    X(AUTH_BAD_CREDENTIALS, "wrong user or password")                                              \
    X(AUTH_MALFORMED, "malformed response")                                                        \
    X(AUTH_NOT_AUTHORIZED, "may not act for that identity")                                        \
    X(AUTH_THROTTLED, "too many failed logins from this address, try again later")                 \
    X(AUTH_UNAVAILABLE, "could not check right now")

enum auth_failure {
#define AUTH_ENUM(name, text) name,
    AUTH_FAILURE_LIST(AUTH_ENUM)
#undef AUTH_ENUM
};
const char *auth_failure_text(enum auth_failure failure);

struct auth_client {
    const struct endpoint *peer;
    const struct tls_facts *tls; /* NULL in plaintext */
};

struct auth_exchange;

enum auth_state {
    AUTH_CHALLENGE, /* send the challenge, feed the response */
    AUTH_WAIT,      /* give the job to want_answer(), then call auth_exchange_answer() */
    AUTH_SUCCESS,   /* account is known; for SCRAM the challenge holds server-final */
    AUTH_FAILURE
};

/* Owned; freed at any time (a job under way is the pump's). */
struct auth_exchange *auth_exchange_create(struct auth *auth, enum auth_mechanism mechanism,
                                           const struct auth_client *client);
void auth_exchange_free(struct auth_exchange **exchange);

/* initial: NULL when the client sent none (then the first challenge is made). challenge_out is
 * cleared first; job_out is set with AUTH_WAIT. */
enum auth_state auth_exchange_start(struct auth_exchange *exchange, const struct span *initial,
                                    struct buf *challenge_out, struct job **job_out);
enum auth_state auth_exchange_feed(struct auth_exchange *exchange, struct span response,
                                   struct buf *challenge_out, struct job **job_out);
enum auth_state auth_exchange_answer(struct auth_exchange *exchange, struct job *job,
                                     struct buf *challenge_out);

/* After AUTH_SUCCESS; valid as long as the exchange. */
const struct store_account *auth_exchange_account(const struct auth_exchange *exchange);
enum auth_failure auth_exchange_failure(const struct auth_exchange *exchange);
/* The login name as tried, for the log; empty when none was seen. */
struct span auth_exchange_login(const struct auth_exchange *exchange);

/* USER/PASS and LOGIN commands: an exchange of PLAIN without its framing. */
enum auth_state auth_exchange_password(struct auth_exchange *exchange, struct span login,
                                       struct span password, struct job **job_out);

#endif
