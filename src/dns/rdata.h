/*
 * rdata: a record's data as people write it in zone files (RFC 1035 5.1). Bytes that anybody may
 * have written: what is not printable stays as it is, so whoever shows the text escapes it.
 */
#ifndef POSTERN_DNS_RDATA_H
#define POSTERN_DNS_RDATA_H

#include "base/buf.h"
#include "dns/resolver.h"

/* "MX"; "?" for what is no member of the enum. */
const char *dns_type_name(enum dns_type type);

/* Takes an uncompressed name off the front: appends its labels with '.' between and one behind the
 * last, "." for the root. 0, or ERR_SYNTAX. */
int dns_name_take(struct span *rest, struct buf *out) __attribute__((warn_unused_result));

/* Appends "10 mx.example.org.", "192.0.2.1", "\"v=spf1 mx -all\"" and so on. 0, or ERR_SYNTAX: the
 * data is not of that type; something may have been appended then. out has no maximum. */
int dns_rdata_text(enum dns_type type, struct span rdata, struct buf *out)
    __attribute__((warn_unused_result));

#endif
