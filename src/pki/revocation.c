/*
 * revocation: makes revocation lists. What is on them is kept by index.c. Tests:
 * test_pki_authority_dir.c.
 */
#include "pki/revocation.h"

#include "base/codec.h"
#include "base/mem.h"
#include "pki/certificate.h"
#include "pki/pki_internal.h"

static const char *const reason_words[PKI_REASON_COUNT] = {
#define PKI_REASON_WORD(name, word) [name] = word,
    PKI_REASON_LIST(PKI_REASON_WORD)
#undef PKI_REASON_WORD
};

const char *pki_reason_word(enum pki_reason reason)
{
    return reason_words[reason];
}

enum pki_reason pki_reason_of(struct span word)
{
    size_t reason = 0;

    while (reason < PKI_REASON_COUNT && !span_is_nocase(word, reason_words[reason]))
        reason++;
    return (enum pki_reason)reason;
}

static int put_entries(gnutls_x509_crl_t crl, const struct pki_crl_request *request)
{
    for (size_t i = 0; i < request->entry_count; i++) {
        unsigned char serial[PKI_SERIAL_SIZE / 2];
        const struct span hex = span_of(request->entries[i].serial);
        if (hex.len > 2 * sizeof serial || codec_hex_decode(hex, serial) != 0)
            return GNUTLS_E_INVALID_REQUEST;
        int ret = gnutls_x509_crl_set_crt_serial(crl, serial, hex.len / 2,
                                                 (time_t)request->entries[i].at_s);
        if (ret != 0)
            return ret;
    }
    return 0;
}

/* The number as RFC 5280 5.2.3 wants it: big-endian, not negative. */
static int put_number(gnutls_x509_crl_t crl, uint64_t number)
{
    unsigned char bytes[9] = {0};

    for (size_t i = 0; i < 8; i++)
        bytes[1 + i] = (unsigned char)(number >> (56 - 8 * i));
    size_t skip = 0;
    while (skip < 8 && bytes[skip] == 0 && bytes[skip + 1] < 0x80)
        skip++;
    return gnutls_x509_crl_set_number(crl, bytes + skip, sizeof bytes - skip);
}

static int put_authority(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
    unsigned char key_id[64];
    size_t len = sizeof key_id;
    int ret = gnutls_x509_crt_get_subject_key_id(issuer, key_id, &len, NULL);

    if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return 0;
    return ret == 0 ? gnutls_x509_crl_set_authority_key_id(crl, key_id, len) : ret;
}

char *pki_crl_make(const struct pki_authority *authority, const struct pki_crl_request *request,
                   struct fault *fault)
{
    gnutls_x509_crl_t crl = NULL;
    gnutls_datum_t pem = {NULL, 0};
    int ret = gnutls_x509_crl_init(&crl);

    if (ret == 0)
        ret = gnutls_x509_crl_set_version(crl, 2);
    if (ret == 0)
        ret = gnutls_x509_crl_set_this_update(crl, (time_t)request->this_update_s);
    if (ret == 0)
        ret = gnutls_x509_crl_set_next_update(crl, (time_t)request->next_update_s);
    if (ret == 0)
        ret = put_entries(crl, request);
    if (ret == 0)
        ret = put_number(crl, request->number);
    if (ret == 0)
        ret = put_authority(crl, authority->crt);
    if (ret == 0)
        ret = gnutls_x509_crl_sign2(crl, authority->crt, authority->key->raw,
                                    pki_key_digest(authority->key), 0);
    if (ret == 0)
        ret = gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem);
    if (crl != NULL)
        gnutls_x509_crl_deinit(crl);
    if (ret == 0)
        return pki_datum_text(&pem);
    (void)pki_could_not(fault, "a revocation list", ret);
    return NULL;
}
