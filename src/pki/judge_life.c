/*
 * judge_life: dates and strength, of each certificate on the way. The authority's own dates do not
 * count (RFC 5280 6.1.1), nor does the signature by which one vouches for itself; its key does.
 * Tests: test_pki_judge.c.
 */
#include <gnutls/crypto.h>
#include <stdio.h>

#include "pki/judge_internal.h"

/* What RFC 9325 4.2 and 4.5 demand. */
enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 256, HASH_SIZE_MIN = 32, DAY_S = 86400 };

/* --- dates --- */

void pki_judge_dates(const struct pki_judged *judged, struct pki_finding *out)
{
    int64_t now_s = judged->of->now_s, soonest_s = INT64_MAX;
    char subject[PKI_TEXT_SIZE], date[32];

    for (size_t i = 0; i < judged->way_len; i++) {
        int64_t from_s = gnutls_x509_crt_get_activation_time(judged->way[i]);
        int64_t until_s = gnutls_x509_crt_get_expiration_time(judged->way[i]);
        bool is_early = now_s < from_s;
        if (until_s < soonest_s)
            soonest_s = until_s;
        if (!is_early && now_s <= until_s)
            continue;
        (void)pki_text_date(is_early ? from_s : until_s, date);
        (void)pki_text_dn(gnutls_x509_crt_get_dn, judged->way[i], subject);
        pki_finding_set(out, is_early ? PKI_CHECK_NOT_YET_VALID : PKI_CHECK_EXPIRED, "%s %s (%s)",
                        is_early ? "valid from" : "valid until", date, subject);
        return;
    }
    pki_finding_set(out, PKI_CHECK_GOOD, "valid until %s, %lld days more",
                    pki_text_date(soonest_s, date), (long long)((soonest_s - now_s) / DAY_S));
}

/* --- strength --- */

static bool is_key_weak(gnutls_x509_crt_t crt)
{
    unsigned bits = 0;
    int algorithm = gnutls_x509_crt_get_pk_algorithm(crt, &bits);

    switch (algorithm) {
    case GNUTLS_PK_RSA:
    case GNUTLS_PK_RSA_PSS:
        return bits < RSA_BITS_MIN;
    case GNUTLS_PK_ECDSA:
        return bits < EC_BITS_MIN;
    case GNUTLS_PK_EDDSA_ED25519:
    case GNUTLS_PK_EDDSA_ED448:
        return false;
    default:
        return true; /* DSA and others that nobody takes */
    }
}

static bool is_signature_weak(gnutls_sign_algorithm_t sign)
{
    if (sign == GNUTLS_SIGN_EDDSA_ED25519 || sign == GNUTLS_SIGN_EDDSA_ED448)
        return false;
    gnutls_digest_algorithm_t hash = gnutls_sign_get_hash_algorithm(sign);
    return hash == GNUTLS_DIG_UNKNOWN || gnutls_hash_get_len(hash) < HASH_SIZE_MIN;
}

static gnutls_sign_algorithm_t signature_of(gnutls_x509_crt_t crt)
{
    int sign = gnutls_x509_crt_get_signature_algorithm(crt);
    return sign > 0 ? (gnutls_sign_algorithm_t)sign : GNUTLS_SIGN_UNKNOWN;
}

static const char *signature_name(gnutls_sign_algorithm_t sign)
{
    const char *name = gnutls_sign_get_name(sign);
    return name != NULL ? name : "an unknown algorithm";
}

/* Whether it passes; the sentence is made where not. */
static bool check_key(gnutls_x509_crt_t crt, struct pki_finding *out)
{
    char key[PKI_TEXT_SIZE], subject[PKI_TEXT_SIZE];

    if (!is_key_weak(crt))
        return true;
    pki_finding_set(out, PKI_CHECK_WEAK, "the key is %s (%.120s)", pki_text_key(crt, key),
                    pki_text_dn(gnutls_x509_crt_get_dn, crt, subject));
    return false;
}

static bool check_signature(gnutls_x509_crt_t crt, struct pki_finding *out)
{
    char subject[PKI_TEXT_SIZE];
    gnutls_sign_algorithm_t sign = signature_of(crt);

    if (gnutls_x509_crt_check_issuer(crt, crt) != 0 || !is_signature_weak(sign))
        return true;
    pki_finding_set(out, PKI_CHECK_WEAK, "signed with %s (%s)", signature_name(sign),
                    pki_text_dn(gnutls_x509_crt_get_dn, crt, subject));
    return false;
}

void pki_judge_strength(const struct pki_judged *judged, struct pki_finding *out)
{
    char key[PKI_TEXT_SIZE];

    for (size_t i = 0; i < judged->way_len; i++)
        if (!check_key(judged->way[i], out) || !check_signature(judged->way[i], out))
            return;
    if (judged->anchor != NULL && !check_key(judged->anchor, out))
        return;
    pki_finding_set(out, PKI_CHECK_GOOD, "%s, signed with %s", pki_text_key(judged->way[0], key),
                    signature_name(signature_of(judged->way[0])));
}
