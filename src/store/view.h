/*
 * view: which UIDs a mailbox holds, as an immutable, reference-counted list of runs. A session's
 * sequence numbers are positions in its view. Views are shared between sessions and loops.
 */
#ifndef POSTERN_STORE_VIEW_H
#define POSTERN_STORE_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct store_view;

/* first <= last. */
struct uid_range {
    uint32_t first, last;
};

/* Thread-safe reference counts. Accepts NULL. */
struct store_view *store_view_ref(struct store_view *view);
void store_view_unref(struct store_view **view);

/* Ranges ascending, not touching each other; copied. */
struct store_view *store_view_create(const struct uid_range *ranges, size_t count);

uint32_t store_view_count(const struct store_view *view);
/* 0 when empty. */
uint32_t store_view_last_uid(const struct store_view *view);
/* seq from 1; 0 when there is none. */
uint32_t store_view_uid(const struct store_view *view, uint32_t seq);
/* 0 when the UID is not in the view. */
uint32_t store_view_seq(const struct store_view *view, uint32_t uid);
/* How many UIDs are <= uid. */
uint32_t store_view_rank(const struct store_view *view, uint32_t uid);
/* The runs, ascending; borrowed. */
const struct uid_range *store_view_runs(const struct store_view *view, size_t *count_out);

/* UIDs of a that are not in b, as runs in a heap array (mem_free); NULL and 0 when none. */
struct uid_range *store_view_missing(const struct store_view *a, const struct store_view *b,
                                     size_t *count_out);
/* a and those UIDs of b that are greater than a's last: new mail without expunges. Owned. */
struct store_view *store_view_extend(const struct store_view *a, const struct store_view *b);

#endif
