/*
 * charset: texts of mail into UTF-8. Only charsets of a fixed list reach iconv(3): the name comes
 * from a peer, and a library that loads code by that name is no place for it. Thread-safe.
 */
#ifndef POSTERN_MAIL_CHARSET_H
#define POSTERN_MAIL_CHARSET_H

#include "base/buf.h"

/* Whether the charset (without case; a language behind '*' as in RFC 2231 is not looked at) is
 * known. Empty: us-ascii. */
bool charset_is_known(struct span charset);
/* Appends text as valid UTF-8; what is not valid in its charset becomes U+FFFD. Stops when out is
 * at its maximum. false, with nothing appended: the charset is not known. */
bool charset_to_utf8(struct span charset, struct span text, struct buf *out);

#endif
