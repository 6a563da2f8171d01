/*
 * segment: the files in segments/ that hold the bodies of up to body_memory_max. The writer puts
 * all bodies of a batch behind each other with one pwritev into space that was zero-filled ahead
 * (overwriting written blocks syncs twice as fast as appending; fallocate alone gains nothing) and
 * syncs once. A segment whose sync did not work is never written again: what a later sync says
 * about it proves nothing. Every start begins a new one.
 *
 * The rows and live bytes are segment_rows.c's, moving and zeroing are relocate.c's.
 * Tests: tests/unit/test_store_crash.c, test_store_reaper.c.
 */
#include "store/segment_internal.h"

#include <fcntl.h>

#include "base/mem.h"
#include "base/require.h"
#include "store/body_internal.h"
#include "store/fd_internal.h"
#include "store/store_internal.h"

enum { PIECES_MAX = 256 /* of one pwritev; IOV_MAX is 1024 */ };

struct segment *segments_find(struct segments *segments, uint64_t id)
{
    for (size_t i = 0; i < segments->count; i++) {
        if (segments->items[i].id == id)
            return &segments->items[i];
    }
    return NULL;
}

static struct segment *segments_current(struct segments *segments)
{
    require(segments->current < segments->count);
    return &segments->items[segments->current];
}

/* The current one gets no more bodies. */
static void segments_retire(struct segments *segments, struct store *store)
{
    if (segments->fd >= 0)
        (void)store->files->close(segments->fd); /* what counts was synced */
    if (segments->current != SEGMENT_NONE)
        segments->items[segments->current].zeroed = 0; /* from here on: what was zeroed again */
    segments->fd = -1;
    segments->current = SEGMENT_NONE;
}

/* The same for good: what its next sync says could be a lie. */
static void segments_abandon(struct segments *segments, struct store *store)
{
    if (segments->current != SEGMENT_NONE)
        segments->items[segments->current].is_distrusted = true;
    segments_retire(segments, store);
}

void segments_close(struct segments *segments, struct store *store)
{
    segments_retire(segments, store);
    mem_free(segments->items);
    segments->items = NULL;
    segments->count = segments->capacity = 0;
}

/* A dead one that was zeroed, under a new name: an old place in it must not be found any more. */
static int segment_begin_spare(struct segments *segments, struct store *store, size_t place)
{
    struct segment *segment = &segments->items[place];
    char old_path[STORE_PATH_SIZE], path[STORE_PATH_SIZE];
    uint64_t id = segments->next_id++;
    store_segment_path(segment->id, old_path);
    store_segment_path(id, path);
    fd_cache_forget(store->fds, &(struct store_blob){.segment = segment->id});
    segment->is_spare = false;
    int err = store->files->rename(store->segments_fd, old_path, path);
    if (err != 0)
        return err;
    *segment = (struct segment){.id = id,
                                .zeroed = segment->zeroed,
                                .replaces = segment->has_row ? segment->id : segment->replaces};
    segments->current = place;
    err = store->files->sync_dir(store->segments_fd);
    if (err == 0)
        err = store->files->open(store->segments_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0,
                                 &segments->fd);
    return err;
}

static int segment_begin_new(struct segments *segments, struct store *store)
{
    char path[STORE_PATH_SIZE];
    int err = ERR_EXISTS;
    for (int i = 0; i < 16 && err == ERR_EXISTS; i++) {
        store_segment_path(segments->next_id, path);
        err = store->files->open(store->segments_fd, path,
                                 O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600,
                                 &segments->fd);
        segments->next_id++;
    }
    if (err != 0)
        return err;
    segments->items =
        array_grow(segments->items, segments->count, &segments->capacity, sizeof *segments->items);
    segments->items[segments->count] = (struct segment){.id = segments->next_id - 1};
    segments->current = segments->count++;
    return store->files->sync_dir(store->segments_fd);
}

static int segment_begin(struct segments *segments, struct store *store)
{
    int err = ERR_NOT_FOUND;
    for (size_t i = 0; i < segments->count && err == ERR_NOT_FOUND; i++) {
        if (segments->items[i].is_spare)
            err = segment_begin_spare(segments, store, i);
    }
    if (err == ERR_NOT_FOUND)
        err = segment_begin_new(segments, store);
    if (err != 0)
        segments_retire(segments, store);
    return err;
}

/* Zeroes up to at least `end`. */
static int segment_fill(struct segments *segments, struct store *store, uint64_t end)
{
    struct segment *segment = segments_current(segments);
    if (segment->zeroed < segment->used)
        segment->zeroed = segment->used;
    if (end <= segment->zeroed)
        return 0;
    uint64_t size = end - segment->zeroed;
    size = (size + SEGMENT_FILL_STEP - 1) / SEGMENT_FILL_STEP * SEGMENT_FILL_STEP;
    int err = store->files->zero_fill(segments->fd, (int64_t)segment->zeroed, (int64_t)size);
    if (err == 0)
        segment->zeroed += size;
    return err;
}

bool segments_fill_ahead(struct segments *segments, struct store *store)
{
    if (segments->current == SEGMENT_NONE)
        return false;
    const struct segment *segment = segments_current(segments);
    if (segment->used == 0)
        return false;
    uint64_t wanted = segment->used + SEGMENT_FILL_AHEAD;
    if (wanted > store->settings.segment_size)
        wanted = store->settings.segment_size;
    if (segment->zeroed >= wanted)
        return false;
    int err = segment_fill(segments, store, segment->zeroed + 1);
    if (err == ERR_FULL)
        return false; /* what is zeroed already takes mail as before */
    if (err == 0)
        err = store->files->fdatasync(segments->fd);
    if (err != 0)
        segments_abandon(segments, store);
    return err == 0 && segment->zeroed < wanted;
}

/* The first pieces that go into the current segment together: at least one. */
static size_t pieces_that_fit(const struct segment *segment, uint64_t segment_size,
                              const struct segment_piece *pieces, size_t count)
{
    uint64_t used = segment->used;
    size_t fitting = 0;
    while (fitting < count && fitting < PIECES_MAX &&
           used + pieces[fitting].bytes.len <= segment_size)
        used += pieces[fitting++].bytes.len;
    return fitting == 0 && segment->used == 0 ? 1 : fitting;
}

/* Room on the disk for the pieces, before any of them is written. */
static int pieces_make_room(struct segments *segments, struct store *store,
                            const struct segment_piece *pieces, size_t count)
{
    uint64_t end = segments_current(segments)->used;
    for (size_t i = 0; i < count; i++)
        end += pieces[i].bytes.len;
    return segment_fill(segments, store, end);
}

static int pieces_write(struct segments *segments, struct store *store,
                        struct segment_piece *pieces, size_t count)
{
    struct segment *segment = segments_current(segments);
    struct iovec parts[PIECES_MAX];
    uint64_t end = segment->used;
    for (size_t i = 0; i < count; i++) {
        parts[i] = (struct iovec){(void *)(uintptr_t)pieces[i].bytes.ptr, pieces[i].bytes.len};
        pieces[i].segment = segment->id;
        pieces[i].offset = end;
        end += pieces[i].bytes.len;
    }
    int err = store->files->pwritev(segments->fd, parts, (int)count, (int64_t)segment->used);
    if (err == 0)
        err = store->files->fdatasync(segments->fd);
    segment->used = end;
    segment->is_dirty = true;
    return err;
}

int segments_write(struct segments *segments, struct store *store, struct segment_piece *pieces,
                   size_t count)
{
    int err = 0;
    for (size_t done = 0; done < count && err == 0;) {
        if (segments->current == SEGMENT_NONE)
            err = segment_begin(segments, store);
        if (err != 0)
            break;
        size_t fitting = pieces_that_fit(segments_current(segments), store->settings.segment_size,
                                         pieces + done, count - done);
        if (fitting == 0) {
            segments_retire(segments, store);
            continue;
        }
        err = pieces_make_room(segments, store, pieces + done, fitting);
        if (err == ERR_FULL)
            return err; /* nothing was written: the segment is as good as before */
        if (err == 0)
            err = pieces_write(segments, store, pieces + done, fitting);
        done += fitting;
    }
    if (err != 0)
        segments_abandon(segments, store);
    return err;
}

static bool request_has_memory_body(const struct request *request)
{
    return request->body != NULL && !request->body->is_file && *request->status == 0;
}

void segments_place(struct segments *segments, struct store *store, struct request **requests,
                    size_t count)
{
    struct segment_piece *pieces = mem_zalloc(count + 1, sizeof *pieces);
    size_t piece_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (request_has_memory_body(requests[i]) && requests[i]->body->size > 0)
            pieces[piece_count++].bytes = buf_span(&requests[i]->body->bytes);
    }
    int err = segments_write(segments, store, pieces, piece_count);
    piece_count = 0;
    for (size_t i = 0; i < count; i++) {
        if (!request_has_memory_body(requests[i]) || requests[i]->body->size == 0)
            continue;
        requests[i]->body->segment = pieces[piece_count].segment;
        requests[i]->body->offset = pieces[piece_count++].offset;
        if (err != 0)
            request_fail(requests[i], err);
    }
    mem_free(pieces);
}
