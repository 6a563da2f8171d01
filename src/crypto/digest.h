/*
 * digest: SHA-256, HMAC, PBKDF2 and comparison in constant time, on gnutls/crypto.h.
 */
#ifndef POSTERN_CRYPTO_DIGEST_H
#define POSTERN_CRYPTO_DIGEST_H

#include "base/span.h"

enum { DIGEST_SHA256_SIZE = 32 };

void digest_sha256(struct span bytes, unsigned char out[DIGEST_SHA256_SIZE]);
void digest_hmac_sha256(struct span key, struct span bytes, unsigned char out[DIGEST_SHA256_SIZE]);
/* RFC 8018; takes milliseconds: hash lane only. */
void digest_pbkdf2_sha256(struct span password, struct span salt, unsigned iteration_count,
                          unsigned char out[DIGEST_SHA256_SIZE]);
/* Time depends on the lengths only. */
bool digest_equal(struct span a, struct span b);

#endif
