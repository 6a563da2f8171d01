/*
 * certificate: what a leaf certificate of ours says, as values: for its renewal, for its entry in
 * the authority's index and for its revocation. Telling humans is describe.c, checking judge.c.
 */
#ifndef POSTERN_PKI_CERTIFICATE_H
#define POSTERN_PKI_CERTIFICATE_H

#include "base/err.h"
#include "base/span.h"
#include "pki/key.h"

enum {
    PKI_SERIAL_SIZE = 2 * 20 + 1, /* hexadecimal, RFC 5280 4.1.2.2 */
    PKI_CERTIFICATE_NAMES_MAX = 100
};

struct pki_certificate;

/* Borrowed from the certificate; NULL where it says nothing. */
struct pki_certificate_facts {
    char serial[PKI_SERIAL_SIZE]; /* lower case */
    char *subject;                /* escaped; "" when empty */
    char **names;                 /* SANs of the forms of name.h */
    size_t name_count;
    bool has_other_names;       /* more of them, or of other forms */
    unsigned purposes;          /* of enum pki_purpose; 0: it says none */
    enum pki_key_type key_type; /* the type that is nearest to its key */
    char *ocsp_url, *issuer_url, *crl_url;
    int64_t not_before_s, not_after_s;
    bool must_staple, is_authority, is_self_signed;
};

/* The first certificate of a PEM file of at most 256 KiB, or of a text. Owned; NULL with the reason
 * in fault. */
struct pki_certificate *pki_certificate_load(const char *file, struct fault *fault);
struct pki_certificate *pki_certificate_parse(const char *pem, struct fault *fault);
void pki_certificate_free(struct pki_certificate **certificate);

const struct pki_certificate_facts *pki_certificate_facts(const struct pki_certificate *of);
/* "2027-01-14 08:00:00 UTC" of seconds since 1970; returns text_out. */
enum { PKI_DATE_SIZE = 40 };
const char *pki_date_text(int64_t when_s, char text_out[PKI_DATE_SIZE]);

/* Whether key is the certificate's. */
bool pki_certificate_fits(const struct pki_certificate *certificate, const struct pki_key *key);

#endif
