/*
 * key: a private key behind the signer (signer.h) as GnuTLS wants one: an object that answers what
 * it can sign with and passes each signature on. Nothing here has seen the key. Tests:
 * test_tls_signer.c.
 */
#include <gnutls/abstract.h>

#include "base/mem.h"
#include "base/require.h"
#include "tls/tls_internal.h"

/* What a key object of GnuTLS carries. The signer and the key's keyring outlive it: both belong to
 * the generation that holds the credentials. */
struct remote_key {
    struct tls_signer *signer;
    struct tls_key key;
};

static int remote_sign(const struct remote_key *remote, gnutls_sign_algorithm_t algorithm,
                       bool is_hash, const gnutls_datum_t *input, gnutls_datum_t *signature_out)
{
    const struct tls_signing signing = {
        .key_number = remote->key.number,
        .algorithm = (unsigned)algorithm,
        .is_hash = is_hash,
        .input = span_make((const char *)input->data, input->size),
    };
    struct tls_signature signature = {.len = 0};
    int err = remote->signer->ops->sign(remote->signer, &signing, &signature);

    if (err != 0)
        return GNUTLS_E_APPLICATION_ERROR_MAX + err;
    require(signature.len <= sizeof signature.bytes);
    signature_out->data = gnutls_malloc(signature.len);
    if (signature_out->data == NULL)
        return GNUTLS_E_MEMORY_ERROR;
    memcpy(signature_out->data, signature.bytes, signature.len);
    signature_out->size = (unsigned)signature.len;
    return GNUTLS_E_SUCCESS;
}

const char *tls_key_fault(int ret)
{
    int err = ret - GNUTLS_E_APPLICATION_ERROR_MAX;

    if (ret > GNUTLS_E_APPLICATION_ERROR_MAX || ret < GNUTLS_E_APPLICATION_ERROR_MIN)
        return NULL;
    if (err == ERR_LIMIT)
        return "refused: there are more RSA handshakes a second than tls.rsa_rate_max allows";
    if (err == ERR_TIMEOUT)
        return "the keeper of private keys did not answer within its second: look whether the "
               "machine is overloaded";
    if (err == ERR_CLOSED)
        return "the keeper of private keys has ended: the server ends, too, and must be restarted";
    return "the private key would not sign this handshake: look whether its algorithm is one that "
           "the profile allows";
}

/* All but Ed25519: GnuTLS has made the hash (for RSA in TLS 1.2, with its DigestInfo around it). */
/* NOLINTNEXTLINE(readability-function-size): GnuTLS has so many parameters */
static int on_sign_hash(gnutls_privkey_t privkey, gnutls_sign_algorithm_t algorithm, void *userdata,
                        unsigned flags, const gnutls_datum_t *hash, gnutls_datum_t *signature)
{
    (void)privkey;
    (void)flags;
    return remote_sign(userdata, algorithm, true, hash, signature);
}

/* NOLINTNEXTLINE(readability-function-size): the same */
static int on_sign_data(gnutls_privkey_t privkey, gnutls_sign_algorithm_t algorithm, void *userdata,
                        unsigned flags, const gnutls_datum_t *data, gnutls_datum_t *signature)
{
    (void)privkey;
    (void)flags;
    return remote_sign(userdata, algorithm, false, data, signature);
}

static int on_info(gnutls_privkey_t privkey, unsigned flags, void *userdata)
{
    const struct remote_key *remote = userdata;
    gnutls_pk_algorithm_t algorithm = (gnutls_pk_algorithm_t)remote->key.algorithm;

    (void)privkey;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO) != 0)
        return (int)algorithm;
    if ((flags & GNUTLS_PRIVKEY_INFO_PK_ALGO_BITS) != 0)
        return (int)remote->key.bits;
    /* Without an answer to this one GnuTLS offers no RSA-PSS, hence no RSA in TLS 1.3 (FACTS 2). */
    if ((flags & GNUTLS_PRIVKEY_INFO_HAVE_SIGN_ALGO) != 0)
        return gnutls_sign_supports_pk_algorithm(
                   (gnutls_sign_algorithm_t)GNUTLS_FLAGS_TO_SIGN_ALGO(flags), algorithm) != 0;
    return -1; /* a question that this version of GnuTLS does not ask */
}

static void on_deinit(gnutls_privkey_t privkey, void *userdata)
{
    (void)privkey;
    mem_free(userdata);
}

int tls_key_import(struct tls_signer *signer, const struct tls_key *key,
                   gnutls_privkey_t *privkey_out)
{
    struct remote_key *remote = mem_new(struct remote_key);
    gnutls_privkey_t privkey = NULL;

    *remote = (struct remote_key){.signer = signer, .key = *key};
    int ret = gnutls_privkey_init(&privkey);
    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_privkey_import_ext4(privkey, remote, on_sign_data, on_sign_hash, NULL,
                                         on_deinit, on_info, 0);
    if (ret == GNUTLS_E_SUCCESS) {
        *privkey_out = privkey;
        return 0;
    }
    gnutls_privkey_deinit(privkey);
    mem_free(remote);
    return ret;
}
