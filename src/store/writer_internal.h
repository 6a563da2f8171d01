/*
 * writer: the write lane's one thread: batches, mailbox counters, the log of changes. All of it is
 * called on that thread only, inside a batch. What a request did to the writer's memory is undone
 * when the request fails (marks) or when the batch fails (everything is forgotten).
 */
#ifndef POSTERN_STORE_WRITER_INTERNAL_H
#define POSTERN_STORE_WRITER_INTERNAL_H

#include "base/map.h"
#include "store/request_internal.h"
#include "store/segment_internal.h"
#include "store/store_internal.h"
#include "store/view_internal.h"

/* The bit of an expunged entry, above all flags and keywords. */
#define ENTRY_GONE ((uint64_t)1 << 62)

enum change_kind { CHANGE_FLAGS, CHANGE_EXPUNGE };

/* A mailbox row's moving part. */
struct mailbox_state {
    uint64_t id, account; /* account 0: deleted */
    uint32_t uidvalidity, uidnext;
    uint64_t modseq, bytes, change_floor;
    uint32_t messages, unseen, deleted;
    uint64_t last_message; /* newest one put in by this batch: two recipients, one copy */
};

struct writer_mailbox {
    struct mailbox_state now, before; /* before: when the request under way first touched it */
    bool is_touched;                  /* by the request under way */
    bool is_loaded_now;               /* by it: what it made may be undone with it */
    bool is_dirty;                    /* by the batch */
    bool is_bumped;                   /* modseq was taken in this batch */
};

/* Deferred to the end of the batch, undone with its request. */
struct writer_effect {
    enum {
        EFFECT_SEGMENT, /* live bytes changed */
        EFFECT_DROP,    /* a dead segment's row was deleted */
        EFFECT_UNLINK,  /* a body's own file has no row any more */
        EFFECT_NOTIFY,  /* a mailbox (0: the queue) changed */
        EFFECT_ACCOUNTS /* users or aliases changed */
    } kind;
    uint64_t id;   /* segment, blob, mailbox */
    uint64_t blob; /* SEGMENT: put there, or 0 */
    int64_t bytes; /* SEGMENT: more or less alive */
};

struct writer {
    struct store *store;
    struct db *db;
    pthread_mutex_t lock; /* job_run_now beside the lane's thread */
    struct map mailboxes; /* id -> struct writer_mailbox, between batches too */
    struct writer_mailbox **touched;
    size_t touched_count, touched_capacity;
    struct writer_mailbox **dirty; /* by the batch */
    size_t dirty_count, dirty_capacity;
    struct request **requests; /* of the batch */
    size_t request_count, request_capacity;
    bool is_kept_in_segments; /* segments_keep counted the effects */
    /* A commit did not work, yet all of it may be in the database's log and come back with the next
     * start, until another commit has been written over it. Till then no body's file is unlinked:
     * it could be one that is asked for again. */
    bool is_in_doubt;
    struct writer_effect *effects;
    size_t effect_count, effect_capacity;
    struct segments segments;
    int64_t now_us;        /* of the batch */
    struct reaper *reaper; /* see reaper_internal.h */
};

struct writer *writer_create(struct store *store, struct db *db);
void writer_free(struct writer **writer);
/* The lane's function. owner: the writer. */
job_batch_fn writer_batch;
/* The mailboxes' marks, after the commit. */
void writer_batch_done(struct writer *writer);
/* The batch's state, forgotten: after a commit that did not work. */
void writer_forget(struct writer *writer);

/* 0, ERR_NOT_FOUND (gone or deleted), or the engine's. Borrowed for the request. */
int writer_mailbox(struct writer *writer, uint64_t id, struct writer_mailbox **out)
    __attribute__((warn_unused_result));
/* To where it was before the request. */
void writer_mailbox_take_back(struct writer *writer, struct writer_mailbox *mailbox);
/* The same by its name. */
int writer_find_mailbox(struct writer *writer, uint64_t account, struct span name,
                        struct writer_mailbox **out) __attribute__((warn_unused_result));
/* This batch's modseq of the mailbox: taken once. */
uint64_t writer_modseq(struct writer *writer, struct writer_mailbox *mailbox);
/* The next UID, with its effect on the counters. ERR_LIMIT at the end of the 32 bits. */
int writer_take_uid(struct writer *writer, struct writer_mailbox *mailbox, uint64_t flags,
                    uint64_t size, uint32_t *uid_out) __attribute__((warn_unused_result));
/* Writes the counters of all mailboxes that the batch changed. */
int writer_keep_mailboxes(struct writer *writer) __attribute__((warn_unused_result));
/* One row per range (merged when there are very many), and CHANGE_EXPUNGE's rows for the reaper. */
int writer_log_change(struct writer *writer, struct writer_mailbox *mailbox, enum change_kind kind,
                      const struct uid_runs *runs) __attribute__((warn_unused_result));

/* An entry of a stored message into a mailbox; the blob's refs are the caller's. */
struct new_entry {
    uint64_t message, flags, size;
    int64_t saved_s;
};
int writer_add_entry(struct writer *writer, struct writer_mailbox *mailbox,
                     const struct new_entry *entry, uint32_t *uid_out)
    __attribute__((warn_unused_result));
/* Rows of a new body: message and blob, with so many refs. */
int writer_add_message(struct writer *writer, struct store_body *body, uint64_t refs)
    __attribute__((warn_unused_result));
/* More (or fewer) refs of a message's blob; without refs it is deleted. */
int writer_change_refs(struct writer *writer, uint64_t message, int64_t refs)
    __attribute__((warn_unused_result));
/* A value of meta, plus one (or at least `least`), kept. */
int writer_count_up(struct writer *writer, const char *name, uint64_t least, uint64_t *out)
    __attribute__((warn_unused_result));
/* Bits of keyword names in the mailbox, made where missing. ERR_LIMIT. */
int writer_keyword_bits(struct writer *writer, uint64_t mailbox, const struct span *names,
                        size_t count, uint64_t *bits_out) __attribute__((warn_unused_result));
/* The same, without those that the mailbox does not know. */
int writer_known_keyword_bits(struct writer *writer, uint64_t mailbox, const struct span *names,
                              size_t count, uint64_t *bits_out) __attribute__((warn_unused_result));
/* Newly made mailbox. ERR_EXISTS, ERR_LIMIT. */
int writer_make_mailbox(struct writer *writer, uint64_t account, struct span name,
                        unsigned attributes, uint64_t *id_out) __attribute__((warn_unused_result));
/* Marks it deleted and hands its entries to the reaper. */
int writer_drop_mailbox(struct writer *writer, uint64_t id) __attribute__((warn_unused_result));

void writer_effect(struct writer *writer, const struct writer_effect *effect);

#endif
