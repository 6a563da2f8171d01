/*
 * judge: looks at a certificate chain as a careful peer does, one check after another, each with a
 * verdict and a sentence of its own. All checks are made, whatever the others say, so a person
 * sees everything that is wrong at once. What the relay, `postern connect` and `postern cert check`
 * say comes from here; there is no second opinion.
 */
#ifndef POSTERN_PKI_JUDGE_H
#define POSTERN_PKI_JUDGE_H

#include "base/span.h"
#include "pki/pki.h"
#include "pki/verdict.h"

struct pki_trust;
struct pki_dane;

/* name, text: what it looks at. In this order they are told; the first that is not good is the
 * verdict on the whole. */
#define PKI_STEP_LIST(X)                                                                           \
    X(PKI_STEP_DANE, "dane")             /* fits the server's TLSA records: only with them */      \
    X(PKI_STEP_CHAIN, "chain")           /* leads to a trusted authority, in order, no holes */    \
    X(PKI_STEP_DATES, "dates")           /* of each certificate on the way */                      \
    X(PKI_STEP_STRENGTH, "strength")     /* keys: RSA 2048, P-256; signatures: SHA-256 */          \
    X(PKI_STEP_NAME, "name")             /* SAN only: RFC 9525 */                                  \
    X(PKI_STEP_PURPOSE, "purpose")       /* extended key usage */                                  \
    X(PKI_STEP_REVOCATION, "revocation") /* lists and staple; a staple that is demanded */

enum pki_step {
#define PKI_STEP_ENUM(name, text) name,
    PKI_STEP_LIST(PKI_STEP_ENUM)
#undef PKI_STEP_ENUM
        PKI_STEP_COUNT
};
const char *pki_step_name(enum pki_step step);
struct pki_finding;
/* Whether people hear of it: TLSA records only where there are some. */
bool pki_step_is_told(enum pki_step step, const struct pki_finding *finding);

enum { PKI_DETAIL_SIZE = 256, PKI_CHAIN_MAX = 16 /* longer ones: the rest is not looked at */ };

/* What is judged, all borrowed. */
struct pki_case {
    const struct span *chain; /* DER, as sent: leaf first */
    size_t chain_count;
    const char *name;       /* DNS name (A-labels) or numeric address; NULL: not checked */
    const char *other_name; /* one that will do as well; NULL: none */
    /* TLSA records, at least one of them usable, that take the place of the trusted authorities;
     * NULL: PKI_STEP_DANE is not done, and says nothing. */
    const struct pki_dane *dane;
    enum pki_purpose purpose;
    struct span staple;     /* DER OCSP response (RFC 6960); empty: none came */
    bool had_staple_chance; /* we asked for a staple: one that the leaf demands must be there */
    int64_t now_s;
};

struct pki_finding {
    /* PKI_CHECK_GOOD, what is wrong, or PKI_CHECK_NOT_DONE where there was nothing to check (no
     * name asked for, no revocation data). */
    enum pki_check verdict;
    char detail[PKI_DETAIL_SIZE]; /* in words: names, dates, authority; escaped; may be empty */
};

struct pki_findings {
    struct pki_finding steps[PKI_STEP_COUNT];
    /* The way from the leaf up that was judged, as indices into the chain, and the trusted
     * authority at its end: escaped; "" where there is none, or is the last one itself. */
    unsigned char way[PKI_CHAIN_MAX];
    size_t way_len;
    char authority[PKI_DETAIL_SIZE];
    /* The chain leads where it should, but not each certificate to the next: good for those who
     * sort, an error to others (RFC 5246 7.4.2). */
    bool is_out_of_order;
};

/* trust NULL: nobody is trusted. A chain that cannot be parsed, or of no certificate, has its
 * verdict at PKI_STEP_CHAIN and the rest not done. */
void pki_judge(const struct pki_trust *trust, const struct pki_case *of,
               struct pki_findings *findings_out);
/* What a step found, for a person: the verdict's sentence where it is bad, and the detail. */
enum { PKI_SENTENCE_SIZE = PKI_DETAIL_SIZE + 128 };
void pki_finding_sentence(const struct pki_finding *finding, char out[PKI_SENTENCE_SIZE]);
/* The first step that is bad, or PKI_STEP_COUNT when all are good or not done. */
enum pki_step pki_findings_worst(const struct pki_findings *findings);

/* An OCSP response, the certificate that it is about and that one's issuer, all DER and borrowed.
 */
struct pki_stapled {
    struct span staple, leaf, issuer;
};

/* Whether a staple may be served now: PKI_CHECK_GOOD, or what is wrong with it in words: it is
 * another certificate's, not signed by that authority, stale, not yet valid, revoked or unknown.
 * *good_until_s_out, of a good one: its next update, or a week after it was made where it tells
 * none. */
enum pki_check pki_judge_staple(const struct pki_stapled *stapled, int64_t now_s,
                                int64_t *good_until_s_out, char detail_out[PKI_DETAIL_SIZE]);

#endif
