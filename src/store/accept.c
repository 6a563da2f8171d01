/*
 * accept: a message into local mailboxes and the queue, in one transaction; and APPEND, which is
 * one mailbox by name. The body was made durable by the batch before.
 *
 * Tests: tests/unit/test_store_accept.c, test_store_crash.c.
 */
#include "store/accept.h"

#include "store/body_internal.h"
#include "store/entry.h"
#include "store/history_internal.h"
#include "store/queue_internal.h"
#include "store/writer_internal.h"

struct accept_request {
    struct request base;
    struct store_accept pub;
    struct store_envelope envelope;
};
REQUEST_LAYOUT(accept_request);

/* Into the account's INBOX. 1: done, 0: had it already (two recipients, one account). */
static int accept_local(struct writer *writer, struct store_body *body, uint64_t account)
{
    struct db_rows rows;
    int found = db_query_one(writer->db, SQL_ACCOUNT_INBOX, DB_ARGS(db_u64(account)), &rows);
    if (found <= 0)
        return found == 0 ? ERR_NOT_FOUND : found;
    uint64_t inbox = db_u64_at(&rows, 0);
    db_done(&rows);

    struct writer_mailbox *mailbox;
    int err = writer_mailbox(writer, inbox, &mailbox);
    if (err != 0)
        return err;
    if (mailbox->now.last_message == body->id)
        return 0;
    struct new_entry entry = {
        .message = body->id, .size = body->size, .saved_s = writer->now_us / 1000000};
    uint32_t uid;
    err = writer_add_entry(writer, mailbox, &entry, &uid);
    mailbox->now.last_message = body->id;
    return err != 0 ? err : 1;
}

/* RFC 3461 5.2.3: a row that owes the "delivered" report. 1: there is one, 0: none is due. */
static int owe_report(struct writer *writer, struct store_body *body,
                      const struct store_envelope *envelope,
                      const struct store_recipient *recipient)
{
    if (recipient->account == 0 || envelope->reverse_path.len == 0 ||
        (recipient->notify & STORE_NOTIFY_SUCCESS) == 0)
        return 0;
    struct store_recipient owed = *recipient;
    owed.notify |= STORE_OWES_DELIVERED;
    return queue_add(writer, body, envelope, &owed);
}

int recipients_apply(struct writer *writer, struct store_body *body,
                     const struct store_envelope *envelope, struct store_recipient *recipients,
                     size_t count)
{
    uint64_t refs = 0;
    bool is_taken = false, is_going_on = false;
    for (size_t i = 0; i < count; i++) {
        struct store_recipient *recipient = &recipients[i];
        int got = recipient->account != 0 ? accept_local(writer, body, recipient->account)
                                          : queue_add(writer, body, envelope, recipient);
        recipient->status = got < 0 ? got : 0;
        /* The message has one answer, and a temporary one makes the sender send it again to all:
         * what others got already would come twice. So nothing of it may stay. */
        if (got < 0 && got != ERR_NOT_FOUND)
            return got;
        /* A row that only owes a report takes no mail. */
        is_taken = is_taken || (got >= 0 && (recipient->notify & STORE_OWES_ANY) == 0);
        is_going_on = is_going_on || (is_taken && recipient->account == 0);
        refs += got == 1;
        int owed = got < 0 ? 0 : owe_report(writer, body, envelope, recipient);
        if (owed < 0)
            return owed;
        refs += owed == 1;
    }
    if (!is_taken)
        return ERR_NOT_FOUND;
    int err = is_going_on ? history_receive(writer, body, envelope) : 0;
    return err != 0 ? err : writer_add_message(writer, body, refs);
}

static int accept_apply(struct request *base, struct writer *writer)
{
    struct accept_request *request = (struct accept_request *)(void *)base;
    return recipients_apply(writer, base->body, &request->envelope, request->pub.recipients,
                            request->pub.recipient_count);
}

static const struct request_kind accept_kind = {
    .what = "store the message",
    .lane = JOB_WRITE,
    .apply = accept_apply,
};

struct store_recipient *recipients_copy(struct request *request,
                                        const struct store_recipient *recipients, size_t count)
{
    struct store_recipient *copy = arena_alloc(&request->arena, (count + 1) * sizeof *copy);
    for (size_t i = 0; i < count; i++) {
        copy[i] = recipients[i];
        copy[i].address = arena_copy(&request->arena, recipients[i].address);
        copy[i].original = arena_copy(&request->arena, recipients[i].original);
        copy[i].forwarder = arena_copy(&request->arena, recipients[i].forwarder);
        copy[i].status = 0;
    }
    return copy;
}

struct store_accept *store_accept_create(struct store *store, struct store_body *body,
                                         const struct store_envelope *envelope,
                                         const struct store_recipient *recipients, size_t count)
{
    struct accept_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &accept_kind, store, &request->pub.status, &request->pub.fault);
    struct arena *arena = &request->base.arena;
    request->envelope = (struct store_envelope){
        .reverse_path = arena_copy(arena, envelope->reverse_path),
        .envelope_id = arena_copy(arena, envelope->envelope_id),
        .return_kind = arena_copy(arena, envelope->return_kind),
        .mail_flags = envelope->mail_flags,
        .origin = history_copy_origin(arena, &envelope->origin),
    };
    body_finish(body); /* here, not in the one thread that all wait for */
    request->base.body = body;
    request->pub.message = body->id;
    request->pub.recipients = recipients_copy(&request->base, recipients, count);
    request->pub.recipient_count = count;
    return &request->pub;
}

struct append_request {
    struct request base;
    struct store_append pub;
    uint64_t account, flags;
    struct span name;
    struct span *keywords;
    size_t keyword_count;
    int64_t saved_s;
};
REQUEST_LAYOUT(append_request);

static int append_apply(struct request *base, struct writer *writer)
{
    struct append_request *request = (struct append_request *)(void *)base;
    struct writer_mailbox *mailbox;
    int err = writer_find_mailbox(writer, request->account, request->name, &mailbox);
    uint64_t keywords = 0;
    if (err == 0)
        err = writer_keyword_bits(writer, mailbox->now.id, request->keywords,
                                  request->keyword_count, &keywords);
    if (err == 0)
        err = writer_add_message(writer, base->body, 1);
    if (err != 0)
        return err;
    struct new_entry entry = {
        .message = base->body->id,
        .flags = (request->flags & STORE_SYSTEM_FLAGS) | keywords,
        .size = base->body->size,
        .saved_s = request->saved_s != 0 ? request->saved_s : writer->now_us / 1000000,
    };
    request->pub.uidvalidity = mailbox->now.uidvalidity;
    return writer_add_entry(writer, mailbox, &entry, &request->pub.uid);
}

static const struct request_kind append_kind = {
    .what = "append the message",
    .lane = JOB_WRITE,
    .apply = append_apply,
};

/* NOLINTNEXTLINE(readability-function-size): the parameters are the request, see entry.h */
struct store_append *store_append_create(struct store *store, uint64_t account, struct span name,
                                         struct store_body *body, uint64_t flags,
                                         const struct span *keywords, size_t keyword_count,
                                         int64_t saved_s)
{
    struct append_request *request = request_alloc(sizeof *request);
    request_init(&request->base, &append_kind, store, &request->pub.status, &request->pub.fault);
    body_finish(body);
    request->base.body = body;
    request->account = account;
    request->name = arena_copy(&request->base.arena, name);
    request->flags = flags;
    request->keywords = request_copy_spans(&request->base, keywords, keyword_count);
    request->keyword_count = keyword_count;
    request->saved_s = saved_s;
    return &request->pub;
}
