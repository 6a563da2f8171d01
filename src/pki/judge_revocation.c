/*
 * judge_revocation: whether an authority took back a certificate of the way: by the revocation
 * lists that were loaded (RFC 5280 5) for each certificate, by the stapled response for the leaf.
 * A list counts where its issuer's signature is good; one that is out of date still counts what it
 * lists, and the sentence says so. Tests: test_pki_revocation.c.
 */
#include <stdio.h>
#include <stdlib.h>

#include "pki/judge_internal.h"

/* What the lists said about the whole way. */
struct looked {
    size_t list_count; /* that are about a certificate of the way and signed */
    size_t unsigned_count;
    int64_t stale_s; /* since when the oldest of them is out of date; 0: none is */
};

static bool is_list_of(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
    return gnutls_x509_crl_check_issuer(crl, issuer) != 0;
}

/* GnuTLS compares a list's dates with the library's clock, whatever the flags say; those are told
 * by note_age(). */
static bool is_list_signed(gnutls_x509_crl_t crl, gnutls_x509_crt_t issuer)
{
    const unsigned dates =
        GNUTLS_CERT_REVOCATION_DATA_SUPERSEDED | GNUTLS_CERT_REVOCATION_DATA_ISSUED_IN_FUTURE;
    unsigned status = 0;

    if (gnutls_x509_crl_verify(crl, &issuer, 1,
                               GNUTLS_VERIFY_DISABLE_TIME_CHECKS |
                                   GNUTLS_VERIFY_DISABLE_TRUSTED_TIME_CHECKS |
                                   GNUTLS_VERIFY_ALLOW_SIGN_WITH_SHA1,
                               &status) != 0)
        return false;
    return status == 0 ||
           ((status & dates) != 0 && (status & ~dates & ~(unsigned)GNUTLS_CERT_INVALID) == 0);
}

static bool is_listed(const struct pki_revocations *list, gnutls_x509_crt_t crt)
{
    struct pki_serial serial;

    return pki_serial_of(crt, &serial) &&
           bsearch(&serial, list->serials, list->count, sizeof serial, pki_serial_compare) != NULL;
}

static void note_age(struct looked *looked, gnutls_x509_crl_t crl, int64_t now_s)
{
    time_t next = gnutls_x509_crl_get_next_update(crl);

    if (next == (time_t)-1 || (int64_t)next >= now_s)
        return;
    if (looked->stale_s == 0 || (int64_t)next < looked->stale_s)
        looked->stale_s = next;
}

/* Whether a list names crt. */
static bool look_up(const struct pki_judged *judged, size_t i, struct looked *looked)
{
    gnutls_x509_crt_t issuer = pki_judged_issuer(judged, i);

    if (judged->trust == NULL || issuer == NULL)
        return false;
    for (size_t j = 0; j < judged->trust->list_count; j++) {
        const struct pki_revocations *list = &judged->trust->lists[j];
        if (!is_list_of(list->crl, issuer))
            continue;
        if (!is_list_signed(list->crl, issuer)) {
            looked->unsigned_count++;
            continue;
        }
        looked->list_count++;
        note_age(looked, list->crl, judged->of->now_s);
        if (is_listed(list, judged->way[i]))
            return true;
    }
    return false;
}

static void find_lists(const struct looked *looked, struct pki_finding *out)
{
    char date[32];

    if (looked->list_count == 0)
        pki_finding_set(out, PKI_CHECK_NOT_DONE, "%s",
                        looked->unsigned_count > 0
                            ? "the revocation list is not signed by the certificate's authority"
                            : "there is neither a revocation list nor a staple");
    else if (looked->stale_s != 0)
        pki_finding_set(out, PKI_CHECK_GOOD,
                        "not in the revocation lists, but they are out of date since %s",
                        pki_text_date(looked->stale_s, date));
    else
        pki_finding_set(out, PKI_CHECK_GOOD, "not in the revocation lists");
}

static bool is_revoked_by_list(const struct pki_judged *judged, struct pki_finding *out)
{
    struct looked looked = {.list_count = 0};
    char subject[PKI_TEXT_SIZE];

    for (size_t i = 0; i < judged->way_len; i++) {
        if (!look_up(judged, i, &looked))
            continue;
        pki_finding_set(out, PKI_CHECK_REVOKED, "its authority lists it as revoked (%s)",
                        pki_text_dn(gnutls_x509_crt_get_dn, judged->way[i], subject));
        return true;
    }
    find_lists(&looked, out);
    return false;
}

void pki_judge_revocation(const struct pki_judged *judged, struct pki_finding *out)
{
    const struct pki_staple_case staple = {.staple = judged->of->staple,
                                           .leaf = judged->way[0],
                                           .issuer = pki_judged_issuer(judged, 0),
                                           .now_s = judged->of->now_s};
    int64_t good_until_s = 0;

    if (is_revoked_by_list(judged, out))
        return;
    if (staple.staple.len > 0 && staple.issuer == NULL)
        pki_finding_set(out, PKI_CHECK_NOT_DONE,
                        "a staple came, but who issued the certificate is not known");
    else if (staple.staple.len > 0)
        out->verdict = pki_staple_judge(&staple, &good_until_s, out->detail);
    else if (judged->of->had_staple_chance && pki_must_staple(judged->way[0]))
        pki_finding_set(out, PKI_CHECK_MISSING_STAPLE, "%s", "");
}
