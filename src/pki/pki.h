/*
 * pki: makes certificates: authorities, and leaves under them. SHA-256 (or what Ed25519 brings),
 * subject alternative names always. Keys are key.h, requests to an authority csr.h, what was made
 * and revoked index.h and authority_dir.h.
 */
#ifndef POSTERN_TLS_PKI_H
#define POSTERN_TLS_PKI_H

#include "base/err.h"
#include "base/span.h"
#include "pki/key.h"

struct pki_authority;
struct pki_certificate;
struct pki_csr;

enum pki_purpose { PKI_SERVER = 1, PKI_CLIENT = 2 };

/* Faults that a leaf can be given on purpose, for the lab and for tests of checks. */
enum pki_quirk {
    PKI_WITHOUT_SAN = 1,
    PKI_WEAK_KEY = 2,             /* RSA, 1024 bits */
    PKI_SELF_SIGNED = 4,          /* by its own key: the authority is not used */
    PKI_WITHOUT_INTERMEDIATE = 8, /* the chain is the leaf alone even where that is a hole */
    PKI_ISSUER_URL = 16           /* says where its issuer's certificate can be fetched */
};

/* What a leaf is to say; texts are borrowed. */
struct pki_request {
    const char *common_name;      /* left out when longer than 64 bytes (RFC 5280 appendix A) */
    const char *const *dns_names; /* SANs of the forms of name.h; not checked here */
    size_t dns_name_count;
    unsigned purposes;          /* of enum pki_purpose */
    unsigned quirks;            /* of enum pki_quirk; 0: a good certificate */
    enum pki_key_type key_type; /* for pki_mint() */
    bool must_staple;           /* the TLS feature of RFC 7633: clients demand an OCSP response */
    const char *ocsp_url, *issuer_url, *crl_url; /* NULL: not said */
    int64_t not_before_s, not_after_s;
};

/* What an authority is to say. */
struct pki_authority_request {
    const char *common_name;
    const char *organization; /* NULL: none */
    enum pki_key_type key_type;
    int path_length; /* authorities that may stand between it and a leaf; -1: any number */
    int64_t not_before_s, not_after_s;
};

/* A new authority, signed by parent, or by itself where parent is NULL. Owned; NULL with the reason
 * in fault. */
struct pki_authority *pki_authority_make(const struct pki_authority *parent,
                                         const struct pki_authority_request *request,
                                         struct fault *fault);
/* A new self-signed authority with all defaults. Owned. */
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

/* PEM texts, owned by the caller (mem_free, pki_key_pem_free). */
char *pki_authority_certificate_pem(const struct pki_authority *authority);
char *pki_authority_key_pem(const struct pki_authority *authority);
/* When it ends, seconds since 1970. */
int64_t pki_authority_not_after_s(const struct pki_authority *authority);
/* PEM of a new certificate for the authority's key and name, signed by parent; owned (mem_free).
 * NULL with the reason in fault. */
char *pki_authority_renew(const struct pki_authority *parent, const struct pki_authority *authority,
                          int64_t not_before_s, int64_t not_after_s, struct fault *fault);
/* Whether its key signed the certificate. */
bool pki_authority_has_signed(const struct pki_authority *authority,
                              const struct pki_certificate *certificate);

/* Mints a leaf: its certificate, followed by the intermediates where the authority is one (a root
 * is the trust anchor and not sent), and its key. 0 or a code. */
int pki_mint(const struct pki_authority *authority, const struct pki_request *request,
             char **chain_pem_out, char **key_pem_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* Whose key a leaf is for: the first that is not NULL. Of a csr or certificate nothing but the key
 * is taken: what the leaf says is the request's, whatever extensions those ask for. */
struct pki_holder {
    const struct pki_key *key;
    const struct pki_csr *csr;
    const struct pki_certificate *certificate;
};

/* The same for a key that exists already; authority NULL: self-signed, with holder.key. */
int pki_sign(const struct pki_authority *authority, struct pki_holder holder,
             const struct pki_request *request, char **chain_pem_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* For humans: the first certificate's subject, names, issuer, dates, key and SHA-256, one line a
 * fact; heap text. NULL with the reason in fault. */
char *pki_describe(const char *certificate_file, struct fault *fault);

#endif
