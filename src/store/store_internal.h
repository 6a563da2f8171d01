/*
 * store_internal: the store itself, for the files of this directory. Who may touch a field is said
 * beside it.
 */
#ifndef POSTERN_STORE_STORE_INTERNAL_H
#define POSTERN_STORE_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "store/db.h"
#include "store/store.h"

struct snapshot;
struct writer;
struct fd_cache;
struct view_cache;

enum {
    STORE_READERS_MAX =
        64,              /* connections kept; more than that many at once are opened and closed */
    STORE_PATH_SIZE = 64 /* of names below the store's directory */
};

struct store {
    /* Set at open, then read by every thread. */
    struct settings_store settings;
    struct jobs *jobs;
    const struct clock *clock;
    const struct entropy *entropy;
    const struct file_ops *files;
    char *db_path;
    int dir_fd, lock_fd, segments_fd, bodies_fd;
    struct fd_cache *fds;
    struct view_cache *views;
    struct writer *writer;

    _Atomic uint64_t last_id;     /* of bodies, messages, queue rows: only forward */
    _Atomic uint64_t body_memory; /* bytes that bodies under way hold in memory */

    pthread_mutex_t readers_lock;
    struct db *readers[STORE_READERS_MAX];
    size_t reader_count;

    pthread_mutex_t snapshot_lock;
    struct snapshot *snapshot; /* newest users and aliases */

    pthread_mutex_t recent_lock;
    struct map recent; /* mailbox -> first UID that is still \Recent, until the writer keeps it */

    pthread_mutex_t ports_lock;
    struct list ports; /* struct store_port */

    pthread_mutex_t discard_lock;
    uint64_t *discarded; /* bodies/ files given up, to be unlinked by the writer */
    size_t discarded_count, discarded_capacity;
};

/* A new id: microseconds of the day of its birth, or the one before plus one. */
uint64_t store_next_id(struct store *store);

/* A connection for reading; given back by readers_give. NULL with fault. */
struct db *readers_take(struct store *store, struct fault *fault);
void readers_give(struct store *store, struct db *db);

/* Runs after a commit on the writer's thread: wakes whoever watches these (0: the queue). */
void watches_notify(struct store *store, const uint64_t *mailboxes, size_t count);

/* An own file of a body that nobody will ask for; unlinked later, not on a loop thread. */
void store_discard_file(struct store *store, uint64_t blob);
void store_unlink_discarded(struct store *store);
/* The name of a body's own file, and of a segment's. */
void store_body_path(uint64_t blob, char path_out[STORE_PATH_SIZE]);
void store_segment_path(uint64_t segment, char path_out[STORE_PATH_SIZE]);

/* The first UID that is \Recent for a session that looks now; SELECT claims them. */
enum recent_use { RECENT_LOOK, RECENT_CLAIM };
uint32_t recent_from(struct store *store, uint64_t mailbox, uint32_t kept, uint32_t uidnext,
                     enum recent_use use);

/* Before the database is opened: makes durable what its log shows. */
int store_renew_log(struct store *store, struct fault *fault) __attribute__((warn_unused_result));

/* The timer of the reaper, on the first port's loop; and its end. */
struct keeper;
struct keeper *keeper_create(struct store *store, struct job_port *port);
void keeper_free(struct keeper **keeper);

#endif
