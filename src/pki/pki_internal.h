/*
 * pki_internal: GnuTLS objects that the makers of certificates pass each other.
 */
#ifndef POSTERN_PKI_PKI_INTERNAL_H
#define POSTERN_PKI_PKI_INTERNAL_H

#include <gnutls/abstract.h>
#include <gnutls/x509-ext.h>
#include <gnutls/x509.h>

#include "pki/pki.h"

enum {
    PKI_COMMON_NAME_MAX = 64, /* RFC 5280 appendix A, ub-common-name */
    PKI_PEM_SIZE_MAX = 64 * 1024
};

struct pki_key {
    gnutls_x509_privkey_t raw;
};

struct pki_authority {
    gnutls_x509_crt_t crt;
    struct pki_key *key;
    char *chain_pem; /* of an intermediate: itself and those above it but the root; "": a root */
};

/* ---- key.c ---------------------------------------------------------------------------------- */

/* "could not make WHAT: why", ERR_TLS. */
int pki_could_not(struct fault *fault, const char *what, int ret);
/* A GnuTLS code. */
int pki_key_make(gnutls_pk_algorithm_t algorithm, unsigned bits, struct pki_key **key_out);
/* What a signature by that key is made with. */
gnutls_digest_algorithm_t pki_key_digest(const struct pki_key *key);
/* The list's type that is nearest. */
enum pki_key_type pki_key_type_near(gnutls_pk_algorithm_t algorithm, unsigned bits);
/* Takes the bytes of a library's text. */
char *pki_datum_text(gnutls_datum_t *datum);

/* ---- authority.c ---------------------------------------------------------------------------- */

struct pki_crt_request {
    const char *common_name, *organization; /* NULL: none */
    int64_t not_before_s, not_after_s;
};

/* Exactly one is set: whose public key goes into a certificate. */
struct pki_crt_key {
    gnutls_x509_privkey_t own;
    gnutls_pubkey_t public_half;
};

/* What every certificate has: version, serial, dates, name, key and its identifier. A GnuTLS code;
 * *crt_out is to be freed in either case. */
int pki_crt_begin(const struct pki_crt_request *request, struct pki_crt_key key,
                  gnutls_x509_crt_t *crt_out);
/* Signs crt, naming the signer's key. */
int pki_crt_sign(gnutls_x509_crt_t crt, gnutls_x509_crt_t signer, const struct pki_key *key);
char *pki_crt_pem(gnutls_x509_crt_t crt);

/* ---- name.c --------------------------------------------------------------------------------- */

/* A SAN as text, in one of the forms of name.h; false for other forms. size: of text_out. */
bool pki_san_text(int type, const unsigned char *bytes, size_t len, char *text_out, size_t size);

/* ---- feature.c ------------------------------------------------------------------------------ */

/* "An OCSP response must be stapled" (RFC 7633). Owned. A GnuTLS code. */
int pki_feature_make(gnutls_x509_tlsfeatures_t *features_out);
bool pki_feature_is_there(gnutls_x509_tlsfeatures_t features);

/* ---- csr.c, certificate.c ------------------------------------------------------------------- */

/* Owned by the caller. A GnuTLS code. */
int pki_csr_public_key(const struct pki_csr *csr, gnutls_pubkey_t *key_out);
gnutls_x509_crt_t pki_certificate_crt(const struct pki_certificate *certificate);

#endif
