/*
 * portrait: what a certificate of anybody says, in words for a person. What of it is wrong is
 * judge.h's; values for programs are certificate.h's. Every byte that the certificate brings is
 * escaped.
 */
#ifndef POSTERN_PKI_PORTRAIT_H
#define POSTERN_PKI_PORTRAIT_H

#include <stdbool.h>

#include "base/span.h"

enum { PKI_PORTRAIT_NAMES_MAX = 100, PKI_PORTRAIT_TEXT_SIZE = 512 };

struct pki_portrait {
    char subject[PKI_PORTRAIT_TEXT_SIZE], issuer[PKI_PORTRAIT_TEXT_SIZE];
    char serial[80]; /* hexadecimal, lower case */
    int64_t from_s, until_s;
    char key[64];                          /* "ECDSA, 256 bits, SECP256R1" */
    char signature[64];                    /* "ECDSA-SHA256" */
    char purposes[PKI_PORTRAIT_TEXT_SIZE]; /* "TLS server, TLS client"; "": it names none */
    char sha256[65];                       /* of the certificate, hexadecimal */
    char pin[45];                          /* SHA-256 of its key (SPKI), base64 */
    bool is_authority, is_self_issued, must_staple;
    /* Subject alternative names, one text each; names_left: there are more. */
    char *names[PKI_PORTRAIT_NAMES_MAX];
    size_t name_count;
    bool names_left;
};

/* Owned; NULL when it cannot be parsed. */
struct pki_portrait *pki_portrait_create(struct span der);
void pki_portrait_free(struct pki_portrait **portrait);

#endif
