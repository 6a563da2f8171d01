/*
 * mailbox: looking at mailboxes: the list of an account, SELECT and STATUS. All of it reads;
 * making, renaming and deleting is mailbox_change.c's. A claim of \Recent stays in memory until the
 * reaper keeps it: after a crash a message may be \Recent twice, which RFC 3501 2.3.2 allows.
 *
 * Tests: tests/unit/test_store_mailbox.c.
 */
#include "store/mailbox.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"

struct list_request {
    struct request base;
    struct store_list pub;
    uint64_t account;
    size_t capacity;
    struct map names; /* name -> place in mailboxes + 1, while the list is made */
};
REQUEST_LAYOUT(list_request);

static struct store_mailbox *list_add(struct list_request *request, struct span name)
{
    struct store_list *pub = &request->pub;
    uintptr_t place = (uintptr_t)map_get(&request->names, name);
    if (place != 0)
        return &pub->mailboxes[place - 1];
    pub->mailboxes =
        array_grow(pub->mailboxes, pub->count, &request->capacity, sizeof *pub->mailboxes);
    pub->mailboxes[pub->count++] = (struct store_mailbox){
        .name = arena_copy(&request->base.arena, name), .attributes = STORE_MAILBOX_NOSELECT};
    (void)map_set(&request->names, name, (void *)(uintptr_t)pub->count);
    return &pub->mailboxes[pub->count - 1];
}

static void mailbox_fill(struct store_mailbox *mailbox, const struct mailbox_row *row)
{
    mailbox->id = row->id;
    mailbox->attributes = row->attributes | (mailbox->attributes & STORE_MAILBOX_SUBSCRIBED);
    mailbox->uidvalidity = row->uidvalidity;
    mailbox->uidnext = row->uidnext;
    mailbox->messages = row->messages;
    mailbox->unseen = row->unseen;
    mailbox->modseq = row->modseq;
    mailbox->bytes = row->bytes;
}

static int list_mailboxes(struct list_request *request, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_MAILBOXES, DB_ARGS(db_u64(request->account)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        struct mailbox_row row;
        mailbox_row_read(&rows, &row);
        mailbox_fill(list_add(request, db_bytes_at(&rows, MAILBOX_NAME_COLUMN)), &row);
        err = 0;
    }
    return err;
}

static int list_subscriptions(struct list_request *request, struct db *db)
{
    struct db_rows rows;
    int err = db_query(db, SQL_SUBSCRIPTIONS, DB_ARGS(db_u64(request->account)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        list_add(request, db_bytes_at(&rows, 0))->attributes |= STORE_MAILBOX_SUBSCRIBED;
        err = 0;
    }
    return err;
}

/* A mailbox whose parents were never made, or are deleted, still has them as names; not all of them
 * when somebody made mailboxes of little else. */
static void list_parents(struct list_request *request)
{
    size_t count = request->pub.count, count_max = 2 * count + STORE_BARE_PARENTS_MAX;
    for (size_t i = 0; i < count && request->pub.count < count_max; i++) {
        if (request->pub.mailboxes[i].id == 0)
            continue;
        struct span name = request->pub.mailboxes[i].name;
        for (size_t j = 1; j < name.len; j++) {
            if (name.ptr[j] == '/')
                (void)list_add(request, span_first(name, j));
        }
    }
}

static int list_compare(const void *left, const void *right)
{
    const struct store_mailbox *a = left, *b = right;
    bool a_is_inbox = span_is(a->name, "INBOX"), b_is_inbox = span_is(b->name, "INBOX");
    if (a_is_inbox != b_is_inbox)
        return a_is_inbox ? -1 : 1;
    return span_compare(a->name, b->name);
}

static int list_read(struct request *base, struct db *db)
{
    struct list_request *request = (struct list_request *)(void *)base;
    int err = list_mailboxes(request, db);
    if (err == 0)
        err = list_subscriptions(request, db);
    list_parents(request);
    if (request->pub.count > 1)
        qsort(request->pub.mailboxes, request->pub.count, sizeof *request->pub.mailboxes,
              list_compare);
    map_deinit(&request->names);
    map_init(&request->names);
    return err;
}

static void list_release(struct request *base)
{
    struct store_list *pub = &((struct list_request *)(void *)base)->pub;
    mem_free(pub->mailboxes);
    pub->mailboxes = NULL;
    pub->count = 0;
}

static const struct request_kind list_kind = {
    .what = "list the mailboxes",
    .lane = JOB_READ,
    .read = list_read,
    .reset = list_release,
    .release = list_release,
};

struct store_list *store_list_create(struct store *store, uint64_t account)
{
    struct list_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &list_kind, store, &request->pub.status, &request->pub.fault);
    request->account = account;
    map_init(&request->names);
    return &request->pub;
}

/* The row as a value with how many are \Recent. */
static int mailbox_look(struct db *db, const struct mailbox_row *row, struct span name,
                        uint32_t from, struct store_mailbox *out)
{
    mailbox_fill(out, row);
    out->name = name;
    if (from >= row->uidnext)
        return 0;
    struct db_rows rows;
    int found = db_query_one(db, SQL_ENTRY_COUNT, DB_ARGS(db_u64(row->id), db_int(from)), &rows);
    if (found == 1)
        out->recent = db_u32_at(&rows, 0);
    db_done(&rows);
    return found < 0 ? found : 0;
}

struct select_request {
    struct request base;
    struct store_select pub;
    uint64_t account;
    struct span name;
    enum store_select_mode mode;
};
REQUEST_LAYOUT(select_request);

static int select_first_unseen(struct select_request *request, struct db *db)
{
    if (request->pub.mailbox.unseen == 0)
        return 0;
    struct db_rows rows;
    int found = db_query_one(db, SQL_FIRST_UNSEEN, DB_ARGS(db_u64(request->pub.mailbox.id)), &rows);
    if (found == 1)
        request->pub.first_unseen_uid = db_u32_at(&rows, 0);
    db_done(&rows);
    return found < 0 ? found : 0;
}

static int select_read(struct request *base, struct db *db)
{
    struct select_request *request = (struct select_request *)(void *)base;
    struct store_select *pub = &request->pub;
    struct mailbox_row row;
    int err = mailbox_row_by_name(db, request->account, request->name, &row);
    if (err != 0)
        return err;
    /* Nothing is changed since now: the delta brings view and keywords only. */
    struct delta_since since = {row.id, row.modseq, row.uidnext};
    err = delta_read(base->store->views, db, &since, &base->arena, &pub->delta);
    if (err != 0)
        return err;
    enum recent_use use = request->mode == STORE_SELECT ? RECENT_CLAIM : RECENT_LOOK;
    pub->recent_from = recent_from(base->store, row.id, row.recent_from, row.uidnext, use);
    err = mailbox_look(db, &row, request->name, pub->recent_from, &pub->mailbox);
    return err != 0 ? err : select_first_unseen(request, db);
}

static void select_release(struct request *base)
{
    delta_release(&((struct select_request *)(void *)base)->pub.delta);
}

static const struct request_kind select_kind = {
    .what = "open the mailbox",
    .lane = JOB_READ,
    .read = select_read,
    .reset = select_release,
    .release = select_release,
};

struct store_select *store_select_create(struct store *store, uint64_t account, struct span name,
                                         enum store_select_mode mode)
{
    struct select_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &select_kind, store, &request->pub.status, &request->pub.fault);
    request->account = account;
    request->name = arena_copy(&request->base.arena, name);
    request->mode = mode;
    return &request->pub;
}

void store_claim_recent(struct store *store, uint64_t mailbox, uint32_t uidnext)
{
    (void)recent_from(store, mailbox, 0, uidnext, RECENT_CLAIM);
}

unsigned store_keywords_max(const struct store *store)
{
    unsigned max = store->settings.keywords_max;
    return max < STORE_KEYWORDS_MAX ? max : STORE_KEYWORDS_MAX;
}

struct status_request {
    struct request base;
    struct store_status pub;
    uint64_t account;
    struct span name;
};
REQUEST_LAYOUT(status_request);

static int status_read(struct request *base, struct db *db)
{
    struct status_request *request = (struct status_request *)(void *)base;
    struct mailbox_row row;
    int err = mailbox_row_by_name(db, request->account, request->name, &row);
    if (err != 0)
        return err;
    request->pub.deleted = row.deleted;
    uint32_t from = recent_from(base->store, row.id, row.recent_from, row.uidnext, RECENT_LOOK);
    return mailbox_look(db, &row, request->name, from, &request->pub.mailbox);
}

static const struct request_kind status_kind = {
    .what = "look at the mailbox",
    .lane = JOB_READ,
    .read = status_read,
};

struct store_status *store_status_create(struct store *store, uint64_t account, struct span name)
{
    struct status_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &status_kind, store, &request->pub.status, &request->pub.fault);
    request->account = account;
    request->name = arena_copy(&request->base.arena, name);
    return &request->pub;
}
