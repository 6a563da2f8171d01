/*
 * hello: a ClientHello (RFC 8446 4.1.2, RFC 5246 7.4.1.2) as spans over its bytes. For the choice
 * of policy and for the trace; what is agreed on is GnuTLS's business. Any bytes may be given: what
 * is in a span lies inside the body, and nothing else is promised of its content.
 */
#ifndef POSTERN_TLS_HELLO_H
#define POSTERN_TLS_HELLO_H

#include "base/err.h"
#include "base/span.h"

/* Clients send some 20; at more the rest is not looked at by anybody: the hello is refused. */
enum { TLS_HELLO_EXTENSIONS_MAX = 128 };

/* Numbers of extensions that have a member below (IANA, "TLS ExtensionType Values"). */
enum tls_extension {
    TLS_EXTENSION_SERVER_NAME = 0,
    TLS_EXTENSION_GROUPS = 10,
    TLS_EXTENSION_SIGNATURES = 13,
    TLS_EXTENSION_ALPN = 16,
    TLS_EXTENSION_VERSIONS = 43,
    TLS_EXTENSION_KEY_SHARE = 51
};

/* All borrowed from the body. A list whose extension did not come is empty. */
struct tls_hello {
    unsigned legacy_version; /* 0x0303 for 1.2 and 1.3 */
    struct span random, session_id;
    struct span suites;                       /* numbers: tls_hello_next_number() */
    struct span compressions;                 /* a byte each */
    struct span extensions;                   /* tls_hello_next_extension() */
    struct span server_name;                  /* the first host_name, hostile bytes */
    struct span alpn;                         /* tls_hello_next_alpn() */
    struct span groups, signatures, versions; /* numbers */
    struct span key_shares;                   /* tls_hello_next_share() */
    /* When it cannot be parsed: what is wrong (a literal) and where in the body. */
    const char *why;
    size_t at;
};

/* body: without the handshake header of four bytes. 0, or ERR_SYNTAX with why and at; what came
 * before that place is filled. */
int tls_hello_parse(struct span body, struct tls_hello *hello_out)
    __attribute__((warn_unused_result));

/* Each takes the next element off the front of a list of the struct; false at its end, or where an
 * element does not fit (parse has refused lists like that). */
bool tls_hello_next_number(struct span *list, unsigned *number_out);
bool tls_hello_next_extension(struct span *list, unsigned *type_out, struct span *body_out);
bool tls_hello_next_alpn(struct span *list, struct span *name_out);
bool tls_hello_next_share(struct span *list, unsigned *group_out, struct span *key_out);

/* Whether a number of a suite, group, extension or version is one that clients make up so that
 * servers keep ignoring unknown ones (GREASE, RFC 8701). */
static inline bool tls_hello_is_grease(unsigned number)
{
    return (number & 0x0f0f) == 0x0a0a && number >> 8 == (number & 0xff);
}

/* Whether the client likes ChaCha20-Poly1305 best, as those without AES instructions do: its first
 * suite that means one is such. */
bool tls_hello_prefers_chacha20(const struct tls_hello *hello);

#endif
