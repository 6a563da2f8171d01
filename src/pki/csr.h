/*
 * csr: certificate signing requests (PKCS#10, RFC 2986): the way to an authority, ours or a public
 * one. A request is a wish: of one that is read, its key and names are kept, never its extensions
 * (CA:TRUE, purposes): what a certificate says is the authority's decision.
 */
#ifndef POSTERN_PKI_CSR_H
#define POSTERN_PKI_CSR_H

#include "base/err.h"
#include "base/span.h"
#include "pki/key.h"

enum { PKI_CSR_NAMES_MAX = 100 /* more: refused, as nobody would read them */ };

struct pki_csr;

/* What a new request asks for; borrowed. */
struct pki_csr_wish {
    const char *common_name;  /* left out when longer than 64 bytes */
    const char *const *names; /* SANs of the forms of name.h, checked before */
    size_t name_count;
    bool must_staple;
};

/* PEM text, owned by the caller (mem_free); NULL with the reason in fault. */
char *pki_csr_make(const struct pki_key *key, const struct pki_csr_wish *wish, struct fault *fault);

/* Reads one from a PEM file of at most 64 KiB. Refused: one that its own key did not sign, keys
 * weaker than RSA 2048 or P-256 or of another kind, names that pki_name_check() refuses, none at
 * all, more than PKI_CSR_NAMES_MAX. Owned; NULL with the reason in fault. */
struct pki_csr *pki_csr_load(const char *file, struct fault *fault);
/* The same of bytes; file: what they are called in complaints. */
struct pki_csr *pki_csr_parse(struct span pem, const char *file, struct fault *fault);
void pki_csr_free(struct pki_csr **csr);

/* The SANs; where there are none, the common name if it is a name. Borrowed. */
const char *const *pki_csr_names(const struct pki_csr *csr, size_t *count_out);
/* "RSA, 2048 bits". Borrowed. */
const char *pki_csr_key_text(const struct pki_csr *csr);
bool pki_csr_has_must_staple(const struct pki_csr *csr);
/* SANs of forms that are not signed here (URIs, other names). */
size_t pki_csr_skipped_count(const struct pki_csr *csr);

#endif
