/*
 * ocsp_mint: for tests: writes OCSP responses (RFC 6960 4.2), which GnuTLS can only read. Issuers
 * and responders have ECDSA P-256 keys.
 */
#ifndef POSTERN_TESTS_FAKE_OCSP_MINT_H
#define POSTERN_TESTS_FAKE_OCSP_MINT_H

#include <gnutls/abstract.h>
#include <gnutls/x509.h>

#include "base/buf.h"

enum ocsp_says { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp_wish {
    gnutls_x509_crt_t leaf, issuer;
    gnutls_x509_crt_t responder; /* NULL: the issuer signs */
    gnutls_x509_privkey_t key;   /* of whoever signs */
    enum ocsp_says says;
    int64_t this_update_s, next_update_s; /* next 0: not told */
    bool is_excuse;                       /* tryLater, and nothing else */
    bool is_responder_left_out;           /* its certificate is not in the response */
};

/* Appends the response in DER. */
void ocsp_mint(const struct ocsp_wish *wish, struct buf *out);

/* Whom a response is about and who signs it, PEM: of chain the first certificate counts. */
struct ocsp_pem {
    const char *chain, *issuer, *issuer_key;
};

/* The same from PEM texts. Good or revoked, from an hour before now_s to a day after. */
void ocsp_mint_pem(const struct ocsp_pem *pem, enum ocsp_says says, int64_t now_s, struct buf *out);

#endif
