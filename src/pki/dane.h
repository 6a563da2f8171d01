/*
 * dane: the TLSA records of one server, as DNS gave them (RFC 6698, RFC 7671), read for SMTP
 * (RFC 7672): usages 2 (an authority of its own) and 3 (this very certificate or key) count, 0 and
 * 1 do not. Who may be asked for them, and whether they are signed, is dns/tlsa.h's; the check of a
 * certificate against them a step of judge.h.
 *
 * Immutable and counted; not shared between threads.
 */
#ifndef POSTERN_PKI_DANE_H
#define POSTERN_PKI_DANE_H

#include "base/span.h"

enum {
    PKI_DANE_RECORDS_MAX = 32,        /* a server has two or four; further ones are not looked at */
    PKI_DANE_RECORD_SIZE = 16 * 1024, /* a whole certificate; longer ones cannot be used */
    PKI_DANE_TEXT_SIZE = 160          /* of a record: SHA-512 as text; longer data is cut */
};

struct pki_dane;

/* rdata: borrowed until return; any bytes. Owned: one reference. */
struct pki_dane *pki_dane_create(const struct span *rdata, size_t count);
struct pki_dane *pki_dane_ref(struct pki_dane *dane);
/* Accepts a pointer to NULL. */
void pki_dane_unref(struct pki_dane **dane);

size_t pki_dane_count(const struct pki_dane *dane);
/* Records that a certificate can be held against; 0: TLS is demanded, but nothing says with whom
 * (RFC 7672 2.2). */
size_t pki_dane_usable_count(const struct pki_dane *dane);
/* "3 1 1 0123ab...", as zone files have it; returns text_out. */
const char *pki_dane_text(const struct pki_dane *dane, size_t index,
                          char text_out[PKI_DANE_TEXT_SIZE]);

#endif
