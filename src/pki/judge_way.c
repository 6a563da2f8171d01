/*
 * judge_way: finds the way from the leaf to a trusted authority among the certificates that were
 * sent. Servers send them out of order, with strays, and a renewed one beside the old; what is not
 * on the way does no harm. Whether the signatures along it are good is judge_chain.c's question.
 * Tests: test_pki_judge.c.
 */
#include "pki/judge_internal.h"

/* Servers send three or four certificates, which lead one way; a chain made to be a maze is given
 * up. */
enum { STEPS_MAX = 64 };

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

    if (trust == NULL)
        return NULL;
    if (gnutls_x509_trust_list_get_issuer(trust->list, crt, &found, 0) == 0)
        return found;
    return pki_trust_has(trust, crt) ? crt : NULL;
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

/* --- climbing --- */

/* The first dead end is told when no way leads to an authority. */
struct climb {
    struct pki_judged *judged;
    unsigned steps_left;
    size_t dead_index[PKI_CHAIN_MAX];
    size_t dead_len; /* 0: none met yet */
};

static void remember_dead_end(struct climb *climb)
{
    if (climb->dead_len > 0)
        return;
    climb->dead_len = climb->judged->way_len;
    memcpy(climb->dead_index, climb->judged->way_index, sizeof climb->dead_index);
}

static void step_up(struct pki_judged *judged, size_t index)
{
    judged->way_index[judged->way_len] = index;
    judged->way[judged->way_len++] = judged->sent[index];
}

/* The next certificate sent, from *at on, that issued the last one on the way, is not on it yet and
 * is in date or not; false: there is none. */
static bool next_issuer(const struct pki_judged *judged, bool wants_in_date, size_t *at)
{
    gnutls_x509_crt_t crt = judged->way[judged->way_len - 1];

    for (; *at < judged->sent_count; ++*at) {
        gnutls_x509_crt_t other = judged->sent[*at];
        if (is_in_date(other, judged->of->now_s) == wants_in_date && !is_on_way(judged, *at) &&
            gnutls_x509_crt_check_issuer(crt, other) != 0)
            return true;
    }
    return false;
}

/* An authority may be there twice, by its own signature and by that of an older one: where one way
 * ends the next is tried. Those in date go first. No deeper than PKI_CHAIN_MAX, since none is twice
 * on a way. NOLINTNEXTLINE(misc-no-recursion) */
static bool climb_from(struct climb *climb, size_t index)
{
    struct pki_judged *judged = climb->judged;
    gnutls_x509_crt_t crt = judged->sent[index];

    step_up(judged, index);
    judged->anchor = anchor_of(judged->trust, crt);
    if (judged->anchor != NULL)
        return true;
    bool is_top = gnutls_x509_crt_check_issuer(crt, crt) != 0;
    for (int late = 0; late < 2 && !is_top; late++)
        for (size_t at = 0; next_issuer(judged, late == 0, &at) && climb->steps_left > 0; at++) {
            climb->steps_left--;
            if (climb_from(climb, at))
                return true;
        }
    remember_dead_end(climb);
    judged->way_len--;
    return false;
}

static void find_way(struct pki_judged *judged)
{
    struct climb climb = {.judged = judged, .steps_left = STEPS_MAX};

    if (climb_from(&climb, 0))
        return;
    for (size_t i = 0; i < climb.dead_len; i++)
        step_up(judged, climb.dead_index[i]);
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
