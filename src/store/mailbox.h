/*
 * mailbox: names, opening, status, and what changed since. See store.h.
 */
#ifndef POSTERN_STORE_MAILBOX_H
#define POSTERN_STORE_MAILBOX_H

#include "store/store.h"
#include "store/view.h"

/* Flags of an entry: bits. Keywords are bits STORE_KEYWORD_FIRST .. +keywords-1 by their place in
 * the mailbox's keyword list. */
enum {
    STORE_SEEN = 1,
    STORE_ANSWERED = 2,
    STORE_FLAGGED = 4,
    STORE_DELETED = 8,
    STORE_DRAFT = 16,
    STORE_SYSTEM_FLAGS = 31,
    STORE_KEYWORD_FIRST = 8, /* bit number */
    STORE_KEYWORDS_MAX = 54
};

enum store_mailbox_attributes {
    STORE_MAILBOX_SUBSCRIBED = 1,
    STORE_MAILBOX_DRAFTS = 2,
    STORE_MAILBOX_SENT = 4,
    STORE_MAILBOX_TRASH = 8,
    STORE_MAILBOX_JUNK = 16,
    STORE_MAILBOX_ARCHIVE = 32,
    STORE_MAILBOX_NOSELECT = 64 /* a name without mailbox: has children or a subscription only */
};

enum {
    /* Bytes of a name, as IMAP takes it; a RENAME may not make its children's longer either. */
    STORE_MAILBOX_NAME_MAX = 1000,
    /* Each level is an entry of LIST, so a name of 500 costs what 500 mailboxes cost. People nest
     * five deep; above the limit it is ERR_LIMIT. */
    STORE_MAILBOX_LEVELS_MAX = 20,
    /* A list holds no more names that are parents only than it holds others, and this. */
    STORE_BARE_PARENTS_MAX = 1000
};

/* Names are UTF-8, '/' between levels, "INBOX" in capitals, no empty level. */
struct store_mailbox {
    uint64_t id; /* 0 for NOSELECT */
    struct span name;
    unsigned attributes;
    uint32_t uidvalidity, uidnext;
    uint32_t messages, unseen;
    uint32_t recent; /* with UID >= the first that no session has been told of; 0 in a list */
    uint64_t modseq, bytes;
};

struct store_list {
    struct job job;
    int status;
    struct fault fault;
    struct store_mailbox *mailboxes; /* ordered by name; INBOX first */
    size_t count;
};
/* All of an account, subscribed names without mailbox included. */
struct store_list *store_list_create(struct store *store, uint64_t account);

enum store_mailbox_action {
    STORE_MAILBOX_MAKE,   /* and its missing parents' names need not exist; ERR_EXISTS, ERR_LIMIT */
    STORE_MAILBOX_DELETE, /* ERR_NOT_FOUND; ERR_REFUSED for INBOX */
    STORE_MAILBOX_RENAME, /* with its children; INBOX: its messages move (RFC 3501 6.3.5) */
    STORE_MAILBOX_SUBSCRIBE,
    STORE_MAILBOX_UNSUBSCRIBE
};

struct store_change_mailbox {
    struct job job;
    int status;
    struct fault fault;
};
/* attributes: special use at MAKE; new_name: RENAME only. */
struct store_change_mailbox *store_change_mailbox_create(struct store *store, uint64_t account,
                                                         enum store_mailbox_action action,
                                                         struct span name, struct span new_name,
                                                         unsigned attributes);

/* What changed in a mailbox since a modseq, from one transaction. Vanished UIDs are those of the
 * session's own view that are not in `view` (store_view_missing). */
struct store_flags_row {
    uint32_t uid;
    uint64_t flags;
    uint64_t modseq;
};
struct store_delta {
    bool is_gone;            /* the mailbox was deleted (or its UIDVALIDITY changed) */
    struct store_view *view; /* newest; borrowed from the job: take a reference to keep it */
    uint64_t modseq;
    uint32_t uidnext;
    struct store_flags_row *changed; /* flags changed since, ascending by UID, new mail excluded */
    size_t changed_count;
    const char *const *keywords; /* all names, in bit order; changed when the count grew */
    size_t keyword_count;
};

enum store_select_mode { STORE_SELECT, STORE_EXAMINE };

struct store_select {
    struct job job;
    int status; /* ERR_NOT_FOUND */
    struct fault fault;
    struct store_mailbox mailbox;
    struct store_delta delta; /* changed is empty */
    uint32_t recent_from; /* UIDs from here on are \Recent in this session (SELECT claims them) */
    uint32_t first_unseen_uid; /* 0: none */
};
struct store_select *store_select_create(struct store *store, uint64_t account, struct span name,
                                         enum store_select_mode mode);

/* A session was told of the messages below uidnext: none after it has them as \Recent. Any thread;
 * in memory, as the claim of SELECT is. */
void store_claim_recent(struct store *store, uint64_t mailbox, uint32_t uidnext);

/* How many keywords a mailbox may have. */
unsigned store_keywords_max(const struct store *store);

/* The name's row without opening it: for STATUS. ERR_NOT_FOUND. */
struct store_status {
    struct job job;
    int status;
    struct fault fault;
    struct store_mailbox mailbox;
    uint64_t deleted; /* messages with \Deleted */
};
struct store_status *store_status_create(struct store *store, uint64_t account, struct span name);

struct store_changes {
    struct job job;
    int status;
    struct fault fault;
    struct store_delta delta;
};
struct store_changes *store_changes_create(struct store *store, uint64_t mailbox, uint64_t since,
                                           uint32_t uidnext_known);

#endif
