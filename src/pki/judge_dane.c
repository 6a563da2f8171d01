/*
 * judge_dane: whether a chain is the one that the server's TLSA records name. A record for the very
 * certificate or key (usage 3) settles it alone: whose name it bears and until when does not matter
 * (RFC 7671 5.1). One for an authority (usage 2) takes the place of the trusted authorities, and
 * everything else is checked as ever (5.2). A bare key of an authority (2 1 0) counts where the
 * chain holds a certificate with it. Tests: test_pki_judge_dane.c.
 */
#include <gnutls/abstract.h>
#include <gnutls/crypto.h>
#include <stdio.h>

#include "pki/dane_internal.h"
#include "pki/judge_internal.h"

enum { DIGEST_MAX = 64, ANCHORS_MAX = PKI_CHAIN_MAX + PKI_DANE_RECORDS_MAX };

/* What records are held against. */
struct subject {
    struct span certificate;
    gnutls_datum_t key; /* SubjectPublicKeyInfo, freed by gnutls_free; may be empty */
};

static void subject_init(struct subject *subject, gnutls_x509_crt_t crt, struct span der)
{
    gnutls_pubkey_t key = NULL;

    *subject = (struct subject){.certificate = der};
    if (gnutls_pubkey_init(&key) != 0)
        return;
    if (gnutls_pubkey_import_x509(key, crt, 0) != 0 ||
        gnutls_pubkey_export2(key, GNUTLS_X509_FMT_DER, &subject->key) != 0)
        subject->key = (gnutls_datum_t){NULL, 0};
    gnutls_pubkey_deinit(key);
}

static bool has_digest(struct span bytes, gnutls_digest_algorithm_t algorithm, struct span wanted)
{
    unsigned char digest[DIGEST_MAX];

    return gnutls_hash_fast(algorithm, bytes.ptr, bytes.len, digest) == 0 &&
           span_equal(span_make((const char *)digest, gnutls_hash_get_len(algorithm)), wanted);
}

static bool fits(const struct pki_dane_record *record, const struct subject *subject)
{
    struct span bytes = record->selector == DANE_SELECTOR_KEY
                            ? span_make((const char *)subject->key.data, subject->key.size)
                            : subject->certificate;

    if (bytes.len == 0)
        return false;
    switch ((enum pki_dane_matching)record->matching) {
    case DANE_MATCHING_FULL:
        return span_equal(bytes, record->data);
    case DANE_MATCHING_SHA256:
        return has_digest(bytes, GNUTLS_DIG_SHA256, record->data);
    case DANE_MATCHING_SHA512:
        return has_digest(bytes, GNUTLS_DIG_SHA512, record->data);
    }
    return false;
}

/* The first record of that usage that fits the i-th certificate sent, or NULL. */
static const struct pki_dane_record *find_record(const struct pki_judged *judged, size_t i,
                                                 enum pki_dane_usage usage)
{
    const struct pki_dane *dane = judged->of->dane;
    const struct pki_dane_record *found = NULL;
    struct subject subject;

    subject_init(&subject, judged->sent[i], judged->of->chain[i]);
    for (size_t j = 0; found == NULL && j < dane->count; j++) {
        const struct pki_dane_record *record = &dane->records[j];
        if (record->usage == usage && record->is_usable && !record->is_outdone &&
            fits(record, &subject))
            found = record;
    }
    gnutls_free(subject.key.data);
    return found;
}

static void tell_good(const struct pki_dane_record *record, const char *what,
                      struct pki_finding *out)
{
    pki_finding_set(out, PKI_CHECK_GOOD, "TLSA %u %u %u fits %s", record->usage, record->selector,
                    record->matching, what);
}

/* --- usage 3 --- */

static bool settle_by_leaf(const struct pki_judged *judged, struct pki_findings *findings)
{
    const struct pki_dane_record *record = find_record(judged, 0, DANE_USAGE_EE);

    if (record == NULL)
        return false;
    for (int i = 0; i < PKI_STEP_COUNT; i++)
        pki_finding_set(&findings->steps[i], PKI_CHECK_NOT_DONE,
                        "does not matter: a TLSA record names this very %s",
                        record->selector == DANE_SELECTOR_KEY ? "key" : "certificate");
    tell_good(record,
              record->selector == DANE_SELECTOR_KEY ? "the server's key"
                                                    : "the server's certificate",
              &findings->steps[PKI_STEP_DANE]);
    return true;
}

/* --- usage 2 --- */

/* Authorities that records name: certificates of the chain above the leaf, and those that stand in
 * a record whole. */
struct anchors {
    struct span ders[ANCHORS_MAX];
    size_t count;
    const struct pki_dane_record *record; /* the first that named one */
};

static void add_anchor(struct anchors *anchors, struct span der,
                       const struct pki_dane_record *record)
{
    if (anchors->count == 0)
        anchors->record = record;
    anchors->ders[anchors->count++] = der;
}

static void find_anchors(const struct pki_judged *judged, struct anchors *anchors)
{
    const struct pki_dane *dane = judged->of->dane;

    for (size_t i = 1; i < judged->sent_count; i++) {
        const struct pki_dane_record *record = find_record(judged, i, DANE_USAGE_TA);
        if (record != NULL)
            add_anchor(anchors, judged->of->chain[i], record);
    }
    for (size_t i = 0; i < dane->count; i++) {
        const struct pki_dane_record *record = &dane->records[i];
        if (record->is_usable && record->usage == DANE_USAGE_TA &&
            record->selector == DANE_SELECTOR_CERTIFICATE && record->matching == DANE_MATCHING_FULL)
            add_anchor(anchors, record->data, record);
    }
}

/* The configured lists of what authorities revoked still count. */
static bool settle_by_authority(const struct pki_judged *judged, const struct pki_trust *lists,
                                struct pki_findings *findings)
{
    struct anchors anchors = {.count = 0};

    find_anchors(judged, &anchors);
    if (anchors.count == 0)
        return false;
    struct pki_trust *trust = pki_trust_of(anchors.ders, anchors.count, lists);
    pki_judge_steps(trust, judged->of, findings);
    pki_trust_of_free(&trust);
    tell_good(anchors.record, "an authority of the chain", &findings->steps[PKI_STEP_DANE]);
    return true;
}

/* --- neither --- */

static void tell_bad(const struct pki_judged *judged, struct pki_finding *out)
{
    const struct pki_dane *dane = judged->of->dane;
    char first[PKI_DANE_TEXT_SIZE] = "", key[2 * 32 + 1] = "";
    unsigned char digest[DIGEST_MAX];
    struct subject subject;
    size_t i = 0;

    while (i + 1 < dane->count && !dane->records[i].is_usable)
        i++;
    (void)pki_dane_text(dane, i, first);
    subject_init(&subject, judged->sent[0], judged->of->chain[0]);
    if (subject.key.size > 0 &&
        gnutls_hash_fast(GNUTLS_DIG_SHA256, subject.key.data, subject.key.size, digest) == 0)
        for (size_t j = 0; j < 32; j++)
            (void)snprintf(key + 2 * j, 3, "%02x", digest[j]);
    gnutls_free(subject.key.data);
    pki_finding_set(out, PKI_CHECK_DANE_MISMATCH, "%zu of them, such as %.40s; its key is 3 1 1 %s",
                    dane->usable_count, first, key);
}

void pki_judge_dane(const struct pki_trust *lists, const struct pki_case *of,
                    struct pki_findings *findings)
{
    struct pki_judged judged;

    if (pki_judged_init(&judged, NULL, of, &findings->steps[PKI_STEP_CHAIN]) == 0 &&
        !settle_by_leaf(&judged, findings) && !settle_by_authority(&judged, lists, findings))
        tell_bad(&judged, &findings->steps[PKI_STEP_DANE]);
    pki_judged_deinit(&judged);
}
