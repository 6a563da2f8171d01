/*
 * store: making, opening, locking and closing; the readers' connections and ids. What happens in
 * between is in the files that store.h names.
 *
 * Tests: all tests/unit/test_store_*.c; test_store_crash.c opens what was killed.
 */
#include "store/store.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/require.h"
#include "store/account_internal.h"
#include "store/fd_internal.h"
#include "store/migrate.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"

static int open_dir(const struct file_ops *files, int parent_fd, const char *path,
                    struct fault *fault)
{
    int fd;
    int err = files->open(parent_fd, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0, &fd);
    if (err == 0)
        return fd;
    return fault_set(fault, err,
                     "could not open the directory %s: %s; check that it is there and belongs to "
                     "this user",
                     path, strerror(errno));
}

/* The lock goes with the open file: however the process ends, it is given back. */
static int lock_take(const struct file_ops *files, int dir_fd, struct fault *fault)
{
    int fd;
    int err = files->open(dir_fd, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600, &fd);
    if (err != 0)
        return fault_set(fault, err, "could not open the store's lock: %s", strerror(errno));
    err = files->lock(fd);
    if (err == 0)
        return fd;
    (void)fault_set(fault, err,
                    err == ERR_EXISTS
                        ? "could not lock the store: another process has it open; is the server "
                          "running? Stop it or use its control socket"
                        : "could not lock the store: %s",
                    strerror(errno));
    (void)files->close(fd); /* nothing was written */
    return err;
}

static int make_dir(const struct file_ops *files, int dir_fd, const char *name, struct fault *fault)
{
    int err = files->make_dir(dir_fd, name, 0700);
    if (err == 0 || err == ERR_EXISTS)
        return 0;
    return fault_set(fault, err, "could not make the directory %s: %s", name, strerror(errno));
}

/* SQLite would make the file for all to read, and gives its log the same mode. */
static int make_private(const struct file_ops *files, int dir_fd, const char *name,
                        struct fault *fault)
{
    int fd;
    int err =
        files->open(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600, &fd);
    if (err != 0)
        return fault_set(fault, err, "could not make the file %s: %s", name, strerror(errno));
    (void)files->close(fd); /* it is empty */
    return 0;
}

static int make_database(const char *dir, struct fault *fault)
{
    char *path = mem_printf("%s/store.db", dir);
    struct db *db = db_open(path, DB_WRITE, DB_MAKE, fault);
    int err = db == NULL ? fault->err : migrate(db, fault);
    db_close(&db);
    mem_free(path);
    return err;
}

static int store_make_files(const struct file_ops *files, int dir_fd, const char *dir,
                            struct fault *fault)
{
    int fd;
    int err = files->open(dir_fd, "store.db", O_RDONLY | O_CLOEXEC | O_NOFOLLOW, 0, &fd);
    if (err == 0)
        (void)files->close(fd); /* not even read */
    if (err == 0)
        return fault_set(fault, ERR_EXISTS, "could not make a store in %s: there is one already",
                         dir);
    if (err != ERR_NOT_FOUND)
        return fault_set(fault, err, "could not look for a store in %s: %s", dir, strerror(errno));
    err = make_dir(files, dir_fd, "segments", fault);
    if (err == 0)
        err = make_dir(files, dir_fd, "bodies", fault);
    if (err == 0)
        err = make_private(files, dir_fd, "store.db", fault);
    if (err == 0)
        err = make_database(dir, fault);
    if (err == 0 && files->sync_dir(dir_fd) != 0)
        err = fault_set(fault, ERR_IO, "could not make the store durable: %s", strerror(errno));
    return err;
}

int store_make(const char *dir, const struct file_ops *files, struct fault *fault)
{
    fault_clear(fault);
    if (files == NULL)
        files = &file_system;
    int dir_fd;
    int err = files->open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &dir_fd);
    if (err != 0)
        return fault_set(fault, err, "could not open the directory %s: %s", dir, strerror(errno));
    int lock_fd = lock_take(files, dir_fd, fault);
    err = lock_fd < 0 ? lock_fd : store_make_files(files, dir_fd, dir, fault);
    if (lock_fd >= 0)
        (void)files->close(lock_fd); /* directories and the lock: nothing to lose */
    (void)files->close(dir_fd);
    return err;
}

static void store_init(struct store *store, const struct store_options *options)
{
    store->settings = *options->settings;
    store->jobs = options->jobs;
    store->clock = options->clock;
    store->entropy = options->entropy;
    store->files = options->files != NULL ? options->files : &file_system;
    store->db_path = mem_printf("%s/store.db", options->dir);
    store->dir_fd = store->lock_fd = store->segments_fd = store->bodies_fd = -1;
    (void)pthread_mutex_init(&store->readers_lock, NULL);
    (void)pthread_mutex_init(&store->snapshot_lock, NULL);
    (void)pthread_mutex_init(&store->recent_lock, NULL);
    (void)pthread_mutex_init(&store->ports_lock, NULL);
    (void)pthread_mutex_init(&store->discard_lock, NULL);
    map_init(&store->recent);
    list_init(&store->ports);
    store->fds = fd_cache_create(store);
    store->views = view_cache_create();
}

static int store_open_files(struct store *store, const char *dir, struct fault *fault)
{
    const struct file_ops *files = store->files;
    int err = files->open(AT_FDCWD, dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, &store->dir_fd);
    if (err != 0)
        return fault_set(fault, err, "could not open the store %s: %s; `postern init` makes one",
                         dir, strerror(errno));
    store->lock_fd = lock_take(files, store->dir_fd, fault);
    if (store->lock_fd < 0)
        return store->lock_fd;
    store->segments_fd = open_dir(files, store->dir_fd, "segments", fault);
    if (store->segments_fd < 0)
        return fault->err;
    store->bodies_fd = open_dir(files, store->dir_fd, "bodies", fault);
    return store->bodies_fd < 0 ? fault->err : 0;
}

static int store_read_last_id(struct store *store, struct db *db, struct fault *fault)
{
    struct db_rows rows;
    if (db_query_one(db, SQL_LAST_ID, NULL, 0, &rows) != 1)
        return db_fault(db, fault, "read the store's newest id");
    atomic_init(&store->last_id, db_u64_at(&rows, 0));
    db_done(&rows);
    return 0;
}

static int store_open_database(struct store *store, struct fault *fault)
{
    struct db *db = db_open(store->db_path, DB_WRITE, DB_OPEN, fault);
    if (db == NULL)
        return fault->err;
    int err = migrate(db, fault);
    if (err == 0)
        err = store_read_last_id(store, db, fault);
    if (err == 0 && snapshot_load(store, db) != 0)
        err = db_fault(db, fault, "read the users");
    if (err != 0) {
        db_close(&db);
        return err;
    }
    store->writer = writer_create(store, db);
    return segments_open(&store->writer->segments, store, db, fault);
}

struct store *store_open(const struct store_options *options, struct fault *fault)
{
    fault_clear(fault);
    struct store *store = mem_new(struct store);
    store_init(store, options);
    int err = store_open_files(store, options->dir, fault);
    if (err == 0)
        err = store_renew_log(store, fault);
    if (err == 0)
        err = store_open_database(store, fault);
    if (err != 0) {
        store_close(&store);
        return NULL;
    }
    jobs_set_batch(store->jobs, JOB_WRITE, writer_batch, store->writer);
    return store;
}

static void close_fd(const struct store *store, int fd)
{
    if (fd >= 0)
        (void)store->files->close(fd); /* directories and the lock: nothing to lose */
}

void store_close(struct store **store_ref)
{
    struct store *store = *store_ref;
    *store_ref = NULL;
    if (store == NULL)
        return;
    require(list_is_empty(&store->ports));
    bool is_in_doubt = store->writer != NULL && store->writer->is_in_doubt;
    if (store->bodies_fd >= 0 && !is_in_doubt)
        store_unlink_discarded(store);
    writer_free(&store->writer);
    for (size_t i = 0; i < store->reader_count; i++)
        db_close(&store->readers[i]);
    fd_cache_free(&store->fds);
    view_cache_free(&store->views);
    snapshot_free(&store->snapshot);
    map_deinit(&store->recent);
    mem_free(store->discarded); /* the next start unlinks these files, if no row knows them */
    close_fd(store, store->bodies_fd);
    close_fd(store, store->segments_fd);
    close_fd(store, store->lock_fd);
    close_fd(store, store->dir_fd);
    (void)pthread_mutex_destroy(&store->readers_lock);
    (void)pthread_mutex_destroy(&store->snapshot_lock);
    (void)pthread_mutex_destroy(&store->recent_lock);
    (void)pthread_mutex_destroy(&store->ports_lock);
    (void)pthread_mutex_destroy(&store->discard_lock);
    mem_free(store->db_path);
    mem_free(store);
}

uint64_t store_next_id(struct store *store)
{
    uint64_t now = (uint64_t)clock_wall_us(store->clock);
    uint64_t last = atomic_load(&store->last_id), next;
    do {
        next = now > last ? now : last + 1;
    } while (!atomic_compare_exchange_weak(&store->last_id, &last, next));
    return next;
}

struct db *readers_take(struct store *store, struct fault *fault)
{
    struct db *db = NULL;
    (void)pthread_mutex_lock(&store->readers_lock);
    if (store->reader_count > 0)
        db = store->readers[--store->reader_count];
    (void)pthread_mutex_unlock(&store->readers_lock);
    return db != NULL ? db : db_open(store->db_path, DB_READ, DB_OPEN, fault);
}

void readers_give(struct store *store, struct db *db)
{
    (void)pthread_mutex_lock(&store->readers_lock);
    if (store->reader_count < STORE_READERS_MAX) {
        store->readers[store->reader_count++] = db;
        db = NULL;
    }
    (void)pthread_mutex_unlock(&store->readers_lock);
    db_close(&db);
}

void store_discard_file(struct store *store, uint64_t blob)
{
    (void)pthread_mutex_lock(&store->discard_lock);
    store->discarded = array_grow(store->discarded, store->discarded_count,
                                  &store->discarded_capacity, sizeof *store->discarded);
    store->discarded[store->discarded_count++] = blob;
    (void)pthread_mutex_unlock(&store->discard_lock);
}

void store_unlink_discarded(struct store *store)
{
    (void)pthread_mutex_lock(&store->discard_lock);
    uint64_t *blobs = store->discarded;
    size_t count = store->discarded_count;
    store->discarded = NULL;
    store->discarded_count = store->discarded_capacity = 0;
    (void)pthread_mutex_unlock(&store->discard_lock);

    for (size_t i = 0; i < count; i++) {
        char path[STORE_PATH_SIZE];
        store_body_path(blobs[i], path);
        fd_cache_forget(store->fds, &(struct store_blob){.id = blobs[i]});
        (void)store->files->unlink(store->bodies_fd, path); /* else the next start unlinks it */
    }
    mem_free(blobs);
}

void store_body_path(uint64_t blob, char path_out[STORE_PATH_SIZE])
{
    (void)snprintf(path_out, STORE_PATH_SIZE, "%016llx", (unsigned long long)blob);
}

void store_segment_path(uint64_t segment, char path_out[STORE_PATH_SIZE])
{
    (void)snprintf(path_out, STORE_PATH_SIZE, "%016llx", (unsigned long long)segment);
}

uint32_t recent_from(struct store *store, uint64_t mailbox, uint32_t kept, uint32_t uidnext,
                     enum recent_use use)
{
    (void)pthread_mutex_lock(&store->recent_lock);
    uint32_t from = (uint32_t)(uintptr_t)map_get_u64(&store->recent, mailbox);
    if (from < kept)
        from = kept;
    if (use == RECENT_CLAIM && uidnext > from)
        (void)map_set_u64(&store->recent, mailbox, (void *)(uintptr_t)uidnext);
    (void)pthread_mutex_unlock(&store->recent_lock);
    return from;
}
