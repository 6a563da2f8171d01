/*
 * entry: the messages of a mailbox: fetch, flags, expunge, append, copy and move. See store.h.
 */
#ifndef POSTERN_STORE_ENTRY_H
#define POSTERN_STORE_ENTRY_H

#include "store/body.h"
#include "store/mailbox.h"

/* Reading entries in slices. */
enum store_fetch_what {
    STORE_FETCH_FLAGS = 0, /* uid, flags, modseq, saved, size: always there */
    STORE_FETCH_ENVELOPE = 1,
    STORE_FETCH_STRUCTURE = 2,
    STORE_FETCH_PARTS = 4,
    STORE_FETCH_BLOB = 8 /* where the bytes are */
};

struct store_row {
    uint32_t uid;
    uint64_t flags, modseq;
    int64_t saved_s; /* INTERNALDATE */
    uint64_t size;
    uint64_t message; /* id */
    struct span envelope, structure, parts;
    struct store_blob blob;
};
struct store_fetch {
    struct job job;
    int status;
    struct fault fault;
    struct store_row *rows; /* ascending by UID; entries that are gone beyond grace are missing */
    size_t count;
    uint32_t next_uid; /* where the next slice begins; 0: that was all */
};
/* ranges: ascending, at most of the session's view; copied. from_uid: 0 or next_uid of the slice
 * before. size_max: stop after about so many bytes of rows. Expunged messages in grace are there.
 */
struct store_fetch *store_fetch_create(struct store *store, uint64_t mailbox,
                                       const struct uid_range *ranges, size_t range_count,
                                       uint32_t from_uid, unsigned what, size_t size_max);

/* Changes of flags. keywords: names, made when missing (ERR_LIMIT when there are too many). */
enum store_flags_action { STORE_FLAGS_SET, STORE_FLAGS_ADD, STORE_FLAGS_REMOVE };

struct store_change_flags {
    struct job job;
    int status;
    struct fault fault;
    struct store_delta delta; /* from `since` on: this change and others' */
};
struct store_change_flags *
store_change_flags_create(struct store *store, uint64_t mailbox, const struct uid_range *ranges,
                          size_t range_count, enum store_flags_action action, uint64_t flags,
                          const struct span *keywords, size_t keyword_count, uint64_t since,
                          uint32_t uidnext_known);

/* Expunges what is \Deleted among the ranges (NULL: all of the mailbox); `any`: whether \Deleted is
 * asked for (POP3 deletes without the flag). */
enum store_expunge_which { STORE_EXPUNGE_DELETED, STORE_EXPUNGE_ANY };
struct store_expunge {
    struct job job;
    int status;
    struct fault fault;
    struct store_delta delta;
};
struct store_expunge *store_expunge_create(struct store *store, uint64_t mailbox,
                                           const struct uid_range *ranges, size_t range_count,
                                           enum store_expunge_which which, uint64_t since,
                                           uint32_t uidnext_known);

struct store_append {
    struct job job;
    int status; /* ERR_NOT_FOUND: [TRYCREATE]; ERR_LIMIT */
    struct fault fault;
    uint32_t uidvalidity, uid;
};
/* Takes the body. saved_s 0: now. */
struct store_append *store_append_create(struct store *store, uint64_t account, struct span name,
                                         struct store_body *body, uint64_t flags,
                                         const struct span *keywords, size_t keyword_count,
                                         int64_t saved_s);

/* STORE_COPY_ALL: all of them or none, ERR_INVALID when one was expunged meanwhile. */
enum store_copy_action { STORE_COPY, STORE_COPY_ALL, STORE_MOVE };
struct store_copy {
    struct job job;
    int status; /* ERR_NOT_FOUND: [TRYCREATE] */
    struct fault fault;
    uint32_t uidvalidity; /* of the target */
    /* COPYUID: the i-th source UID became the i-th target UID; both as ranges, ascending. */
    struct uid_range *source, *target;
    size_t source_count, target_count;
    struct store_delta delta; /* of the source mailbox, from since on */
};
struct store_copy *store_copy_create(struct store *store, uint64_t mailbox,
                                     const struct uid_range *ranges, size_t range_count,
                                     uint64_t account, struct span target_name,
                                     enum store_copy_action action, uint64_t since,
                                     uint32_t uidnext_known);

#endif
