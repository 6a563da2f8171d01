/* disk_internal: what the files of tests/fake/disk.h share. All of it under disk_lock. */
#ifndef POSTERN_TESTS_FAKE_DISK_INTERNAL_H
#define POSTERN_TESTS_FAKE_DISK_INTERNAL_H

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "tests/fake/disk.h"

enum {
    DISK_PAGE = 4096,  /* written back as one */
    DISK_SECTOR = 512, /* torn never */
    DISK_LOCK_SLOTS = 8,
    DISK_PATH_SIZE = 96
};

/* What a page is on the platter while memory has something newer. */
struct disk_undo {
    size_t page;
    bool is_lost; /* a sync of the newer bytes failed: no later one brings them down */
    unsigned char bytes[DISK_PAGE];
};

struct disk_handle;

/* Shared memory of SQLite's connections, and their locks in it. */
struct disk_shared {
    unsigned char **regions;
    size_t count;
    unsigned users;
    unsigned readers[DISK_LOCK_SLOTS];
    const struct disk_handle *writer[DISK_LOCK_SLOTS];
};

/* A file or directory: names, pending changes of names, and handles keep it. */
struct disk_node {
    struct list_node node;
    struct disk *disk;
    unsigned refs, names, handles;
    bool is_dir, is_distrusted; /* is_distrusted: a sync failed */
    unsigned char *bytes;       /* zero from size to capacity */
    size_t size, capacity;
    size_t durable_size;
    struct disk_undo **undo; /* only of pages below durable_size, or lost ones */
    size_t undo_count, undo_capacity;
    struct map undo_of; /* page -> struct disk_undo */

    const struct disk_handle *locked_by; /* file_ops.lock */
    unsigned shared_count;               /* SQLite's locks of the database file */
    const struct disk_handle *reserved_by, *exclusive_by;
    struct disk_shared shared;
};

/* One change of names that no sync_dir has made durable. */
struct disk_name_undo {
    char *path, *path2; /* path2: of a rename, else NULL */
    struct disk_node *before, *before2;
};

struct disk {
    struct list_node node;
    char dir[DISK_PATH_SIZE];
    uint64_t random;
    struct map names; /* path below dir ("" is dir itself) -> struct disk_node */
    struct list nodes;
    struct disk_name_undo *log;
    size_t log_count, log_capacity;

    struct disk_plan plan;
    uint64_t planned; /* of the plan's operations, since the plan */
    uint64_t counts[DISK_NUMBER_COUNT];
    bool was_reached, is_off;
    char reached_text[DISK_PATH_SIZE * 2];
    size_t size_max, used;
    unsigned distrusted_writes;
};

struct disk_handle {
    struct disk_node *node;
    char path[DISK_PATH_SIZE]; /* below the disk's directory */
    /* SQLite's */
    int lock_level;
    bool wants_dir_sync, is_in_shared;
    unsigned shared_mask, exclusive_mask;
};

extern pthread_mutex_t disk_lock;

/* disk.c: the disk of an absolute path and what of it lies below its directory; NULL: not ours. */
struct disk *disk_find(const char *path, const char **below_out);
/* What becomes of this operation: 0 (do it), or an error: do it not or, a write, in part. When the
 * power went, *is_last_out says that it still reaches memory before the error is returned. */
int disk_step(struct disk *disk, enum disk_operation operation, const char *path,
              bool *is_last_out);
uint64_t disk_random(struct disk *disk);
void disk_make_vfs(void);
/* disk_files.c: no disk is left. */
void disk_forget_handles(void);

/* disk_node.c: bytes. */
struct disk_node *node_create(struct disk *disk, bool is_dir);
void node_ref(struct disk_node *node);
void node_unref(struct disk_node *node);
/* ERR_FULL: what fits was written. */
int node_write(struct disk_node *node, const void *bytes, size_t len, size_t offset);
int node_zero(struct disk_node *node, size_t offset, size_t len);
size_t node_read(const struct disk_node *node, void *bytes, size_t len, size_t offset);
void node_truncate(struct disk_node *node, size_t size);
void node_sync(struct disk_node *node);
void node_sync_failed(struct disk_node *node);
void node_survive(struct disk_node *node, enum disk_survival survival);
/* A name or handle more or less: the disk's room follows. */
void node_count(struct disk_node *node, int names, int handles);

/* disk_names.c: names and their durability. */
struct disk_node *names_find(struct disk *disk, const char *path);
/* node: NULL: unlink. */
void names_set(struct disk *disk, const char *path, struct disk_node *node);
void names_rename(struct disk *disk, const char *from, const char *to);
/* dir: "" or "segments". */
void names_sync(struct disk *disk, const char *dir);
/* The directory that the path is in. */
void names_dir_of(const char *path, char dir_out[DISK_PATH_SIZE]);
void names_survive(struct disk *disk, enum disk_survival survival);
/* The names right in a directory; owned, with the count. */
char **names_list(struct disk *disk, const char *dir, size_t *count_out);
void names_free(struct disk *disk);

/* disk_vfs_locks.c: the part of SQLite's methods that is about locks. */
struct sqlite3_io_methods;
void disk_vfs_add_locks(struct sqlite3_io_methods *methods);
void disk_locks_drop(struct disk_handle *handle);

#endif
