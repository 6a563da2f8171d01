/* cert_mint: see the header. */
#include "tests/fake/cert_mint.h"

#include <gnutls/x509-ext.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/require.h"

static void key_make(const struct cert_wish *wish, gnutls_x509_privkey_t *key_out)
{
    gnutls_pk_algorithm_t pk = wish->pk != 0 ? wish->pk : GNUTLS_PK_ECDSA;
    unsigned bits = wish->bits != 0 ? wish->bits : GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1);

    require(gnutls_x509_privkey_init(key_out) == 0);
    if (wish->key_of != NULL) {
        require(gnutls_x509_privkey_cpy(*key_out, wish->key_of->key) == 0);
        return;
    }
    require(gnutls_x509_privkey_generate(*key_out, pk, bits, 0) == 0);
}

static void put_names(gnutls_x509_crt_t crt, const struct cert_wish *wish)
{
    const char *cn = wish->cn != NULL ? wish->cn : "mx.example.org";
    const char *dns = wish->dns != NULL ? wish->dns : wish->is_authority ? "" : "mx.example.org";
    char name[64];

    require(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, cn,
                                          (unsigned)strlen(cn)) == 0);
    if (wish->organisation != NULL)
        require(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0,
                                              wish->organisation,
                                              (unsigned)strlen(wish->organisation)) == 0);
    if (dns[0] != '\0' && wish->address == NULL)
        require(gnutls_x509_crt_set_subject_alt_name(
                    crt, GNUTLS_SAN_DNSNAME, dns, (unsigned)strlen(dns), GNUTLS_FSAN_APPEND) == 0);
    if (wish->address != NULL)
        require(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, wish->address, 4,
                                                     GNUTLS_FSAN_APPEND) == 0);
    for (unsigned i = 0; i < wish->name_count; i++) {
        int len = snprintf(name, sizeof name, "n%u.example.org", i);
        require(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_DNSNAME, name, (unsigned)len,
                                                     GNUTLS_FSAN_APPEND) == 0);
    }
}

static void put_permitted(gnutls_x509_crt_t crt, const char *permitted)
{
    gnutls_x509_name_constraints_t constraints;
    char text[128];
    int len = snprintf(text, sizeof text, "%s", permitted);
    const gnutls_datum_t name = {(unsigned char *)text, (unsigned)len};

    require(gnutls_x509_name_constraints_init(&constraints) == 0);
    require(gnutls_x509_name_constraints_add_permitted(constraints, GNUTLS_SAN_DNSNAME, &name) ==
            0);
    require(gnutls_x509_crt_set_name_constraints(crt, constraints, 1) == 0);
    gnutls_x509_name_constraints_deinit(constraints);
}

static void put_must_staple(gnutls_x509_crt_t crt)
{
    gnutls_x509_tlsfeatures_t features;

    require(gnutls_x509_tlsfeatures_init(&features) == 0);
    require(gnutls_x509_tlsfeatures_add(features, 5) == 0);
    require(gnutls_x509_crt_set_tlsfeatures(crt, features) == 0);
    gnutls_x509_tlsfeatures_deinit(features);
}

static void put_uses(gnutls_x509_crt_t crt, const struct cert_wish *wish)
{
    const char *purpose = wish->purpose != NULL ? wish->purpose
                          : wish->is_authority  ? ""
                                                : GNUTLS_KP_TLS_WWW_SERVER;
    unsigned usage = wish->usage != 0     ? wish->usage
                     : wish->is_authority ? GNUTLS_KEY_KEY_CERT_SIGN | GNUTLS_KEY_CRL_SIGN
                                          : GNUTLS_KEY_DIGITAL_SIGNATURE;

    require(gnutls_x509_crt_set_basic_constraints(crt, wish->is_authority,
                                                  wish->path_len_and_1 - 1) == 0);
    require(gnutls_x509_crt_set_key_usage(crt, usage) == 0);
    if (purpose[0] != '\0')
        require(gnutls_x509_crt_set_key_purpose_oid(crt, purpose, 0) == 0);
    if (wish->purpose_2 != NULL)
        require(gnutls_x509_crt_set_key_purpose_oid(crt, wish->purpose_2, 0) == 0);
    if (wish->permitted != NULL)
        put_permitted(crt, wish->permitted);
    if (wish->must_staple)
        put_must_staple(crt);
    if (wish->issuer_url != NULL) {
        char url[128];
        int len = snprintf(url, sizeof url, "%s", wish->issuer_url);
        gnutls_datum_t datum = {(unsigned char *)url, (unsigned)len};
        require(gnutls_x509_crt_set_authority_info_access(crt, GNUTLS_IA_CAISSUERS_URI, &datum) ==
                0);
    }
}

static void put_key_ids(gnutls_x509_crt_t crt, gnutls_x509_crt_t issuer)
{
    unsigned char id[64];
    size_t len = sizeof id;

    require(gnutls_x509_crt_get_key_id(crt, GNUTLS_KEYID_USE_SHA1, id, &len) == 0);
    require(gnutls_x509_crt_set_subject_key_id(crt, id, len) == 0);
    len = sizeof id;
    if (gnutls_x509_crt_get_subject_key_id(issuer, id, &len, NULL) == 0)
        require(gnutls_x509_crt_set_authority_key_id(crt, id, len) == 0);
}

static void put_dates(gnutls_x509_crt_t crt, const struct cert_wish *wish)
{
    bool is_usual = wish->from_days == 0 && wish->until_days == 0;
    int from_days = is_usual ? -1 : wish->from_days, until_days = is_usual ? 1 : wish->until_days;

    require(gnutls_x509_crt_set_activation_time(crt, CERT_MINT_NOW_S +
                                                         (time_t)from_days * CERT_MINT_DAY_S) == 0);
    require(gnutls_x509_crt_set_expiration_time(crt, CERT_MINT_NOW_S + (time_t)until_days *
                                                                           CERT_MINT_DAY_S) == 0);
}

struct cert_mint cert_mint(const struct cert_wish *wish)
{
    static unsigned next_serial = 1;
    struct cert_mint mint = {0};
    unsigned number = next_serial++;
    /* With a first bit that is set, so that the number begins with a zero byte. */
    unsigned char serial[] = {0x80, (unsigned char)(number >> 8), (unsigned char)number};

    key_make(wish, &mint.key);
    require(gnutls_x509_crt_init(&mint.crt) == 0);
    gnutls_x509_crt_t issuer = wish->issuer != NULL ? wish->issuer->crt : mint.crt;
    gnutls_x509_privkey_t issuer_key = wish->issuer != NULL ? wish->issuer->key : mint.key;
    require(gnutls_x509_crt_set_version(mint.crt, 3) == 0);
    require(gnutls_x509_crt_set_serial(mint.crt, serial, sizeof serial) == 0);
    require(gnutls_x509_crt_set_key(mint.crt, mint.key) == 0);
    put_dates(mint.crt, wish);
    put_names(mint.crt, wish);
    put_uses(mint.crt, wish);
    if (!wish->has_no_key_ids)
        put_key_ids(mint.crt, issuer);
    require(gnutls_x509_crt_sign2(mint.crt, issuer, issuer_key,
                                  wish->hash != 0 ? wish->hash : GNUTLS_DIG_SHA256,
                                  GNUTLS_PRIVKEY_FLAG_CA) == 0);
    require(gnutls_x509_crt_export2(mint.crt, GNUTLS_X509_FMT_DER, &mint.der) == 0);
    return mint;
}

void cert_mint_free(struct cert_mint *mint)
{
    gnutls_x509_crt_deinit(mint->crt);
    gnutls_x509_privkey_deinit(mint->key);
    gnutls_free(mint->der.data);
}

struct span cert_mint_der(const struct cert_mint *mint)
{
    return span_make((const char *)mint->der.data, mint->der.size);
}

void cert_mint_spoil(struct cert_mint *mint)
{
    mint->der.data[mint->der.size - 1] ^= 1;
}

char *cert_mint_pem(const struct cert_mint *const *mints, size_t count)
{
    struct buf text;

    buf_init(&text, 0);
    for (size_t i = 0; i < count; i++) {
        gnutls_datum_t pem = {NULL, 0};
        require(gnutls_x509_crt_export2(mints[i]->crt, GNUTLS_X509_FMT_PEM, &pem) == 0);
        buf_put(&text, span_make((const char *)pem.data, pem.size));
        gnutls_free(pem.data);
    }
    char *result = span_dup(buf_span(&text));
    buf_release(&text);
    return result;
}

char *cert_mint_crl(const struct cert_mint *issuer, const struct cert_mint *const *revoked,
                    size_t count, int next_days)
{
    gnutls_x509_crl_t crl;
    gnutls_datum_t pem = {NULL, 0};

    require(gnutls_x509_crl_init(&crl) == 0);
    require(gnutls_x509_crl_set_version(crl, 2) == 0);
    require(gnutls_x509_crl_set_this_update(crl, CERT_MINT_NOW_S - (time_t)3 * CERT_MINT_DAY_S) ==
            0);
    require(gnutls_x509_crl_set_next_update(crl, CERT_MINT_NOW_S +
                                                     (time_t)next_days * CERT_MINT_DAY_S) == 0);
    for (size_t i = 0; i < count; i++)
        require(gnutls_x509_crl_set_crt(crl, revoked[i]->crt, CERT_MINT_NOW_S) == 0);
    require(gnutls_x509_crl_sign2(crl, issuer->crt, issuer->key, GNUTLS_DIG_SHA256, 0) == 0);
    require(gnutls_x509_crl_export2(crl, GNUTLS_X509_FMT_PEM, &pem) == 0);
    char *text = mem_strndup((const char *)pem.data, pem.size);
    gnutls_free(pem.data);
    gnutls_x509_crl_deinit(crl);
    return text;
}
