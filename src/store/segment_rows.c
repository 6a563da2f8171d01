/*
 * segment_rows: what the database knows of segments: how many of their bytes live and between
 * which blob ids. Memory follows the rows: changed before a commit, taken back when it does not
 * come about. At the start files without a row are unlinked, in segments/ and in bodies/.
 *
 * Tests: tests/unit/test_store_reaper.c, test_store_crash.c.
 */
#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "store/fd_internal.h"
#include "store/segment_internal.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"

static int segments_read(struct segments *segments, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_SEGMENTS, NULL, 0, &rows);
    if (err != 0)
        return err;
    while ((err = db_next(&rows)) == 1) {
        segments->items = array_grow(segments->items, segments->count, &segments->capacity,
                                     sizeof *segments->items);
        struct segment *segment = &segments->items[segments->count++];
        *segment = (struct segment){.id = db_u64_at(&rows, 0),
                                    .live = db_u64_at(&rows, 1),
                                    .used = db_u64_at(&rows, 2),
                                    .blob_first = db_u64_at(&rows, 3),
                                    .blob_last = db_u64_at(&rows, 4),
                                    .has_row = true};
        /* Nobody reads from before this start: a dead one needs no grace. */
        segment->dead_since_us = segment->live == 0 ? 1 : 0;
        if (segment->id >= segments->next_id)
            segments->next_id = segment->id + 1;
    }
    return err;
}

/* Names are 16 hexadecimal digits; others are not ours and stay. */
static bool name_to_id(const char *name, uint64_t *id_out)
{
    unsigned char bytes[8];
    if (strlen(name) != 16 || codec_hex_decode(span_of(name), bytes) != 0)
        return false;
    *id_out = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *id_out = *id_out << 8 | bytes[i];
    return true;
}

typedef int is_known_fn(struct segments *segments, struct db *db, uint64_t id);

static int segment_is_known(struct segments *segments, struct db *db, uint64_t id)
{
    (void)db;
    return segments_find(segments, id) != NULL;
}

static int body_is_known(struct segments *segments, struct db *db, uint64_t id)
{
    (void)segments;
    struct store_blob blob;
    uint32_t crc;
    int err = blob_find(db, id, &blob, &crc);
    if (err == ERR_NOT_FOUND)
        return 0;
    return err != 0 ? err : blob.segment == 0;
}

/* One look through a directory for what no row knows. */
struct unknown_search {
    struct segments *segments;
    struct store *store;
    struct db *db;
    int dir_fd;
    is_known_fn *is_known;
};

static int unlink_if_unknown(void *arg, const char *name)
{
    const struct unknown_search *search = arg;
    uint64_t id;
    if (!name_to_id(name, &id))
        return 0;
    int known = search->is_known(search->segments, search->db, id);
    if (known == 0)
        (void)search->store->files->unlink(search->dir_fd, name); /* the next start tries again */
    return known < 0 ? known : 0;
}

static int unlink_unknown(struct segments *segments, struct store *store, struct db *db, int dir_fd,
                          is_known_fn *is_known)
{
    struct unknown_search search = {segments, store, db, dir_fd, is_known};
    return store->files->list(dir_fd, unlink_if_unknown, &search);
}

int segments_open(struct segments *segments, struct store *store, struct db *db,
                  struct fault *fault)
{
    segments->next_id = 1;
    segments->current = SEGMENT_NONE;
    segments->fd = -1;
    if (segments_read(segments, db) != 0)
        return db_fault(db, fault, "read the segments");
    int err = unlink_unknown(segments, store, db, store->segments_fd, segment_is_known);
    if (err == 0)
        err = unlink_unknown(segments, store, db, store->bodies_fd, body_is_known);
    if (err != 0)
        return fault_set(fault, err, "could not look through the store's files: %s", err_text(err));
    return 0;
}

static void segment_count_blob(struct segment *segment, uint64_t blob)
{
    if (segment->blob_first == 0 || blob < segment->blob_first)
        segment->blob_first = blob;
    if (blob > segment->blob_last)
        segment->blob_last = blob;
}

static int segment_keep(const struct segment *segment, struct db *db)
{
    int err = 0;
    if (segment->replaces != 0)
        err = db_exec(db, SQL_SEGMENT_DELETE, DB_ARGS(db_u64(segment->replaces)));
    if (err == 0 && segment->has_row)
        return db_exec(db, SQL_SEGMENT_KEEP,
                       DB_ARGS(db_u64(segment->live), db_u64(segment->used),
                               db_u64(segment->blob_first), db_u64(segment->blob_last),
                               db_u64(segment->id)));
    if (err == 0)
        err = db_exec(db, SQL_SEGMENT_ADD,
                      DB_ARGS(db_u64(segment->id), db_u64(segment->live), db_u64(segment->used),
                              db_u64(segment->blob_first), db_u64(segment->blob_last)));
    return err;
}

int segments_keep(struct segments *segments, struct db *db, const struct writer_effect *effects,
                  size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (effects[i].kind != EFFECT_SEGMENT)
            continue;
        struct segment *segment = segments_find(segments, effects[i].id);
        if (segment == NULL)
            continue; /* a row that is damaged elsewhere must not end the server */
        segment->live += (uint64_t)effects[i].bytes;
        segment->is_dirty = true;
        if (effects[i].blob != 0)
            segment_count_blob(segment, effects[i].blob);
    }
    int err = 0;
    for (size_t i = 0; i < segments->count && err == 0; i++) {
        if (segments->items[i].is_dirty)
            err = segment_keep(&segments->items[i], db);
    }
    return err;
}

void segments_revert(struct segments *segments, const struct writer_effect *effects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct segment *segment =
            effects[i].kind == EFFECT_SEGMENT ? segments_find(segments, effects[i].id) : NULL;
        if (segment != NULL)
            segment->live -= (uint64_t)effects[i].bytes;
    }
}

void segments_kept(struct segments *segments, int64_t now_us)
{
    for (size_t i = 0; i < segments->count; i++) {
        struct segment *segment = &segments->items[i];
        if (!segment->is_dirty)
            continue;
        segment->is_dirty = false;
        segment->has_row = true;
        segment->replaces = 0;
        if (segment->live > 0)
            segment->dead_since_us = 0;
        else if (segment->dead_since_us == 0)
            segment->dead_since_us = now_us;
    }
}

void segments_remove(struct segments *segments, struct store *store, uint64_t id)
{
    struct segment *segment = segments_find(segments, id);
    require(segment != NULL);
    size_t place = (size_t)(segment - segments->items);
    require(place != segments->current);
    char path[STORE_PATH_SIZE];
    store_segment_path(id, path);
    fd_cache_forget(store->fds, &(struct store_blob){.segment = id});
    (void)store->files->unlink(store->segments_fd, path); /* else the next start unlinks it */

    segments->count--;
    segments->items[place] = segments->items[segments->count];
    if (segments->current == segments->count)
        segments->current = place;
}
