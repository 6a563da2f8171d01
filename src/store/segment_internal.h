/*
 * segment: the files that hold the bodies of up to body_memory_max, many in one. Used by the write
 * lane only; readers come through fd_internal.h.
 */
#ifndef POSTERN_STORE_SEGMENT_INTERNAL_H
#define POSTERN_STORE_SEGMENT_INTERNAL_H

#include "store/request_internal.h"

struct store;

#define SEGMENT_NONE SIZE_MAX

enum {
    SEGMENT_FILL_STEP = 1024 * 1024, /* zeroes written at once, ahead of use */
    SEGMENT_FILL_AHEAD = 4 * SEGMENT_FILL_STEP,
    SEGMENT_SPARES_MAX = 2 /* dead ones kept for reuse; others are unlinked */
};

struct segment {
    uint64_t id;
    uint64_t live;                  /* bytes of blobs with a row */
    uint64_t used;                  /* where the next body goes, or went */
    uint64_t blob_first, blob_last; /* ids of its blobs lie between; 0: none yet */
    uint64_t zeroed;                /* zeroes reach to here, from used (or, of a dead one, 0) on */
    uint64_t replaces;              /* was this spare, whose row is not yet deleted; 0 */
    int64_t dead_since_us;          /* when live came to 0; 0: it lives */
    bool has_row;
    bool is_dirty;      /* the row is to be written */
    bool is_spare;      /* dead, and wholly zeroed */
    bool is_distrusted; /* a sync failed: never written again, not even with zeroes */
    bool is_stuck;      /* holds bytes that could not be moved: no more relocation */
};

struct segments {
    struct segment *items;
    size_t count, capacity;
    uint64_t next_id;
    size_t current; /* place in items; SEGMENT_NONE: the next body begins a new one */
    int fd;         /* of the current one, or -1 */
};

/* Reads the rows, unlinks files without one. */
int segments_open(struct segments *segments, struct store *store, struct db *db,
                  struct fault *fault) __attribute__((warn_unused_result));
void segments_close(struct segments *segments, struct store *store);

/* Puts the memory bodies of these requests into the current segment, durably; those that could not
 * be are failed. */
void segments_place(struct segments *segments, struct store *store, struct request **requests,
                    size_t count);
/* Bytes into the current segment, durably; where they lie. */
struct segment_piece {
    struct span bytes;
    uint64_t segment, offset; /* out */
};
int segments_write(struct segments *segments, struct store *store, struct segment_piece *pieces,
                   size_t count) __attribute__((warn_unused_result));

/* Zero-fills one step ahead if that is due. Whether more is due. */
bool segments_fill_ahead(struct segments *segments, struct store *store);

/* NULL: no such. */
struct segment *segments_find(struct segments *segments, uint64_t id);

/* The batch's changes of live bytes: into memory and the rows; undone when the batch fails;
 * finished after the commit. */
struct writer_effect;
int segments_keep(struct segments *segments, struct db *db, const struct writer_effect *effects,
                  size_t count) __attribute__((warn_unused_result));
void segments_revert(struct segments *segments, const struct writer_effect *effects, size_t count);
void segments_kept(struct segments *segments, int64_t now_us);
/* Takes a dead one off the list and unlinks its file. */
void segments_remove(struct segments *segments, struct store *store, uint64_t id);

#endif
