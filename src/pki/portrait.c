/*
 * portrait: reads a certificate for people. Tests: tests/clients/test_cert_check.py.
 */
#include "pki/portrait.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/mem.h"
#include "crypto/digest.h"
#include "pki/judge_internal.h"

static void put_dn(pki_dn_fn *get, gnutls_x509_crt_t crt, char out[PKI_PORTRAIT_TEXT_SIZE])
{
    char name[PKI_PORTRAIT_TEXT_SIZE];
    size_t len = sizeof name;

    if (get(crt, name, &len) != GNUTLS_E_SUCCESS || len == 0 || name[0] == '\0')
        (void)snprintf(out, PKI_PORTRAIT_TEXT_SIZE, "(no name that can be shown)");
    else
        codec_escape(span_make(name, strnlen(name, len)), out, PKI_PORTRAIT_TEXT_SIZE);
}

static void put_serial(gnutls_x509_crt_t crt, char out[80])
{
    unsigned char serial[39];
    size_t len = sizeof serial;

    if (gnutls_x509_crt_get_serial(crt, serial, &len) == GNUTLS_E_SUCCESS)
        codec_hex_encode(span_make((const char *)serial, len), out);
    else
        (void)snprintf(out, 80, "(none that can be shown)");
}

static void put_key(gnutls_x509_crt_t crt, char *out, size_t size)
{
    char text[PKI_TEXT_SIZE];
    gnutls_ecc_curve_t curve = GNUTLS_ECC_CURVE_INVALID;
    gnutls_datum_t x = {NULL, 0}, y = {NULL, 0};
    bool has_curve = gnutls_x509_crt_get_pk_ecc_raw(crt, &curve, &x, &y) == 0;

    gnutls_free(x.data);
    gnutls_free(y.data);
    const char *name = has_curve ? gnutls_ecc_curve_get_name(curve) : NULL;
    (void)snprintf(out, size, "%.40s%s%s", pki_text_key(crt, text), name != NULL ? ", " : "",
                   name != NULL ? name : "");
}

static void put_signature(gnutls_x509_crt_t crt, char *out, size_t size)
{
    int sign = gnutls_x509_crt_get_signature_algorithm(crt);
    const char *name = sign > 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)sign) : NULL;

    (void)snprintf(out, size, "%s", name != NULL ? name : "of an unknown kind");
}

static const char *purpose_name(const char *oid)
{
    static const char *const names[][2] = {
        {GNUTLS_KP_TLS_WWW_SERVER, "TLS server"},
        {GNUTLS_KP_TLS_WWW_CLIENT, "TLS client"},
        {GNUTLS_KP_CODE_SIGNING, "code signing"},
        {GNUTLS_KP_EMAIL_PROTECTION, "e-mail"},
        {GNUTLS_KP_TIME_STAMPING, "time stamping"},
        {GNUTLS_KP_OCSP_SIGNING, "OCSP responses"},
        {GNUTLS_KP_ANY, "anything"},
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(names[i][0], oid) == 0)
            return names[i][1];
    return oid;
}

static void put_purposes(gnutls_x509_crt_t crt, char out[PKI_PORTRAIT_TEXT_SIZE])
{
    size_t used = 0;

    for (unsigned i = 0; i < PKI_PURPOSES_MAX; i++) {
        char oid[128], text[160];
        size_t len = sizeof oid;
        if (gnutls_x509_crt_get_key_purpose_oid(crt, i, oid, &len, NULL) != 0)
            break;
        const char *name = purpose_name(oid);
        codec_escape(span_of(name), text, sizeof text);
        int added =
            snprintf(out + used, PKI_PORTRAIT_TEXT_SIZE - used, "%s%s", used > 0 ? ", " : "", text);
        if (added < 0 || (size_t)added >= PKI_PORTRAIT_TEXT_SIZE - used)
            break;
        used += (size_t)added;
    }
}

static void put_fingerprints(gnutls_x509_crt_t crt, struct span der, struct pki_portrait *out)
{
    unsigned char hash[DIGEST_SHA256_SIZE];
    size_t len = sizeof hash;
    struct buf pin;

    digest_sha256(der, hash);
    codec_hex_encode(span_make((const char *)hash, sizeof hash), out->sha256);
    if (gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA256, hash, &len) != 0)
        return;
    buf_init(&pin, 0);
    codec_base64_put(span_make((const char *)hash, len), &pin);
    (void)snprintf(out->pin, sizeof out->pin, "%.*s", (int)pin.len, buf_span(&pin).ptr);
    buf_release(&pin);
}

static void put_names(gnutls_x509_crt_t crt, struct pki_portrait *out)
{
    for (unsigned i = 0; i < PKI_SANS_MAX; i++) {
        char san[512], text[512];
        size_t len = sizeof san;
        int type = gnutls_x509_crt_get_subject_alt_name(crt, i, san, &len, NULL);
        if (type == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return;
        if (type < 0 || !pki_text_san((unsigned)type, span_make(san, len), text, sizeof text))
            continue;
        out->names_left = out->name_count == PKI_PORTRAIT_NAMES_MAX;
        if (out->names_left)
            return;
        out->names[out->name_count++] = mem_strdup(text);
    }
}

static void fill(gnutls_x509_crt_t crt, struct span der, struct pki_portrait *out)
{
    put_dn(gnutls_x509_crt_get_dn, crt, out->subject);
    put_dn(gnutls_x509_crt_get_issuer_dn, crt, out->issuer);
    put_serial(crt, out->serial);
    out->from_s = gnutls_x509_crt_get_activation_time(crt);
    out->until_s = gnutls_x509_crt_get_expiration_time(crt);
    put_key(crt, out->key, sizeof out->key);
    put_signature(crt, out->signature, sizeof out->signature);
    put_purposes(crt, out->purposes);
    put_fingerprints(crt, der, out);
    put_names(crt, out);
    out->is_authority = gnutls_x509_crt_get_ca_status(crt, NULL) == 1;
    out->is_self_issued = gnutls_x509_crt_check_issuer(crt, crt) != 0;
    out->must_staple = pki_must_staple(crt);
}

struct pki_portrait *pki_portrait_create(struct span der)
{
    struct pki_portrait *portrait = NULL;
    gnutls_x509_crt_t crt = NULL;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der.ptr, (unsigned)der.len};

    if (der.len == 0 || der.len > PKI_CERTIFICATE_MAX || gnutls_x509_crt_init(&crt) != 0)
        return NULL;
    if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) == 0) {
        portrait = mem_new(struct pki_portrait);
        fill(crt, der, portrait);
    }
    gnutls_x509_crt_deinit(crt);
    return portrait;
}

void pki_portrait_free(struct pki_portrait **portrait)
{
    struct pki_portrait *gone = *portrait;

    *portrait = NULL;
    if (gone == NULL)
        return;
    for (size_t i = 0; i < gone->name_count; i++)
        mem_free(gone->names[i]);
    mem_free(gone);
}
