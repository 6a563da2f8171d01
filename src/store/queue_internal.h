/* queue_internal: recipients into mailboxes and the queue, for accept and settle. */
#ifndef POSTERN_STORE_QUEUE_INTERNAL_H
#define POSTERN_STORE_QUEUE_INTERNAL_H

#include "store/accept.h"
#include "store/request_internal.h"

/* A row for one remote recipient: 1 or an error. */
int queue_add(struct writer *writer, const struct store_body *body,
              const struct store_envelope *envelope, const struct store_recipient *recipient)
    __attribute__((warn_unused_result));

/* All rows of a message: entries, queue rows, message, blob; each recipient's status.
 * ERR_NOT_FOUND: nobody takes it. */
int recipients_apply(struct writer *writer, struct store_body *body,
                     const struct store_envelope *envelope, struct store_recipient *recipients,
                     size_t count) __attribute__((warn_unused_result));
/* Into the request's arena. */
struct store_recipient *recipients_copy(struct request *request,
                                        const struct store_recipient *recipients, size_t count);

#endif
