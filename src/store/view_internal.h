/* view_internal: runs of UIDs as they are built, and the cache of the newest views. */
#ifndef POSTERN_STORE_VIEW_INTERNAL_H
#define POSTERN_STORE_VIEW_INTERNAL_H

#include "base/arena.h"
#include "store/db.h"
#include "store/mailbox.h"
#include "store/view.h"

/* Grows on the heap; UIDs are added ascending. Zeroed at birth. */
struct uid_runs {
    struct uid_range *items;
    size_t count, capacity;
};
void uid_runs_add(struct uid_runs *runs, uint32_t first, uint32_t last);
void uid_runs_release(struct uid_runs *runs);
/* Merges neighbours, nearest first by doubling the gap that is bridged, until at most max. */
void uid_runs_coarsen(struct uid_runs *runs, size_t max);
/* a without b, both ascending. */
void uid_runs_subtract(const struct uid_range *a, size_t a_count, const struct uid_range *b,
                       size_t b_count, struct uid_runs *out);
/* Both, which do not overlap, in order. */
void uid_runs_merge(const struct uid_range *a, size_t a_count, const struct uid_range *b,
                    size_t b_count, struct uid_runs *out);
/* Sorts and joins whatever overlaps or touches. */
void uid_runs_normalize(struct uid_runs *runs);

/* A mailbox's row as readers see it. */
struct mailbox_row {
    uint64_t id, account;
    unsigned attributes;
    uint32_t uidvalidity, uidnext;
    uint64_t modseq, bytes, change_floor;
    uint32_t messages, unseen, deleted, recent_from;
};
/* From a row of SQL_MAILBOX_COLUMNS. */
enum { MAILBOX_NAME_COLUMN = 12 };
void mailbox_row_read(const struct db_rows *rows, struct mailbox_row *out);
/* 0, ERR_NOT_FOUND or the engine's. */
int mailbox_row_by_id(struct db *db, uint64_t id, struct mailbox_row *out)
    __attribute__((warn_unused_result));
int mailbox_row_by_name(struct db *db, uint64_t account, struct span name, struct mailbox_row *out)
    __attribute__((warn_unused_result));

/* The newest view of each mailbox. Thread-safe. */
struct view_cache;
struct view_cache *view_cache_create(void);
void view_cache_free(struct view_cache **cache);
/* The view as of the row, which is of the transaction under way; owned. ERR_AGAIN: the cache is
 * newer than the transaction: begin a new one. */
int view_cache_get(struct view_cache *cache, struct db *db, const struct mailbox_row *row,
                   struct store_view **out) __attribute__((warn_unused_result));

/* What changed since, in the transaction under way. Owns a reference to delta->view. */
struct delta_since {
    uint64_t mailbox, since;
    uint32_t uidnext_known;
};
int delta_read(struct view_cache *cache, struct db *db, const struct delta_since *since,
               struct arena *arena, struct store_delta *out) __attribute__((warn_unused_result));
/* The keywords' names of a mailbox into the arena. */
int delta_keywords(struct db *db, uint64_t mailbox, struct arena *arena, struct store_delta *out)
    __attribute__((warn_unused_result));
void delta_release(struct store_delta *delta);

#endif
