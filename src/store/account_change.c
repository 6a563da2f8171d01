/*
 * account_change: adding and deleting users and aliases. What memory knows of them follows after
 * the commit and before the answer (account.c).
 *
 * Tests: tests/unit/test_store_account.c.
 */
#include "base/mem.h"
#include "store/account.h"
#include "store/mailbox.h"
#include "store/writer_internal.h"

struct account_request {
    struct request base;
    struct store_change_account pub;
    enum store_account_action action;
    struct span address, verifier;
};
REQUEST_LAYOUT(account_request);

/* RFC 6154; INBOX first: it is the account's. */
static const struct {
    const char *name;
    unsigned attributes;
} first_mailboxes[] = {
    {"INBOX", 0},
    {"Archive", STORE_MAILBOX_ARCHIVE},
    {"Drafts", STORE_MAILBOX_DRAFTS},
    {"Junk", STORE_MAILBOX_JUNK},
    {"Sent", STORE_MAILBOX_SENT},
    {"Trash", STORE_MAILBOX_TRASH},
};

static int account_find(struct writer *writer, struct span address, uint64_t *id_out)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_ACCOUNT, DB_ARGS(db_text(address)), &rows);
    if (found <= 0)
        return found == 0 ? ERR_NOT_FOUND : found;
    *id_out = db_u64_at(&rows, 0);
    db_done(&rows);
    return 0;
}

static int account_make_mailboxes(struct writer *writer, uint64_t account, uint64_t *inbox_out)
{
    for (size_t i = 0; i < sizeof first_mailboxes / sizeof *first_mailboxes; i++) {
        struct span name = span_of(first_mailboxes[i].name);
        uint64_t id;
        int err = writer_make_mailbox(writer, account, name, first_mailboxes[i].attributes, &id);
        if (err == 0)
            err = db_exec(writer->db, SQL_SUBSCRIBE, DB_ARGS(db_u64(account), db_text(name)));
        if (err != 0)
            return err;
        if (i == 0)
            *inbox_out = id;
    }
    return 0;
}

static int account_add(struct account_request *request, struct writer *writer)
{
    uint64_t id, inbox = 0;
    int err = account_find(writer, request->address, &id);
    if (err != ERR_NOT_FOUND)
        return err == 0 ? ERR_EXISTS : err;
    err = writer_count_up(writer, "account", 1, &id);
    if (err == 0)
        err = account_make_mailboxes(writer, id, &inbox);
    if (err == 0)
        err = db_exec(writer->db, SQL_ACCOUNT_ADD,
                      DB_ARGS(db_u64(id), db_text(request->address), db_text(request->verifier),
                              db_u64(store_next_id(writer->store)), db_u64(inbox)));
    return err;
}

static int account_password(struct account_request *request, struct writer *writer)
{
    uint64_t id;
    int err = account_find(writer, request->address, &id);
    if (err == 0)
        err = db_exec(
            writer->db, SQL_ACCOUNT_PASSWORD,
            DB_ARGS(db_text(request->verifier), db_u64(store_next_id(writer->store)), db_u64(id)));
    return err;
}

/* Its mailboxes are handed to the reaper, which takes their entries in slices. */
static int account_drop_mailboxes(struct writer *writer, uint64_t account)
{
    uint64_t *ids = NULL;
    size_t count = 0, capacity = 0;
    struct db_rows rows;
    int err = db_query(writer->db, SQL_MAILBOXES, DB_ARGS(db_u64(account)), &rows);
    while (err == 0 && (err = db_next(&rows)) == 1) {
        ids = array_grow(ids, count, &capacity, sizeof *ids);
        ids[count++] = db_u64_at(&rows, 0);
        err = 0;
    }
    for (size_t i = 0; i < count && err == 0; i++)
        err = writer_drop_mailbox(writer, ids[i]);
    mem_free(ids);
    return err;
}

static int account_delete(struct account_request *request, struct writer *writer)
{
    uint64_t id;
    int err = account_find(writer, request->address, &id);
    if (err == 0)
        err = account_drop_mailboxes(writer, id);
    if (err == 0)
        err = db_exec(writer->db, SQL_SUBSCRIPTIONS_DELETE, DB_ARGS(db_u64(id)));
    if (err == 0)
        err = db_exec(writer->db, SQL_ACCOUNT_DELETE, DB_ARGS(db_u64(id)));
    return err;
}

static int account_apply(struct request *base, struct writer *writer)
{
    static int (*const actions[])(struct account_request *, struct writer *) = {
        [STORE_ACCOUNT_ADD] = account_add,
        [STORE_ACCOUNT_PASSWORD] = account_password,
        [STORE_ACCOUNT_DELETE] = account_delete,
    };
    struct account_request *request = (struct account_request *)(void *)base;
    if (request->address.len >= STORE_ADDRESS_SIZE || request->verifier.len >= STORE_VERIFIER_SIZE)
        return ERR_LIMIT;
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_ACCOUNTS});
    return actions[request->action](request, writer);
}

static const struct request_kind account_kind = {
    .what = "change the user",
    .lane = JOB_WRITE,
    .apply = account_apply,
};

struct store_change_account *store_change_account_create(struct store *store,
                                                         enum store_account_action action,
                                                         struct span address, struct span verifier)
{
    struct account_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &account_kind, store, &request->pub.status, &request->pub.fault);
    request->action = action;
    request->address = arena_copy(&request->base.arena, address);
    request->verifier = arena_copy(&request->base.arena, verifier);
    return &request->pub;
}

struct alias_request {
    struct request base;
    struct store_change_alias pub;
    enum store_alias_action action;
    struct span alias, target;
};
REQUEST_LAYOUT(alias_request);

static int alias_apply(struct request *base, struct writer *writer)
{
    struct alias_request *request = (struct alias_request *)(void *)base;
    struct db_value alias = db_text(request->alias), target = db_text(request->target);
    if (request->action == STORE_ALIAS_ADD && span_is_empty(request->target))
        return ERR_INVALID;
    writer_effect(writer, &(struct writer_effect){.kind = EFFECT_ACCOUNTS});
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_ALIAS_FIND, DB_ARGS(alias, target, target), &rows);
    if (found < 0)
        return found;
    bool is_there = found == 1 && db_int_at(&rows, 0) > 0;
    db_done(&rows);
    if (request->action == STORE_ALIAS_ADD)
        return is_there ? ERR_EXISTS : db_exec(writer->db, SQL_ALIAS_ADD, DB_ARGS(alias, target));
    return is_there ? db_exec(writer->db, SQL_ALIAS_DELETE, DB_ARGS(alias, target, target))
                    : ERR_NOT_FOUND;
}

static const struct request_kind alias_kind = {
    .what = "change the alias",
    .lane = JOB_WRITE,
    .apply = alias_apply,
};

struct store_change_alias *store_change_alias_create(struct store *store,
                                                     enum store_alias_action action,
                                                     struct span alias, struct span target)
{
    struct alias_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &alias_kind, store, &request->pub.status, &request->pub.fault);
    request->action = action;
    request->alias = arena_copy(&request->base.arena, alias);
    request->target = arena_copy(&request->base.arena, target);
    return &request->pub;
}
