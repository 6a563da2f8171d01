/*
 * certificate: reads what one certificate says into values. Tests: test_pki_make.c.
 */
#include "pki/certificate.h"

#include <time.h>

#include "base/codec.h"
#include "base/file.h"
#include "base/mem.h"
#include "pki/name.h"
#include "pki/pki_internal.h"

enum { CHAIN_SIZE_MAX = 256 * 1024, PURPOSES_MAX = 16, ACCESS_MAX = 16 };

struct pki_certificate {
    gnutls_x509_crt_t crt;
    struct pki_certificate_facts facts;
    char *names[PKI_CERTIFICATE_NAMES_MAX];
};

static void take_names(struct pki_certificate *certificate)
{
    struct pki_certificate_facts *facts = &certificate->facts;

    facts->names = certificate->names;
    for (unsigned i = 0;; i++) {
        unsigned char san[PKI_NAME_SIZE];
        char text[sizeof san];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(certificate->crt, i, san, &len, NULL);
        if (type < 0 && type != GNUTLS_E_SHORT_MEMORY_BUFFER)
            return;
        bool is_known = type >= 0 && pki_san_text(type, san, len, text, sizeof text);
        facts->has_other_names = facts->has_other_names || !is_known;
        if (is_known && facts->name_count == PKI_CERTIFICATE_NAMES_MAX) {
            facts->has_other_names = true;
            return;
        }
        if (is_known)
            facts->names[facts->name_count++] = mem_strdup(text);
    }
}

static void take_purposes(struct pki_certificate *certificate)
{
    for (unsigned i = 0; i < PURPOSES_MAX; i++) {
        char oid[64];
        size_t len = sizeof oid;
        if (gnutls_x509_crt_get_key_purpose_oid(certificate->crt, i, oid, &len, NULL) != 0)
            return;
        if (strcmp(oid, GNUTLS_KP_TLS_WWW_SERVER) == 0)
            certificate->facts.purposes |= PKI_SERVER;
        else if (strcmp(oid, GNUTLS_KP_TLS_WWW_CLIENT) == 0)
            certificate->facts.purposes |= PKI_CLIENT;
    }
}

/* The first URL of that kind. */
static char *access_url(gnutls_x509_crt_t crt, int what)
{
    for (unsigned i = 0; i < ACCESS_MAX; i++) {
        gnutls_datum_t datum = {NULL, 0};
        int ret = gnutls_x509_crt_get_authority_info_access(crt, i, what, &datum, NULL);
        if (ret == 0)
            return pki_datum_text(&datum);
        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return NULL;
    }
    return NULL;
}

static char *crl_url(gnutls_x509_crt_t crt)
{
    char url[1024];
    size_t len = sizeof url;

    return gnutls_x509_crt_get_crl_dist_points(crt, 0, url, &len, NULL, NULL) == GNUTLS_SAN_URI
               ? mem_strndup(url, len)
               : NULL;
}

static bool has_must_staple(gnutls_x509_crt_t crt)
{
    gnutls_x509_tlsfeatures_t features = NULL;

    if (gnutls_x509_tlsfeatures_init(&features) != 0)
        return false;
    bool is_there = gnutls_x509_crt_get_tlsfeatures(crt, features, 0, NULL) == 0 &&
                    pki_feature_is_there(features);
    gnutls_x509_tlsfeatures_deinit(features);
    return is_there;
}

static char *subject_of(gnutls_x509_crt_t crt)
{
    char name[512], escaped[600];
    size_t len = sizeof name;

    if (gnutls_x509_crt_get_dn(crt, name, &len) != 0)
        len = 0;
    codec_escape(span_make(name, strnlen(name, len)), escaped, sizeof escaped);
    return mem_strdup(escaped);
}

static int take_facts(struct pki_certificate *certificate)
{
    struct pki_certificate_facts *facts = &certificate->facts;
    gnutls_x509_crt_t crt = certificate->crt;
    unsigned char serial[20];
    size_t serial_len = sizeof serial;
    unsigned bits = 0;
    int ret = gnutls_x509_crt_get_serial(crt, serial, &serial_len);
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

    if (ret != 0)
        return ret;
    codec_hex_encode(span_make((const char *)serial, serial_len), facts->serial);
    facts->subject = subject_of(crt);
    take_names(certificate);
    take_purposes(certificate);
    facts->key_type = pki_key_type_near(
        algorithm > 0 ? (gnutls_pk_algorithm_t)algorithm : GNUTLS_PK_UNKNOWN, bits);
    facts->ocsp_url = access_url(crt, GNUTLS_IA_OCSP_URI);
    facts->issuer_url = access_url(crt, GNUTLS_IA_CAISSUERS_URI);
    facts->crl_url = crl_url(crt);
    facts->not_before_s = gnutls_x509_crt_get_activation_time(crt);
    facts->not_after_s = gnutls_x509_crt_get_expiration_time(crt);
    facts->must_staple = has_must_staple(crt);
    facts->is_authority = gnutls_x509_crt_get_ca_status(crt, NULL) == 1;
    facts->is_self_signed = gnutls_x509_crt_check_issuer(crt, crt) != 0;
    return 0;
}

struct pki_certificate *pki_certificate_parse(const char *pem, struct fault *fault)
{
    struct pki_certificate *certificate = mem_new(struct pki_certificate);
    char *copy = mem_strdup(pem);
    const gnutls_datum_t datum = {(unsigned char *)copy, (unsigned)strlen(copy)};

    int ret = gnutls_x509_crt_init(&certificate->crt);
    if (ret == 0)
        ret = gnutls_x509_crt_import(certificate->crt, &datum, GNUTLS_X509_FMT_PEM);
    if (ret == 0)
        ret = take_facts(certificate);
    mem_free(copy);
    if (ret != 0) {
        (void)fault_set(fault, ERR_CONFIG, "could not read a certificate: %s",
                        gnutls_strerror(ret));
        pki_certificate_free(&certificate);
    }
    return certificate;
}

struct pki_certificate *pki_certificate_load(const char *file, struct fault *fault)
{
    char *pem = NULL;
    size_t len = 0;

    if (file_read_all(file, CHAIN_SIZE_MAX, &pem, &len, fault) != 0)
        return NULL;
    struct pki_certificate *certificate = pki_certificate_parse(pem, fault);
    mem_free(pem);
    if (certificate == NULL)
        (void)fault_wrap(fault, "%s", file);
    return certificate;
}

void pki_certificate_free(struct pki_certificate **certificate)
{
    struct pki_certificate *gone = *certificate;

    *certificate = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->facts.name_count; i++)
        mem_free(gone->names[i]);
    mem_free(gone->facts.subject);
    mem_free(gone->facts.ocsp_url);
    mem_free(gone->facts.issuer_url);
    mem_free(gone->facts.crl_url);
    if (gone->crt != NULL)
        gnutls_x509_crt_deinit(gone->crt);
    mem_free(gone);
}

const struct pki_certificate_facts *pki_certificate_facts(const struct pki_certificate *of)
{
    return &of->facts;
}

gnutls_x509_crt_t pki_certificate_crt(const struct pki_certificate *certificate)
{
    return certificate->crt;
}

bool pki_certificate_fits(const struct pki_certificate *certificate, const struct pki_key *key)
{
    unsigned char of_crt[64], of_key[64];
    size_t crt_len = sizeof of_crt, key_len = sizeof of_key;

    return gnutls_x509_crt_get_key_id(certificate->crt, GNUTLS_KEYID_USE_SHA256, of_crt,
                                      &crt_len) == 0 &&
           gnutls_x509_privkey_get_key_id(key->raw, GNUTLS_KEYID_USE_SHA256, of_key, &key_len) ==
               0 &&
           span_equal(span_make((char *)of_crt, crt_len), span_make((char *)of_key, key_len));
}

const char *pki_date_text(int64_t when_s, char text_out[PKI_DATE_SIZE])
{
    time_t when = (time_t)when_s;
    struct tm tm;

    if (gmtime_r(&when, &tm) == NULL ||
        strftime(text_out, PKI_DATE_SIZE, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
        text_out[0] = '\0';
    return text_out;
}
