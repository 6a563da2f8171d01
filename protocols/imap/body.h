/*
 * body: sends one section of one stored message (BODY[...] of FETCH) in pieces: where it lies comes
 * from the message's part table, its bytes from the page cache or by a read job. Nothing is ever
 * whole in memory but a header that is filtered by field names (MIME_HEADER_MAX).
 */
#ifndef POSTERN_PROTOCOLS_IMAP_BODY_H
#define POSTERN_PROTOCOLS_IMAP_BODY_H

#include "base/buf.h"
#include "net/out.h"
#include "protocols/imap/fetch_args.h"
#include "store/entry.h"

struct imap_body {
    struct store *store;
    const struct imap_section *section;
    struct store_blob blob;
    uint64_t offset, left; /* of the bytes that are still to be read */
    struct buf header;     /* collected for filtering; only with field names */
    const char *separator; /* set by the user: what stands before the label */
    bool is_begun;         /* the literal's size was sent: there is no way back */
    bool is_missing;       /* there is no such part */
};

enum imap_body_state {
    IMAP_BODY_DONE,
    IMAP_BODY_FULL, /* go on when the output has drained */
    IMAP_BODY_READ  /* *read_out is to be submitted; then imap_body_take() */
};

/* row: with parts and blob; only looked at here. */
void imap_body_begin(struct imap_body *body, struct store *store,
                     const struct imap_section *section, const struct store_row *row);
enum imap_body_state imap_body_step(struct imap_body *body, struct out *out,
                                    struct store_read **read_out);
/* The read is done: 0, or a code: ERR_IO... before the literal began (NIL was sent), ERR_CLOSED
 * when it breaks off in the middle and the connection must close. */
int imap_body_take(struct imap_body *body, struct out *out, struct store_read *read)
    __attribute__((warn_unused_result));
void imap_body_deinit(struct imap_body *body);

#endif
