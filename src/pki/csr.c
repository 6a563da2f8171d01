/*
 * csr: makes signing requests, and reads them as what they are: bytes from somebody else. Tests:
 * test_pki_csr.c.
 */
#include "pki/csr.h"

#include <arpa/inet.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "pki/name.h"
#include "pki/pki_internal.h"

enum { RSA_BITS_MIN = 2048, RSA_BITS_MAX = 8192, EC_BITS_MIN = 256 };

struct pki_csr {
    gnutls_x509_crq_t crq;
    char *names[PKI_CSR_NAMES_MAX];
    size_t name_count, skipped_count;
    char key_text[64];
    bool has_must_staple;
};

/* ---- Making --------------------------------------------------------------------------------- */

static int set_name(gnutls_x509_crq_t crq, const char *name)
{
    unsigned char address[16];

    if (inet_pton(AF_INET, name, address) == 1)
        return gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_IPADDRESS, address, 4,
                                                    GNUTLS_FSAN_APPEND);
    if (inet_pton(AF_INET6, name, address) == 1)
        return gnutls_x509_crq_set_subject_alt_name(crq, GNUTLS_SAN_IPADDRESS, address, 16,
                                                    GNUTLS_FSAN_APPEND);
    bool is_email = pki_name_form(name) == PKI_NAME_EMAIL;
    return gnutls_x509_crq_set_subject_alt_name(
        crq, is_email ? GNUTLS_SAN_RFC822NAME : GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name),
        GNUTLS_FSAN_APPEND);
}

static int set_must_staple(gnutls_x509_crq_t crq)
{
    gnutls_x509_tlsfeatures_t features = NULL;
    int ret = pki_feature_make(&features);

    if (ret == 0)
        ret = gnutls_x509_crq_set_tlsfeatures(crq, features);
    if (features != NULL)
        gnutls_x509_tlsfeatures_deinit(features);
    return ret;
}

static int fill(gnutls_x509_crq_t crq, const struct pki_csr_wish *wish)
{
    size_t len = wish->common_name != NULL ? strlen(wish->common_name) : 0;
    int ret = gnutls_x509_crq_set_version(crq, 1);

    if (ret == 0 && len > 0 && len <= PKI_COMMON_NAME_MAX)
        ret = gnutls_x509_crq_set_dn_by_oid(crq, GNUTLS_OID_X520_COMMON_NAME, 0, wish->common_name,
                                            (unsigned)len);
    for (size_t i = 0; ret == 0 && i < wish->name_count; i++)
        ret = set_name(crq, wish->names[i]);
    if (ret == 0 && wish->must_staple)
        ret = set_must_staple(crq);
    return ret;
}

char *pki_csr_make(const struct pki_key *key, const struct pki_csr_wish *wish, struct fault *fault)
{
    gnutls_x509_crq_t crq = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int ret = gnutls_x509_crq_init(&crq);

    if (ret == 0)
        ret = fill(crq, wish);
    if (ret == 0)
        ret = gnutls_x509_crq_set_key(crq, key->raw);
    if (ret == 0)
        ret = gnutls_x509_crq_sign2(crq, key->raw, pki_key_digest(key), 0);
    if (ret == 0)
        ret = gnutls_x509_crq_export2(crq, GNUTLS_X509_FMT_PEM, &pem);
    if (crq != NULL)
        gnutls_x509_crq_deinit(crq);
    if (ret == 0)
        return pki_datum_text(&pem);
    (void)pki_could_not(fault, "a signing request", ret);
    return NULL;
}

/* ---- Reading -------------------------------------------------------------------------------- */

static int check_key(struct pki_csr *csr, const char *file, struct fault *fault)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crq_get_pk_algorithm(csr->crq, &bits);
    const char *name =
        algorithm > 0 ? gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm) : "an unknown kind";
    bool is_good = false;

    (void)snprintf(csr->key_text, sizeof csr->key_text, "%s, %u bits", name, bits);
    if (algorithm == GNUTLS_PK_RSA || algorithm == GNUTLS_PK_RSA_PSS)
        is_good = bits >= RSA_BITS_MIN && bits <= RSA_BITS_MAX;
    else if (algorithm == GNUTLS_PK_ECDSA)
        is_good = bits >= EC_BITS_MIN;
    else
        is_good = algorithm == GNUTLS_PK_EDDSA_ED25519 || algorithm == GNUTLS_PK_EDDSA_ED448;
    if (is_good)
        return 0;
    return fault_set(fault, ERR_REFUSED,
                     "%s is for a key that is not signed here (%s): make one of RSA with 2048 to "
                     "8192 bits, of ECDSA with P-256 or more, or an Ed25519 key",
                     file, csr->key_text);
}

static int take_name(struct pki_csr *csr, const char *file, struct span name, struct fault *fault)
{
    if (csr->name_count == PKI_CSR_NAMES_MAX)
        return fault_set(fault, ERR_LIMIT, "%s asks for more than %d names: split it", file,
                         PKI_CSR_NAMES_MAX);
    if (pki_name_check(name, fault) != 0)
        return fault_wrap(fault, "%s", file);
    csr->names[csr->name_count++] = span_dup(name);
    return 0;
}

static int take_sans(struct pki_csr *csr, const char *file, struct fault *fault)
{
    for (unsigned i = 0;; i++) {
        unsigned char san[2 * PKI_NAME_SIZE];
        char text[sizeof san];
        size_t len = sizeof san;
        unsigned type = 0;
        int ret = gnutls_x509_crq_get_subject_alt_name(csr->crq, i, san, &len, &type, NULL);
        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return 0;
        if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER)
            return fault_set(fault, ERR_LIMIT, "%s asks for a name of more than %zu bytes", file,
                             sizeof san);
        if (ret < 0)
            return fault_set(fault, ERR_SYNTAX, "could not read the names in %s: %s", file,
                             gnutls_strerror(ret));
        if (!pki_san_text((int)type, san, len, text, sizeof text)) {
            csr->skipped_count++;
            if (csr->skipped_count > PKI_CSR_NAMES_MAX)
                return fault_set(fault, ERR_LIMIT, "%s asks for more than %d names: split it", file,
                                 PKI_CSR_NAMES_MAX);
            continue;
        }
        int err = take_name(csr, file, span_of(text), fault);
        if (err != 0)
            return err;
    }
}

static int take_names(struct pki_csr *csr, const char *file, struct fault *fault)
{
    char name[PKI_NAME_SIZE];
    size_t len = sizeof name;
    int err = take_sans(csr, file, fault);

    if (err != 0 || csr->name_count > 0)
        return err;
    if (gnutls_x509_crq_get_dn_by_oid(csr->crq, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len) != 0)
        return fault_set(fault, ERR_NOT_FOUND,
                         "%s asks for no name: make it with a subject alternative name", file);
    return take_name(csr, file, span_make(name, len), fault);
}

static bool wants_staple(gnutls_x509_crq_t crq)
{
    gnutls_x509_tlsfeatures_t features = NULL;

    if (gnutls_x509_tlsfeatures_init(&features) != 0)
        return false;
    bool is_wanted = gnutls_x509_crq_get_tlsfeatures(crq, features, 0, NULL) == 0 &&
                     pki_feature_is_there(features);
    gnutls_x509_tlsfeatures_deinit(features);
    return is_wanted;
}

static int parse(struct pki_csr *csr, const char *file, struct span pem, struct fault *fault)
{
    char *copy = span_dup(pem);
    const gnutls_datum_t datum = {(unsigned char *)copy, (unsigned)pem.len};
    int ret = gnutls_x509_crq_init(&csr->crq);

    if (ret == 0)
        ret = gnutls_x509_crq_import(csr->crq, &datum, GNUTLS_X509_FMT_PEM);
    mem_free(copy);
    if (ret != 0)
        return fault_set(fault, ERR_SYNTAX,
                         "could not read a signing request from %s: %s; it begins with -----BEGIN "
                         "CERTIFICATE REQUEST-----",
                         file, gnutls_strerror(ret));
    int err = check_key(csr, file, fault);
    if (err != 0)
        return err;
    if (gnutls_x509_crq_verify(csr->crq, 0) != 0)
        return fault_set(fault, ERR_REFUSED,
                         "%s is not signed by the key that it is for: it was damaged or is "
                         "somebody else's; ask for a new one",
                         file);
    csr->has_must_staple = wants_staple(csr->crq);
    return take_names(csr, file, fault);
}

struct pki_csr *pki_csr_parse(struct span pem, const char *file, struct fault *fault)
{
    struct pki_csr *csr = mem_new(struct pki_csr);

    if (pem.len > PKI_PEM_SIZE_MAX)
        (void)fault_set(fault, ERR_LIMIT, "%s is larger than a request can be", file);
    if (pem.len > PKI_PEM_SIZE_MAX || parse(csr, file, pem, fault) != 0)
        pki_csr_free(&csr);
    return csr;
}

struct pki_csr *pki_csr_load(const char *file, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;

    if (file_read_all(file, PKI_PEM_SIZE_MAX, &pem, &len, fault) != 0)
        return NULL;
    struct pki_csr *csr = pki_csr_parse(span_make(pem, len), file, fault);
    mem_free(pem);
    return csr;
}

void pki_csr_free(struct pki_csr **csr)
{
    struct pki_csr *gone = *csr;

    *csr = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->name_count; i++)
        mem_free(gone->names[i]);
    if (gone->crq != NULL)
        gnutls_x509_crq_deinit(gone->crq);
    mem_free(gone);
}

const char *const *pki_csr_names(const struct pki_csr *csr, size_t *count_out)
{
    *count_out = csr->name_count;
    return (const char *const *)csr->names;
}

const char *pki_csr_key_text(const struct pki_csr *csr)
{
    return csr->key_text;
}

bool pki_csr_has_must_staple(const struct pki_csr *csr)
{
    return csr->has_must_staple;
}

size_t pki_csr_skipped_count(const struct pki_csr *csr)
{
    return csr->skipped_count;
}

int pki_csr_public_key(const struct pki_csr *csr, gnutls_pubkey_t *key_out)
{
    int ret = gnutls_pubkey_init(key_out);

    return ret == 0 ? gnutls_pubkey_import_x509_crq(*key_out, csr->crq, 0) : ret;
}
