/*
 * judge_way: finds the way from the leaf to a trusted authority among the certificates that were
 * sent. Servers send them out of order, with strays, and a renewed one beside the old; what is not
 * on the way does no harm. Whether the signatures along it are good is judge_chain.c's question.
 * Tests: test_pki_judge.c.
 */
#include "pki/judge_internal.h"

static int import(struct pki_judged *judged, struct span der)
{
    gnutls_x509_crt_t crt = NULL;
    const gnutls_datum_t datum = {(unsigned char *)(uintptr_t)der.ptr, (unsigned)der.len};

    if (der.len == 0 || der.len > PKI_CERTIFICATE_MAX || gnutls_x509_crt_init(&crt) != 0)
        return ERR_SYNTAX;
    judged->sent[judged->sent_count++] = crt;
    return gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_DER) == 0 ? 0 : ERR_SYNTAX;
}

/* The trusted authority that issued crt, or crt's own copy where that one is trusted itself. */
static gnutls_x509_crt_t anchor_of(const struct pki_trust *trust, gnutls_x509_crt_t crt)
{
    gnutls_x509_crt_t found = NULL;
    gnutls_datum_t subject = {NULL, 0};

    if (trust == NULL)
        return NULL;
    if (gnutls_x509_trust_list_get_issuer(trust->list, crt, &found, 0) == 0)
        return found;
    if (gnutls_x509_crt_get_raw_dn(crt, &subject) != 0)
        return NULL;
    int ret = gnutls_x509_trust_list_get_issuer_by_dn(trust->list, &subject, &found, 0);
    gnutls_free(subject.data);
    if (ret != 0)
        return NULL;
    /* This call always hands out a copy; the way wants to borrow. */
    bool is_same = gnutls_x509_crt_equals(found, crt) != 0;
    gnutls_x509_crt_deinit(found);
    return is_same ? crt : NULL;
}

static bool is_in_date(gnutls_x509_crt_t crt, int64_t now_s)
{
    return now_s >= (int64_t)gnutls_x509_crt_get_activation_time(crt) &&
           now_s <= (int64_t)gnutls_x509_crt_get_expiration_time(crt);
}

static bool is_on_way(const struct pki_judged *judged, size_t index)
{
    for (size_t i = 0; i < judged->way_len; i++)
        if (judged->way_index[i] == index)
            return true;
    return false;
}

/* The certificate sent that issued crt and is not on the way yet, or sent_count. One in date goes
 * first. */
static size_t issuer_sent(const struct pki_judged *judged, gnutls_x509_crt_t crt)
{
    size_t found = judged->sent_count;

    for (size_t i = 0; i < judged->sent_count; i++) {
        gnutls_x509_crt_t other = judged->sent[i];
        if (is_on_way(judged, i) || gnutls_x509_crt_check_issuer(crt, other) == 0)
            continue;
        if (is_in_date(other, judged->of->now_s))
            return i;
        if (found == judged->sent_count)
            found = i;
    }
    return found;
}

static void find_way(struct pki_judged *judged)
{
    size_t next = 0;

    while (next < judged->sent_count) {
        gnutls_x509_crt_t crt = judged->sent[next];
        judged->way_index[judged->way_len] = next;
        judged->way[judged->way_len++] = crt;
        judged->anchor = anchor_of(judged->trust, crt);
        if (judged->anchor != NULL || gnutls_x509_crt_check_issuer(crt, crt) != 0)
            return;
        next = issuer_sent(judged, crt);
    }
}

int pki_judged_init(struct pki_judged *judged, const struct pki_trust *trust,
                    const struct pki_case *of, struct pki_finding *chain_out)
{
    *judged = (struct pki_judged){.of = of, .trust = trust};
    if (of->chain_count == 0) {
        pki_finding_set(chain_out, PKI_CHECK_NONE, "%s", "");
        return ERR_SYNTAX;
    }
    for (size_t i = 0; i < of->chain_count && i < PKI_CHAIN_MAX; i++) {
        if (import(judged, of->chain[i]) == 0)
            continue;
        pki_finding_set(
            chain_out, PKI_CHECK_OTHER, "certificate %zu of %zu %s", i + 1, of->chain_count,
            of->chain[i].len > PKI_CERTIFICATE_MAX ? "is larger than 64 KiB" : "cannot be parsed");
        return ERR_SYNTAX;
    }
    find_way(judged);
    return 0;
}

void pki_judged_deinit(struct pki_judged *judged)
{
    for (size_t i = 0; i < judged->sent_count; i++)
        gnutls_x509_crt_deinit(judged->sent[i]);
    judged->sent_count = 0;
}

bool pki_judged_is_in_order(const struct pki_judged *judged)
{
    for (size_t i = 0; i < judged->way_len; i++)
        if (judged->way_index[i] != i)
            return false;
    return true;
}

gnutls_x509_crt_t pki_judged_issuer(const struct pki_judged *judged, size_t i)
{
    if (i + 1 < judged->way_len)
        return judged->way[i + 1];
    /* A certificate that is trusted itself, though another issued it. */
    return judged->anchor != judged->way[i] ? judged->anchor : NULL;
}
