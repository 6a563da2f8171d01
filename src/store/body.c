/*
 * body: a message's bytes on their way in: collected in memory, or written to a file of their own
 * by flush jobs once they are too many. The scan for ENVELOPE and BODYSTRUCTURE and the checksum
 * run as the bytes come. Where a memory body ends up is segment.c's business.
 *
 * Tests: tests/unit/test_store_accept.c, test_store_crash.c.
 */
#include "store/body_internal.h"

#include <fcntl.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "store/request_internal.h"
#include "store/store_internal.h"

enum {
    BODY_STEP = 256 * 1024,      /* written at once: measured best for large bodies */
    BODY_STEP_SHORT = 16 * 1024, /* when body_memory_total is used up: hold as little as sensible */
    BODY_RESERVE = 16 * 1024     /* steps in which the total is counted */
};

struct store_body *store_body_create(struct store *store, enum store_body_scan mode)
{
    struct store_body *body = mem_new(struct store_body);
    atomic_init(&body->refs, 1);
    body->store = store;
    body->id = store_next_id(store);
    body->mode = mode;
    body->fd = -1;
    buf_init(&body->bytes, 0);
    if (mode == STORE_BODY_SCAN)
        body->scan = mime_scan_create(store->settings.message_parts_max);
    return body;
}

uint64_t store_body_id(const struct store_body *body)
{
    return body->id;
}

uint64_t store_body_size(const struct store_body *body)
{
    return body->size;
}

/* Counts what the body holds in memory, in coarse steps: exactness is not worth an atomic per add.
 */
static void body_count_memory(struct store_body *body)
{
    uint64_t needed = (body->bytes.len + BODY_RESERVE - 1) / BODY_RESERVE * BODY_RESERVE;
    if (needed == body->reserved)
        return;
    (void)atomic_fetch_add(&body->store->body_memory, needed - body->reserved);
    body->reserved = needed;
}

static bool body_total_is_used_up(const struct store_body *body)
{
    return atomic_load(&body->store->body_memory) > body->store->settings.body_memory_total;
}

void store_body_add(struct store_body *body, struct span bytes)
{
    require(!body->is_finished && !body->is_synced);
    if (bytes.len == 0)
        return;
    body->size += bytes.len;
    body->crc = codec_crc32c(body->crc, bytes);
    if (body->scan != NULL)
        mime_scan_feed(body->scan, bytes);
    buf_put(&body->bytes, bytes);
    body_count_memory(body);
    if (body->bytes.len > body->store->settings.body_memory_max || body_total_is_used_up(body))
        body->is_file = true;
}

bool store_body_wants_flush(const struct store_body *body)
{
    if (!body->is_file || body->is_failed)
        return false;
    size_t step = body_total_is_used_up(body) ? BODY_STEP_SHORT : BODY_STEP;
    return body->bytes.len >= step;
}

bool store_body_wants_sync(const struct store_body *body)
{
    return body->is_file && !body->is_synced;
}

void body_finish(struct store_body *body)
{
    if (body->is_finished)
        return;
    body->is_finished = true;
    if (body->scan != NULL)
        mime_scan_finish(body->scan, &body->result);
}

unsigned store_body_received_count(const struct store_body *body)
{
    /* The scan ends when the count is asked for: all bytes are there by then. */
    struct store_body *changed = (struct store_body *)(uintptr_t)body;
    body_finish(changed);
    return body->result.received_count;
}

void store_body_free(struct store_body **body_ref)
{
    struct store_body *body = *body_ref;
    *body_ref = NULL;
    if (body == NULL || atomic_fetch_sub_explicit(&body->refs, 1, memory_order_acq_rel) != 1)
        return;
    (void)atomic_fetch_sub(&body->store->body_memory, body->reserved);
    if (body->fd >= 0)
        (void)body->store->files->close(body->fd); /* synced, or to be unlinked */
    if (body->is_file && body->written > 0 && !body->is_kept)
        store_discard_file(body->store, body->id);
    mime_scan_free(&body->scan);
    buf_release(&body->bytes);
    mem_free(body);
}

struct flush_request {
    struct request base;
    struct store_body_flush pub;
    struct store_body *body; /* a reference */
    bool is_sync;
};
REQUEST_LAYOUT(flush_request);

static int body_open(struct store_body *body)
{
    if (body->fd >= 0)
        return 0;
    char path[STORE_PATH_SIZE];
    store_body_path(body->id, path);
    return body->store->files->open(body->store->bodies_fd, path,
                                    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600,
                                    &body->fd);
}

static int body_write(struct store_body *body)
{
    struct span bytes = buf_span(&body->bytes);
    if (bytes.len == 0)
        return 0;
    uint64_t offset = body->written;
    body->written += bytes.len; /* even when it fails: there may be a file to unlink */
    struct iovec part = {body->bytes.data + body->bytes.start, bytes.len};
    int err = body->store->files->pwritev(body->fd, &part, 1, (int64_t)offset);
    buf_release(&body->bytes);
    body_count_memory(body);
    return err;
}

static int body_sync(struct store_body *body)
{
    const struct file_ops *files = body->store->files;
    int err = files->fdatasync(body->fd);
    if (err == 0)
        err = files->sync_dir(body->store->bodies_fd);
    if (err == 0) {
        err = files->close(body->fd);
        body->fd = -1;
        body->is_synced = true;
    }
    return err;
}

static int flush_run(struct request *base)
{
    struct flush_request *request = (struct flush_request *)(void *)base;
    struct store_body *body = request->body;
    int err = body->is_failed ? ERR_IO : body_open(body);
    if (err == 0)
        err = body_write(body);
    if (err == 0 && request->is_sync)
        err = body_sync(body);
    body->is_failed = err != 0;
    return err;
}

static void flush_release(struct request *base)
{
    store_body_free(&((struct flush_request *)(void *)base)->body);
}

/* Disk writes of 256 KiB: short enough for the readers' lane, and never behind a SEARCH. */
static const struct request_kind flush_kind = {
    .what = "write the message to its file",
    .lane = JOB_READ,
    .work = flush_run,
    .release = flush_release,
};

static struct store_body_flush *flush_create(struct store_body *body, bool is_sync)
{
    struct flush_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &flush_kind, body->store, &request->pub.status,
                 &request->pub.fault);
    (void)atomic_fetch_add_explicit(&body->refs, 1, memory_order_relaxed);
    request->body = body;
    request->is_sync = is_sync;
    return &request->pub;
}

struct store_body_flush *store_body_flush_create(struct store_body *body)
{
    return flush_create(body, false);
}

struct store_body_flush *store_body_sync_create(struct store_body *body)
{
    body_finish(body);
    return flush_create(body, true);
}
