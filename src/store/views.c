/*
 * views: the newest view of each mailbox, kept in memory and brought up to date from the log of
 * expunges and the UIDs that are new. A session that asks what changed mostly finds the work done
 * by another; a mailbox that nobody selects costs nothing.
 *
 * Tests: tests/unit/test_store_mailbox.c, test_store_model.c.
 */
#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/view_internal.h"
#include "store/writer_internal.h"

/* At the limit the cache is emptied: views are rebuilt by a scan when next asked for. */
enum { VIEWS_MAX = 4096 };

struct cached_view {
    uint64_t modseq;
    uint32_t uidnext;
    struct store_view *view;
};

struct view_cache {
    pthread_mutex_t lock;
    struct map mailboxes; /* id -> struct cached_view */
};

struct view_cache *view_cache_create(void)
{
    struct view_cache *cache = mem_new(struct view_cache);
    (void)pthread_mutex_init(&cache->lock, NULL);
    map_init(&cache->mailboxes);
    return cache;
}

static void view_cache_empty(struct view_cache *cache)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&cache->mailboxes, &position, &key, &value)) {
        struct cached_view *cached = value;
        store_view_unref(&cached->view);
        mem_free(cached);
    }
    map_deinit(&cache->mailboxes);
    map_init(&cache->mailboxes);
}

void view_cache_free(struct view_cache **cache)
{
    if (*cache == NULL)
        return;
    view_cache_empty(*cache);
    map_deinit(&(*cache)->mailboxes);
    (void)pthread_mutex_destroy(&(*cache)->lock);
    mem_free(*cache);
    *cache = NULL;
}

/* A copy with a reference of its own; view NULL when there is none. */
static struct cached_view view_cache_look(struct view_cache *cache, uint64_t mailbox)
{
    struct cached_view found = {0};
    (void)pthread_mutex_lock(&cache->lock);
    const struct cached_view *cached = map_get_u64(&cache->mailboxes, mailbox);
    if (cached != NULL) {
        found = *cached;
        (void)store_view_ref(found.view);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

static void view_cache_keep(struct view_cache *cache, const struct mailbox_row *row,
                            struct store_view *view)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct cached_view *cached = map_get_u64(&cache->mailboxes, row->id);
    if (cached == NULL) {
        if (cache->mailboxes.count >= VIEWS_MAX)
            view_cache_empty(cache);
        cached = mem_new(struct cached_view);
        (void)map_set_u64(&cache->mailboxes, row->id, cached);
    }
    if (cached->view == NULL || cached->modseq < row->modseq) {
        store_view_unref(&cached->view);
        *cached = (struct cached_view){row->modseq, row->uidnext, store_view_ref(view)};
    }
    (void)pthread_mutex_unlock(&cache->lock);
}

/* Adds the UIDs that are there in the range. */
static int view_scan(struct db *db, uint64_t mailbox, const struct uid_range *range,
                     struct uid_runs *out)
{
    struct db_rows rows;
    int err = db_query(db, SQL_UIDS_THERE,
                       DB_ARGS(db_u64(mailbox), db_int(range->first), db_int(range->last)), &rows);
    if (err != 0)
        return err;
    while ((err = db_next(&rows)) == 1) {
        uint32_t uid = db_u32_at(&rows, 0);
        uid_runs_add(out, uid, uid);
    }
    return err;
}

/* Ranges where the old view may be wrong: of expunges since, and the new UIDs. */
static int view_stale_ranges(struct db *db, const struct mailbox_row *row,
                             const struct cached_view *old, struct uid_runs *out)
{
    struct db_rows rows;
    int err = db_query(db, SQL_CHANGES, DB_ARGS(db_u64(row->id), db_u64(old->modseq)), &rows);
    if (err != 0)
        return err;
    while ((err = db_next(&rows)) == 1) {
        if (db_int_at(&rows, 2) != CHANGE_EXPUNGE)
            continue;
        out->items = array_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] = (struct uid_range){db_u32_at(&rows, 0), db_u32_at(&rows, 1)};
    }
    if (err == 0 && row->uidnext > old->uidnext) {
        out->items = array_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] = (struct uid_range){old->uidnext, row->uidnext - 1};
    }
    uid_runs_normalize(out);
    return err;
}

/* What is outside of the stale ranges stays, what is inside is read. */
static int view_advance(struct db *db, const struct mailbox_row *row, const struct cached_view *old,
                        struct store_view **out)
{
    struct uid_runs stale = {0}, kept = {0}, fresh = {0}, all = {0};
    int err = view_stale_ranges(db, row, old, &stale);
    for (size_t i = 0; i < stale.count && err == 0; i++)
        err = view_scan(db, row->id, &stale.items[i], &fresh);
    if (err == 0) {
        size_t count;
        const struct uid_range *runs = store_view_runs(old->view, &count);
        uid_runs_subtract(runs, count, stale.items, stale.count, &kept);
        uid_runs_merge(kept.items, kept.count, fresh.items, fresh.count, &all);
        *out = store_view_create(all.items, all.count);
    }
    uid_runs_release(&stale);
    uid_runs_release(&kept);
    uid_runs_release(&fresh);
    uid_runs_release(&all);
    return err;
}

static int view_build(struct db *db, const struct mailbox_row *row, struct store_view **out)
{
    struct uid_runs all = {0};
    int err = view_scan(db, row->id, &(struct uid_range){1, UINT32_MAX}, &all);
    if (err == 0)
        *out = store_view_create(all.items, all.count);
    uid_runs_release(&all);
    return err;
}

int view_cache_get(struct view_cache *cache, struct db *db, const struct mailbox_row *row,
                   struct store_view **out)
{
    struct cached_view old = view_cache_look(cache, row->id);
    if (old.view != NULL && old.modseq == row->modseq) {
        *out = old.view;
        return 0;
    }
    int err;
    if (old.view != NULL && old.modseq > row->modseq)
        err = ERR_AGAIN;
    else if (old.view != NULL && old.modseq >= row->change_floor)
        err = view_advance(db, row, &old, out);
    else
        err = view_build(db, row, out);
    if (err == 0)
        view_cache_keep(cache, row, *out);
    store_view_unref(&old.view);
    return err;
}
