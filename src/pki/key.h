/*
 * key: private keys: made, read and written as unencrypted PKCS#8 in PEM. Which kinds there are is
 * the list here; nothing else of a kind is written down elsewhere.
 */
#ifndef POSTERN_PKI_KEY_H
#define POSTERN_PKI_KEY_H

#include "base/err.h"
#include "base/span.h"

/* enum, word on the command line, words for people */
#define PKI_KEY_TYPE_LIST(X)                                                                       \
    X(PKI_KEY_ECDSA, "ecdsa", "ECDSA P-256")                                                       \
    X(PKI_KEY_RSA_2048, "rsa", "RSA, 2048 bits")                                                   \
    X(PKI_KEY_RSA_3072, "rsa-3072", "RSA, 3072 bits")                                              \
    X(PKI_KEY_RSA_4096, "rsa-4096", "RSA, 4096 bits")                                              \
    X(PKI_KEY_ED25519, "ed25519", "Ed25519")

enum pki_key_type {
#define PKI_KEY_TYPE_ENUM(name, word, text) name,
    PKI_KEY_TYPE_LIST(PKI_KEY_TYPE_ENUM)
#undef PKI_KEY_TYPE_ENUM
        PKI_KEY_TYPE_COUNT
};
const char *pki_key_type_word(enum pki_key_type type);
const char *pki_key_type_text(enum pki_key_type type);
/* The type of that word, PKI_KEY_TYPE_COUNT when there is none. */
enum pki_key_type pki_key_type_of(const char *word);

struct pki_key;

/* A new one; RSA takes up to seconds. Owned; NULL with the reason in fault. */
struct pki_key *pki_key_create(enum pki_key_type type, struct fault *fault);
/* From a PEM file of at most 64 KiB. Owned; NULL with the reason in fault. */
struct pki_key *pki_key_load(const char *file, struct fault *fault);
/* Wipes it. */
void pki_key_free(struct pki_key **key);
/* Owned by the caller: pki_key_pem_free(). */
char *pki_key_pem(const struct pki_key *key);
/* Wipes the text and frees it; accepts NULL. */
void pki_key_pem_free(char *pem);

#endif
