/*
 * chain_file: a file of certificates, told from what else such files hold. Tests:
 * tests/clients/test_cert_check.py.
 */
#include "pki/chain_file.h"

#include "base/file.h"
#include "base/mem.h"
#include "pki/judge_internal.h"

enum { FILE_SIZE_MAX = 1024 * 1024 };

/* --- what it is when it is no certificate --- */

static const struct pem_row {
    const char *label; /* begins with */
    const char *sentence;
} pem_rows[] = {
    {"-----BEGIN CERTIFICATE REQUEST",
     "is a signing request, not a certificate: send it to an authority (postern cert sign is our "
     "own) and name what comes back"},
    {"-----BEGIN NEW CERTIFICATE REQUEST",
     "is a signing request, not a certificate: send it to an authority and name what comes back"},
    {"-----BEGIN X509 CRL", "is a revocation list, not a certificate: it goes into --crl"},
    {"-----BEGIN PKCS7",
     "is a PKCS#7 bundle: openssl pkcs7 -print_certs -in FILE -out NEW.pem makes certificates of "
     "it"},
    {"-----BEGIN OCSP", "is an OCSP response, not a certificate: it goes into --staple, as DER"},
    {"-----BEGIN PUBLIC KEY", "is a public key, not a certificate"},
    {"-----BEGIN ENCRYPTED PRIVATE KEY", "is a private key, not a certificate: it goes into --key"},
    {"-----BEGIN PRIVATE KEY", "is a private key, not a certificate: it goes into --key"},
    {"-----BEGIN RSA PRIVATE KEY", "is a private key, not a certificate: it goes into --key"},
    {"-----BEGIN EC PRIVATE KEY", "is a private key, not a certificate: it goes into --key"},
    {"-----BEGIN EC PARAMETERS", "is a private key, not a certificate: it goes into --key"},
};

static bool is_certificate(const gnutls_datum_t *der)
{
    gnutls_x509_crt_t crt = NULL;

    if (gnutls_x509_crt_init(&crt) != 0)
        return false;
    bool is_one = gnutls_x509_crt_import(crt, der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crt_deinit(crt);
    return is_one;
}

static bool is_request(const gnutls_datum_t *der)
{
    gnutls_x509_crq_t crq = NULL;

    if (gnutls_x509_crq_init(&crq) != 0)
        return false;
    bool is_one = gnutls_x509_crq_import(crq, der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crq_deinit(crq);
    return is_one;
}

static bool is_list(const gnutls_datum_t *der)
{
    gnutls_x509_crl_t crl = NULL;

    if (gnutls_x509_crl_init(&crl) != 0)
        return false;
    bool is_one = gnutls_x509_crl_import(crl, der, GNUTLS_X509_FMT_DER) == 0;
    gnutls_x509_crl_deinit(crl);
    return is_one;
}

static bool is_key(const gnutls_datum_t *der)
{
    gnutls_x509_privkey_t key = NULL;

    if (gnutls_x509_privkey_init(&key) != 0)
        return false;
    bool is_one = gnutls_x509_privkey_import2(key, der, GNUTLS_X509_FMT_DER, NULL, 0) == 0;
    gnutls_x509_privkey_deinit(key);
    return is_one;
}

static const struct der_row {
    bool (*is_it)(const gnutls_datum_t *der);
    const char *sentence;
} der_rows[] = {
    {is_certificate,
     "is a certificate in DER: openssl x509 -inform der -in FILE -out NEW.pem makes PEM of it"},
    {is_request, "is a signing request in DER, not a certificate: send it to an authority"},
    {is_list, "is a revocation list in DER: openssl crl -inform der -in FILE -out NEW.pem, then "
              "--crl NEW.pem"},
    {is_key, "is a private key in DER, not a certificate: openssl pkey -inform der -in FILE -out "
             "NEW.pem, then --key NEW.pem"},
};

static const char *what_it_is(const gnutls_datum_t *datum)
{
    struct span text = span_make((const char *)datum->data, datum->size);

    for (size_t i = 0; i < sizeof pem_rows / sizeof *pem_rows; i++)
        if (span_find(text, span_of(pem_rows[i].label)) >= 0)
            return pem_rows[i].sentence;
    for (size_t i = 0; i < sizeof der_rows / sizeof *der_rows; i++)
        if (der_rows[i].is_it(datum))
            return der_rows[i].sentence;
    if (datum->size == 0)
        return "is empty: name a PEM file with certificates";
    if (datum->data[0] == 0x30)
        return "is binary (PKCS#7, PKCS#12 or an OCSP response): openssl pkcs12 -nokeys -in FILE "
               "-out NEW.pem, or openssl pkcs7 -inform der -print_certs, makes certificates of it";
    return "holds no certificate: name a PEM file (-----BEGIN CERTIFICATE-----)";
}

/* --- certificates --- */

static int import(const char *file, const gnutls_datum_t *datum, gnutls_x509_crt_t *crts,
                  unsigned *count, struct fault *fault)
{
    struct span text = span_make((const char *)datum->data, datum->size);
    int ret = gnutls_x509_crt_list_import(crts, count, datum, GNUTLS_X509_FMT_PEM,
                                          GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

    if (ret > 0)
        return 0;
    *count = 0;
    if (ret == GNUTLS_E_SHORT_MEMORY_BUFFER)
        return fault_set(fault, ERR_CONFIG,
                         "%s holds more than %d certificates: name the server's chain, not a "
                         "bundle of authorities",
                         file, PKI_CHAIN_MAX);
    if (span_find(text, span_of("-----BEGIN CERTIFICATE-----")) >= 0)
        return fault_set(fault, ERR_CONFIG,
                         "could not read the certificates in %s: %s; one of them is damaged or cut",
                         file, gnutls_strerror(ret));
    return fault_set(fault, ERR_CONFIG, "%s %s", file, what_it_is(datum));
}

static struct pki_chain_file *chain_of(gnutls_x509_crt_t *crts, unsigned count)
{
    struct pki_chain_file *chain = mem_new(struct pki_chain_file);

    chain->ders = mem_zalloc(count, sizeof *chain->ders);
    for (unsigned i = 0; i < count; i++) {
        gnutls_datum_t der = {NULL, 0};
        if (gnutls_x509_crt_export2(crts[i], GNUTLS_X509_FMT_DER, &der) == 0)
            chain->ders[chain->count++] =
                span_make(mem_strndup((const char *)der.data, der.size), der.size);
        gnutls_free(der.data);
    }
    return chain;
}

struct pki_chain_file *pki_chain_file_load(const char *file, struct fault *fault)
{
    gnutls_x509_crt_t crts[PKI_CHAIN_MAX];
    unsigned count = PKI_CHAIN_MAX;
    struct pki_chain_file *chain = NULL;
    char *bytes = NULL;
    size_t len = 0;

    if (file_read_all(file, FILE_SIZE_MAX, &bytes, &len, fault) != 0)
        return NULL;
    const gnutls_datum_t datum = {(unsigned char *)bytes, (unsigned)len};
    if (import(file, &datum, crts, &count, fault) == 0)
        chain = chain_of(crts, count);
    for (unsigned i = 0; i < count; i++)
        gnutls_x509_crt_deinit(crts[i]);
    mem_wipe(bytes, len); /* it may have been a key */
    mem_free(bytes);
    return chain;
}

void pki_chain_file_free(struct pki_chain_file **chain)
{
    struct pki_chain_file *gone = *chain;

    *chain = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->count; i++)
        mem_free((void *)(uintptr_t)gone->ders[i].ptr);
    mem_free(gone->ders);
    mem_free(gone);
}

/* --- the key --- */

static bool key_fits(gnutls_x509_privkey_t key, struct span leaf)
{
    unsigned char of_key[64], of_crt[64];
    size_t key_len = sizeof of_key, crt_len = sizeof of_crt;
    gnutls_x509_crt_t crt = NULL;
    const gnutls_datum_t der = {(unsigned char *)(uintptr_t)leaf.ptr, (unsigned)leaf.len};

    if (gnutls_x509_crt_init(&crt) != 0)
        return false;
    bool fits =
        gnutls_x509_crt_import(crt, &der, GNUTLS_X509_FMT_DER) == 0 &&
        gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) == 0 &&
        gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, of_crt, &crt_len) == 0 &&
        span_equal(span_make((char *)of_key, key_len), span_make((char *)of_crt, crt_len));
    gnutls_x509_crt_deinit(crt);
    return fits;
}

int pki_chain_file_check_key(const char *key_file, struct span leaf, struct fault *fault)
{
    gnutls_x509_privkey_t key = NULL;
    char *pem = NULL;
    size_t len = 0;
    int err = file_read_all(key_file, FILE_SIZE_MAX, &pem, &len, fault);

    if (err != 0)
        return ERR_CONFIG;
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    int ret = gnutls_x509_privkey_init(&key);
    if (ret == 0)
        ret = gnutls_x509_privkey_import2(key, &datum, GNUTLS_X509_FMT_PEM, NULL, 0);
    mem_wipe(pem, len);
    mem_free(pem);
    if (ret != 0)
        err = fault_set(fault, ERR_CONFIG,
                        "could not read a private key from %s: %s; it must hold one unencrypted "
                        "private key in PEM",
                        key_file, gnutls_strerror(ret));
    else if (!key_fits(key, leaf))
        err = fault_set(fault, ERR_INVALID, "%s is the key of another certificate", key_file);
    if (key != NULL)
        gnutls_x509_privkey_deinit(key);
    return err;
}
