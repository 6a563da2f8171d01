/*
 * relocate: what becomes of segments that die. Less than half alive: their live bodies move into
 * the current one, a slice at a time, checked on the way. Wholly dead, and the grace over (readers
 * may still hold old places): two are zeroed and kept for reuse, others unlinked.
 *
 * Tests: tests/unit/test_store_reaper.c.
 */
#include <fcntl.h>

#include "base/codec.h"
#include "base/log.h"
#include "base/mem.h"
#include "store/fd_internal.h"
#include "store/reaper_internal.h"
#include "store/writer_internal.h"

enum {
    MOVE_BYTES_MAX = 1024 * 1024, /* a slice */
    MOVE_BLOBS_MAX = 256
};

struct moved_blob {
    struct store_blob from;
    uint32_t crc;
};

struct moved {
    struct moved_blob blobs[MOVE_BLOBS_MAX];
    struct segment_piece pieces[MOVE_BLOBS_MAX];
    size_t count;
    struct arena arena;
};

static struct segment *segment_to_move(struct segments *segments)
{
    for (size_t i = 0; i < segments->count; i++) {
        struct segment *segment = &segments->items[i];
        bool is_half_dead = segment->live > 0 && segment->live < segment->used / 2;
        if (i != segments->current && segment->has_row && is_half_dead && !segment->is_stuck)
            return segment;
    }
    return NULL;
}

static int moved_collect(struct writer *writer, const struct segment *segment, struct moved *out)
{
    struct db_rows rows;
    int err = db_query(writer->db, SQL_BLOBS_OF_SEGMENT,
                       DB_ARGS(db_u64(segment->blob_first), db_u64(segment->blob_last),
                               db_u64(segment->id), db_int(MOVE_BLOBS_MAX)),
                       &rows);
    uint64_t bytes = 0;
    while (err == 0 && bytes < MOVE_BYTES_MAX && (err = db_next(&rows)) == 1) {
        out->blobs[out->count++] = (struct moved_blob){
            .from = {db_u64_at(&rows, 0), segment->id, db_u64_at(&rows, 1), db_u64_at(&rows, 2)},
            .crc = db_u32_at(&rows, 3),
        };
        bytes += db_u64_at(&rows, 2);
        err = 0;
    }
    db_done(&rows);
    return err;
}

static int moved_read(struct store *store, struct moved *moved)
{
    for (size_t i = 0; i < moved->count; i++) {
        const struct store_blob *blob = &moved->blobs[i].from;
        size_t length = (size_t)blob->length;
        char *bytes = arena_alloc(&moved->arena, length + 1);
        int64_t got = fd_cache_read(store->fds, blob, 0, bytes, length);
        moved->pieces[i].bytes = span_make(bytes, length);
        if (got != (int64_t)length ||
            codec_crc32c(0, moved->pieces[i].bytes) != moved->blobs[i].crc)
            return ERR_CORRUPT;
    }
    return 0;
}

static int moved_keep(struct writer *writer, const struct moved *moved)
{
    for (size_t i = 0; i < moved->count; i++) {
        const struct store_blob *from = &moved->blobs[i].from;
        const struct segment_piece *to = &moved->pieces[i];
        int err = db_exec(writer->db, SQL_BLOB_MOVE,
                          DB_ARGS(db_u64(to->segment), db_u64(to->offset), db_u64(from->id)));
        if (err != 0)
            return err;
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_SEGMENT,
                                                      .id = to->segment,
                                                      .blob = from->id,
                                                      .bytes = (int64_t)from->length});
        writer_effect(writer, &(struct writer_effect){.kind = EFFECT_SEGMENT,
                                                      .id = from->segment,
                                                      .bytes = -(int64_t)from->length});
    }
    return 0;
}

int relocate_slice(struct writer *writer, bool *has_more_out)
{
    struct segment *segment = segment_to_move(&writer->segments);
    if (segment == NULL)
        return 0;
    uint64_t id = segment->id;
    struct moved *moved = mem_new(struct moved);
    arena_init(&moved->arena);
    int err = moved_collect(writer, segment, moved);
    if (err == 0 && moved->count == 0)
        segment->is_stuck = true; /* its row and its blobs' rows do not agree: leave it alone */
    if (err == 0 && moved_read(writer->store, moved) != 0) {
        segment->is_stuck = true;
        log_event(LOG_ERROR, "store", "damaged", "why",
                  "a stored message has a wrong checksum; its segment is left alone");
        moved->count = 0;
    }
    if (err == 0)
        err = segments_write(&writer->segments, writer->store, moved->pieces, moved->count);
    if (err == 0)
        err = moved_keep(writer, moved);
    if (err == 0 && moved->count > 0)
        *has_more_out = true;
    if (err == ERR_IO || err == ERR_FULL) {
        segment = segments_find(&writer->segments, id);
        if (segment != NULL)
            segment->is_stuck = true; /* not again and again; the next start tries anew */
        err = 0;
    }
    arena_reset(&moved->arena);
    mem_free(moved);
    return err;
}

static bool segment_is_dead(const struct writer *writer, size_t place)
{
    const struct segment *segment = &writer->segments.items[place];
    if (place == writer->segments.current || segment->live > 0 || segment->is_dirty ||
        segment->dead_since_us == 0)
        return false;
    int64_t grace_us = writer->store->settings.expunge_grace_ms * 1000;
    return segment->dead_since_us + grace_us <= writer->now_us ||
           segment->dead_since_us > writer->now_us;
}

/* One step of zeroes; the last one makes it a spare. */
static int segment_zero(struct writer *writer, struct segment *segment)
{
    struct store *store = writer->store;
    char path[STORE_PATH_SIZE];
    int fd;
    store_segment_path(segment->id, path);
    fd_cache_forget(store->fds, &(struct store_blob){.segment = segment->id});
    int err = store->files->open(store->segments_fd, path, O_RDWR | O_CLOEXEC | O_NOFOLLOW, 0, &fd);
    if (err != 0)
        return err;
    err = store->files->zero_fill(fd, (int64_t)segment->zeroed, SEGMENT_FILL_STEP);
    if (err == 0)
        err = store->files->fdatasync(fd);
    (void)store->files->close(fd); /* synced, or not used again */
    segment->is_distrusted = err != 0;
    if (err != 0)
        return err;
    segment->zeroed += SEGMENT_FILL_STEP;
    segment->is_spare = segment->zeroed >= segment->used;
    return 0;
}

static int segment_drop(struct writer *writer, const struct segment *segment)
{
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_DROP, .id = segment->id});
    return db_exec(writer->db, SQL_SEGMENT_DELETE, DB_ARGS(db_u64(segment->id)));
}

int dead_segments_slice(struct writer *writer, bool *has_more_out)
{
    size_t spares = 0;
    for (size_t i = 0; i < writer->segments.count; i++)
        spares += writer->segments.items[i].is_spare;
    for (size_t i = 0; i < writer->segments.count; i++) {
        struct segment *segment = &writer->segments.items[i];
        if (segment->is_spare || !segment_is_dead(writer, i))
            continue;
        *has_more_out = true;
        /* A small one (every start leaves one) is not worth zeroing. */
        bool is_worth_it =
            !segment->is_distrusted && segment->used >= writer->store->settings.segment_size / 2;
        if (is_worth_it && spares < SEGMENT_SPARES_MAX && segment_zero(writer, segment) == 0)
            return 0;
        return segment_drop(writer, segment);
    }
    return 0;
}
