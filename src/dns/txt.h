/*
 * txt: the text of a TXT record: its character-strings put together without anything between (RFC
 * 1035 3.3.14; RFC 7208 3.3 and RFC 8460 3 say how). Bytes that anybody may have written.
 */
#ifndef POSTERN_DNS_TXT_H
#define POSTERN_DNS_TXT_H

#include "base/buf.h"

/* Appends. 0; ERR_SYNTAX: a string is longer than what is left of the record; ERR_LIMIT: out's. */
int dns_txt_join(struct span rdata, struct buf *out) __attribute__((warn_unused_result));

#endif
