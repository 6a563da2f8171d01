/*
 * judge_internal: what the files that judge certificates share. Each step has a file of its own;
 * they look at one struct judged and none of them at what another found.
 */
#ifndef POSTERN_PKI_JUDGE_INTERNAL_H
#define POSTERN_PKI_JUDGE_INTERNAL_H

#include <gnutls/x509.h>
#include <time.h>

#include "pki/judge.h"
#include "pki/trust.h"

enum {
    PKI_CERTIFICATE_MAX = 64 * 1024, /* of a chain: those of large sites have 10 KiB */
    PKI_SANS_MAX = 1000,        /* names of a certificate that are looked at; large ones have 100 */
    PKI_PURPOSES_MAX = 32,      /* key purposes of a certificate that are looked at */
    PKI_STAPLE_MAX = 64 * 1024, /* an OCSP response is some 2 KiB; longer ones are not looked at */
    PKI_STAPLE_ANSWERS_MAX = 16, /* certificates that one response speaks of: mostly 1 */
    PKI_SERIAL_MAX = 32, /* RFC 5280 4.1.2.2: at most 20 bytes; longer ones are not listed */
    PKI_TEXT_SIZE = 160,
    PKI_MARK_SIZE = 32 /* SHA-256 */
};

/* A serial number without leading zeros, as lists are sorted by. */
struct pki_serial {
    unsigned char len;
    unsigned char bytes[PKI_SERIAL_MAX - 1];
};

/* One revocation list. The serials are sorted at loading: GnuTLS's own look-up reads the whole list
 * each time. */
struct pki_revocations {
    gnutls_x509_crl_t crl;
    struct pki_serial *serials;
    size_t count;
};

struct pki_trust {
    gnutls_x509_trust_list_t list;
    unsigned char (*marks)[PKI_MARK_SIZE]; /* fingerprints of those in list, sorted */
    size_t mark_count;
    struct pki_revocations *lists;
    size_t list_count;
};

/* A case while it is judged. */
struct pki_judged {
    const struct pki_case *of;
    const struct pki_trust *trust; /* may be NULL */
    gnutls_x509_crt_t sent[PKI_CHAIN_MAX];
    size_t sent_count;
    /* The way from the leaf up, as far as what was sent leads: each was issued by the next. An
     * authority that is trusted ends it and is not part of it. */
    gnutls_x509_crt_t way[PKI_CHAIN_MAX];
    size_t way_index[PKI_CHAIN_MAX]; /* in sent */
    size_t way_len;
    gnutls_x509_crt_t anchor; /* the trusted authority; borrowed from trust; NULL: none */
};

/* judge_way.c: imports what was sent and finds the way. 0, or ERR_SYNTAX with the finding made.
 * Deinit in any case. */
int pki_judged_init(struct pki_judged *judged, const struct pki_trust *trust,
                    const struct pki_case *of, struct pki_finding *chain_out);
void pki_judged_deinit(struct pki_judged *judged);
bool pki_judged_is_in_order(const struct pki_judged *judged);
/* Who issued way[i]: the next on the way or the anchor; NULL where that is not known. */
gnutls_x509_crt_t pki_judged_issuer(const struct pki_judged *judged, size_t i);

/* judge.c: all steps but PKI_STEP_DANE. judge_dane.c: what TLSA records make of them; lists: what
 * of trust still counts. */
void pki_judge_steps(const struct pki_trust *trust, const struct pki_case *of,
                     struct pki_findings *findings);
void pki_judge_dane(const struct pki_trust *lists, const struct pki_case *of,
                    struct pki_findings *findings);

/* One step each: judge_chain.c, judge_life.c, judge_name.c, judge_purpose.c,
 * judge_revocation.c. */
void pki_judge_chain(const struct pki_judged *judged, struct pki_finding *out);
void pki_judge_dates(const struct pki_judged *judged, struct pki_finding *out);
void pki_judge_strength(const struct pki_judged *judged, struct pki_finding *out);
void pki_judge_name(const struct pki_judged *judged, struct pki_finding *out);
void pki_judge_purpose(const struct pki_judged *judged, struct pki_finding *out);
void pki_judge_revocation(const struct pki_judged *judged, struct pki_finding *out);

/* judge_name.c: whether one of the certificate's names is name; counts the names it has. */
bool pki_has_name(gnutls_x509_crt_t crt, const char *name, unsigned *name_count_out);
/* judge_purpose.c: whether its extended key usage is there and has this very purpose. */
bool pki_has_purpose(gnutls_x509_crt_t crt, const char *oid);

/* judge_text.c: names and dates as sentences have them: escaped, cut. */
typedef int pki_dn_fn(gnutls_x509_crt_t crt, char *out, size_t *size);
const char *pki_text_dn(pki_dn_fn *get, gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE]);
const char *pki_text_date(int64_t when_s, char out[32]);
/* "ECDSA, 256 bits" */
const char *pki_text_key(gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE]);
/* The first names of the certificate. */
const char *pki_text_names(gnutls_x509_crt_t crt, char out[PKI_TEXT_SIZE]);
/* One subject alternative name; false: of a kind that is not shown. */
bool pki_text_san(unsigned type, struct span san, char *out, size_t size);
void pki_finding_set(struct pki_finding *finding, enum pki_check verdict, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* staple.c: what pki_judge_staple() judges, parsed. */
struct pki_staple_case {
    struct span staple;
    gnutls_x509_crt_t leaf, issuer;
    int64_t now_s;
};
enum pki_check pki_staple_judge(const struct pki_staple_case *of, int64_t *good_until_s_out,
                                char detail_out[PKI_DETAIL_SIZE]);
/* Whether the certificate says that a staple must come with it (RFC 7633). */
bool pki_must_staple(gnutls_x509_crt_t crt);

/* trust.c: trusts these certificates, and borrows the revocation lists of another (may be NULL),
 * which outlives it. */
struct pki_trust *pki_trust_of(const struct span *ders, size_t count,
                               const struct pki_trust *lists);
void pki_trust_of_free(struct pki_trust **trust);
/* Whether this very certificate is among the trusted ones. */
bool pki_trust_has(const struct pki_trust *trust, gnutls_x509_crt_t crt);
/* -1, 0 or 1. */
int pki_serial_compare(const void *a, const void *b);
/* The certificate's own; false: too long to be in any list. */
bool pki_serial_of(gnutls_x509_crt_t crt, struct pki_serial *serial_out);

#endif
