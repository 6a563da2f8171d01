/* tlsa_mint: TLSA RDATA (RFC 6698 2.1) for a certificate, made by GnuTLS alone. */
#ifndef POSTERN_TESTS_FAKE_TLSA_MINT_H
#define POSTERN_TESTS_FAKE_TLSA_MINT_H

#include <gnutls/x509.h>

#include "base/buf.h"

/* Adds the record's bytes to out. Numbers that are not known get the whole certificate as data. */
void tlsa_mint(gnutls_x509_crt_t crt, unsigned usage, unsigned selector, unsigned matching,
               struct buf *out);

#endif
