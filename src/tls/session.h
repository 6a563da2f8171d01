/*
 * session: one TLS session over buffers. GnuTLS knows no socket: it pulls from the wire-in buffer
 * that the caller fills and pushes to a function of the caller's. Loop thread only.
 *
 * Not here: when a connection becomes secure (net/upgrade.c), certificates on disk (tls/creds.c).
 */
#ifndef POSTERN_TLS_SESSION_H
#define POSTERN_TLS_SESSION_H

#include "base/buf.h"
#include "base/err.h"
#include "base/tap.h"
#include "tls/facts.h"

struct tls_manager;
struct tls_session;
struct pki_dane;
struct pki_findings;

enum tls_verify {
    TLS_VERIFY_REQUIRED,      /* anything but PKI_CHECK_GOOD ends the handshake */
    TLS_VERIFY_OPPORTUNISTIC, /* the check is made and told, the handshake goes on */
    TLS_VERIFY_OFF
};

/* A further opinion on the peer's certificate that may take time (DANE, MTA-STS, a directory).
 * judge is called with our own verdict in *check and may change it. It returns 0, or ERR_AGAIN
 * while its answer is a request under way: the handshake then says TLS_WAITING, and the next
 * tls_session_handshake() asks again. */
struct tls_judge {
    int (*judge)(void *owner, struct span certificate_der, enum pki_check *check);
    void *owner;
    /* Told of each check that was made (pki/judge.h), good or bad, before judge is called; the
     * findings are borrowed until return. NULL: not told. */
    void (*on_findings)(void *owner, const struct pki_findings *findings);
};

/* Receives the session's secrets as lines of the NSS key log format, without line end, so that a
 * person can look into a recorded connection of their own with Wireshark. Whoever has them reads
 * all that was said: nothing in a server sets this. on_line NULL: none. */
struct tls_keylog {
    void (*on_line)(void *owner, const char *line); /* borrowed until return */
    void *owner;
};

/* How an outbound session is to be. Borrowed until tls_session_connect() returns, but for what
 * alpn, judge.owner and keylog.owner point to: those outlive the session. */
struct tls_client_policy {
    /* SNI and the name to check, a DNS name (A-labels) or a numeric address, which is checked and
     * not sent (RFC 6066 3); NULL: no SNI, name not checked */
    const char *server_name;
    enum tls_verify verify;
    const char *other_name; /* one that will do as well in the certificate; NULL: none */
    /* TLSA records that the certificate is held against in place of the trusted authorities
     * (pki/judge.h); NULL: none. The session takes a reference. */
    struct pki_dane *dane;
    const char *alpn;       /* "smtp"; NULL: none offered */
    struct tls_judge judge; /* judge NULL: our own verdict stands */
    struct tls_keylog keylog;
};

/* Where sealed bytes go and come from. Borrowed for the life of the session. */
struct tls_wire {
    struct buf *in;
    void (*push)(void *owner, const struct span *parts, size_t count); /* never refuses */
    void *owner;
};

/* alpn: the registered name of the protocol ("smtp", "imap", "pop3"): a client that offers only
 * others is refused with no_application_protocol; one that offers none is served. alpn outlives
 * the session. NULL: not asked. */
struct tls_session *tls_session_accept(struct tls_manager *manager, const struct tls_wire *wire,
                                       const char *alpn, struct tap *tap, uint64_t conn_id);
struct tls_session *tls_session_connect(struct tls_manager *manager, const struct tls_wire *wire,
                                        const struct tls_client_policy *policy, struct tap *tap,
                                        uint64_t conn_id);
void tls_session_free(struct tls_session **session);

enum tls_progress {
    TLS_DONE,
    TLS_MORE_INPUT, /* the wire-in buffer is used up */
    TLS_WAITING,    /* the verdict on the peer's certificate is a request under way */
    TLS_FAILED      /* the alert, if any, has been pushed; fault says why */
};

/* Goes on with the handshake as far as the input reaches. */
enum tls_progress tls_session_handshake(struct tls_session *session, struct fault *fault);
/* After TLS_DONE; valid as long as the session. */
const struct tls_facts *tls_session_facts(const struct tls_session *session);

/* Opens what has arrived into bytes_out: returns how many bytes (at least 1), or ERR_AGAIN (the
 * wire is used up), ERR_CLOSED (close_notify), ERR_TLS (fault says why). Renegotiation is refused.
 * Handles the record that GnuTLS eats without giving bytes (FACTS: E_AGAIN with bytes left). */
int64_t tls_session_read(struct tls_session *session, void *bytes_out, size_t size,
                         struct fault *fault) __attribute__((warn_unused_result));
/* Seals up to 16 KiB of the parts into one record and pushes it; returns how many bytes it took
 * (at least 1 when there is any) or ERR_TLS. Several small parts share a record, so a reply of many
 * pieces costs one seal; a single part is sealed from where it lies. */
int64_t tls_session_write(struct tls_session *session, const struct span *parts, size_t count)
    __attribute__((warn_unused_result));
/* Pushes close_notify. */
void tls_session_bye(struct tls_session *session);

#endif
