/* tlsa_mint: see the header. */
#include "tests/fake/tlsa_mint.h"

#include <gnutls/abstract.h>
#include <gnutls/crypto.h>

#include "base/require.h"

static gnutls_datum_t key_of(gnutls_x509_crt_t crt)
{
    gnutls_datum_t der = {NULL, 0};
    gnutls_pubkey_t key;
    require(gnutls_pubkey_init(&key) == 0);
    require(gnutls_pubkey_import_x509(key, crt, 0) == 0);
    require(gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &der) == 0);
    gnutls_pubkey_deinit(key);
    return der;
}

void tlsa_mint(gnutls_x509_crt_t crt, unsigned usage, unsigned selector, unsigned matching,
               struct buf *out)
{
    gnutls_digest_algorithm_t hash = matching == 2 ? GNUTLS_DIG_SHA512 : GNUTLS_DIG_SHA256;
    const char head[] = {(char)usage, (char)selector, (char)matching};
    gnutls_datum_t der = {NULL, 0};
    char digest[64];
    if (selector == 1)
        der = key_of(crt);
    else
        require(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_DER, &der) == 0);
    buf_put(out, span_make(head, sizeof head));
    if (matching == 1 || matching == 2) {
        require(gnutls_hash_fast(hash, der.data, der.size, digest) == 0);
        buf_put(out, span_make(digest, gnutls_hash_get_len(hash)));
    } else {
        buf_put(out, span_make((const char *)der.data, der.size));
    }
    gnutls_free(der.data);
}
