/*
 * reaper: the store's housekeeping, as a request of the write lane that does one short slice of
 * each thing that is due. keeper.c asks for it from a timer; tests run it by hand.
 */
#ifndef POSTERN_STORE_REAPER_INTERNAL_H
#define POSTERN_STORE_REAPER_INTERNAL_H

#include "store/request_internal.h"

struct reaper;
struct reaper *reaper_create(void);
void reaper_free(struct reaper **reaper);
/* Before the database is closed: keeps what memory alone knows. */
void reaper_finish(struct writer *writer);

struct store_reap {
    struct job job;
    int status;
    struct fault fault;
    bool has_more; /* something is left that could be done at once */
};
struct store_reap *store_reap_create(struct store *store);

/* relocate.c: moves up to a slice of live bodies out of a segment that is less than half alive,
 * zeroes or drops dead ones. Whether more is to be done. */
int relocate_slice(struct writer *writer, bool *has_more_out) __attribute__((warn_unused_result));
int dead_segments_slice(struct writer *writer, bool *has_more_out)
    __attribute__((warn_unused_result));

#endif
