/*
 * disk: a disk in memory that can fail, fill up and lose its power. It stands behind the door of
 * base/file.h (disk_files) and, for every path below its directory, behind SQLite (a VFS that is
 * made the default and passes all other paths on). It knows of each byte and each name whether it
 * is durable: bytes become so by fdatasync, names by sync_dir, or by what SQLite does in their
 * place. Nothing is written to the machine's disk. The same seed and the same calls give the same
 * result.
 *
 * What it is not: it keeps two states of a page, the durable one and the newest; a state in between
 * never survives a power cut. It does not delay or reorder what is read.
 *
 * Thread: any; one lock for all disks. Readers and writer of a database are of one process.
 */
#ifndef POSTERN_TESTS_FAKE_DISK_H
#define POSTERN_TESTS_FAKE_DISK_H

#include <stdbool.h>

#include "base/file.h"

struct disk;

/* An empty disk with one directory: give it to store_make and store_options.dir. Owned. */
struct disk *disk_create(uint64_t seed);
/* Nothing may be open. Accepts a pointer to NULL. */
void disk_free(struct disk **disk);
/* "/disk/N", while the disk lives. */
const char *disk_dir(const struct disk *disk);
/* The same table for all disks: which one is meant follows from the path or the fd. */
extern const struct file_ops disk_files;

/* What can fail: name, what it is. Those of the database are SQLite's. */
#define DISK_OPERATIONS(X)                                                                         \
    X(OPEN)                                                                                        \
    X(READ)                                                                                        \
    X(WRITE)                                                                                       \
    X(SYNC)                                                                                        \
    X(SYNC_DIR)                                                                                    \
    X(ZERO_FILL)                                                                                   \
    X(UNLINK)                                                                                      \
    X(RENAME)                                                                                      \
    X(MAKE_DIR)                                                                                    \
    X(LIST)                                                                                        \
    X(LOCK)                                                                                        \
    X(CLOSE)                                                                                       \
    X(DB_OPEN)                                                                                     \
    X(DB_READ)                                                                                     \
    X(DB_WRITE)                                                                                    \
    X(DB_SYNC)                                                                                     \
    X(DB_TRUNCATE)                                                                                 \
    X(DB_DELETE)                                                                                   \
    X(DB_MAP)

enum disk_operation_number {
#define DISK_NUMBER(name) DISK_NUMBER_##name,
    DISK_OPERATIONS(DISK_NUMBER)
#undef DISK_NUMBER
        DISK_NUMBER_COUNT
};
/* DISK_OPEN ...: bits, to be combined. */
enum disk_operation {
#define DISK_BIT(name) DISK_##name = 1 << DISK_NUMBER_##name,
    DISK_OPERATIONS(DISK_BIT)
#undef DISK_BIT
        DISK_ALL = (1 << DISK_NUMBER_COUNT) - 1,
    DISK_READING = DISK_READ | DISK_DB_READ | DISK_LIST,
    DISK_CHANGING = DISK_ALL & ~DISK_READING, /* whatever is not reading */
    DISK_GROWING = DISK_OPEN | DISK_WRITE | DISK_ZERO_FILL | DISK_RENAME | DISK_MAKE_DIR |
                   DISK_DB_OPEN | DISK_DB_WRITE /* what needs room */
};
/* "WRITE" */
const char *disk_operation_name(enum disk_operation operation);

enum disk_how {
    DISK_FAIL_ONCE,
    DISK_FAIL_ON, /* that one and all of these kinds after it, until another plan */
    /* That one still reaches memory (a sync does nothing), and then everything fails until
     * disk_power_on: the process can tell nobody anything that it has not told yet. */
    DISK_POWER_OFF
};
struct disk_plan {
    unsigned operations; /* enum disk_operation, combined */
    uint64_t at;         /* the at-th of these from now on, 1: the next; 0: none fails */
    enum disk_how how;
    int err; /* ERR_IO or ERR_FULL */
};
/* Begins to count anew. NULL: nothing fails, everything is counted. A write that fails has written
 * a part. A sync that fails has lost what it was for: it is gone at once or after a power cut (the
 * seed says which), and another sync does not bring it back, but writing it again does. */
void disk_set_plan(struct disk *disk, const struct disk_plan *plan);
/* Of these, since the plan. */
uint64_t disk_count(const struct disk *disk, unsigned operations);
/* Whether the plan's operation was reached, and which it was: "DB_SYNC /disk/1/store.db-wal". */
bool disk_was_reached(const struct disk *disk);
const char *disk_reached_text(const struct disk *disk);

/* Writes through disk_files to files of which a sync has failed since the power came on: the
 * store's segments get none. */
unsigned disk_distrusted_writes(const struct disk *disk);

/* Room in bytes of all files together; SIZE_MAX at birth. May be less than is used: then nothing
 * grows until something was removed or the limit raised. */
void disk_set_size(struct disk *disk, size_t size);
size_t disk_used(const struct disk *disk);

/* Now. Then close the store (it can do nothing any more), then: */
void disk_power_off(struct disk *disk);
enum disk_survival {
    DISK_KEEPS_ALL,   /* only the process died (kill -9): what was written is there */
    DISK_DROPS_ALL,   /* nothing is there that was not made durable */
    DISK_KEEPS_A_PART /* of that, pages, sectors and names at the seed's choice are there */
};
/* The power is back: everything must have been closed. The plan is forgotten. */
void disk_power_on(struct disk *disk, enum disk_survival survival);
bool disk_is_off(const struct disk *disk);

/* The first bytes of a file, up to size, for who looks on: no operation of the disk, so it neither
 * counts nor fails. How many; 0 also where there is none. */
size_t disk_peek(struct disk *disk, const char *path, void *bytes, size_t size);
/* For tests of tests: changes a byte behind everybody's back. 0, or ERR_NOT_FOUND. */
int disk_damage(struct disk *disk, const char *path, int64_t offset);

#endif
