/*
 * tls_internal: what the files of this directory share. A generation is what a reload replaces
 * whole: credentials, trust list, priority caches. It is immutable once built and counted: the
 * manager holds one reference, each session another.
 */
#ifndef POSTERN_TLS_TLS_INTERNAL_H
#define POSTERN_TLS_TLS_INTERNAL_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "conf/settings/tls.h"
#include "pki/trust.h"
#include "tls/manager.h"
#include "tls/session.h"
#include "tls/signer.h"

enum { TLS_TICKET_KEY_SIZE = 64 };

/* Whether a certificate outside its dates is refused (a reload: the old one goes on) or loaded
 * with a warning (a start: a server that is down loses more than one that some clients refuse). */
enum tls_dates { TLS_DATES_STRICT, TLS_DATES_WARN };

struct tls_generation {
    atomic_uint ref_count;
    struct pki_trust *trust;                 /* whom outbound checks believe */
    const struct clock *clock;               /* borrowed, outlives every session */
    gnutls_certificate_credentials_t server; /* NULL: no certificate is configured */
    gnutls_certificate_credentials_t client; /* carries the trust list */
    struct tls_signer *signer;               /* borrowed; the keyring keeps a local one alive */
    struct tls_keyring keyring;
    bool has_keyring;
    gnutls_priority_t server_priority;          /* shared by all sessions: 8 KB less in each */
    gnutls_priority_t server_priority_chacha20; /* for clients that like that best */
    gnutls_priority_t client_priority;
    unsigned char ticket_key[TLS_TICKET_KEY_SIZE]; /* the manager's; survives reloads */
};

/* manager.c: a reference on the current generation. */
struct tls_generation *tls_generation_get(struct tls_manager *manager);
void tls_generation_unref(struct tls_generation **generation);

/* creds.c: chain and key as credentials; *cred_out is NULL when no certificate is configured. */
int tls_creds_load_server(const struct settings_tls *settings,
                          const struct tls_generation *generation, enum tls_dates dates,
                          gnutls_certificate_credentials_t *cred_out, struct fault *fault)
    __attribute__((warn_unused_result));
int tls_creds_load_client(const struct settings_tls *settings,
                          const struct tls_generation *generation,
                          gnutls_certificate_credentials_t *cred_out, struct fault *fault)
    __attribute__((warn_unused_result));

/* key.c: a GnuTLS key object that signs through the signer; owned. Returns a GnuTLS code. */
int tls_key_import(struct tls_signer *signer, const struct tls_key *key,
                   gnutls_privkey_t *privkey_out) __attribute__((warn_unused_result));

/* key.c: why a signature failed, when ret is the code that such a key made the handshake fail with;
 * else NULL. */
const char *tls_key_fault(int ret);

/* policy.c: the priority cache that a profile or priority string stands for. key: the name of the
 * setting, for the fault. */
int tls_policy_create(const char *key, const char *profile, gnutls_priority_t *priority_out,
                      struct fault *fault) __attribute__((warn_unused_result));
/* The same with ChaCha20-Poly1305 first, where it allows that at all; else the same. */
int tls_policy_create_chacha20(const char *key, const char *profile, gnutls_priority_t like,
                               gnutls_priority_t *priority_out, struct fault *fault)
    __attribute__((warn_unused_result));
/* A server session whose client likes ChaCha20 best gets that policy. hello: a ClientHello's body,
 * as it came. */
void tls_policy_follow(struct tls_session *session, struct span hello);

/* ticket.c */
void tls_ticket_key_create(unsigned char key_out[TLS_TICKET_KEY_SIZE]);
void tls_ticket_enable(gnutls_session_t gnutls, unsigned char key[TLS_TICKET_KEY_SIZE]);

struct tls_session {
    gnutls_session_t gnutls;
    struct tls_generation *generation;
    struct tls_wire wire;
    struct tap *tap;
    struct tls_trace *trace; /* trace.c only; NULL without a tap */
    uint64_t conn_id;
    int64_t began_us;          /* wall time of the first call of handshake; 0: not yet */
    char *server_name;         /* client: the name to check; freed when the handshake is done */
    const char *alpn;          /* borrowed: a literal of the caller */
    struct tls_judge judge;    /* client */
    struct tls_keylog keylog;  /* client */
    enum tls_verify verify;    /* client */
    unsigned odd_record_count; /* records that carried no data: bounded by session.c */
    size_t quiet_bytes;        /* taken off the wire since data came last; bounded in session.c */
    bool is_flooded;           /* by more of them */
    unsigned char first_byte;  /* of the peer, to name plaintext on a TLS port */
    bool is_client, has_first_byte;
    bool has_verdict; /* verify.c has filled facts.check */
    bool is_waiting;  /* the judge wants to be asked again */
    bool is_broken;   /* a fatal error happened: nothing is sent or read any more */
    struct tls_facts facts;
};

/* gather.c: fills the facts when the handshake is done. */
void tls_facts_gather(struct tls_session *session);

/* keylog.c */
void tls_keylog_attach(struct tls_session *session, const struct tls_keylog *keylog);

/* verify.c: the authorities and lists that the settings name; a machine without any still serves,
 * which is logged. */
int tls_trust_load(const struct settings_tls *settings, struct pki_trust **trust_out,
                   struct fault *fault) __attribute__((warn_unused_result));
/* GnuTLS's verify function of client sessions, and the alert that tells a verdict. */
int tls_verify_on_certificate(gnutls_session_t gnutls);
gnutls_alert_description_t tls_verify_alert(enum pki_check check);

/* hook.c: makes GnuTLS report handshake messages to policy.c and trace.c. */
void tls_hook_attach(struct tls_session *session);

/* trace.c: events for the lens; nothing happens where no tap is set. */
void tls_trace_attach(struct tls_session *session);
void tls_trace_detach(struct tls_session *session);
/* A handshake message before it is looked at (incoming) or sent; body: without its header. */
void tls_trace_message(struct tls_session *session, enum tap_way way, unsigned type,
                       struct span body);
/* A step of the check of the peer's certificate (pki/judge.h); sentence may be empty. */
void tls_trace_check(struct tls_session *session, const char *step, enum pki_check verdict,
                     const char *sentence);
void tls_trace_alert(struct tls_session *session, enum tap_way way, unsigned number, bool is_fatal);
/* After tls_facts_gather(). */
void tls_trace_secure(struct tls_session *session);
void tls_trace_failed(struct tls_session *session, const char *why);
/* Bytes that go over the wire, in any pieces: finds the records. */
void tls_trace_wire(struct tls_session *session, enum tap_way way, struct span bytes);

#endif
