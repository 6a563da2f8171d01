/*
 * pki: makes keys and certificates: the private authority and the server certificate of `postern
 * init`, and what tests mint. ECDSA P-256, SHA-256, subject alternative names always.
 */
#ifndef POSTERN_TLS_PKI_H
#define POSTERN_TLS_PKI_H

#include "base/err.h"
#include "base/span.h"

struct pki_authority;

enum pki_purpose { PKI_SERVER = 1, PKI_CLIENT = 2 };

/* Faults that a leaf can be given on purpose, for the lab and for tests of checks. */
enum pki_quirk {
    PKI_WITHOUT_SAN = 1,
    PKI_WEAK_KEY = 2,             /* RSA, 1024 bits */
    PKI_SELF_SIGNED = 4,          /* by its own key: the authority is not used */
    PKI_WITHOUT_INTERMEDIATE = 8, /* the chain is the leaf alone even where that is a hole */
    PKI_ISSUER_URL = 16           /* says where its issuer's certificate can be fetched */
};

/* What a leaf is to say. */
struct pki_request {
    const char *common_name;
    const char *const *dns_names; /* each becomes a SAN; a numeric address becomes an IP SAN */
    size_t dns_name_count;
    unsigned purposes; /* of enum pki_purpose */
    unsigned quirks;   /* of enum pki_quirk; 0: a good certificate */
    int64_t not_before_s, not_after_s;
};

/* A new self-signed authority. Owned. */
struct pki_authority *pki_authority_create(const char *common_name, int64_t not_before_s,
                                           int64_t not_after_s, struct fault *fault);
/* An intermediate authority under parent, for leaves that come with a chain. Owned. */
struct pki_authority *pki_authority_delegate(const struct pki_authority *parent,
                                             const char *common_name, int64_t not_before_s,
                                             int64_t not_after_s, struct fault *fault);
/* Loads one from PEM files; refuses what is not an authority and a key that does not fit. */
struct pki_authority *pki_authority_load(const char *certificate_file, const char *key_file,
                                         struct fault *fault);
void pki_authority_free(struct pki_authority **authority);

/* PEM texts, owned by the caller (mem_free); key texts are wiped by the caller before. */
char *pki_authority_certificate_pem(const struct pki_authority *authority);
char *pki_authority_key_pem(const struct pki_authority *authority);

/* Mints a leaf: its certificate, followed by the intermediates where the authority is one (a root
 * is the trust anchor and not sent), and its key. 0 or a code. */
int pki_mint(const struct pki_authority *authority, const struct pki_request *request,
             char **chain_pem_out, char **key_pem_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* For humans: the first certificate's subject, names, issuer, dates, key and SHA-256, one line a
 * fact; heap text. NULL with the reason in fault. */
char *pki_describe(const char *certificate_file, struct fault *fault);

#endif
