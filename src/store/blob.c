/*
 * blob: stored bytes on their way out. A small cache keeps the files open that readers use: a loop
 * thread reads from it what is in the page cache, a lane opens and reads what is not. Through the
 * lane a body is looked up by its id, for it may have moved since, and checked against its
 * checksum.
 *
 * Tests: tests/unit/test_store_accept.c, test_store_reaper.c.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "store/fd_internal.h"
#include "store/request_internal.h"
#include "store/store_internal.h"

enum {
    FDS_MAX = 128,
    /* A body up to this size is read whole and checked however little of it was asked for. A
     * larger one is checked only when all of it is asked for: reading it again for each slice
     * would make FETCH quadratic. */
    BLOB_CHECK_MAX = 1024 * 1024
};

struct fd_slot {
    uint64_t segment, blob; /* segment 0: blob's own file; both 0: free */
    int fd;
    unsigned refs;
    uint64_t used_at;
    bool is_stale; /* closed by the last who uses it */
};

struct fd_cache {
    struct store *store;
    pthread_mutex_t lock;
    uint64_t turn;
    struct fd_slot slots[FDS_MAX];
};

struct fd_cache *fd_cache_create(struct store *store)
{
    struct fd_cache *cache = mem_new(struct fd_cache);
    cache->store = store;
    (void)pthread_mutex_init(&cache->lock, NULL);
    return cache;
}

static void slot_close(struct fd_cache *cache, struct fd_slot *slot)
{
    (void)cache->store->files->close(slot->fd); /* opened for reading only */
    *slot = (struct fd_slot){0};
}

static bool slot_is_used(const struct fd_slot *slot)
{
    return slot->segment != 0 || slot->blob != 0;
}

void fd_cache_free(struct fd_cache **cache_ref)
{
    struct fd_cache *cache = *cache_ref;
    *cache_ref = NULL;
    if (cache == NULL)
        return;
    for (size_t i = 0; i < FDS_MAX; i++) {
        if (slot_is_used(&cache->slots[i]))
            slot_close(cache, &cache->slots[i]);
    }
    (void)pthread_mutex_destroy(&cache->lock);
    mem_free(cache);
}

static bool slot_is_for(const struct fd_slot *slot, const struct store_blob *blob)
{
    if (!slot_is_used(slot) || slot->is_stale || slot->segment != blob->segment)
        return false;
    return blob->segment != 0 || slot->blob == blob->id;
}

/* Takes a reference; NULL: not open. */
static struct fd_slot *fd_cache_get(struct fd_cache *cache, const struct store_blob *blob)
{
    struct fd_slot *found = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < FDS_MAX && found == NULL; i++) {
        if (slot_is_for(&cache->slots[i], blob))
            found = &cache->slots[i];
    }
    if (found != NULL) {
        found->refs++;
        found->used_at = ++cache->turn;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

static void fd_cache_put(struct fd_cache *cache, struct fd_slot *slot)
{
    (void)pthread_mutex_lock(&cache->lock);
    slot->refs--;
    if (slot->refs == 0 && slot->is_stale)
        slot_close(cache, slot);
    (void)pthread_mutex_unlock(&cache->lock);
}

/* Under the lock: a free slot, else the one unused for longest; NULL when all are in use. */
static struct fd_slot *fd_cache_room(struct fd_cache *cache)
{
    struct fd_slot *best = NULL;
    for (size_t i = 0; i < FDS_MAX; i++) {
        struct fd_slot *slot = &cache->slots[i];
        if (!slot_is_used(slot))
            return slot;
        if (slot->refs == 0 && (best == NULL || slot->used_at < best->used_at))
            best = slot;
    }
    if (best != NULL)
        slot_close(cache, best);
    return best;
}

static int blob_open(struct store *store, const struct store_blob *blob, int *fd_out)
{
    char path[STORE_PATH_SIZE];
    int dir_fd = blob->segment != 0 ? store->segments_fd : store->bodies_fd;
    if (blob->segment != 0)
        store_segment_path(blob->segment, path);
    else
        store_body_path(blob->id, path);
    return store->files->open(dir_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0, fd_out);
}

/* Takes the fd, or closes it when there is no room. */
static void fd_cache_add(struct fd_cache *cache, const struct store_blob *blob, int fd)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct fd_slot *slot = fd_cache_room(cache);
    if (slot != NULL)
        *slot = (struct fd_slot){.segment = blob->segment,
                                 .blob = blob->segment != 0 ? 0 : blob->id,
                                 .fd = fd,
                                 .used_at = ++cache->turn};
    (void)pthread_mutex_unlock(&cache->lock);
    if (slot == NULL)
        (void)cache->store->files->close(fd);
}

void fd_cache_forget(struct fd_cache *cache, const struct store_blob *blob)
{
    (void)pthread_mutex_lock(&cache->lock);
    for (size_t i = 0; i < FDS_MAX; i++) {
        struct fd_slot *slot = &cache->slots[i];
        if (!slot_is_for(slot, blob))
            continue;
        slot->is_stale = true;
        if (slot->refs == 0)
            slot_close(cache, slot);
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

static size_t blob_cut(const struct store_blob *blob, uint64_t offset, size_t size)
{
    if (offset >= blob->length)
        return 0;
    return size < blob->length - offset ? size : (size_t)(blob->length - offset);
}

int64_t fd_cache_read_now(struct fd_cache *cache, const struct store_blob *blob, uint64_t offset,
                          void *bytes_out, size_t size)
{
    struct fd_slot *slot = fd_cache_get(cache, blob);
    if (slot == NULL)
        return ERR_AGAIN;
    int64_t got = cache->store->files->pread_nowait(slot->fd, bytes_out, size,
                                                    (int64_t)(blob->offset + offset));
    fd_cache_put(cache, slot);
    return got == 0 ? ERR_AGAIN : got;
}

int64_t fd_cache_read(struct fd_cache *cache, const struct store_blob *blob, uint64_t offset,
                      void *bytes_out, size_t size)
{
    int64_t at = (int64_t)(blob->offset + offset);
    struct fd_slot *slot = fd_cache_get(cache, blob);
    if (slot != NULL) {
        int64_t got = cache->store->files->pread(slot->fd, bytes_out, size, at);
        fd_cache_put(cache, slot);
        return got;
    }
    int fd;
    int err = blob_open(cache->store, blob, &fd);
    if (err != 0)
        return err;
    int64_t got = cache->store->files->pread(fd, bytes_out, size, at);
    fd_cache_add(cache, blob, fd);
    return got;
}

int64_t store_read_now(struct store *store, const struct store_blob *blob, uint64_t offset,
                       void *bytes_out, size_t size)
{
    size = blob_cut(blob, offset, size);
    return size == 0 ? ERR_AGAIN : fd_cache_read_now(store->fds, blob, offset, bytes_out, size);
}

int blob_find(struct db *db, uint64_t id, struct store_blob *out, uint32_t *crc_out)
{
    struct db_rows rows;
    int found = db_query_one(db, SQL_BLOB, DB_ARGS(db_u64(id)), &rows);
    if (found < 0)
        return found;
    if (found == 0)
        return ERR_NOT_FOUND;
    *out = (struct store_blob){id, db_u64_at(&rows, 0), db_u64_at(&rows, 1), db_u64_at(&rows, 2)};
    *crc_out = db_u32_at(&rows, 3);
    db_done(&rows);
    return 0;
}

/* Exactly size bytes, or an error. */
static int blob_read_part(struct store *store, const struct store_blob *blob, uint64_t offset,
                          char *bytes_out, size_t size)
{
    if (size == 0)
        return 0; /* an empty body lies nowhere */
    int64_t got = fd_cache_read(store->fds, blob, offset, bytes_out, size);
    if (got < 0)
        return (int)got;
    return (size_t)got == size ? 0 : ERR_CORRUPT;
}

int blob_read_all(struct store *store, struct db *db, const struct blob_want *want,
                  struct arena *arena, struct span *out)
{
    struct store_blob blob;
    uint32_t crc;
    int err = blob_find(db, want->id, &blob, &crc);
    if (err != 0)
        return err;
    if (blob.length > want->max)
        return ERR_LIMIT;
    char *bytes = arena_alloc(arena, (size_t)blob.length + 1);
    err = blob_read_part(store, &blob, 0, bytes, (size_t)blob.length);
    *out = span_make(bytes, (size_t)blob.length);
    if (err == 0 && codec_crc32c(0, *out) != crc)
        err = ERR_CORRUPT;
    return err;
}

struct read_request {
    struct request base;
    struct store_read pub;
    uint64_t blob, offset;
    size_t size;
};
REQUEST_LAYOUT(read_request);

/* Reads the whole, checks it, and leaves the part that was asked for at the front. */
static int read_checked(struct read_request *request, const struct store_blob *blob, uint32_t crc)
{
    size_t length = (size_t)blob->length;
    size_t size = blob_cut(blob, request->offset, request->size);
    request->pub.bytes = mem_alloc(length + 1);
    int err = blob_read_part(request->base.store, blob, 0, request->pub.bytes, length);
    if (err != 0)
        return err;
    if (codec_crc32c(0, span_make(request->pub.bytes, length)) != crc)
        return fault_set(&request->pub.fault, ERR_CORRUPT,
                         "could not read message body %llx: its checksum is wrong; restore it "
                         "from a backup",
                         (unsigned long long)blob->id);
    if (size > 0)
        memmove(request->pub.bytes, request->pub.bytes + request->offset, size);
    request->pub.len = size;
    return 0;
}

static int read_run(struct request *base, struct db *db)
{
    struct read_request *request = (struct read_request *)(void *)base;
    struct store_blob blob;
    uint32_t crc;
    int err = blob_find(db, request->blob, &blob, &crc);
    if (err != 0)
        return err;
    if (blob.length <= BLOB_CHECK_MAX || (request->offset == 0 && request->size >= blob.length))
        return read_checked(request, &blob, crc);

    size_t size = blob_cut(&blob, request->offset, request->size);
    request->pub.bytes = mem_alloc(size + 1);
    err = blob_read_part(base->store, &blob, request->offset, request->pub.bytes, size);
    request->pub.len = err == 0 ? size : 0;
    return err;
}

static void read_release(struct request *base)
{
    struct read_request *request = (struct read_request *)(void *)base;
    mem_free(request->pub.bytes);
    request->pub.bytes = NULL;
}

static const struct request_kind read_kind = {
    .what = "read the message's bytes",
    .lane = JOB_READ,
    .read = read_run,
    .reset = read_release,
    .release = read_release,
};

struct store_read *store_read_create(struct store *store, const struct store_blob *blob,
                                     uint64_t offset, size_t size)
{
    struct read_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &read_kind, store, &request->pub.status, &request->pub.fault);
    request->blob = blob->id;
    request->offset = offset;
    request->size = size;
    return &request->pub;
}
