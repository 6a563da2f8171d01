/* copy_internal: entries from one mailbox into another, for COPY, MOVE and RENAME of INBOX. */
#ifndef POSTERN_STORE_COPY_INTERNAL_H
#define POSTERN_STORE_COPY_INTERNAL_H

#include "store/entry.h"
#include "store/writer_internal.h"

struct copy_what {
    const struct uid_range *ranges;
    size_t range_count;
    enum store_copy_action action;
};

/* The i-th UID of source became the i-th of target. Released by the caller, also after an error. */
struct copy_result {
    struct uid_runs source, target;
};

int copy_entries(struct writer *writer, struct writer_mailbox *from, struct writer_mailbox *to,
                 const struct copy_what *what, struct copy_result *result)
    __attribute__((warn_unused_result));

#endif
