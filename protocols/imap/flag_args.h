/*
 * flag_args: the flags that STORE and APPEND name: system flags as bits, keywords as names, since
 * only the store knows (and makes) a mailbox's keywords.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_FLAG_ARGS_H
#define POSTERN_PROTOCOLS_IMAP_FLAG_ARGS_H

#include "protocols/imap/args.h"
#include "store/mailbox.h"

struct imap_flag_args {
    uint64_t flags;
    struct span keywords[STORE_KEYWORDS_MAX]; /* borrowed from the command */
    size_t keyword_count;
};

/* False with args->error set. is_list_needed: APPEND's flags stand in parentheses, STORE's may. */
bool imap_flag_args_read(struct imap_args *args, bool is_list_needed, struct imap_flag_args *out);

#endif
