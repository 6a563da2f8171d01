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

/* What a leaf is to say. */
struct pki_request {
    const char *common_name;
    const char *const *dns_names; /* each becomes a SAN; a numeric address becomes an IP SAN */
    size_t dns_name_count;
    unsigned purposes; /* of enum pki_purpose */
    int64_t not_before_s, not_after_s;
};

/* A new self-signed authority. Owned. */
struct pki_authority *pki_authority_create(const char *common_name, int64_t not_before_s,
                                           int64_t not_after_s, struct fault *fault);
/* Loads one from PEM files. */
struct pki_authority *pki_authority_load(const char *certificate_file, const char *key_file,
                                         struct fault *fault);
void pki_authority_free(struct pki_authority **authority);

/* PEM texts, owned by the caller (mem_free); key texts are wiped by the caller before. */
char *pki_authority_certificate_pem(const struct pki_authority *authority);
char *pki_authority_key_pem(const struct pki_authority *authority);

/* Mints a leaf: its certificate followed by nothing (the authority is the trust anchor, so the
 * chain is the leaf alone) and its key. 0 or a code. */
int pki_mint(const struct pki_authority *authority, const struct pki_request *request,
             char **chain_pem_out, char **key_pem_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* For humans: "CN=..., SAN ..., valid from ... to ..., SHA-256 ...", one line a fact; heap text. */
char *pki_describe(const char *certificate_file, struct fault *fault);

#endif
