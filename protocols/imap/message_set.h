/*
 * message_set: the set argument of FETCH, STORE, COPY and the like, resolved in the session's view.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_MESSAGE_SET_H
#define POSTERN_PROTOCOLS_IMAP_MESSAGE_SET_H

#include "protocols/imap/imap_internal.h"
#include "protocols/imap/seqset.h"

/* Reads a set: UIDs in a UID command, else sequence numbers; into the command's arena. False with
 * args.error set. Count 0: nothing that is there (UID commands). */
bool imap_message_set_read(struct imap *imap, struct imap_uid_set *out);

#endif
