/*
 * body: a message's bytes on their way in, and stored bytes on their way out. See store.h.
 */
#ifndef POSTERN_STORE_BODY_H
#define POSTERN_STORE_BODY_H

#include "store/store.h"

/* A message's bytes on their way in. In memory up to body_memory_max, a file from there on. */
struct store_body;

enum store_body_scan { STORE_BODY_RAW, STORE_BODY_SCAN /* mailbox mail: render ENVELOPE etc. */ };

/* Owned until given to accept or append. Has an id from birth: the message's id for ever. */
struct store_body *store_body_create(struct store *store, enum store_body_scan scan);
uint64_t store_body_id(const struct store_body *body);
/* Bytes so far. */
uint64_t store_body_size(const struct store_body *body);
/* Appends (copies). When store_body_wants_flush() is true afterwards, a flush job is due before
 * more is added. */
void store_body_add(struct store_body *body, struct span bytes);
bool store_body_wants_flush(const struct store_body *body);
/* Writes what is collected to the body's own file; the body is borrowed until the answer. */
struct store_body_flush {
    struct job job;
    int status; /* ERR_FULL, ERR_IO: the body is unusable, free it */
    struct fault fault;
};
struct store_body_flush *store_body_flush_create(struct store_body *body);
/* Must be called when all is added, before accept or append of a body that ever wanted a flush:
 * the same kind of job, which also makes the file durable. False when nothing is needed. */
bool store_body_wants_sync(const struct store_body *body);
struct store_body_flush *store_body_sync_create(struct store_body *body);
/* Received fields of its header, for the loop check; scan only. */
unsigned store_body_received_count(const struct store_body *body);
/* Gives it up: memory freed, file unlinked. Accepts a pointer to NULL. */
void store_body_free(struct store_body **body);

/* Where stored bytes lie; a value. */
struct store_blob {
    uint64_t id;
    uint64_t segment; /* 0: a file of its own */
    uint64_t offset;
    uint64_t length;
};

/* Bytes that are in the page cache, at once, on a loop thread: how many (at least 1; up to size),
 * or ERR_AGAIN: use the job. offset counts from the body's start. */
int64_t store_read_now(struct store *store, const struct store_blob *blob, uint64_t offset,
                       void *bytes_out, size_t size) __attribute__((warn_unused_result));
struct store_read {
    struct job job;
    int status;
    struct fault fault;
    char *bytes; /* owned by the job; an owner may take it and set it NULL (mem_free) */
    size_t len;
};
struct store_read *store_read_create(struct store *store, const struct store_blob *blob,
                                     uint64_t offset, size_t size);

#endif
