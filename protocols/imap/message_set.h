/*
 * message_set: the set argument of FETCH, STORE, COPY and the like, resolved in the session's view.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_MESSAGE_SET_H
#define POSTERN_PROTOCOLS_IMAP_MESSAGE_SET_H

#include "protocols/imap/imap_internal.h"
#include "protocols/imap/seqset.h"

/* UIDs, ascending; in the command's arena. Count 0: nothing that is there (UID commands). */
struct message_set {
    struct uid_range *ranges;
    size_t count;
};

/* Reads a set: UIDs in a UID command, else sequence numbers. False with args.error set. */
bool imap_message_set_read(struct imap *imap, struct message_set *out);

#endif
