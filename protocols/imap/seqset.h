/*
 * seqset: sequence sets (RFC 3501 section 9, sequence-set): parsing, and what they mean in a
 * session's view. "*" is the largest number in use; ranges may be reversed, overlap and repeat.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_SEQSET_H
#define POSTERN_PROTOCOLS_IMAP_SEQSET_H

#include "base/arena.h"
#include "store/view.h"

/* Ranges as written; "*" is SEQSET_STAR. Lives in the arena. */
enum { SEQSET_STAR = 0 };
struct imap_seqset {
    struct uid_range *ranges; /* not ordered, first may be above last */
    size_t count;
};

/* text: all of the set. False when malformed, or a number is zero or above 2^32-1. The count is
 * bounded by the length of the text. */
bool imap_seqset_parse(struct span text, struct arena *arena, struct imap_seqset *out);

enum imap_seqset_kind { IMAP_SEQUENCE_NUMBERS, IMAP_UIDS };

/* UIDs as ranges: ascending, merged, each a part of one run of the view. In an arena. */
struct imap_uid_set {
    struct uid_range *ranges; /* NULL with count 0 */
    size_t count;
};

/* The UIDs of the view that the set names (at most ranges + runs of the view). False when a
 * sequence number is above the view's count: a client's fault. UIDs that are not there are no
 * fault. The set's ranges are reordered. */
bool imap_seqset_resolve(struct imap_seqset *set, enum imap_seqset_kind kind,
                         const struct store_view *view, struct arena *arena,
                         struct imap_uid_set *out);

#endif
