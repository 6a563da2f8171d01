/*
 * search: IMAP SEARCH as the store runs it (RFC 3501 6.4.4). The protocol builds the tree in an
 * arena; the job copies it.
 */
#ifndef POSTERN_STORE_SEARCH_H
#define POSTERN_STORE_SEARCH_H

#include "store/store.h"
#include "store/view.h"

enum search_kind {
    SEARCH_ALL,
    SEARCH_AND, /* children */
    SEARCH_OR,
    SEARCH_NOT,
    SEARCH_UIDS,      /* ranges: sequence sets are turned into UIDs by the protocol */
    SEARCH_FLAGS_SET, /* all bits of flags are set */
    SEARCH_RECENT,    /* uid >= number */
    SEARCH_BEFORE,    /* INTERNALDATE's day < day; seconds at midnight in `number` */
    SEARCH_ON,
    SEARCH_SINCE,
    SEARCH_SENT_BEFORE, /* the same for the Date field */
    SEARCH_SENT_ON,
    SEARCH_SENT_SINCE,
    SEARCH_LARGER,
    SEARCH_SMALLER,
    SEARCH_HEADER, /* field, text (empty: field is there) */
    SEARCH_BODY,
    SEARCH_TEXT,
    SEARCH_MODSEQ
};

struct search_node {
    enum search_kind kind;
    struct search_node *next;     /* sibling */
    struct search_node *children; /* AND, OR, NOT */
    struct uid_range *ranges;
    size_t range_count;
    uint64_t flags;
    int64_t number;
    struct span field, text; /* UTF-8 */
};

struct store_search {
    struct job job;
    int status;
    struct fault fault;
    uint32_t *uids; /* matches, ascending */
    size_t count;
    uint32_t next_uid; /* 0: that was all */
};
/* One slice over the view (a reference is taken) from from_uid on. */
struct store_search *store_search_create(struct store *store, uint64_t mailbox,
                                         struct store_view *view, const struct search_node *root,
                                         uint32_t from_uid);

#endif
