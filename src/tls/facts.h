/*
 * facts: what a TLS session turned out to be, for sessions, logs and Received headers. Immutable
 * after the handshake. No GnuTLS type here: protocols include this header and no other of tls/.
 */
#ifndef POSTERN_TLS_FACTS_H
#define POSTERN_TLS_FACTS_H

#include <stdbool.h>

#include "base/span.h"
#include "pki/verdict.h"

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
    enum pki_check check;
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
