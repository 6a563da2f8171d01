/*
 * disk_vfs_locks: SQLite's locks of a database file and the shared memory of its write-ahead log,
 * among the connections of one process. Both go with the last connection.
 */
#include <sqlite3.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/fake/disk_internal.h"

/* As in disk_vfs.c. */
struct vfs_file {
    sqlite3_file base;
    struct disk_handle *handle;
};

static struct disk_handle *handle_of(sqlite3_file *file)
{
    return ((struct vfs_file *)(void *)file)->handle;
}

static bool is_others(const struct disk_handle *holder, const struct disk_handle *handle)
{
    return holder != NULL && holder != handle;
}

static int lock_exclusive(struct disk_handle *handle)
{
    struct disk_node *node = handle->node;
    unsigned own = handle->lock_level >= SQLITE_LOCK_SHARED;
    if (is_others(node->reserved_by, handle) || is_others(node->exclusive_by, handle) ||
        node->shared_count > own)
        return SQLITE_BUSY;
    node->exclusive_by = node->reserved_by = handle;
    return SQLITE_OK;
}

static int lock_below(struct disk_handle *handle, int level)
{
    struct disk_node *node = handle->node;
    if (is_others(node->exclusive_by, handle))
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED && is_others(node->reserved_by, handle))
        return SQLITE_BUSY;
    if (level >= SQLITE_LOCK_RESERVED)
        node->reserved_by = handle;
    if (handle->lock_level < SQLITE_LOCK_SHARED)
        node->shared_count++;
    return SQLITE_OK;
}

static int vfs_lock(sqlite3_file *file, int level)
{
    (void)pthread_mutex_lock(&disk_lock);
    struct disk_handle *handle = handle_of(file);
    int code = SQLITE_OK;
    if (level > handle->lock_level) {
        code = level == SQLITE_LOCK_EXCLUSIVE ? lock_exclusive(handle) : lock_below(handle, level);
        if (code == SQLITE_OK)
            handle->lock_level = level;
    }
    (void)pthread_mutex_unlock(&disk_lock);
    return code;
}

static void unlock_to(struct disk_handle *handle, int level)
{
    struct disk_node *node = handle->node;
    if (level >= handle->lock_level)
        return;
    if (node->exclusive_by == handle)
        node->exclusive_by = NULL;
    if (node->reserved_by == handle)
        node->reserved_by = NULL;
    if (level < SQLITE_LOCK_SHARED && handle->lock_level >= SQLITE_LOCK_SHARED)
        node->shared_count--;
    handle->lock_level = level;
}

static int vfs_unlock(sqlite3_file *file, int level)
{
    (void)pthread_mutex_lock(&disk_lock);
    unlock_to(handle_of(file), level);
    (void)pthread_mutex_unlock(&disk_lock);
    return SQLITE_OK;
}

static int vfs_check_reserved(sqlite3_file *file, int *answer_out)
{
    (void)pthread_mutex_lock(&disk_lock);
    const struct disk_node *node = handle_of(file)->node;
    *answer_out = node->reserved_by != NULL || node->exclusive_by != NULL;
    (void)pthread_mutex_unlock(&disk_lock);
    return SQLITE_OK;
}

static int map_region(struct disk_handle *handle, size_t region, size_t size, bool extend,
                      void volatile **out)
{
    struct disk_shared *shared = &handle->node->shared;
    bool is_last;
    *out = NULL;
    if (!handle->is_in_shared)
        shared->users++;
    handle->is_in_shared = true;
    if (region >= shared->count && !extend)
        return SQLITE_OK;
    int err = region < shared->count
                  ? 0
                  : disk_step(handle->node->disk, DISK_DB_MAP, handle->path, &is_last);
    if (err != 0)
        return err == ERR_FULL ? SQLITE_FULL : SQLITE_IOERR_SHMSIZE;
    if (region >= shared->count) {
        shared->regions = mem_realloc(shared->regions, (region + 1) * sizeof *shared->regions);
        while (shared->count <= region)
            shared->regions[shared->count++] = mem_zalloc(1, size);
    }
    *out = shared->regions[region];
    return SQLITE_OK;
}

static int vfs_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
    (void)pthread_mutex_lock(&disk_lock);
    int code = map_region(handle_of(file), (size_t)region, (size_t)size, extend != 0, out);
    (void)pthread_mutex_unlock(&disk_lock);
    return code;
}

static bool slot_is_taken(const struct disk_handle *handle, int slot, bool is_exclusive)
{
    const struct disk_shared *shared = &handle->node->shared;
    unsigned own = handle->shared_mask >> slot & 1;
    if (is_others(shared->writer[slot], handle))
        return true;
    return is_exclusive && shared->readers[slot] > own;
}

static void slot_take(struct disk_handle *handle, int slot, bool is_exclusive)
{
    struct disk_shared *shared = &handle->node->shared;
    unsigned bit = 1U << slot;
    if (is_exclusive) {
        shared->writer[slot] = handle;
        handle->exclusive_mask |= bit;
    } else if ((handle->shared_mask & bit) == 0) {
        shared->readers[slot]++;
        handle->shared_mask |= bit;
    }
}

static void slot_give(struct disk_handle *handle, int slot)
{
    struct disk_shared *shared = &handle->node->shared;
    unsigned bit = 1U << slot;
    if ((handle->exclusive_mask & bit) != 0)
        shared->writer[slot] = NULL;
    if ((handle->shared_mask & bit) != 0)
        shared->readers[slot]--;
    handle->exclusive_mask &= ~bit;
    handle->shared_mask &= ~bit;
}

static int lock_slots(struct disk_handle *handle, int first, int end, int flags)
{
    bool is_exclusive = (flags & SQLITE_SHM_EXCLUSIVE) != 0;
    bool is_unlock = (flags & SQLITE_SHM_UNLOCK) != 0;
    require(first >= 0 && end <= DISK_LOCK_SLOTS);
    for (int slot = first; slot < end; slot++) {
        if (!is_unlock && slot_is_taken(handle, slot, is_exclusive))
            return SQLITE_BUSY;
    }
    for (int slot = first; slot < end; slot++) {
        if (is_unlock)
            slot_give(handle, slot);
        else
            slot_take(handle, slot, is_exclusive);
    }
    return SQLITE_OK;
}

static int vfs_shm_lock(sqlite3_file *file, int first, int count, int flags)
{
    (void)pthread_mutex_lock(&disk_lock);
    int code = lock_slots(handle_of(file), first, first + count, flags);
    (void)pthread_mutex_unlock(&disk_lock);
    return code;
}

static void vfs_shm_barrier(sqlite3_file *file)
{
    (void)file;
    (void)pthread_mutex_lock(&disk_lock);
    (void)pthread_mutex_unlock(&disk_lock);
}

static void leave_shared(struct disk_handle *handle)
{
    struct disk_shared *shared = &handle->node->shared;
    if (!handle->is_in_shared)
        return;
    handle->is_in_shared = false;
    for (int slot = 0; slot < DISK_LOCK_SLOTS; slot++)
        slot_give(handle, slot);
    if (--shared->users > 0)
        return;
    for (size_t i = 0; i < shared->count; i++)
        mem_free(shared->regions[i]);
    mem_free(shared->regions);
    *shared = (struct disk_shared){0};
}

static int vfs_shm_unmap(sqlite3_file *file, int is_deleted)
{
    (void)is_deleted;
    (void)pthread_mutex_lock(&disk_lock);
    leave_shared(handle_of(file));
    (void)pthread_mutex_unlock(&disk_lock);
    return SQLITE_OK;
}

void disk_locks_drop(struct disk_handle *handle)
{
    unlock_to(handle, SQLITE_LOCK_NONE);
    leave_shared(handle);
}

void disk_vfs_add_locks(struct sqlite3_io_methods *methods)
{
    methods->xLock = vfs_lock;
    methods->xUnlock = vfs_unlock;
    methods->xCheckReservedLock = vfs_check_reserved;
    methods->xShmMap = vfs_shm_map;
    methods->xShmLock = vfs_shm_lock;
    methods->xShmBarrier = vfs_shm_barrier;
    methods->xShmUnmap = vfs_shm_unmap;
}
