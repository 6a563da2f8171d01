/*
 * tls_internal: what the files of this directory share about a session. What it is given at its
 * begin and keeps is generation_internal.h.
 */
#ifndef POSTERN_TLS_TLS_INTERNAL_H
#define POSTERN_TLS_TLS_INTERNAL_H

#include "tls/generation_internal.h"
#include "tls/session.h"

struct tls_session {
    gnutls_session_t gnutls;
    struct tls_generation *generation;
    struct tls_wire wire;
    struct tap *tap;
    struct tls_trace *trace; /* trace.c only; NULL without a tap */
    uint64_t conn_id;
    int64_t began_us;          /* wall time of the first call of handshake; 0: not yet */
    char *server_name;         /* client: the name to check; freed when the handshake is done */
    char *other_name;          /* likewise */
    struct pki_dane *dane;     /* a reference, or NULL; client */
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

/* policy.c: a server session whose client likes ChaCha20 best gets that policy. hello: a
 * ClientHello's body, as it came. */
void tls_policy_follow(struct tls_session *session, struct span hello);

/* identity.c: a server session shows the certificate of the name that its client asks for. */
void tls_identities_attach(struct tls_session *session);

/* ticket.c: a server session gives out tickets and takes those of its generation's key. */
void tls_ticket_enable(struct tls_session *session);

/* gather.c: fills the facts when the handshake is done. */
void tls_facts_gather(struct tls_session *session);

/* keylog.c */
void tls_keylog_attach(struct tls_session *session, const struct tls_keylog *keylog);

/* verify.c: the authorities and lists that the settings name; a machine without any still serves,
 * which is logged. */
int tls_trust_load(const struct settings_tls *settings, const struct tls_remarks *remarks,
                   struct pki_trust **trust_out, struct fault *fault)
    __attribute__((warn_unused_result));
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
