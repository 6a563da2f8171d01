/*
 * own_internal: our own certificates: each read once into a generation and checked (own.c), found
 * by the name that a client asks for (identity.c), with its OCSP response (staple.c) and its end
 * in sight (expiry.c). Immutable once loaded, but for what has been told about it.
 */
#ifndef POSTERN_TLS_OWN_INTERNAL_H
#define POSTERN_TLS_OWN_INTERNAL_H

#include "tls/tls_internal.h"

enum {
    OWN_CHAIN_MAX = 16, /* what GnuTLS's own verification follows */
    OWN_DNS_NAME_SIZE = 256,
    OWN_NAMES_MAX = 1000 /* names of a certificate that are looked at; large ones have some 100 */
};

/* An OCSP response that is good to serve; der.size 0: none. */
struct tls_staple {
    gnutls_datum_t der;
    int64_t good_until_s; /* as pki_judge_staple() has it */
    const char *file;     /* the certificate's copy */
    const struct clock *clock;
    atomic_bool is_told; /* that it has gone stale */
};

struct tls_own {
    char *file, *staple_file; /* copies: the settings may go before the generation */
    gnutls_x509_crt_t crts[OWN_CHAIN_MAX];
    unsigned count;
    unsigned char fingerprint[32]; /* SHA-256 of the leaf */
    struct tls_staple staple;
    int64_t ends_at_s;     /* the first of the chain to expire */
    atomic_int told_stage; /* expiry.c: how near an end has been told */
};

/* What a certificate is loaded for, and under which settings. */
struct tls_own_order {
    const char *setting; /* "tls.certificate": for faults about files that cannot be read */
    const struct settings_tls_pair *pair;
    const struct tls_key *key;
    const char *purpose;              /* OID of its extended key usage */
    const struct tls_generation *old; /* its certificates may be expired; NULL: any may */
    const struct settings_tls *settings;
    const struct clock *clock;
    const struct tls_remarks *remarks;
};

/* own.c: reads and checks the chain: in order, fits its key, not weak, in date. What is odd but
 * works is remarked. own is zeroed before; deinit accepts a half-loaded one. */
int tls_own_load(struct tls_own *own, const struct tls_own_order *order, struct fault *fault)
    __attribute__((warn_unused_result));
void tls_own_deinit(struct tls_own *own);
/* A DNS name in lower case, and a NUL: out has room for name.len + 1 bytes. */
void tls_own_name_lower(struct span name, char *out);
/* The index-th DNS name, lower case; false at the end. Names that are no DNS names are skipped:
 * *index_inout moves on. */
bool tls_own_next_name(const struct tls_own *own, unsigned *index_inout,
                       char name_out[OWN_DNS_NAME_SIZE]);
/* For people: "mx.example.org, www.example.org, ..." */
void tls_own_names_text(const struct tls_own *own, char *out, size_t size);
/* For faults: the subject, escaped and cut. */
const char *tls_own_subject(gnutls_x509_crt_t crt, char out[128]);
/* Whether generation (NULL: none) has this very certificate. */
const struct tls_own *tls_own_find(const struct tls_generation *generation,
                                   const unsigned char fingerprint[32]);

/* staple.c: reads the response and judges it; one that is not good is remarked and left out. */
void tls_staple_load(struct tls_own *own, const struct tls_own_order *order);
void tls_staple_deinit(struct tls_staple *staple);
/* Makes the credentials serve it for their index-th certificate, as long as it is fresh. */
void tls_staple_attach(gnutls_certificate_credentials_t cred, unsigned index,
                       struct tls_staple *staple);

/* creds.c: the own certificates whose bit is set in pairs, as credentials. */
int tls_creds_create(const struct tls_generation *generation, const struct tls_pair_set *pairs,
                     gnutls_certificate_credentials_t *cred_out, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
