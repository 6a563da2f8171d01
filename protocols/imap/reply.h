/*
 * reply: pieces of untagged responses, put into a buf: strings, numbers, flags, sets. The tagged
 * reply that ends a command is imap_internal.h's.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_REPLY_H
#define POSTERN_PROTOCOLS_IMAP_REPLY_H

#include "base/buf.h"
#include "store/view.h"

/* Quoted, or a literal when it has what a quoted string may not hold. */
void imap_put_string(struct buf *out, struct span text);
/* An atom where that is enough, else as a string. */
void imap_put_astring(struct buf *out, struct span text);
/* A mailbox name, from UTF-8 to modified UTF-7. */
void imap_put_mailbox(struct buf *out, struct span name);
void imap_put_number(struct buf *out, uint64_t number);
/* "1:3,5" */
void imap_put_set(struct buf *out, const struct uid_range *ranges, size_t count);
/* System flags and keywords by their bits, with spaces between, without parentheses. */
void imap_put_flags(struct buf *out, uint64_t flags, bool is_recent, char *const *keywords,
                    size_t keyword_count);
/* Bits of a flag: a system flag's or a known keyword's; 0 when it is neither. */
uint64_t imap_flag_bits(struct span flag, char *const *keywords, size_t keyword_count);

#endif
