/*
 * revocation: lists of revoked certificates (CRL, RFC 5280 5), made by the authority that issued
 * them. Reading and believing lists is trust.h's.
 */
#ifndef POSTERN_PKI_REVOCATION_H
#define POSTERN_PKI_REVOCATION_H

#include "base/err.h"
#include "base/span.h"

struct pki_authority;

/* Why a certificate was revoked: the words of RFC 5280 5.3.1 that make sense for a leaf. They stand
 * in the authority's index; the list itself gives none, as GnuTLS writes no reason codes and no
 * client treats them differently. */
#define PKI_REASON_LIST(X)                                                                         \
    X(PKI_REASON_UNSPECIFIED, "unspecified")                                                       \
    X(PKI_REASON_KEY_COMPROMISE, "keyCompromise")                                                  \
    X(PKI_REASON_AFFILIATION_CHANGED, "affiliationChanged")                                        \
    X(PKI_REASON_SUPERSEDED, "superseded")                                                         \
    X(PKI_REASON_CESSATION, "cessationOfOperation")                                                \
    X(PKI_REASON_PRIVILEGE_WITHDRAWN, "privilegeWithdrawn")

enum pki_reason {
#define PKI_REASON_ENUM(name, word) name,
    PKI_REASON_LIST(PKI_REASON_ENUM)
#undef PKI_REASON_ENUM
        PKI_REASON_COUNT
};
const char *pki_reason_word(enum pki_reason reason);
/* PKI_REASON_COUNT when there is none; letters compare without case. */
enum pki_reason pki_reason_of(struct span word);

struct pki_crl_entry {
    const char *serial; /* hexadecimal */
    int64_t at_s;
};

struct pki_crl_request {
    const struct pki_crl_entry *entries;
    size_t entry_count;
    uint64_t number; /* grows by every list (RFC 5280 5.2.3) */
    int64_t this_update_s, next_update_s;
};

/* PEM text, owned by the caller (mem_free); NULL with the reason in fault. */
char *pki_crl_make(const struct pki_authority *authority, const struct pki_crl_request *request,
                   struct fault *fault);

#endif
