/*
 * search_args: SEARCH keys (RFC 3501 6.4.4) as the tree that the store runs. Iterative: NOT, OR and
 * parentheses go on an explicit stack of nesting_max frames.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_SEARCH_ARGS_H
#define POSTERN_PROTOCOLS_IMAP_SEARCH_ARGS_H

#include "protocols/imap/args.h"
#include "store/mailbox.h"
#include "store/search.h"

/* What the keys refer to; borrowed. */
struct imap_search_context {
    const struct store_view *view;
    char *const *keywords;
    size_t keyword_count;
    uint32_t recent_from;
    unsigned nesting_max;
};

/* A key is looked at for every message: more of them are refused. */
enum { IMAP_SEARCH_KEYS_MAX = 2000 };

struct imap_search_args {
    struct search_node *root;
    bool is_charset_unknown; /* the reason for a false return: NO [BADCHARSET] instead of BAD */
};

/* Reads " [CHARSET x] keys" up to the end of the command; in args->arena. */
bool imap_search_args_read(struct imap_args *args, const struct imap_search_context *context,
                           struct imap_search_args *out);

#endif
