/*
 * copy: COPY and MOVE. The source's entries are collected first, so that copying a mailbox into
 * itself ends; then they get UIDs of the target, in order. Keywords go by name. A message itself
 * is never copied: it gets one more reference.
 *
 * Tests: tests/unit/test_store_mailbox.c, test_store_model.c.
 */
#include "base/mem.h"
#include "store/copy_internal.h"
#include "store/entry.h"
#include "store/entry_internal.h"

struct copied_entry {
    uint32_t uid;
    struct new_entry entry;
};

struct copied_entries {
    struct copied_entry *items;
    size_t count, capacity;
};

static int copy_collect(struct writer *writer, uint64_t mailbox, const struct uid_range *range,
                        struct copied_entries *out)
{
    struct db_rows rows;
    int err = db_query(writer->db, SQL_ENTRIES_THERE,
                       DB_ARGS(db_u64(mailbox), db_int(range->first), db_int(range->last)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        out->items = array_grow(out->items, out->count, &out->capacity, sizeof *out->items);
        out->items[out->count++] = (struct copied_entry){
            .uid = db_u32_at(&rows, 0),
            .entry = {.flags = db_u64_at(&rows, 1),
                      .size = db_u64_at(&rows, 2),
                      .message = db_u64_at(&rows, 3),
                      .saved_s = db_int_at(&rows, 4)},
        };
        err = 0;
    }
    return err;
}

/* map_out[i]: the target's bit for the source's keyword i. Only those in `used` are looked at; one
 * that finds no room in the target is lost with the copy. */
static int copy_keywords(struct writer *writer, uint64_t from, uint64_t to, uint64_t used,
                         uint64_t map_out[STORE_KEYWORDS_MAX])
{
    struct arena arena;
    struct store_delta names = {0};
    memset(map_out, 0, STORE_KEYWORDS_MAX * sizeof *map_out);
    if ((used & ~(uint64_t)STORE_SYSTEM_FLAGS) == 0)
        return 0;
    arena_init(&arena);
    int err = delta_keywords(writer->db, from, &arena, &names);
    for (size_t i = 0; i < names.keyword_count && err == 0; i++) {
        if ((used >> (STORE_KEYWORD_FIRST + i) & 1) == 0)
            continue;
        struct span name = span_of(names.keywords[i]);
        err = writer_keyword_bits(writer, to, &name, 1, &map_out[i]);
        if (err == ERR_LIMIT)
            err = 0;
    }
    arena_reset(&arena);
    return err;
}

static uint64_t copy_flags(uint64_t flags, const uint64_t map[STORE_KEYWORDS_MAX])
{
    uint64_t copied = flags & STORE_SYSTEM_FLAGS;
    for (size_t i = 0; i < STORE_KEYWORDS_MAX; i++) {
        if ((flags >> (STORE_KEYWORD_FIRST + i) & 1) != 0)
            copied |= map[i];
    }
    return copied;
}

static int copy_put(struct writer *writer, const struct copied_entries *entries,
                    struct writer_mailbox *to, const uint64_t map[STORE_KEYWORDS_MAX],
                    struct copy_result *result)
{
    for (size_t i = 0; i < entries->count; i++) {
        struct new_entry entry = entries->items[i].entry;
        uint32_t uid;
        entry.flags = copy_flags(entry.flags, map);
        int err = writer_add_entry(writer, to, &entry, &uid);
        if (err == 0)
            err = writer_change_refs(writer, entry.message, 1);
        if (err != 0)
            return err;
        uid_runs_add(&result->source, entries->items[i].uid, entries->items[i].uid);
        uid_runs_add(&result->target, uid, uid);
    }
    return 0;
}

static int copy_remove(struct writer *writer, const struct copied_entries *entries,
                       struct writer_mailbox *from, const struct uid_runs *runs)
{
    for (size_t i = 0; i < entries->count; i++)
        count_gone(from, entries->items[i].entry.flags, entries->items[i].entry.size);
    int err = entries_update(writer, from, runs, (uint64_t)INT64_MAX, ENTRY_GONE);
    return err != 0 ? err : writer_log_change(writer, from, CHANGE_EXPUNGE, runs);
}

static size_t ranges_size(const struct copy_what *what)
{
    size_t size = 0;
    for (size_t i = 0; i < what->range_count; i++)
        size += what->ranges[i].last - what->ranges[i].first + (size_t)1;
    return size;
}

int copy_entries(struct writer *writer, struct writer_mailbox *from, struct writer_mailbox *to,
                 const struct copy_what *what, struct copy_result *result)
{
    struct copied_entries entries = {0};
    uint64_t map[STORE_KEYWORDS_MAX], used = 0;
    int err = 0;
    for (size_t i = 0; i < what->range_count && err == 0; i++)
        err = copy_collect(writer, from->now.id, &what->ranges[i], &entries);
    if (err == 0 && what->action == STORE_COPY_ALL && entries.count < ranges_size(what))
        err = ERR_INVALID;
    for (size_t i = 0; i < entries.count; i++)
        used |= entries.items[i].entry.flags;
    if (err == 0)
        err = copy_keywords(writer, from->now.id, to->now.id, used, map);
    if (err == 0)
        err = copy_put(writer, &entries, to, map, result);
    if (err == 0 && what->action == STORE_MOVE && entries.count > 0)
        err = copy_remove(writer, &entries, from, &result->source);
    mem_free(entries.items);
    return err;
}

struct copy_request {
    struct request base;
    struct store_copy pub;
    struct delta_since since;
    struct copy_what what;
    uint64_t account;
    struct span target_name;
    struct copy_result result;
};
REQUEST_LAYOUT(copy_request);

static int copy_apply(struct request *base, struct writer *writer)
{
    struct copy_request *request = (struct copy_request *)(void *)base;
    struct writer_mailbox *from, *to;
    int err = writer_find_mailbox(writer, request->account, request->target_name, &to);
    if (err != 0)
        return err;
    request->pub.uidvalidity = to->now.uidvalidity;
    err = writer_mailbox(writer, request->since.mailbox, &from);
    if (err == ERR_NOT_FOUND)
        return 0; /* the delta says that the source is gone */
    return err != 0 ? err : copy_entries(writer, from, to, &request->what, &request->result);
}

static int copy_settled(struct request *base, struct writer *writer)
{
    struct copy_request *request = (struct copy_request *)(void *)base;
    struct store_copy *pub = &request->pub;
    pub->source = request->result.source.items;
    pub->source_count = request->result.source.count;
    pub->target = request->result.target.items;
    pub->target_count = request->result.target.count;
    return settled_delta(base, writer, &request->since, &pub->delta);
}

static void copy_release(struct request *base)
{
    struct copy_request *request = (struct copy_request *)(void *)base;
    delta_release(&request->pub.delta);
    uid_runs_release(&request->result.source);
    uid_runs_release(&request->result.target);
}

static const struct request_kind copy_kind = {
    .what = "copy the messages",
    .lane = JOB_WRITE,
    .apply = copy_apply,
    .settled = copy_settled,
    .release = copy_release,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see entry.h */
struct store_copy *store_copy_create(struct store *store, uint64_t mailbox,
                                     const struct uid_range *ranges, size_t range_count,
                                     uint64_t account, struct span target_name,
                                     enum store_copy_action action, uint64_t since,
                                     uint32_t uidnext_known)
{
    struct copy_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &copy_kind, store, &request->pub.status, &request->pub.fault);
    request->since = (struct delta_since){mailbox, since, uidnext_known};
    request->what = (struct copy_what){
        .ranges = request_copy_ranges(&request->base, ranges, range_count),
        .range_count = range_count,
        .action = action,
    };
    request->account = account;
    request->target_name = arena_copy(&request->base.arena, target_name);
    return &request->pub;
}
