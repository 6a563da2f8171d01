/*
 * staple: what an OCSP response (RFC 6960) says about a certificate, and whether it may be
 * believed: about this certificate, signed by its issuer or by one whom the issuer charged with
 * it, and current by our clock. GnuTLS parses it; its own verdict goes by its own clock and blames
 * the session (FACTS 2). Tests: test_pki_staple.c.
 */
#include <gnutls/abstract.h>
#include <gnutls/ocsp.h>
#include <stdio.h>

#include "pki/judge_internal.h"

enum {
    RESPONDERS_MAX = 8,                /* certificates in a response that are looked at: mostly 1 */
    CLOCK_SKEW_S = 300,                /* an authority's clock may be ahead of ours */
    UNDATED_AGE_MAX_S = 7 * 24 * 3600, /* where no next update is told: how old it may be */
    TLS_FEATURE_STATUS_REQUEST = 5     /* RFC 7633 6, RFC 6066 8 */
};

/* A response while it is judged. */
struct answer {
    const struct pki_staple_case *of;
    gnutls_ocsp_resp_t response;
    unsigned index; /* of the part that speaks of the leaf */
    unsigned status;
    time_t this_update, next_update, revoked_at;
    char *detail;
};

static enum pki_check bad(const struct answer *answer, const char *why)
{
    (void)snprintf(answer->detail, PKI_DETAIL_SIZE, "%s", why);
    return PKI_CHECK_BAD_STAPLE;
}

/* --- who signed it --- */

/* The signed part: the first element of the basic response, a sequence (RFC 6960 4.2.1). */
static bool signed_part(const gnutls_datum_t *response, gnutls_datum_t *part_out)
{
    size_t at = 0, len = 0, begin = 0;

    for (int depth = 0; depth < 2; depth++) {
        begin = at;
        if (response->size - at < 6 || response->data[at] != 0x30)
            return false;
        unsigned char first = response->data[at + 1];
        unsigned len_size = first < 0x80 ? 0 : first & 0x7fU;
        if (len_size > 4)
            return false;
        len = len_size == 0 ? first : 0;
        for (unsigned i = 0; i < len_size; i++)
            len = len << 8 | response->data[at + 2 + i];
        at += 2 + len_size;
        if (len > response->size - at)
            return false;
    }
    *part_out = (gnutls_datum_t){response->data + begin, (unsigned)(at - begin + len)};
    return true;
}

static bool is_signed_by(const struct answer *answer, gnutls_x509_crt_t signer)
{
    gnutls_datum_t basic = {NULL, 0}, signature = {NULL, 0}, part;
    gnutls_pubkey_t key = NULL;
    int sign = gnutls_ocsp_resp_get_signature_algorithm(answer->response);
    bool is_good =
        sign > 0 && gnutls_ocsp_resp_get_response(answer->response, NULL, &basic) == 0 &&
        signed_part(&basic, &part) &&
        gnutls_ocsp_resp_get_signature(answer->response, &signature) == 0 &&
        gnutls_pubkey_init(&key) == 0 && gnutls_pubkey_import_x509(key, signer, 0) == 0 &&
        gnutls_pubkey_verify_data2(key, (gnutls_sign_algorithm_t)sign, 0, &part, &signature) >= 0;

    if (key != NULL)
        gnutls_pubkey_deinit(key);
    gnutls_free(basic.data);
    gnutls_free(signature.data);
    return is_good;
}

/* RFC 6960 4.2.2.2: issued by the leaf's issuer itself, for this purpose by name. */
static bool is_charged(const struct answer *answer, gnutls_x509_crt_t responder)
{
    gnutls_x509_crt_t issuer = answer->of->issuer;
    unsigned status = 0;
    int64_t now_s = answer->of->now_s;

    return gnutls_x509_crt_verify(responder, &issuer, 1,
                                  GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                      GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                                      GNUTLS_VERIFY_DISABLE_CRL_CHECKS,
                                  &status) == 0 &&
           status == 0 && pki_has_purpose(responder, GNUTLS_KP_OCSP_SIGNING) &&
           now_s >= (int64_t)gnutls_x509_crt_get_activation_time(responder) &&
           now_s <= (int64_t)gnutls_x509_crt_get_expiration_time(responder);
}

static bool is_signed(const struct answer *answer)
{
    gnutls_x509_crt_t *crts = NULL;
    size_t count = 0;
    bool is_good = is_signed_by(answer, answer->of->issuer);

    if (is_good || gnutls_ocsp_resp_get_certs(answer->response, &crts, &count) != 0)
        return is_good;
    for (size_t i = 0; i < count && i < RESPONDERS_MAX && !is_good; i++)
        is_good = is_charged(answer, crts[i]) && is_signed_by(answer, crts[i]);
    for (size_t i = 0; i < count; i++)
        gnutls_x509_crt_deinit(crts[i]);
    gnutls_free(crts);
    return is_good;
}

/* --- what it says --- */

static bool find_leaf(struct answer *answer)
{
    for (unsigned i = 0; i < PKI_STAPLE_ANSWERS_MAX; i++) {
        int ret = gnutls_ocsp_resp_check_crt(answer->response, i, answer->of->leaf);
        if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
            return false;
        if (ret != 0)
            continue;
        answer->index = i;
        return gnutls_ocsp_resp_get_single(answer->response, i, NULL, NULL, NULL, NULL,
                                           &answer->status, &answer->this_update,
                                           &answer->next_update, &answer->revoked_at, NULL) == 0;
    }
    return false;
}

static enum pki_check judge_dates(const struct answer *answer, int64_t *good_until_s_out)
{
    int64_t now_s = answer->of->now_s, from_s = answer->this_update;
    bool is_dated = answer->next_update != (time_t)-1;
    int64_t until_s = is_dated ? (int64_t)answer->next_update : from_s + UNDATED_AGE_MAX_S;
    char date[32];

    if (answer->this_update == (time_t)-1)
        return bad(answer, "it does not say when it was made");
    if (from_s <= now_s + CLOCK_SKEW_S && until_s >= now_s) {
        *good_until_s_out = until_s;
        return PKI_CHECK_GOOD;
    }
    bool is_early = from_s > now_s;
    (void)snprintf(answer->detail, PKI_DETAIL_SIZE, "%s %s",
                   is_early ? "it is not valid before" : "it is out of date since",
                   pki_text_date(is_early ? from_s : until_s, date));
    return PKI_CHECK_BAD_STAPLE;
}

static enum pki_check judge_status(const struct answer *answer)
{
    char date[32];

    if (answer->status == GNUTLS_OCSP_CERT_REVOKED) {
        (void)snprintf(answer->detail, PKI_DETAIL_SIZE, "since %s, says the stapled response",
                       pki_text_date(answer->revoked_at, date));
        return PKI_CHECK_REVOKED;
    }
    if (answer->status != GNUTLS_OCSP_CERT_GOOD)
        return bad(answer, "the authority does not know the certificate");
    (void)snprintf(answer->detail, PKI_DETAIL_SIZE, "not revoked, says the response of %s",
                   pki_text_date(answer->this_update, date));
    return PKI_CHECK_GOOD;
}

static enum pki_check judge_response(struct answer *answer, int64_t *good_until_s_out)
{
    if (gnutls_ocsp_resp_get_status(answer->response) != GNUTLS_OCSP_RESP_SUCCESSFUL)
        return bad(answer, "it is the responder's excuse and no answer");
    if (!find_leaf(answer))
        return bad(answer, "it is about another certificate");
    if (answer->of->issuer == NULL)
        return bad(answer, "who issued the certificate is not known, so nobody can vouch for it");
    if (!is_signed(answer))
        return bad(answer, "it is not signed by the certificate's authority");
    enum pki_check check = judge_dates(answer, good_until_s_out);
    return check == PKI_CHECK_GOOD ? judge_status(answer) : check;
}

enum pki_check pki_staple_judge(const struct pki_staple_case *of, int64_t *good_until_s_out,
                                char detail_out[PKI_DETAIL_SIZE])
{
    struct answer answer = {.of = of, .detail = detail_out};
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)of->staple.ptr,
                                  (unsigned)of->staple.len};
    enum pki_check check;

    *good_until_s_out = 0;
    if (of->staple.len > PKI_STAPLE_MAX)
        return bad(&answer, "it is larger than 64 KiB");
    if (of->staple.len == 0 || gnutls_ocsp_resp_init(&answer.response) != 0)
        return bad(&answer, "it is empty");
    if (gnutls_ocsp_resp_import(answer.response, &datum) != 0)
        check = bad(&answer, "it cannot be parsed: a DER OCSP response was expected");
    else
        check = judge_response(&answer, good_until_s_out);
    gnutls_ocsp_resp_deinit(answer.response);
    return check;
}

static gnutls_x509_crt_t import(struct span der)
{
    gnutls_x509_crt_t crt = NULL;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der.ptr, (unsigned)der.len};

    if (der.len == 0 || gnutls_x509_crt_init(&crt) != 0)
        return NULL;
    if (gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) == 0)
        return crt;
    gnutls_x509_crt_deinit(crt);
    return NULL;
}

enum pki_check pki_judge_staple(const struct pki_stapled *stapled, int64_t now_s,
                                int64_t *good_until_s_out, char detail_out[PKI_DETAIL_SIZE])
{
    const struct pki_staple_case of = {.staple = stapled->staple,
                                       .leaf = import(stapled->leaf),
                                       .issuer = import(stapled->issuer),
                                       .now_s = now_s};
    enum pki_check check = PKI_CHECK_BAD_STAPLE;

    *good_until_s_out = 0;
    if (of.leaf != NULL)
        check = pki_staple_judge(&of, good_until_s_out, detail_out);
    else
        (void)snprintf(detail_out, PKI_DETAIL_SIZE, "the certificate cannot be parsed");
    if (of.leaf != NULL)
        gnutls_x509_crt_deinit(of.leaf);
    if (of.issuer != NULL)
        gnutls_x509_crt_deinit(of.issuer);
    return check;
}

bool pki_must_staple(gnutls_x509_crt_t crt)
{
    gnutls_x509_tlsfeatures_t features = NULL;
    unsigned feature = 0;
    bool must = false;

    if (gnutls_x509_tlsfeatures_init(&features) != 0)
        return false;
    if (gnutls_x509_crt_get_tlsfeatures(crt, features, 0, NULL) == 0)
        for (unsigned i = 0; !must && gnutls_x509_tlsfeatures_get(features, i, &feature) == 0; i++)
            must = feature == TLS_FEATURE_STATUS_REQUEST;
    gnutls_x509_tlsfeatures_deinit(features);
    return must;
}
