/*
 * signer: the door behind which private keys live. The rest of src/tls knows a key by a number and
 * its public half. Two rooms lie behind it: the keys in this process (signer_local.c), and the
 * keeper, a process of its own that holds them, signs and does nothing else (keeper.h), so that the
 * process which parses network bytes has nothing to lose. Thread-safe.
 */
#ifndef POSTERN_TLS_SIGNER_H
#define POSTERN_TLS_SIGNER_H

#include "base/err.h"
#include "base/span.h"
#include "conf/settings/tls.h"

enum { TLS_KEY_ID_SIZE = 32, TLS_SIGNATURE_MAX = 1024, TLS_KEYS_MAX = 2 * TLS_PAIRS_MAX + 2 };

/* One private key as the outside sees it. */
struct tls_key {
    uint64_t number;                       /* names it in tls_signer_sign(); never reused */
    unsigned char key_id[TLS_KEY_ID_SIZE]; /* SHA-256 of the public key's SPKI, as gnutls has it */
    unsigned algorithm;                    /* gnutls_pk_algorithm_t */
    unsigned bits;
};

/* The keys of one generation of settings: keys[i] belongs to settings->pairs[i]; client is the one
 * of settings->client_key (number 0: none). Valid until tls_signer_drop(). */
struct tls_keyring {
    struct tls_key keys[TLS_PAIRS_MAX];
    size_t count;
    struct tls_key client;
};

/* What is to be signed, and how. */
struct tls_signing {
    uint64_t key_number;
    unsigned algorithm; /* gnutls_sign_algorithm_t */
    bool is_hash;       /* input is the data for Ed25519, else its hash */
    struct span input;  /* borrowed */
};

struct tls_signature {
    size_t len;
    unsigned char bytes[TLS_SIGNATURE_MAX];
};

struct tls_signer;

struct tls_signer_ops {
    /* Reads the keys that the settings name (the keeper reads the configuration itself, so that a
     * broken server cannot make it open other files). 0, or a code with a fault that names the file
     * and what would be right. */
    int (*load)(struct tls_signer *signer, const struct settings_tls *settings,
                struct tls_keyring *keyring_out, struct fault *fault);
    void (*drop)(struct tls_signer *signer, const struct tls_keyring *keyring);
    /* 0, ERR_TLS, ERR_TIMEOUT (the keeper did not answer within its second), ERR_CLOSED (it is
     * gone), ERR_LIMIT (signer_cap.h). */
    int (*sign)(struct tls_signer *signer, const struct tls_signing *signing,
                struct tls_signature *signature_out);
    void (*free)(struct tls_signer *signer);
};

/* First member of every implementation. */
struct tls_signer {
    const struct tls_signer_ops *ops;
};

/* Keys in this process. Owned: tls_signer_free(). */
struct tls_signer *tls_signer_local_create(void);
static inline void tls_signer_free(struct tls_signer **signer)
{
    if (*signer != NULL)
        (*signer)->ops->free(*signer);
    *signer = NULL;
}

#endif
