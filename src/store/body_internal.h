/* body_internal: a body on its way in, as the writer sees it. */
#ifndef POSTERN_STORE_BODY_INTERNAL_H
#define POSTERN_STORE_BODY_INTERNAL_H

#include <stdatomic.h>

#include "base/buf.h"
#include "mail/mime.h"
#include "store/body.h"

struct store_body {
    atomic_uint refs; /* the owner, and a flush under way whose owner may die */
    struct store *store;
    uint64_t id, size;
    uint32_t crc;
    enum store_body_scan mode;
    struct mime_scan *scan; /* NULL: raw */
    bool is_finished;       /* the scan; `result` is there */
    struct mime_result result;

    struct buf bytes;  /* not yet written */
    uint64_t reserved; /* of the store's body_memory */
    bool is_file;      /* has (or will have) a file of its own */
    bool is_synced;    /* that file is durable */
    bool is_failed;    /* writing did not work: unusable */
    bool has_row;      /* in the transaction under way */
    bool is_kept;      /* committed: the file stays */
    int fd;            /* of the file; -1 */
    uint64_t written;  /* bytes in the file */

    uint64_t segment, offset; /* where the writer put it; segment 0: the file */
};

/* Ends the scan; more bytes may not come. */
void body_finish(struct store_body *body);

#endif
