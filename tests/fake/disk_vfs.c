/*
 * disk_vfs: a disk of tests/fake/disk.h as SQLite sees it: the default VFS, which passes on what is
 * no disk's. Files and syncs are here, locks and shared memory in disk_vfs_locks.c.
 */
#include <sqlite3.h>
#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

struct vfs_file {
    sqlite3_file base;
    struct disk_handle *handle;
};

static struct {
    sqlite3_vfs vfs, *machine;
    sqlite3_io_methods methods;
} disk_vfs;

static struct disk_handle *handle_of(sqlite3_file *file)
{
    return ((struct vfs_file *)(void *)file)->handle;
}

/* disk_step in SQLite's words: SQLITE_FULL, or what could not be done. */
static int step(const struct disk_handle *handle, enum disk_operation operation, int code,
                bool *is_last_out)
{
    int err = disk_step(handle->node->disk, operation, handle->path, is_last_out);
    return err == 0 ? SQLITE_OK : err == ERR_FULL ? SQLITE_FULL : code;
}

static int vfs_close(sqlite3_file *file)
{
    struct disk_handle *handle = handle_of(file);
    (void)pthread_mutex_lock(&disk_lock);
    disk_locks_drop(handle);
    node_count(handle->node, 0, -1);
    node_unref(handle->node);
    mem_free(handle);
    (void)pthread_mutex_unlock(&disk_lock);
    return SQLITE_OK;
}

static int vfs_read(sqlite3_file *file, void *bytes, int len, sqlite3_int64 offset)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_handle *handle = handle_of(file);
    int code = step(handle, DISK_DB_READ, SQLITE_IOERR_READ, &is_last);
    size_t got =
        code == SQLITE_OK ? node_read(handle->node, bytes, (size_t)len, (size_t)offset) : 0;
    (void)pthread_mutex_unlock(&disk_lock);
    if (code == SQLITE_OK && got < (size_t)len) {
        memset((char *)bytes + got, 0, (size_t)len - got);
        return SQLITE_IOERR_SHORT_READ;
    }
    return code == SQLITE_FULL ? SQLITE_IOERR_READ : code;
}

static int vfs_write(sqlite3_file *file, const void *bytes, int len, sqlite3_int64 offset)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_handle *handle = handle_of(file);
    struct disk_node *node = handle->node;
    int code = step(handle, DISK_DB_WRITE, SQLITE_IOERR_WRITE, &is_last);
    if (code == SQLITE_OK || is_last) {
        int err = node_write(node, bytes, (size_t)len, (size_t)offset);
        if (code == SQLITE_OK && err != 0)
            code = SQLITE_FULL;
    } else if (!node->disk->is_off) {
        (void)node_write(node, bytes, (size_t)len / 2, (size_t)offset);
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return code;
}

static int vfs_truncate(sqlite3_file *file, sqlite3_int64 size)
{
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_handle *handle = handle_of(file);
    int code = step(handle, DISK_DB_TRUNCATE, SQLITE_IOERR_TRUNCATE, &is_last);
    if (code == SQLITE_OK || is_last)
        node_truncate(handle->node, (size_t)size);
    (void)pthread_mutex_unlock(&disk_lock);
    return code;
}

/* The first sync of a log or journal brings down its name, too, as SQLite's own VFS does. */
static int vfs_sync(sqlite3_file *file, int flags)
{
    (void)flags;
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(file);
    int code = step(handle, DISK_DB_SYNC, SQLITE_IOERR_FSYNC, &is_last);
    if (code == SQLITE_OK) {
        node_sync(handle->node);
        char dir[DISK_PATH_SIZE];
        names_dir_of(handle->path, dir);
        if (handle->wants_dir_sync)
            names_sync(handle->node->disk, dir);
        handle->wants_dir_sync = false;
    } else if (!handle->node->disk->is_off) {
        node_sync_failed(handle->node);
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return code == SQLITE_FULL ? SQLITE_IOERR_FSYNC : code;
}

static int vfs_size(sqlite3_file *file, sqlite3_int64 *size_out)
{
    (void)pthread_mutex_lock(&disk_lock);
    *size_out = (sqlite3_int64)handle_of(file)->node->size;
    (void)pthread_mutex_unlock(&disk_lock);
    return SQLITE_OK;
}

static int vfs_control(sqlite3_file *file, int operation, void *arg)
{
    (void)file;
    (void)operation;
    (void)arg;
    return SQLITE_NOTFOUND;
}

static int vfs_sector_size(sqlite3_file *file)
{
    (void)file;
    return DISK_PAGE;
}

/* As SQLite's own VFS says of every disk: bytes beside those that are written stay whole. */
static int vfs_characteristics(sqlite3_file *file)
{
    (void)file;
    return SQLITE_IOCAP_POWERSAFE_OVERWRITE;
}

static int open_node(struct disk *disk, const char *below, int flags, struct disk_node **out)
{
    bool is_last;
    int err = disk_step(disk, DISK_DB_OPEN, below, &is_last);
    struct disk_node *node = names_find(disk, below);
    if (err != 0 || (node == NULL && (flags & SQLITE_OPEN_CREATE) == 0))
        return err == ERR_FULL ? SQLITE_FULL : SQLITE_CANTOPEN;
    if (node == NULL) {
        node = node_create(disk, false);
        names_set(disk, below, node);
        node_unref(node);
    }
    *out = node;
    return SQLITE_OK;
}

static int vfs_open_ours(struct disk *disk, const char *below, struct vfs_file *file, int flags)
{
    struct disk_node *node;
    int code = open_node(disk, below, flags, &node);
    if (code != SQLITE_OK)
        return code;
    struct disk_handle *handle = mem_new(struct disk_handle);
    handle->node = node;
    (void)snprintf(handle->path, sizeof handle->path, "%s", below);
    int logs = SQLITE_OPEN_WAL | SQLITE_OPEN_MAIN_JOURNAL | SQLITE_OPEN_SUPER_JOURNAL;
    handle->wants_dir_sync = (flags & SQLITE_OPEN_CREATE) != 0 && (flags & logs) != 0;
    node_ref(node);
    node_count(node, 0, 1);
    file->handle = handle;
    file->base.pMethods = &disk_vfs.methods;
    return SQLITE_OK;
}

static int vfs_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                    int *flags_out)
{
    (void)vfs;
    const char *below;
    file->pMethods = NULL;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk *disk = path == NULL ? NULL : disk_find(path, &below);
    int code = disk == NULL ? SQLITE_OK
                            : vfs_open_ours(disk, below, (struct vfs_file *)(void *)file, flags);
    (void)pthread_mutex_unlock(&disk_lock);
    if (disk == NULL)
        return disk_vfs.machine->xOpen(disk_vfs.machine, path, file, flags, flags_out);
    if (flags_out != NULL)
        *flags_out = flags;
    return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *path, int sync_dir)
{
    (void)vfs;
    const char *below;
    bool is_last;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk *disk = disk_find(path, &below);
    int code = SQLITE_OK;
    if (disk != NULL) {
        bool is_there = names_find(disk, below) != NULL;
        if (disk_step(disk, DISK_DB_DELETE, below, &is_last) != 0)
            code = SQLITE_IOERR_DELETE;
        else if (!is_there)
            code = SQLITE_IOERR_DELETE_NOENT;
        if (is_there && (code == SQLITE_OK || is_last))
            names_set(disk, below, NULL);
        char dir[DISK_PATH_SIZE];
        names_dir_of(below, dir);
        if (code == SQLITE_OK && sync_dir != 0)
            names_sync(disk, dir);
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return disk != NULL ? code : disk_vfs.machine->xDelete(disk_vfs.machine, path, sync_dir);
}

static int vfs_access(sqlite3_vfs *vfs, const char *path, int flags, int *answer_out)
{
    (void)vfs;
    const char *below;
    (void)pthread_mutex_lock(&disk_lock);
    struct disk *disk = disk_find(path, &below);
    const struct disk_node *node = disk != NULL ? names_find(disk, below) : NULL;
    /* As SQLite's own: an empty file is as good as none when it asks whether one exists. */
    *answer_out = node != NULL && (flags != SQLITE_ACCESS_EXISTS || node->size > 0);
    (void)pthread_mutex_unlock(&disk_lock);
    return disk != NULL ? SQLITE_OK
                        : disk_vfs.machine->xAccess(disk_vfs.machine, path, flags, answer_out);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *path, int size, char *out)
{
    (void)vfs;
    const char *below;
    (void)pthread_mutex_lock(&disk_lock);
    bool is_ours = disk_find(path, &below) != NULL;
    (void)pthread_mutex_unlock(&disk_lock);
    if (!is_ours)
        return disk_vfs.machine->xFullPathname(disk_vfs.machine, path, size, out);
    (void)snprintf(out, (size_t)size, "%s", path);
    return SQLITE_OK;
}

/* The same salts in each run. */
static int vfs_randomness(sqlite3_vfs *vfs, int size, char *out)
{
    (void)vfs;
    memset(out, 'r', (size_t)size);
    return size;
}

/* Whoever waits for a lock asks again at once. */
static int vfs_sleep(sqlite3_vfs *vfs, int us)
{
    (void)vfs;
    return us;
}

void disk_make_vfs(void)
{
    if (disk_vfs.machine == NULL) {
        disk_vfs.machine = sqlite3_vfs_find(NULL);
        require(disk_vfs.machine != NULL);
        disk_vfs.methods = (sqlite3_io_methods){
            .iVersion = 2,
            .xClose = vfs_close,
            .xRead = vfs_read,
            .xWrite = vfs_write,
            .xTruncate = vfs_truncate,
            .xSync = vfs_sync,
            .xFileSize = vfs_size,
            .xFileControl = vfs_control,
            .xSectorSize = vfs_sector_size,
            .xDeviceCharacteristics = vfs_characteristics,
        };
        disk_vfs_add_locks(&disk_vfs.methods);
        disk_vfs.vfs = *disk_vfs.machine;
        disk_vfs.vfs.zName = "disk";
        disk_vfs.vfs.pNext = NULL;
        if (disk_vfs.vfs.szOsFile < (int)sizeof(struct vfs_file))
            disk_vfs.vfs.szOsFile = (int)sizeof(struct vfs_file);
        disk_vfs.vfs.xOpen = vfs_open;
        disk_vfs.vfs.xDelete = vfs_delete;
        disk_vfs.vfs.xAccess = vfs_access;
        disk_vfs.vfs.xFullPathname = vfs_full_path;
        disk_vfs.vfs.xRandomness = vfs_randomness;
        disk_vfs.vfs.xSleep = vfs_sleep;
        require(sqlite3_vfs_register(&disk_vfs.vfs, 1) == SQLITE_OK);
    }
    sqlite3_randomness(0, NULL); /* begins anew, with vfs_randomness */
}
