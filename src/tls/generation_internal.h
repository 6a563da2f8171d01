/*
 * generation_internal: what a reload replaces whole: certificates, credentials, authorities,
 * priority caches, ticket key. Immutable once built and counted: the manager holds one reference,
 * each session another, so a session ends with what it began with.
 */
#ifndef POSTERN_TLS_GENERATION_INTERNAL_H
#define POSTERN_TLS_GENERATION_INTERNAL_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "conf/settings/tls.h"
#include "pki/trust.h"
#include "tls/manager.h"
#include "tls/signer.h"

enum { TLS_TICKET_KEY_SIZE = 64, TLS_PAIR_WORDS = (TLS_PAIRS_MAX + 63) / 64 };

/* Some of the pairs of a generation, by their index. */
struct tls_pair_set {
    uint64_t bits[TLS_PAIR_WORDS];
};

struct tls_generation {
    atomic_uint ref_count;
    const struct clock *clock; /* borrowed, outlives every session */
    struct tls_signer *signer; /* borrowed; the keyring keeps a local one alive */
    struct tls_keyring keyring;
    bool has_keyring;
    struct tls_own *own; /* our certificates: those of the pairs, then the client's */
    size_t own_count, pair_count;
    struct tls_identities *identities;          /* NULL: no certificate for servers is configured */
    gnutls_certificate_credentials_t client;    /* what is shown to servers that ask */
    struct pki_trust *trust;                    /* whom outbound checks believe */
    gnutls_priority_t server_priority;          /* shared by all sessions: 8 KB less in each */
    gnutls_priority_t server_priority_chacha20; /* for clients that like that best */
    gnutls_priority_t client_priority;
    unsigned char ticket_key[TLS_TICKET_KEY_SIZE];
    unsigned ticket_time_s;
};

/* manager.c */
void tls_remark(const struct tls_remarks *remarks, const struct tls_remark *remark);

/* What a generation is built from. */
struct tls_generation_order {
    const struct settings_tls *settings;
    const struct clock *clock;
    struct tls_signer *signer;
    const struct tls_generation *old; /* NULL: the first, which takes expired certificates too */
    const unsigned char *ticket_key;  /* of the manager, where the settings name no file */
    struct tls_remarks remarks;
};

/* generation.c */
int tls_generation_create(const struct tls_generation_order *order,
                          struct tls_generation **generation_out, struct fault *fault)
    __attribute__((warn_unused_result));
void tls_generation_unref(struct tls_generation **generation);
/* manager.c: a reference on the current generation. */
struct tls_generation *tls_generation_get(struct tls_manager *manager);

/* creds.c: what is shown by clients: own NULL, nothing. */
int tls_creds_create_client(const struct tls_generation *generation, const struct tls_own *own,
                            gnutls_certificate_credentials_t *cred_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* key.c: a GnuTLS key object that signs through the signer; owned. Returns a GnuTLS code. */
int tls_key_import(struct tls_signer *signer, const struct tls_key *key,
                   gnutls_privkey_t *privkey_out) __attribute__((warn_unused_result));
/* Why a signature failed, when ret is the code that such a key made the handshake fail with; else
 * NULL. */
const char *tls_key_fault(int ret);

/* identity.c: the table of names, owned, and what is shown to a client that asks for a name (any
 * bytes; empty: none): borrowed from the table, never NULL. */
int tls_identities_create(const struct tls_generation *generation,
                          struct tls_identities **table_out, struct fault *fault)
    __attribute__((warn_unused_result));
void tls_identities_free(struct tls_identities **table);
gnutls_certificate_credentials_t tls_identities_find(const struct tls_identities *table,
                                                     struct span asked);

/* policy.c: the priority cache that a profile or priority string stands for. key: the name of the
 * setting, for the fault. */
int tls_policy_create(const char *key, const char *profile, gnutls_priority_t *priority_out,
                      struct fault *fault) __attribute__((warn_unused_result));
/* The same with ChaCha20-Poly1305 first, where it allows that at all; else the same. */
int tls_policy_create_chacha20(const char *key, const char *profile, gnutls_priority_t like,
                               gnutls_priority_t *priority_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* ticket.c: a random key, or one made of a file's bytes. */
void tls_ticket_key_create(unsigned char key_out[TLS_TICKET_KEY_SIZE]);
int tls_ticket_key_load(const char *file, unsigned char key_out[TLS_TICKET_KEY_SIZE],
                        struct fault *fault) __attribute__((warn_unused_result));

/* expiry.c: what has been told of old's certificates has been told of the same ones here. */
void tls_expiry_inherit(struct tls_generation *generation, const struct tls_generation *old);
/* Remarks on certificates that end soon: each once at every stage. */
void tls_expiry_tell(struct tls_generation *generation, const struct tls_remarks *remarks);

#endif
