/* entry_internal: what the writers of entries share: flags.c, copy.c. */
#ifndef POSTERN_STORE_ENTRY_INTERNAL_H
#define POSTERN_STORE_ENTRY_INTERNAL_H

#include "store/writer_internal.h"

/* flags = (flags & keep) | set with this batch's modseq, where not gone. */
int entries_update(struct writer *writer, struct writer_mailbox *mailbox,
                   const struct uid_runs *runs, uint64_t keep, uint64_t set)
    __attribute__((warn_unused_result));
/* The counters without one entry. */
void count_gone(struct writer_mailbox *mailbox, uint64_t flags, uint64_t size);
/* The delta that a write is answered with; after its commit. */
int settled_delta(struct request *base, struct writer *writer, const struct delta_since *since,
                  struct store_delta *out) __attribute__((warn_unused_result));

#endif
