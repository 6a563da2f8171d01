/*
 * digest.c: hashes on gnutls/crypto.h. A failure of these calls is a broken library: it aborts.
 * Tests: tests/unit/test_crypto.c.
 */
#include "crypto/digest.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/require.h"

void digest_sha256(struct span bytes, unsigned char out[DIGEST_SHA256_SIZE])
{
    int err = gnutls_hash_fast(GNUTLS_DIG_SHA256, bytes.ptr, bytes.len, out);
    require(err == 0);
}

void digest_hmac_sha256(struct span key, struct span bytes, unsigned char out[DIGEST_SHA256_SIZE])
{
    int err = gnutls_hmac_fast(GNUTLS_MAC_SHA256, key.ptr, key.len, bytes.ptr, bytes.len, out);
    require(err == 0);
}

/* GnuTLS takes a datum that is not const but does not write to it. */
static gnutls_datum_t datum(struct span span)
{
    union {
        const char *in;
        unsigned char *out;
    } cast = {.in = span.ptr};
    return (gnutls_datum_t){cast.out, (unsigned)span.len};
}

void digest_pbkdf2_sha256(struct span password, struct span salt, unsigned iteration_count,
                          unsigned char out[DIGEST_SHA256_SIZE])
{
    gnutls_datum_t key = datum(password), seed = datum(salt);
    int err =
        gnutls_pbkdf2(GNUTLS_MAC_SHA256, &key, &seed, iteration_count, out, DIGEST_SHA256_SIZE);
    require(err == 0);
}

bool digest_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || gnutls_memcmp(a.ptr, b.ptr, a.len) == 0);
}
