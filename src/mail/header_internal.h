/*
 * header_internal: an address list read address by address, for what does not want an array:
 * ENVELOPE of a mail to ten thousand.
 */
#ifndef POSTERN_MAIL_HEADER_INTERNAL_H
#define POSTERN_MAIL_HEADER_INTERNAL_H

#include "mail/header.h"

/* Embedded; its buffers are used again for the next list. Zeroes are a valid empty one. */
struct header_address_iter {
    struct span rest; /* borrowed: the value's unread end */
    bool in_group;
    struct buf name, local, domain, comment;
};

void header_address_begin(struct header_address_iter *iter, struct span value);
/* False at the end. The texts live until the next call. */
bool header_address_next(struct header_address_iter *iter, struct header_address *out);
/* Frees the buffers. */
void header_address_deinit(struct header_address_iter *iter);

#endif
