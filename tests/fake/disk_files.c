/*
 * disk_files: the table of base/file.h for all disks. An fd is the place of a handle, far above the
 * machine's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

enum { FD_FIRST = 1 << 20 };

static struct {
    struct disk_handle **handles;
    size_t handle_count;
} machine;

void disk_forget_handles(void)
{
    mem_free(machine.handles);
    machine.handles = NULL;
    machine.handle_count = 0;
}

static int fail(int err)
{
    errno = err == ERR_FULL        ? ENOSPC
            : err == ERR_NOT_FOUND ? ENOENT
            : err == ERR_EXISTS    ? EEXIST
                                   : EIO;
    return err;
}

static int handle_add(struct disk_node *node, const char *below)
{
    struct disk_handle *handle = mem_new(struct disk_handle);
    handle->node = node;
    (void)snprintf(handle->path, sizeof handle->path, "%s", below);
    node_ref(node);
    node_count(node, 0, 1);
    size_t place = 0;
    while (place < machine.handle_count && machine.handles[place] != NULL)
        place++;
    if (place == machine.handle_count)
        machine.handles = mem_realloc(machine.handles, ++machine.handle_count * sizeof(void *));
    machine.handles[place] = handle;
    return FD_FIRST + (int)place;
}

static struct disk_handle *handle_of(int fd)
{
    require(fd >= FD_FIRST && (size_t)(fd - FD_FIRST) < machine.handle_count);
    struct disk_handle *handle = machine.handles[fd - FD_FIRST];
    require(handle != NULL);
    return handle;
}

/* Where a call goes: the disk, and the path below its directory. */
struct place {
    struct disk *disk;
    char below[DISK_PATH_SIZE];
};

static struct place place_of(int dir_fd, const char *path)
{
    struct place place = {0};
    const char *below;
    if (*path == '/') {
        place.disk = disk_find(path, &below);
        require(place.disk != NULL); /* a path of the machine came to a disk in memory */
        (void)snprintf(place.below, sizeof place.below, "%s", below);
        return place;
    }
    const struct disk_handle *dir = handle_of(dir_fd);
    require(dir->node->is_dir);
    place.disk = dir->node->disk;
    int len = snprintf(place.below, sizeof place.below, "%s%s%s", dir->path,
                       *dir->path == '\0' ? "" : "/", path);
    require(len > 0 && len < DISK_PATH_SIZE);
    return place;
}

/* The file that open finds or makes; NULL with the error. */
static struct disk_node *node_open(const struct place *place, int flags, int *err_out)
{
    struct disk_node *node = names_find(place->disk, place->below);
    if (node == NULL && (flags & O_CREAT) == 0)
        *err_out = ERR_NOT_FOUND;
    else if (node != NULL && (flags & O_CREAT) != 0 && (flags & O_EXCL) != 0)
        *err_out = ERR_EXISTS;
    if (*err_out != 0)
        return NULL;
    if (node == NULL) {
        node = node_create(place->disk, false);
        names_set(place->disk, place->below, node);
        node_unref(node);
    }
    require(node->is_dir == ((flags & O_DIRECTORY) != 0));
    return node;
}

static int disk_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd_out)
{
    (void)mode;
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct place place = place_of(dir_fd, path);
    int err = disk_step(place.disk, DISK_OPEN, place.below, &is_last);
    int open_err = 0;
    struct disk_node *node = err == 0 || is_last ? node_open(&place, flags, &open_err) : NULL;
    if (err == 0)
        err = open_err;
    if (err == 0)
        *fd_out = handle_add(node, place.below);
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static void count_distrusted(struct disk_node *node)
{
    if (node->is_distrusted)
        node->disk->distrusted_writes++;
}

static int disk_pwritev(int fd, const struct iovec *parts, int count, int64_t offset)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(fd);
    struct disk_node *node = handle->node;
    int err = disk_step(node->disk, DISK_WRITE, handle->path, &is_last);
    bool is_torn = err != 0 && !is_last && !node->disk->is_off;
    size_t at = (size_t)offset;
    count_distrusted(node);
    for (int i = 0; i < count && (err == 0 || is_last || is_torn); i++) {
        size_t len = is_torn ? parts[i].iov_len / 2 : parts[i].iov_len;
        int full = node_write(node, parts[i].iov_base, len, at);
        at += len;
        if (err == 0)
            err = full;
        if (is_torn)
            break;
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_zero_fill(int fd, int64_t offset, int64_t size)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(fd);
    struct disk_node *node = handle->node;
    int err = disk_step(node->disk, DISK_ZERO_FILL, handle->path, &is_last);
    bool is_torn = err != 0 && !is_last && !node->disk->is_off;
    count_distrusted(node);
    if (err == 0 || is_last || is_torn) {
        int full = node_zero(node, (size_t)offset, (size_t)(is_torn ? size / 2 : size));
        err = err != 0 ? err : full;
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int64_t disk_pread(int fd, void *bytes, size_t size, int64_t offset)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_handle *handle = handle_of(fd);
    int64_t got = disk_step(handle->node->disk, DISK_READ, handle->path, &is_last);
    if (got == 0)
        got = (int64_t)node_read(handle->node, bytes, size, (size_t)offset);
    (void)pthread_mutex_unlock(&disk_lock);
    return got >= 0 ? got : fail((int)got);
}

static int disk_fdatasync(int fd)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(fd);
    int err = disk_step(handle->node->disk, DISK_SYNC, handle->path, &is_last);
    if (err == 0)
        node_sync(handle->node);
    else if (!handle->node->disk->is_off)
        node_sync_failed(handle->node);
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_sync_dir(int dir_fd)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(dir_fd);
    require(handle->node->is_dir);
    int err = disk_step(handle->node->disk, DISK_SYNC_DIR, handle->path, &is_last);
    if (err == 0)
        names_sync(handle->node->disk, handle->path);
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_unlink(int dir_fd, const char *path)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct place place = place_of(dir_fd, path);
    int err = disk_step(place.disk, DISK_UNLINK, place.below, &is_last);
    bool is_there = names_find(place.disk, place.below) != NULL;
    if ((err == 0 || is_last) && is_there)
        names_set(place.disk, place.below, NULL);
    if (err == 0 && !is_there)
        err = ERR_NOT_FOUND;
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_rename(int dir_fd, const char *from, const char *to)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct place place = place_of(dir_fd, from), target = place_of(dir_fd, to);
    int err = disk_step(place.disk, DISK_RENAME, place.below, &is_last);
    bool is_there = names_find(place.disk, place.below) != NULL;
    if ((err == 0 || is_last) && is_there)
        names_rename(place.disk, place.below, target.below);
    if (err == 0 && !is_there)
        err = ERR_NOT_FOUND;
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_make_dir(int dir_fd, const char *path, mode_t mode)
{
    (void)mode;
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct place place = place_of(dir_fd, path);
    int err = disk_step(place.disk, DISK_MAKE_DIR, place.below, &is_last);
    bool is_there = names_find(place.disk, place.below) != NULL;
    if ((err == 0 || is_last) && !is_there) {
        struct disk_node *node = node_create(place.disk, true);
        names_set(place.disk, place.below, node);
        node_unref(node);
    }
    if (err == 0 && is_there)
        err = ERR_EXISTS;
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

static int disk_list(int dir_fd, file_name_fn *each, void *arg)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(dir_fd);
    require(handle->node->is_dir);
    int err = disk_step(handle->node->disk, DISK_LIST, handle->path, &is_last);
    size_t count = 0;
    char **names = err == 0 ? names_list(handle->node->disk, handle->path, &count) : NULL;
    (void)pthread_mutex_unlock(&disk_lock);
    int told = err;
    for (size_t i = 0; i < count; i++) {
        if (told == 0)
            told = each(arg, names[i]);
        mem_free(names[i]);
    }
    mem_free(names);
    return err == 0 ? told : fail(err);
}

static int disk_lock_file(int fd)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(fd);
    int err = disk_step(handle->node->disk, DISK_LOCK, handle->path, &is_last);
    if (err == 0 && handle->node->locked_by != NULL && handle->node->locked_by != handle)
        err = ERR_EXISTS;
    if (err == 0)
        handle->node->locked_by = handle;
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

/* Closes in any case, also when it says that it could not. */
static int disk_close(int fd)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(fd);
    int err = disk_step(handle->node->disk, DISK_CLOSE, handle->path, &is_last);
    if (handle->node->locked_by == handle)
        handle->node->locked_by = NULL;
    node_count(handle->node, 0, -1);
    node_unref(handle->node);
    mem_free(handle);
    machine.handles[fd - FD_FIRST] = NULL;
    (void)pthread_mutex_unlock(&disk_lock);
    return err == 0 ? 0 : fail(err);
}

const struct file_ops disk_files = {
    .open = disk_open,
    .pwritev = disk_pwritev,
    .pread = disk_pread,
    .pread_nowait = disk_pread,
    .fdatasync = disk_fdatasync,
    .sync_dir = disk_sync_dir,
    .zero_fill = disk_zero_fill,
    .unlink = disk_unlink,
    .rename = disk_rename,
    .make_dir = disk_make_dir,
    .list = disk_list,
    .lock = disk_lock_file,
    .close = disk_close,
};
