/*
 * creds: GnuTLS's credentials objects, made of our own certificates and the keys behind the signer.
 * Reading and checking certificates is own.c.
 * Tests: test_tls_manager.c, test_tls_identity.c.
 */
#include <gnutls/abstract.h>

#include "tls/own_internal.h"

/* The order in which GnuTLS tries them for a client that can verify several (FACTS 1: what a
 * handshake costs us). */
static const gnutls_pk_algorithm_t algorithms[] = {GNUTLS_PK_ECDSA, GNUTLS_PK_EDDSA_ED25519,
                                                   GNUTLS_PK_EDDSA_ED448, GNUTLS_PK_RSA,
                                                   GNUTLS_PK_RSA_PSS};

/* The chain and its key into the credentials; returns their index there, or a GnuTLS code. */
static int cred_add(gnutls_certificate_credentials_t cred, const struct tls_own *own,
                    struct tls_signer *signer, const struct tls_key *key)
{
    gnutls_pcert_st pcerts[OWN_CHAIN_MAX];
    const char *no_names[1] = {NULL};
    gnutls_privkey_t privkey = NULL;
    unsigned count = 0;
    int ret = tls_key_import(signer, key, &privkey);

    while (ret == GNUTLS_E_SUCCESS && count < own->count) {
        ret = gnutls_pcert_import_x509(&pcerts[count], own->crts[count], 0);
        count += ret == GNUTLS_E_SUCCESS;
    }
    /* Takes the key and what the certificates hold. Given no names, for NULL it would take those of
     * the certificate and prefer an exact one: which name is whose is identity.c's, GnuTLS only
     * chooses by algorithm. */
    if (ret == GNUTLS_E_SUCCESS)
        ret = gnutls_certificate_set_key(cred, no_names, 0, pcerts, (int)count, privkey);
    if (ret >= 0)
        return ret;
    while (count > 0)
        gnutls_pcert_deinit(&pcerts[--count]);
    gnutls_privkey_deinit(privkey);
    return ret;
}

static int cred_fault(const struct tls_own *own, int ret, struct fault *fault)
{
    return fault_set(fault, ERR_CONFIG, "could not use the certificate in %s: %s; replace it",
                     own->file, gnutls_strerror(ret));
}

static int cred_allocate(gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    if (gnutls_certificate_allocate_credentials(cred_out) != GNUTLS_E_SUCCESS)
        return fault_set(fault, ERR_TLS, "could not make TLS credentials; restart");
    /* own.c has matched keys and certificates; GnuTLS would sign something to find out. */
    gnutls_certificate_set_flags(*cred_out, GNUTLS_CERTIFICATE_API_V2 |
                                                GNUTLS_CERTIFICATE_SKIP_KEY_CERT_MATCH);
    return 0;
}

static int cred_add_pair(const struct tls_generation *generation, size_t index,
                         gnutls_certificate_credentials_t cred, struct fault *fault)
{
    struct tls_own *own = &generation->own[index];
    int ret = cred_add(cred, own, generation->signer, &generation->keyring.keys[index]);

    if (ret < 0)
        return cred_fault(own, ret, fault);
    tls_staple_attach(cred, (unsigned)ret, &own->staple);
    return 0;
}

int tls_creds_create_client(const struct tls_generation *generation, const struct tls_own *own,
                            gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    int err = cred_allocate(cred_out, fault);

    if (err != 0 || own == NULL)
        return err;
    int ret = cred_add(*cred_out, own, generation->signer, &generation->keyring.client);
    return ret < 0 ? cred_fault(own, ret, fault) : 0;
}

int tls_creds_create(const struct tls_generation *generation, const struct tls_pair_set *pairs,
                     gnutls_certificate_credentials_t *cred_out, struct fault *fault)
{
    gnutls_certificate_credentials_t cred = NULL;
    int err = cred_allocate(&cred, fault);

    for (size_t a = 0; a < sizeof algorithms / sizeof *algorithms && err == 0; a++)
        for (size_t i = 0; i < generation->pair_count && err == 0; i++)
            if ((pairs->bits[i / 64] >> i % 64 & 1) != 0 &&
                generation->keyring.keys[i].algorithm == (unsigned)algorithms[a])
                err = cred_add_pair(generation, i, cred, fault);
    if (err != 0 && cred != NULL) {
        gnutls_certificate_free_credentials(cred);
        cred = NULL;
    }
    *cred_out = cred;
    return err;
}
