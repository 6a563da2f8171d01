/*
 * file.c: the machine's disk behind the door of file.h: EINTR and short counts are handled here, so
 * that callers see all or an error. Tests: tests/unit/test_base_file.c; faults are injected by
 * tests that bring their own table.
 */
#include "base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/mem.h"

enum { ZERO_BLOCK = 256 * 1024, IOV_MOST = 64 };

static int file_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd_out)
{
    int fd;
    do
        fd = openat(dir_fd, path, flags | O_CLOEXEC, mode);
    while (fd < 0 && errno == EINTR);
    if (fd < 0)
        return err_from_errno(errno);
    *fd_out = fd;
    return 0;
}

/* Takes written bytes off the front of a copy of the parts. */
static void skip_written(struct iovec **parts, int *count, size_t written)
{
    while (*count > 0 && written >= (*parts)->iov_len) {
        written -= (*parts)->iov_len;
        (*parts)++;
        (*count)--;
    }
    if (*count > 0) {
        (*parts)->iov_base = (char *)(*parts)->iov_base + written;
        (*parts)->iov_len -= written;
    }
}

static int write_some(int fd, struct iovec *parts, int count, int64_t *offset)
{
    while (count > 0) {
        ssize_t written = pwritev(fd, parts, count, *offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_from_errno(errno);
        *offset += written;
        skip_written(&parts, &count, (size_t)written);
    }
    return 0;
}

static int file_pwritev(int fd, const struct iovec *parts, int count, int64_t offset)
{
    struct iovec copy[IOV_MOST];
    for (int done = 0; done < count; done += IOV_MOST) {
        int now = count - done < IOV_MOST ? count - done : IOV_MOST;
        memcpy(copy, parts + done, (size_t)now * sizeof *copy);
        int err = write_some(fd, copy, now, &offset);
        if (err != 0)
            return err;
    }
    return 0;
}

static int64_t file_pread(int fd, void *bytes, size_t size, int64_t offset)
{
    size_t got = 0;
    while (got < size) {
        ssize_t now = pread(fd, (char *)bytes + got, size - got, offset + (int64_t)got);
        if (now < 0 && errno == EINTR)
            continue;
        if (now < 0)
            return err_from_errno(errno);
        if (now == 0)
            break;
        got += (size_t)now;
    }
    return (int64_t)got;
}

static int64_t file_pread_nowait(int fd, void *bytes, size_t size, int64_t offset)
{
    struct iovec part = {bytes, size};
    ssize_t got = preadv2(fd, &part, 1, offset, RWF_NOWAIT);
    if (got >= 0)
        return got;
    /* Where the file system cannot say what is cached, the caller takes the job's way. */
    return errno == EINTR || errno == EOPNOTSUPP || errno == ENOSYS ? ERR_AGAIN
                                                                    : err_from_errno(errno);
}

static int file_fdatasync(int fd)
{
    /* Never retried: after a failure the kernel may have dropped the dirty pages, and a second
     * call that succeeds proves nothing. */
    return fdatasync(fd) == 0 ? 0 : ERR_IO;
}

static int file_sync_dir(int dir_fd)
{
    return fsync(dir_fd) == 0 ? 0 : ERR_IO;
}

static int file_zero_fill(int fd, int64_t offset, int64_t size)
{
    static const char zeroes[ZERO_BLOCK];
    while (size > 0) {
        size_t now = size < ZERO_BLOCK ? (size_t)size : ZERO_BLOCK;
        ssize_t written = pwrite(fd, zeroes, now, offset);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return err_from_errno(errno);
        offset += written;
        size -= written;
    }
    return 0;
}

static int file_unlink(int dir_fd, const char *path)
{
    return unlinkat(dir_fd, path, 0) == 0 ? 0 : err_from_errno(errno);
}

static int file_rename(int dir_fd, const char *from, const char *to)
{
    return renameat(dir_fd, from, dir_fd, to) == 0 ? 0 : err_from_errno(errno);
}

static int file_make_dir(int dir_fd, const char *path, mode_t mode)
{
    return mkdirat(dir_fd, path, mode) == 0 ? 0 : err_from_errno(errno);
}

static int file_list(int dir_fd, file_name_fn *each, void *arg)
{
    int fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (dir == NULL) {
        int err = err_from_errno(errno);
        if (fd >= 0)
            (void)close(fd); /* opened for reading */
        return err;
    }
    int err = 0;
    const struct dirent *entry;
    errno = 0;
    while (err == 0 && (entry = readdir(dir)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            err = each(arg, entry->d_name);
        if (err == 0)
            errno = 0; /* readdir tells its end from its errors only by this */
    }
    if (err == 0 && errno != 0)
        err = err_from_errno(errno);
    (void)closedir(dir);
    return err;
}

static int file_lock(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return 0;
    return errno == EWOULDBLOCK ? ERR_EXISTS : err_from_errno(errno);
}

static int file_close(int fd)
{
    return close(fd) == 0 ? 0 : err_from_errno(errno);
}

const struct file_ops file_system = {
    .open = file_open,
    .pwritev = file_pwritev,
    .pread = file_pread,
    .pread_nowait = file_pread_nowait,
    .fdatasync = file_fdatasync,
    .sync_dir = file_sync_dir,
    .zero_fill = file_zero_fill,
    .unlink = file_unlink,
    .rename = file_rename,
    .make_dir = file_make_dir,
    .list = file_list,
    .lock = file_lock,
    .close = file_close,
};

static int read_descriptor(int fd, size_t max, char **bytes_out, size_t *len_out)
{
    size_t capacity = 4096, len = 0;
    char *bytes = mem_alloc(capacity + 1);
    for (;;) {
        ssize_t now = read(fd, bytes + len, capacity - len);
        if (now < 0 && errno == EINTR)
            continue;
        if (now < 0 || len > max) {
            mem_free(bytes);
            return now < 0 ? err_from_errno(errno) : ERR_LIMIT;
        }
        if (now == 0)
            break;
        len += (size_t)now;
        if (len == capacity) {
            capacity *= 2;
            bytes = mem_realloc(bytes, capacity + 1);
        }
    }
    if (len > max) {
        mem_free(bytes);
        return ERR_LIMIT;
    }
    bytes[len] = '\0';
    *bytes_out = bytes;
    *len_out = len;
    return 0;
}

int file_read_all(const char *path, size_t max, char **bytes_out, size_t *len_out,
                  struct fault *fault)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fault_set(fault, err_from_errno(errno), "could not open %s: %s", path,
                         strerror(errno));
    int err = read_descriptor(fd, max, bytes_out, len_out);
    (void)close(fd); /* opened for reading: closing cannot lose anything */
    if (err == ERR_LIMIT)
        return fault_set(fault, err, "could not read %s: it is larger than %zu bytes", path, max);
    if (err != 0)
        return fault_set(fault, err, "could not read %s: %s", path, err_text(err));
    return 0;
}

static int sync_parent(const char *path)
{
    char *dir = mem_strdup(path);
    char *slash = strrchr(dir, '/');
    if (slash == dir)
        slash[1] = '\0';
    else if (slash != NULL)
        *slash = '\0';
    int fd = open(slash == NULL ? "." : dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mem_free(dir);
    if (fd < 0)
        return err_from_errno(errno);
    int err = fsync(fd) == 0 ? 0 : err_from_errno(errno);
    (void)close(fd);
    return err;
}

static int write_temporary(const char *path, const char *bytes, size_t len, mode_t mode)
{
    /* What is there is of a process that was killed, or of somebody who waits for a key to be
     * written into a file of his. */
    (void)unlink(path);
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return err_from_errno(errno);
    char *copy = mem_strndup(bytes, len);
    const struct iovec part = {copy, len};
    int err = fchmod(fd, mode) == 0 ? 0 : err_from_errno(errno);
    if (err == 0)
        err = file_pwritev(fd, &part, 1, 0);
    if (err == 0 && fsync(fd) != 0)
        err = err_from_errno(errno);
    if (close(fd) != 0 && err == 0)
        err = err_from_errno(errno);
    mem_wipe(copy, len);
    mem_free(copy);
    return err;
}

int file_write_all(const char *path, const char *bytes, size_t len, mode_t mode,
                   struct fault *fault)
{
    char *temporary = mem_printf("%s.new", path);
    int err = write_temporary(temporary, bytes, len, mode);
    if (err == 0 && rename(temporary, path) != 0)
        err = err_from_errno(errno);
    if (err == 0)
        err = sync_parent(path);
    if (err != 0) {
        (void)unlink(temporary);
        (void)fault_set(fault, err, "could not write %s: %s", path, err_text(err));
    }
    mem_free(temporary);
    return err;
}
