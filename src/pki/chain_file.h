/*
 * chain_file: reads a file that somebody takes for a certificate, and says what it is when it is
 * something else: the commonest mistake with certificates is the wrong file.
 */
#ifndef POSTERN_PKI_CHAIN_FILE_H
#define POSTERN_PKI_CHAIN_FILE_H

#include "base/err.h"
#include "base/span.h"

/* The certificates of a PEM file, as DER, in its order. */
struct pki_chain_file {
    struct span *ders;
    size_t count; /* at most PKI_CHAIN_MAX (judge.h): a file with more is refused */
};

/* NULL with a sentence in fault that names the file, says what it is (a key, a request, a
 * revocation list, PKCS#7, PKCS#12, DER, nothing of the kind) and what to do. Owned. */
struct pki_chain_file *pki_chain_file_load(const char *file, struct fault *fault);
void pki_chain_file_free(struct pki_chain_file **chain);

/* Whether the PEM file holds the private key of the certificate: 0; ERR_INVALID when it is another
 * one's, ERR_CONFIG when it cannot be read, with a sentence in fault. */
int pki_chain_file_check_key(const char *key_file, struct span leaf, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
