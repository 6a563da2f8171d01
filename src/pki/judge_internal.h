/*
 * judge_internal: what the files that judge certificates share. Each step has a file of its own;
 * they look at one struct judged and none of them at what another found.
 */
#ifndef POSTERN_PKI_JUDGE_INTERNAL_H
#define POSTERN_PKI_JUDGE_INTERNAL_H

#include <gnutls/x509.h>
#include <time.h>

#include "pki/judge.h"
#include "pki/trust.h"

enum {
    PKI_SANS_MAX = 1000,        /* names of a certificate that are looked at; large ones have 100 */
    PKI_PURPOSES_MAX = 32,      /* key purposes of a certificate that are looked at */
    PKI_STAPLE_MAX = 64 * 1024, /* an OCSP response is some 2 KiB; longer ones are not looked at */
    PKI_STAPLE_ANSWERS_MAX = 16, /* certificates that one response speaks of: mostly 1 */
    PKI_SERIAL_SIZE = 32, /* RFC 5280 4.1.2.2: at most 20 bytes; longer ones are not listed */
    PKI_TEXT_SIZE = 160
};

/* A serial number without leading zeros, as lists are sorted by. */
struct pki_serial {
    unsigned char len;
    unsigned char bytes[PKI_SERIAL_SIZE - 1];
};

/* One revocation list. The serials are sorted at loading: GnuTLS's own look-up reads the whole list
 * each time. */
struct pki_revocations {
    gnutls_x509_crl_t crl;
    struct pki_serial *serials;
    size_t count;
};

struct pki_trust {
    gnutls_x509_trust_list_t list;
    struct pki_revocations *lists;
    size_t list_count;
};

/* trust.c: -1, 0 or 1. */
int pki_serial_compare(const void *a, const void *b);
/* The certificate's own; false: too long to be in any list. */
bool pki_serial_of(gnutls_x509_crt_t crt, struct pki_serial *serial_out);

#endif
