/*
 * proxy: the header of the PROXY protocol (haproxy.org/download/2.9/doc/proxy-protocol.txt), by
 * which a proxy that stands before us says whom it speaks for: version 1, a line of text, and
 * version 2, binary. A parser and nothing else: whom to believe is net/listener.c's, what follows
 * net/preamble.c's.
 */
#ifndef POSTERN_NET_PROXY_H
#define POSTERN_NET_PROXY_H

#include "net/endpoint.h"

enum {
    PROXY_V1_MAX = 107,      /* with its CRLF, as the protocol says */
    PROXY_HEADER_MAX = 4096, /* of version 2, which could say 65551: room for all TLVs in use */
    PROXY_TLVS_MAX = 64
};

enum proxy_progress { PROXY_MORE, PROXY_DONE, PROXY_BAD };

struct proxy_header {
    size_t len;             /* of the header: what lies behind it is the connection's */
    bool is_announced;      /* false: LOCAL, UNKNOWN or no internet address: the real one counts */
    struct endpoint source; /* where is_announced */
    const char *fault;      /* with PROXY_BAD: "is no PROXY header" */
};

/* bytes: all that came so far. Says PROXY_BAD as soon as no further byte could mend it. Strict:
 * numbers without leading zeros, single spaces, TLVs that fill their length exactly, and the CRC32c
 * right where there is one. */
enum proxy_progress proxy_parse(struct span bytes, struct proxy_header *out);

#endif
