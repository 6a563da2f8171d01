/*
 * mailbox_change: making, deleting, renaming and subscribing. A name is a key in a row, never a
 * path. A new mailbox gets a UIDVALIDITY that no mailbox ever had here, so a name that comes back
 * is told apart (RFC 3501 2.3.1.1). A deleted one keeps its entries for the grace.
 *
 * Tests: tests/unit/test_store_mailbox.c.
 */
#include <stdio.h>

#include "base/mem.h"
#include "store/copy_internal.h"
#include "store/mailbox.h"
#include "store/writer_internal.h"

struct change_request {
    struct request base;
    struct store_change_mailbox pub;
    uint64_t account;
    enum store_mailbox_action action;
    struct span name, new_name;
    unsigned attributes;
};
REQUEST_LAYOUT(change_request);

static int count_rows(struct writer *writer, enum sql sql, uint64_t account, uint64_t *count_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, sql, DB_ARGS(db_u64(account)), &rows);
    *count_out = found == 1 ? db_u64_at(&rows, 0) : 0;
    db_done(&rows);
    return found < 0 ? found : 0;
}

static int name_check(struct span name)
{
    size_t levels = 1;
    for (size_t i = 0; i < name.len; i++)
        levels += name.ptr[i] == '/';
    return name.len <= STORE_MAILBOX_NAME_MAX && levels <= STORE_MAILBOX_LEVELS_MAX ? 0 : ERR_LIMIT;
}

int writer_make_mailbox(struct writer *writer, uint64_t account, struct span name,
                        unsigned attributes, uint64_t *id_out)
{
    struct mailbox_row row;
    uint64_t count = 0, uidvalidity = 0;
    int err = mailbox_row_by_name(writer->db, account, name, &row);
    if (err != ERR_NOT_FOUND)
        return err == 0 ? ERR_EXISTS : err;
    err = name_check(name);
    if (err == 0)
        err = count_rows(writer, SQL_MAILBOX_COUNT, account, &count);
    if (err == 0 && count >= writer->store->settings.mailboxes_max)
        err = ERR_LIMIT;
    if (err == 0)
        err = writer_count_up(writer, "mailbox", 1, id_out);
    if (err == 0)
        err = writer_count_up(writer, "uidvalidity", (uint64_t)(writer->now_us / 1000000),
                              &uidvalidity);
    if (err != 0)
        return err;
    return db_exec(writer->db, SQL_MAILBOX_ADD,
                   DB_ARGS(db_u64(*id_out), db_u64(account), db_text(name), db_int(attributes),
                           db_u64(uidvalidity)));
}

int writer_drop_mailbox(struct writer *writer, uint64_t id)
{
    struct writer_mailbox *mailbox;
    int err = writer_mailbox(writer, id, &mailbox);
    if (err != 0)
        return err;
    char name[32];
    (void)snprintf(name, sizeof name, "%llu", (unsigned long long)id);
    (void)writer_modseq(writer, mailbox); /* whoever has it selected is told */
    mailbox->now.account = 0;
    err = db_exec(writer->db, SQL_MAILBOX_DROP, DB_ARGS(db_text(span_of(name)), db_u64(id)));
    if (err == 0)
        err = db_exec(writer->db, SQL_GONE_ADD,
                      DB_ARGS(db_u64(store_next_id(writer->store)), db_u64(id), db_int(1),
                              db_int(UINT32_MAX), db_u64(mailbox->now.modseq),
                              db_int(writer->now_us)));
    return err;
}

static int change_make(struct change_request *request, struct writer *writer)
{
    uint64_t id;
    return writer_make_mailbox(writer, request->account, request->name, request->attributes, &id);
}

static int change_delete(struct change_request *request, struct writer *writer)
{
    if (span_is(request->name, "INBOX"))
        return ERR_REFUSED;
    struct mailbox_row row;
    int err = mailbox_row_by_name(writer->db, request->account, request->name, &row);
    return err != 0 ? err : writer_drop_mailbox(writer, row.id);
}

/* RFC 3501 6.3.5: the messages move into a new mailbox, INBOX stays, and its children too. */
static int change_rename_inbox(struct change_request *request, struct writer *writer)
{
    struct writer_mailbox *inbox, *target;
    uint64_t id;
    int err = writer_find_mailbox(writer, request->account, request->name, &inbox);
    if (err == 0)
        err = writer_make_mailbox(writer, request->account, request->new_name, 0, &id);
    if (err == 0)
        err = writer_mailbox(writer, id, &target);
    if (err != 0)
        return err;
    const struct uid_range everything = {1, UINT32_MAX};
    struct copy_what what = {&everything, 1, STORE_MOVE};
    struct copy_result moved = {0};
    err = copy_entries(writer, inbox, target, &what, &moved);
    uid_runs_release(&moved.source);
    uid_runs_release(&moved.target);
    return err;
}

struct renamed {
    uint64_t id;
    struct span name; /* new; in the arena */
};

/* The mailbox and its children with their new names; the name itself need not be one. */
static int rename_collect(struct change_request *request, struct writer *writer,
                          struct renamed **items_out, size_t *count_out)
{
    struct arena *arena = &request->base.arena;
    struct span old = request->name, new = request->new_name;
    size_t capacity = 0;
    struct db_rows rows;
    int err = db_query(writer->db, SQL_MAILBOXES, DB_ARGS(db_u64(request->account)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        struct span name = db_bytes_at(&rows, MAILBOX_NAME_COLUMN);
        err = 0;
        if (!span_starts(name, old) || (name.len > old.len && name.ptr[old.len] != '/'))
            continue;
        *items_out = array_grow(*items_out, *count_out, &capacity, sizeof **items_out);
        char *text = arena_printf(arena, "%.*s%.*s", (int)new.len, new.ptr,
                                  (int)(name.len - old.len), name.ptr + old.len);
        struct span new_name = span_of(text);
        (*items_out)[(*count_out)++] = (struct renamed){db_u64_at(&rows, 0), new_name};
        err = name_check(new_name);
    }
    db_done(&rows);
    return err;
}

static int change_rename(struct change_request *request, struct writer *writer)
{
    struct span old = request->name, new = request->new_name;
    if (span_is(old, "INBOX"))
        return change_rename_inbox(request, writer);
    /* Into its own child: there would be no parent left. */
    if (span_starts(new, old) && (new.len == old.len || new.ptr[old.len] == '/'))
        return new.len == old.len ? ERR_EXISTS : ERR_REFUSED;
    struct renamed *items = NULL;
    size_t count = 0;
    int err = rename_collect(request, writer, &items, &count);
    if (err == 0 && count == 0)
        err = ERR_NOT_FOUND;
    for (size_t i = 0; i < count && err == 0; i++)
        err = db_exec(writer->db, SQL_MAILBOX_RENAME,
                      DB_ARGS(db_text(items[i].name), db_u64(items[i].id)));
    mem_free(items);
    return err;
}

static int change_subscribe(struct change_request *request, struct writer *writer)
{
    uint64_t count;
    int err = name_check(request->name);
    if (err == 0)
        err = count_rows(writer, SQL_SUBSCRIPTION_COUNT, request->account, &count);
    /* Names without mailbox may be subscribed; twice the mailboxes leaves room for old ones. */
    if (err == 0 && count >= (uint64_t)2 * writer->store->settings.mailboxes_max)
        err = ERR_LIMIT;
    return err != 0 ? err
                    : db_exec(writer->db, SQL_SUBSCRIBE,
                              DB_ARGS(db_u64(request->account), db_text(request->name)));
}

static int change_unsubscribe(struct change_request *request, struct writer *writer)
{
    return db_exec(writer->db, SQL_UNSUBSCRIBE,
                   DB_ARGS(db_u64(request->account), db_text(request->name)));
}

static int change_apply(struct request *base, struct writer *writer)
{
    static int (*const actions[])(struct change_request *, struct writer *) = {
        [STORE_MAILBOX_MAKE] = change_make,
        [STORE_MAILBOX_DELETE] = change_delete,
        [STORE_MAILBOX_RENAME] = change_rename,
        [STORE_MAILBOX_SUBSCRIBE] = change_subscribe,
        [STORE_MAILBOX_UNSUBSCRIBE] = change_unsubscribe,
    };
    struct change_request *request = (struct change_request *)(void *)base;
    return actions[request->action](request, writer);
}

static const struct request_kind change_kind = {
    .what = "change the mailbox",
    .lane = JOB_WRITE,
    .apply = change_apply,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see mailbox.h */
struct store_change_mailbox *store_change_mailbox_create(struct store *store, uint64_t account,
                                                         enum store_mailbox_action action,
                                                         struct span name, struct span new_name,
                                                         unsigned attributes)
{
    struct change_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &change_kind, store, &request->pub.status, &request->pub.fault);
    request->account = account;
    request->action = action;
    request->name = arena_copy(&request->base.arena, name);
    request->new_name = arena_copy(&request->base.arena, new_name);
    request->attributes =
        attributes & ~(unsigned)STORE_MAILBOX_NOSELECT & ~(unsigned)STORE_MAILBOX_SUBSCRIBED;
    return &request->pub;
}
