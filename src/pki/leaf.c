/*
 * leaf: mints certificates of servers and clients: the private authority's, the self-signed, the
 * lab's and the tests'. Loading what the server itself uses is creds.c. Tests: test_pki_make.c.
 */
#include <arpa/inet.h>

#include "base/mem.h"
#include "base/require.h"
#include "pki/name.h"
#include "pki/pki_internal.h"

enum { WEAK_KEY_BITS = 1024 };

static int set_name(gnutls_x509_crt_t crt, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    bool is_email = pki_name_form(name) == PKI_NAME_EMAIL;
    return gnutls_x509_crt_set_subject_alt_name(
        crt, is_email ? GNUTLS_SAN_RFC822NAME : GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
        GNUTLS_FSAN_APPEND);
}

static int set_access(gnutls_x509_crt_t crt, int what, const char *url)
{
    char *copy = mem_strdup(url);
    gnutls_datum_t datum = {(unsigned char *)copy, (unsigned)strlen(copy)};
    int ret = gnutls_x509_crt_set_authority_info_access(crt, what, &datum);

    mem_free(copy);
    return ret;
}

static int set_must_staple(gnutls_x509_crt_t crt)
{
    gnutls_x509_tlsfeatures_t features = NULL;
    int ret = pki_feature_make(&features);

    if (ret == 0)
        ret = gnutls_x509_crt_set_tlsfeatures(crt, features);
    if (features != NULL)
        gnutls_x509_tlsfeatures_deinit(features);
    return ret;
}

static int set_revocation(gnutls_x509_crt_t crt, const struct pki_request *request)
{
    const char *issuer_url = (request->quirks & PKI_ISSUER_URL) != 0
                                 ? "http://authority.invalid/issuer.der"
                                 : request->issuer_url;
    int ret = 0;

    if (request->ocsp_url != NULL)
        ret = set_access(crt, GNUTLS_IA_OCSP_URI, request->ocsp_url);
    if (ret == 0 && issuer_url != NULL)
        ret = set_access(crt, GNUTLS_IA_CAISSUERS_URI, issuer_url);
    if (ret == 0 && request->crl_url != NULL)
        ret = gnutls_x509_crt_set_crl_dist_points2(crt, GNUTLS_SAN_URI, request->crl_url,
                                                   (unsigned)strlen(request->crl_url), 0);
    if (ret == 0 && request->must_staple)
        ret = set_must_staple(crt);
    return ret;
}

static int fill(gnutls_x509_crt_t crt, const struct pki_request *request)
{
    int ret = gnutls_x509_crt_set_basic_constraints(crt, 0, -1);

    if (ret == 0)
        ret = gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE);
    if (ret == 0 && (request->purposes & PKI_SERVER) != 0)
        ret = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0);
    if (ret == 0 && (request->purposes & PKI_CLIENT) != 0)
        ret = gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_CLIENT, 0);
    if (ret == 0)
        ret = set_revocation(crt, request);
    if ((request->quirks & PKI_WITHOUT_SAN) != 0)
        return ret;
    for (size_t i = 0; ret == 0 && i < request->dns_name_count; i++)
        ret = set_name(crt, request->dns_names[i]);
    return ret;
}

/* own: the holder's key where we have it. */
static int make_leaf(const struct pki_authority *authority, struct pki_crt_key holder,
                     const struct pki_key *own, const struct pki_request *request,
                     char **chain_pem_out)
{
    const struct pki_crt_request begin = {request->common_name, NULL, request->not_before_s,
                                          request->not_after_s};
    gnutls_x509_crt_t crt = NULL;
    int ret = pki_crt_begin(&begin, holder, &crt);

    if (ret == 0)
        ret = fill(crt, request);
    if (ret == 0 && authority != NULL)
        ret = pki_crt_sign(crt, authority->crt, authority->key);
    else if (ret == 0)
        ret = pki_crt_sign(crt, crt, own);
    if (ret == 0) {
        bool is_alone = authority == NULL || (request->quirks & PKI_WITHOUT_INTERMEDIATE) != 0;
        char *leaf = pki_crt_pem(crt);
        *chain_pem_out = mem_printf("%s%s", leaf, is_alone ? "" : authority->chain_pem);
        mem_free(leaf);
    }
    if (crt != NULL)
        gnutls_x509_crt_deinit(crt);
    return ret;
}

static int public_key_of(gnutls_x509_crt_t crt, gnutls_pubkey_t *key_out)
{
    int ret = gnutls_pubkey_init(key_out);

    return ret == 0 ? gnutls_pubkey_import_x509(*key_out, crt, 0) : ret;
}

int pki_sign(const struct pki_authority *authority, struct pki_holder holder,
             const struct pki_request *request, char **chain_pem_out, struct fault *fault)
{
    struct pki_crt_key key = {NULL, NULL};
    int ret = 0;

    require(authority != NULL || holder.key != NULL);
    if (holder.key != NULL)
        key.own = holder.key->raw;
    else if (holder.csr != NULL)
        ret = pki_csr_public_key(holder.csr, &key.public_half);
    else
        ret = public_key_of(pki_certificate_crt(holder.certificate), &key.public_half);
    if (ret == 0)
        ret = make_leaf(authority, key, holder.key, request, chain_pem_out);
    if (key.public_half != NULL)
        gnutls_pubkey_deinit(key.public_half);
    return ret == 0 ? 0 : pki_could_not(fault, "a certificate", ret);
}

int pki_mint(const struct pki_authority *authority, const struct pki_request *request,
             char **chain_pem_out, char **key_pem_out, struct fault *fault)
{
    bool is_self_signed = (request->quirks & PKI_SELF_SIGNED) != 0;
    struct pki_holder holder = {NULL, NULL, NULL};
    struct pki_key *key = NULL;

    if ((request->quirks & PKI_WEAK_KEY) == 0) {
        key = pki_key_create(request->key_type, fault);
    } else {
        int ret = pki_key_make(GNUTLS_PK_RSA, WEAK_KEY_BITS, &key);
        if (ret != 0)
            (void)pki_could_not(fault, "a key", ret);
    }
    if (key == NULL)
        return ERR_TLS;
    holder.key = key;
    int err = pki_sign(is_self_signed ? NULL : authority, holder, request, chain_pem_out, fault);
    if (err == 0)
        *key_pem_out = pki_key_pem(key);
    pki_key_free(&key);
    return err;
}
