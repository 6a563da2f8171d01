/*
 * password: SCRAM-SHA-256 verifiers (RFC 5802 3, RFC 7677): made from a password, read from the
 * store, invented for users that do not exist. Pure functions; what runs PBKDF2 says so and belongs
 * into the hash lane. auth_make_verifier() of auth/auth.h is implemented here too.
 */
#ifndef POSTERN_AUTH_PASSWORD_H
#define POSTERN_AUTH_PASSWORD_H

#include "base/span.h"
#include "crypto/digest.h"

enum {
    PASSWORD_SALT_SIZE = 16,              /* of salts that we make */
    PASSWORD_SALT_MAX = 64,               /* of salts that we read */
    PASSWORD_ITERATION_MIN = 4096,        /* RFC 7677 4 */
    PASSWORD_ITERATION_MAX = 10 * 1000000 /* seconds of work: more is a damaged verifier */
};

/* Holds secrets: wipe it with mem_wipe() when done. */
struct password_verifier {
    unsigned iteration_count;
    size_t salt_len;
    unsigned char salt[PASSWORD_SALT_MAX];
    unsigned char stored_key[DIGEST_SHA256_SIZE];
    unsigned char server_key[DIGEST_SHA256_SIZE];
};

/* Whether text may be a password: not empty, at most AUTH_PASSWORD_MAX, UTF-8 without NUL. ASCII is
 * taken as it is; other characters are not normalised (SASLprep, RFC 4013, would fold some). */
bool password_is_valid(struct span text);

/* Reads "SCRAM-SHA-256$4096:salt$stored:server". 0 or ERR_SYNTAX. */
int password_parse_verifier(struct span text, struct password_verifier *out)
    __attribute__((warn_unused_result));

/* Makes the verifier of a password with that salt. PBKDF2: milliseconds. */
void password_derive(struct span password, struct span salt, unsigned iteration_count,
                     struct password_verifier *out);

/* What an unknown name is checked against: the same name always has the same salt and nothing
 * matches it in practice. secret: the process's. */
void password_invent(struct span secret, struct span name, unsigned iteration_count,
                     struct password_verifier *out);

/* PBKDF2: milliseconds. The comparison takes constant time. */
bool password_matches(const struct password_verifier *verifier, struct span password);

#endif
