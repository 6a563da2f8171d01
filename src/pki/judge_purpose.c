/*
 * judge_purpose: whether the certificate may be used for what it is used for: extended key usage of
 * each certificate on the way (an intermediate's restricts those below it, as all clients have it)
 * and the leaf's key usage. GnuTLS lets a client's certificate pass as a server's unless it is told
 * the purpose (FACTS 2). Tests: test_pki_judge.c.
 */
#include <gnutls/x509-ext.h>

#include "pki/judge_internal.h"

#define OID_EXTENDED_KEY_USAGE "2.5.29.37"

static const char *purpose_oid(enum pki_purpose purpose)
{
    return purpose == PKI_CLIENT ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER;
}

static bool purposes_have(gnutls_x509_key_purposes_t purposes, const char *wanted)
{
    gnutls_datum_t oid = {NULL, 0};

    for (unsigned i = 0; i < PKI_PURPOSES_MAX; i++) {
        if (gnutls_x509_key_purpose_get(purposes, i, &oid) != 0)
            return false;
        if (span_is(span_make((const char *)oid.data, oid.size), wanted))
            return true;
    }
    return false;
}

/* 1 or 0, and -1 where there is no such extension. Read once: GnuTLS's own look-up parses the
 * extension anew for each purpose in it. */
static int look_for_purpose(gnutls_x509_crt_t crt, const char *oid, const char *or_oid)
{
    gnutls_datum_t ext = {NULL, 0};
    gnutls_x509_key_purposes_t purposes = NULL;

    int ret = gnutls_x509_crt_get_extension_by_oid2(crt, OID_EXTENDED_KEY_USAGE, 0, &ext, NULL);
    if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return -1;
    if (ret == 0)
        ret = gnutls_x509_key_purpose_init(&purposes);
    if (ret == 0)
        ret = gnutls_x509_ext_import_key_purposes(&ext, purposes, 0);
    bool has = ret == 0 && (purposes_have(purposes, oid) || purposes_have(purposes, or_oid));
    if (purposes != NULL)
        gnutls_x509_key_purpose_deinit(purposes);
    gnutls_free(ext.data);
    return has;
}

bool pki_has_purpose(gnutls_x509_crt_t crt, const char *oid)
{
    return look_for_purpose(crt, oid, oid) == 1;
}

/* A certificate without the extension is for everything (RFC 5280 4.2.1.12). */
static bool may_serve(gnutls_x509_crt_t crt, enum pki_purpose purpose)
{
    return look_for_purpose(crt, purpose_oid(purpose), GNUTLS_KP_ANY) != 0;
}

/* A key that may not sign proves nothing in TLS 1.3, nor in 1.2 with the suites that are left. */
static bool may_sign(gnutls_x509_crt_t leaf)
{
    unsigned usage = 0;
    int ret = gnutls_x509_crt_get_key_usage(leaf, &usage, NULL);

    if (ret == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
        return true;
    return ret == 0 && (usage & GNUTLS_KEY_DIGITAL_SIGNATURE) != 0;
}

void pki_judge_purpose(const struct pki_judged *judged, struct pki_finding *out)
{
    const char *what = judged->of->purpose == PKI_CLIENT ? "a TLS client" : "a TLS server";
    char subject[PKI_TEXT_SIZE];

    for (size_t i = 0; i < judged->way_len; i++) {
        if (may_serve(judged->way[i], judged->of->purpose))
            continue;
        pki_finding_set(out, PKI_CHECK_WRONG_PURPOSE, "its extended key usage has not %s (%s)",
                        what, pki_text_dn(gnutls_x509_crt_get_dn, judged->way[i], subject));
        return;
    }
    if (may_sign(judged->way[0]))
        pki_finding_set(out, PKI_CHECK_GOOD, "it may be used by %s", what);
    else
        pki_finding_set(out, PKI_CHECK_WRONG_PURPOSE,
                        "its key usage lacks digitalSignature, which TLS needs");
}
