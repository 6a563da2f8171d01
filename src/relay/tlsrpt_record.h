/*
 * tlsrpt_record: what a domain says about TLS reports: the TXT record of _smtp._tls.DOMAIN (RFC
 * 8460 3), with the places that reports go to. Functions on bytes that anybody may have written.
 */
#ifndef POSTERN_RELAY_TLSRPT_RECORD_H
#define POSTERN_RELAY_TLSRPT_RECORD_H

#include "base/err.h"
#include "base/span.h"

enum {
    TLSRPT_RECORD_MAX = 4096, /* bytes of one record; a longer one is none */
    TLSRPT_PLACES_MAX = 4,    /* of rua; further ones get no report: nobody needs so many copies */
    TLSRPT_PLACE_SIZE = 512
};

struct tlsrpt_place {
    enum { TLSRPT_MAILTO, TLSRPT_HTTPS } kind;
    char text[TLSRPT_PLACE_SIZE]; /* the address, or the whole URI */
};

struct tlsrpt_record {
    struct tlsrpt_place places[TLSRPT_PLACES_MAX];
    size_t place_count; /* at least 1 */
    size_t left_out;    /* URIs over the limit, of other schemes or that cannot be read */
};

/* One record's text. 0; ERR_NOT_FOUND: it is of something else; ERR_SYNTAX with a sentence. */
int tlsrpt_record_parse(struct span text, struct tlsrpt_record *out, struct fault *fault)
    __attribute__((warn_unused_result));
/* All TXT records of the name, as raw RDATA: exactly one must be ours. ERR_NOT_FOUND: none is;
 * ERR_SYNTAX with a sentence: several are, or it is broken; that is as none. */
int tlsrpt_record_find(const struct span *records, size_t count, struct tlsrpt_record *out,
                       struct fault *fault) __attribute__((warn_unused_result));

#endif
