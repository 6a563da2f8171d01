/*
 * facts: what a TLS session turned out to be, for sessions, logs and Received headers. Immutable
 * after the handshake. No GnuTLS type here: protocols include this header and no other of tls/.
 */
#ifndef POSTERN_TLS_FACTS_H
#define POSTERN_TLS_FACTS_H

#include <stdbool.h>

#include "base/span.h"

/* name, config text, sentence when it is the verdict */
#define TLS_CHECK_LIST(X)                                                                          \
    X(TLS_CHECK_NOT_DONE, "not-done", "the certificate was not checked")                           \
    X(TLS_CHECK_GOOD, "good", "the certificate is good")                                           \
    X(TLS_CHECK_NONE, "none", "no certificate was presented")                                      \
    X(TLS_CHECK_UNKNOWN_AUTHORITY, "unknown-authority",                                            \
      "the certificate's authority is not among the trusted ones")                                 \
    X(TLS_CHECK_MISSING_INTERMEDIATE, "missing-intermediate",                                      \
      "the chain is incomplete: an intermediate certificate is missing")                           \
    X(TLS_CHECK_SELF_SIGNED, "self-signed", "the certificate is self-signed")                      \
    X(TLS_CHECK_EXPIRED, "expired", "the certificate has expired")                                 \
    X(TLS_CHECK_NOT_YET_VALID, "not-yet-valid", "the certificate is not valid yet")                \
    X(TLS_CHECK_WRONG_NAME, "wrong-name", "the certificate is for another name")                   \
    X(TLS_CHECK_NO_SAN, "no-san", "the certificate has no subject alternative name")               \
    X(TLS_CHECK_WRONG_PURPOSE, "wrong-purpose", "the certificate is not for this purpose")         \
    X(TLS_CHECK_REVOKED, "revoked", "the certificate is revoked")                                  \
    X(TLS_CHECK_WEAK, "weak", "the certificate's key or signature is too weak")                    \
    X(TLS_CHECK_MISSING_STAPLE, "missing-staple", "the certificate demands a staple; none came")   \
    X(TLS_CHECK_OTHER, "other", "the certificate is not acceptable")

enum tls_check {
#define TLS_CHECK_ENUM(name, text, sentence) name,
    TLS_CHECK_LIST(TLS_CHECK_ENUM)
#undef TLS_CHECK_ENUM
};

const char *tls_check_name(enum tls_check check);
const char *tls_check_sentence(enum tls_check check);

enum { TLS_FACTS_NAME_SIZE = 64, TLS_BINDING_SIZE = 32, TLS_SERVER_NAME_SIZE = 256 };

struct tls_facts {
    char version[TLS_FACTS_NAME_SIZE]; /* "TLSv1.3", as Received headers have it */
    char cipher[TLS_FACTS_NAME_SIZE];  /* "TLS_AES_128_GCM_SHA256": the IANA suite name */
    char group[TLS_FACTS_NAME_SIZE];   /* "X25519" */
    char signature[TLS_FACTS_NAME_SIZE];
    char alpn[TLS_FACTS_NAME_SIZE];         /* empty: none */
    char server_name[TLS_SERVER_NAME_SIZE]; /* SNI as sent, escaped; empty: none */
    unsigned bits;                          /* of the cipher's key */
    bool is_resumed;
    int64_t handshake_us; /* wall time of the handshake */
    /* Verdict on the peer's certificate (client role; server role when it asked for one). */
    enum tls_check check;
    char check_detail[256]; /* in words: names, dates; empty when there is nothing to add */
    bool has_peer_fingerprint;
    unsigned char peer_fingerprint[32]; /* SHA-256 of the peer's certificate */
    /* Channel bindings, RFC 9266 and RFC 5929: empty where the version has none. */
    unsigned char exporter[TLS_BINDING_SIZE];
    bool has_exporter;
    unsigned char server_end_point[64];
    size_t server_end_point_len;
};

#endif
