/* Settings of tls: files, policies and limits. Times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_TLS_H
#define POSTERN_CONF_SETTINGS_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TLS_PAIRS_MAX = 100 };

/* A certificate that the server can show, and what belongs to it. */
struct settings_tls_pair {
    const char *certificate; /* PEM file: the chain, leaf first; "": the pair does not exist */
    const char *key;         /* PEM file */
    const char *staple;      /* DER file of its OCSP response, refreshed by others; "": none */
};

struct settings_tls {
    /* pairs[0] is tls.certificate, tls.key and tls.staple: the default, shown to clients that name
     * no server or an unknown one. The others come from the list `certificates`. */
    struct settings_tls_pair pairs[TLS_PAIRS_MAX];
    size_t pair_count;       /* 0: no listener uses TLS */
    const char *trusted;     /* PEM file of authorities for outbound checks; "": the system's */
    const char *revocations; /* PEM file of revocation lists for them; "": none */
    const char *client_certificate; /* shown to servers that ask for one; "": none */
    const char *client_key;
    const char *server_profile; /* "modern", "intermediate" or a GnuTLS priority string */
    const char *client_profile;
    const char *ticket_key; /* file of secret bytes that several processes share; "": our own */
    int64_t ticket_time_ms; /* how long a session can be resumed */
    int64_t watch_ms;       /* how often the files are looked at for changes; 0: never */
    bool key_isolation;     /* private keys live in the keeper process */
    unsigned rsa_rate_max;  /* RSA signatures a second, in all; further handshakes are refused */
};

#endif
