/*
 * cert_mint: for tests of checks: mints certificates and revocation lists with any fault, by
 * GnuTLS alone, so that what judges is not tested with its own maker.
 */
#ifndef POSTERN_TESTS_FAKE_CERT_MINT_H
#define POSTERN_TESTS_FAKE_CERT_MINT_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "base/span.h"

enum { CERT_MINT_NOW_S = 1800000000, CERT_MINT_DAY_S = 86400 };

struct cert_mint {
    gnutls_x509_crt_t crt;
    gnutls_x509_privkey_t key;
    gnutls_datum_t der;
};

/* What is not said is as in a good certificate for mx.example.org, a day old and a day to go. */
struct cert_wish {
    const char *cn;                 /* NULL: "mx.example.org" */
    const char *organisation;       /* NULL: none */
    const struct cert_mint *issuer; /* NULL: itself */
    int from_days, until_days;      /* from now; both 0: -1 and 1 */
    gnutls_pk_algorithm_t pk;       /* 0: ECDSA P-256 */
    unsigned bits;                  /* of RSA, or GNUTLS_CURVE_TO_BITS() */
    gnutls_digest_algorithm_t hash; /* 0: SHA-256 */
    bool is_authority;
    int path_len_and_1;     /* 0: no limit; n: n - 1 authorities below it */
    const char *purpose;    /* OID; NULL: TLS server for leaves; "": the extension is left out */
    const char *purpose_2;  /* NULL: none */
    unsigned usage;         /* GNUTLS_KEY_*; 0: as it should be */
    const char *dns;        /* NULL: "mx.example.org" for leaves; "": no name at all */
    const char *address;    /* 4 bytes, for an address instead */
    const char *permitted;  /* DNS name constraint of an authority */
    const char *issuer_url; /* authority information access */
    bool must_staple;
    bool has_no_key_ids;
    const struct cert_mint *key_of; /* whose key it has as well; NULL: one of its own */
    unsigned name_count;            /* so many further names, n0.example.org and on */
};

struct cert_mint cert_mint(const struct cert_wish *wish);
void cert_mint_free(struct cert_mint *mint);
struct span cert_mint_der(const struct cert_mint *mint);
/* Another signature in the same certificate: the last byte of it differs. */
void cert_mint_spoil(struct cert_mint *mint);

/* A list in PEM, heap text: the serials of revoked[], signed by issuer, to be renewed next_days
 * from now. */
char *cert_mint_crl(const struct cert_mint *issuer, const struct cert_mint *const *revoked,
                    size_t count, int next_days);
/* The certificates in PEM, heap text. */
char *cert_mint_pem(const struct cert_mint *const *mints, size_t count);

#endif
