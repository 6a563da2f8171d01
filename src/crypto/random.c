/*
 * random.c: entropy from GnuTLS, and passwords for humans. Tests: tests/unit/test_crypto.c.
 */
#include "crypto/random.h"

#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>

#include "base/require.h"

static void fill(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    int err = gnutls_rnd(GNUTLS_RND_KEY, bytes, size);
    require(err == 0);
}

const struct entropy random_system = {fill};

enum { PASSWORD_GROUPS = 5, GROUP_LEN = 4 };

void random_password(const struct entropy *entropy, char text_out[RANDOM_PASSWORD_SIZE])
{
    /* 31 characters without look-alikes: twenty of them carry 99 bits. */
    static const char letters[] = "abcdefghjkmnpqrstuvwxyz23456789";
    unsigned char bytes[PASSWORD_GROUPS * GROUP_LEN];
    entropy_fill(entropy, bytes, sizeof bytes);
    size_t len = 0;
    for (size_t i = 0; i < sizeof bytes; i++) {
        if (i > 0 && i % GROUP_LEN == 0)
            text_out[len++] = '-';
        text_out[len++] = letters[bytes[i] % (sizeof letters - 1)]; /* a bias below 2^-4 */
    }
    text_out[len] = '\0';
}
