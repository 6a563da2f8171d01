/*
 * file: the door to the disk. The store opens, writes, lists, locks and syncs only through this
 * table (but for what the database does), so that tests fail or kill the process at the n-th call
 * (STYLE 76) and tests/fake/disk.h puts a disk in memory behind it. Paths are relative to dir_fd,
 * or to the working directory with AT_FDCWD. All calls block: lanes only (net/job.h), never a loop
 * thread.
 */
#ifndef POSTERN_BASE_FILE_H
#define POSTERN_BASE_FILE_H

#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "base/err.h"

typedef int file_name_fn(void *arg, const char *name);

struct file_ops {
    /* Each returns 0 (or what is said) or a code of err.h, and then errno says it more exactly;
     * EINTR and short counts are handled. */
    /* Directories, too (O_DIRECTORY). Not inherited by programs that are run. */
    int (*open)(int dir_fd, const char *path, int flags, mode_t mode, int *fd_out);
    int (*pwritev)(int fd, const struct iovec *parts, int count, int64_t offset);
    /* Bytes read, fewer only at the end of the file. */
    int64_t (*pread)(int fd, void *bytes, size_t size, int64_t offset);
    /* Bytes read from the page cache without waiting, or ERR_AGAIN (preadv2 RWF_NOWAIT). This one
     * may be called on a loop thread. */
    int64_t (*pread_nowait)(int fd, void *bytes, size_t size, int64_t offset);
    int (*fdatasync)(int fd);
    /* fsync of a directory: makes names durable. */
    int (*sync_dir)(int dir_fd);
    /* Writes zeroes from offset on, so that later overwrites need no block allocation. */
    int (*zero_fill)(int fd, int64_t offset, int64_t size);
    int (*unlink)(int dir_fd, const char *path);
    int (*rename)(int dir_fd, const char *from, const char *to);
    int (*make_dir)(int dir_fd, const char *path, mode_t mode);
    /* Gives each name of the directory to `each`, in no order, until it returns other than 0, and
     * returns that. A name that comes or goes meanwhile may be told or not. */
    int (*list)(int dir_fd, file_name_fn *each, void *arg);
    /* Takes the file for this process, until it is closed; ERR_EXISTS: another has it. */
    int (*lock)(int fd);
    int (*close)(int fd);
};

/* The machine's. */
extern const struct file_ops file_system;

/* Reads a whole small file; ERR_LIMIT when larger than max. *bytes_out is owned by the caller and
 * NUL-terminated (the NUL is not counted). */
int file_read_all(const char *path, size_t max, char **bytes_out, size_t *len_out,
                  struct fault *fault) __attribute__((warn_unused_result));
/* Writes path anew with mode, through a temporary name, fsync and rename: a new file of the
 * caller's, whatever was there under either name. */
int file_write_all(const char *path, const char *bytes, size_t len, mode_t mode,
                   struct fault *fault) __attribute__((warn_unused_result));

#endif
