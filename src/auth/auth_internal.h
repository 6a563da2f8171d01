/*
 * What auth.c (the service) and sasl.c (the exchanges) share.
 */
#ifndef POSTERN_AUTH_AUTH_INTERNAL_H
#define POSTERN_AUTH_AUTH_INTERNAL_H

#include "auth/auth.h"
#include "auth/cache.h"
#include "auth/password.h"
#include "auth/throttle.h"

/* Who a login name means. */
struct auth_subject {
    bool is_known; /* has an account that may log in */
    struct store_account account;
    struct password_verifier verifier; /* invented when unknown; wiped by the owner */
};

/* Always fills subject: an unknown name takes the same path as a known one. Any thread. */
void auth_look_up(struct auth *auth, struct span login, struct auth_subject *subject);

bool auth_is_throttled(struct auth *auth, const struct throttle_key *key);
/* Only for a password that was checked, not for malformed messages. */
void auth_note_failure(struct auth *auth, const struct throttle_key *key);

/* Whether subject's password was verified lately; digest_out is for auth_remember(). */
bool auth_remembers(struct auth *auth, const struct auth_subject *subject, struct span password,
                    unsigned char digest_out[DIGEST_SHA256_SIZE]);
void auth_remember(struct auth *auth, const struct auth_subject *subject,
                   const unsigned char digest[DIGEST_SHA256_SIZE]);

struct span auth_domain(const struct auth *auth);
const struct entropy *auth_entropy(const struct auth *auth);

#endif
