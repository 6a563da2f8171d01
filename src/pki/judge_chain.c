/*
 * judge_chain: whether the chain leads to a trusted authority. GnuTLS verifies signatures, basic
 * constraints and name constraints along the way that judge_way.c found; why there is no authority
 * it does not tell apart (FACTS 2), so that is found out here. Tests: test_pki_judge.c.
 */
#include <stdio.h>

#include "pki/judge_internal.h"

enum {
    /* Dates, strength and revocation are steps of their own. The way is in order already. */
    VERIFY_FLAGS = GNUTLS_VERIFY_DISABLE_TIME_CHECKS | GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                   GNUTLS_VERIFY_DISABLE_CRL_CHECKS | GNUTLS_VERIFY_ALLOW_BROKEN |
                   GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1
};

/* --- why there is no authority --- */

static bool is_self_issued(gnutls_x509_crt_t crt)
{
    return gnutls_x509_crt_check_issuer(crt, crt) != 0;
}

/* What a trusted authority may have in common with the issuer of crt. */
enum likeness { UNLIKE, SAME_ORGANISATION, SAME_NAME };

struct issuer_marks {
    char organisation[128];
    size_t organisation_len; /* 0: none */
    gnutls_datum_t dn;
};

static enum likeness root_likeness(gnutls_x509_crt_t root, const struct issuer_marks *marks)
{
    char has[128];
    size_t len = sizeof has;
    gnutls_datum_t dn = {NULL, 0};
    bool is_same = gnutls_x509_crt_get_raw_dn(root, &dn) == 0 && dn.size == marks->dn.size &&
                   dn.size > 0 && memcmp(dn.data, marks->dn.data, dn.size) == 0;

    gnutls_free(dn.data);
    if (is_same)
        return SAME_NAME;
    if (marks->organisation_len > 0 &&
        gnutls_x509_crt_get_dn_by_oid(root, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0, has, &len) ==
            0 &&
        span_equal(span_make(has, len), span_make(marks->organisation, marks->organisation_len)))
        return SAME_ORGANISATION;
    return UNLIKE;
}

static enum likeness issuer_likeness(const struct pki_trust *trust, gnutls_x509_crt_t crt)
{
    gnutls_x509_trust_list_iter_t iter = NULL;
    gnutls_x509_crt_t root = NULL;
    struct issuer_marks marks = {.organisation_len = sizeof marks.organisation};
    enum likeness best = UNLIKE;

    if (trust == NULL)
        return UNLIKE;
    if (gnutls_x509_crt_get_issuer_dn_by_oid(crt, GNUTLS_OID_X520_ORGANIZATION_NAME, 0, 0,
                                             marks.organisation, &marks.organisation_len) != 0)
        marks.organisation_len = 0;
    (void)gnutls_x509_crt_get_raw_issuer_dn(crt, &marks.dn);
    while (gnutls_x509_trust_list_iter_get_ca(trust->list, &iter, &root) == 0) {
        enum likeness likeness = root_likeness(root, &marks);
        best = likeness > best ? likeness : best;
        gnutls_x509_crt_deinit(root);
    }
    gnutls_free(marks.dn.data);
    return best;
}

static bool has_issuer_address(gnutls_x509_crt_t crt)
{
    gnutls_datum_t url = {NULL, 0};
    int ret =
        gnutls_x509_crt_get_authority_info_access(crt, 0, GNUTLS_IA_CAISSUERS_URI, &url, NULL);

    if (ret < 0)
        return false;
    gnutls_free(url.data);
    return true;
}

/* An authority of a trusted one that was sent and does not belong to the leaf: last year's
 * intermediate beside this year's certificate. */
static bool has_stray_authority(const struct pki_judged *judged)
{
    gnutls_x509_crt_t issuer = NULL;

    if (judged->trust == NULL)
        return false;
    for (size_t i = 1; i < judged->sent_count; i++) {
        gnutls_x509_crt_t crt = judged->sent[i];
        if (!is_self_issued(crt) && gnutls_x509_crt_get_ca_status(crt, NULL) == 1 &&
            gnutls_x509_trust_list_get_issuer(judged->trust->list, crt, &issuer, 0) == 0)
            return true;
    }
    return false;
}

/* GnuTLS says "signer not found" for a self-signed certificate, a foreign authority and a chain
 * with a hole alike. A hole is likely where the last certificate on the way did not issue itself,
 * and a trusted authority bears its issuer's organisation, or an intermediate of a trusted one was
 * sent that does not fit, or the server sent its leaf alone while that says where its intermediate
 * can be fetched, as those of public authorities do. */
static void find_no_authority(const struct pki_judged *judged, struct pki_finding *out)
{
    char issuer[PKI_TEXT_SIZE];
    gnutls_x509_crt_t top = judged->way[judged->way_len - 1];
    enum pki_check verdict = PKI_CHECK_UNKNOWN_AUTHORITY;
    const char *why = "";

    (void)pki_text_dn(gnutls_x509_crt_get_issuer_dn, top, issuer);
    if (is_self_issued(top)) {
        verdict = judged->way_len == 1 ? PKI_CHECK_SELF_SIGNED : PKI_CHECK_UNKNOWN_AUTHORITY;
    } else if (issuer_likeness(judged->trust, top) == SAME_NAME) {
        why = "; one of this name is trusted, but has another key";
    } else if (has_stray_authority(judged)) {
        verdict = PKI_CHECK_MISSING_INTERMEDIATE;
        why = "; the intermediate that was sent is another one";
    } else if (issuer_likeness(judged->trust, top) == SAME_ORGANISATION) {
        verdict = PKI_CHECK_MISSING_INTERMEDIATE;
        why = ", whose organisation has a trusted authority";
    } else if (judged->way_len == 1 && has_issuer_address(top)) {
        verdict = PKI_CHECK_MISSING_INTERMEDIATE;
    }
    pki_finding_set(out, verdict, "issued by %s%s", issuer, why);
}

/* --- along the way --- */

/* Bits of GnuTLS's status, gravest first. */
static const struct status_row {
    unsigned bits;
    const char *sentence;
} status_rows[] = {
    {GNUTLS_CERT_SIGNATURE_FAILURE, "a signature along the chain is wrong"},
    {GNUTLS_CERT_SIGNER_NOT_CA, "a certificate of the chain is signed by one that is no authority"},
    {GNUTLS_CERT_SIGNER_CONSTRAINTS_FAILURE,
     "an authority along the chain may not issue it: its length or name constraints forbid it"},
    {GNUTLS_CERT_UNKNOWN_CRIT_EXTENSIONS,
     "a certificate of the chain has a critical extension that is not known here"},
    {GNUTLS_CERT_INSECURE_ALGORITHM, "a signature along the chain is of a kind that is refused"},
};

static const char *status_sentence(unsigned status)
{
    for (size_t i = 0; i < sizeof status_rows / sizeof *status_rows; i++)
        if ((status & status_rows[i].bits) != 0)
            return status_rows[i].sentence;
    return "its signatures could not be verified";
}

static void find_good(const struct pki_judged *judged, struct pki_finding *out)
{
    char root[PKI_TEXT_SIZE], through[48] = "";

    if (gnutls_x509_crt_equals(judged->anchor, judged->way[judged->way_len - 1]) != 0) {
        pki_finding_set(out, PKI_CHECK_GOOD, "%s is itself trusted",
                        pki_text_dn(gnutls_x509_crt_get_dn, judged->anchor, root));
        return;
    }
    if (judged->way_len > 1)
        (void)snprintf(through, sizeof through, " through %zu intermediate%s", judged->way_len - 1,
                       judged->way_len > 2 ? "s" : "");
    pki_finding_set(out, PKI_CHECK_GOOD, "leads to %s%s%s",
                    pki_text_dn(gnutls_x509_crt_get_dn, judged->anchor, root), through,
                    pki_judged_is_in_order(judged) ? "" : "; sent in the wrong order");
}

void pki_judge_chain(const struct pki_judged *judged, struct pki_finding *out)
{
    gnutls_x509_crt_t way[PKI_CHAIN_MAX];
    unsigned status = 0;

    if (judged->anchor == NULL) {
        find_no_authority(judged, out);
        return;
    }
    memcpy(way, judged->way, sizeof way);
    int ret = gnutls_x509_trust_list_verify_crt2(
        judged->trust->list, way, (unsigned)judged->way_len, NULL, 0, VERIFY_FLAGS, &status, NULL);
    if (ret != GNUTLS_E_SUCCESS)
        pki_finding_set(out, PKI_CHECK_OTHER, "%s", gnutls_strerror(ret));
    else if (status == 0)
        find_good(judged, out);
    else if ((status & (GNUTLS_CERT_SIGNER_NOT_FOUND)) != 0)
        find_no_authority(judged, out);
    else
        pki_finding_set(out, PKI_CHECK_OTHER, "%s", status_sentence(status));
}
