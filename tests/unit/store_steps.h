/*
 * store_steps: bodies, appends, sessions and reads of a store_fixture, which includes this file.
 */
#ifndef POSTERN_TESTS_UNIT_STORE_STEPS_H
#define POSTERN_TESTS_UNIT_STORE_STEPS_H

#include "tests/unit/store_fixture.h"

static inline uint64_t fixture_add_account(struct fixture *fixture, const char *address)
{
    struct store_account account = {0};
    fixture_do(fixture,
               store_change_account_create(fixture->store, STORE_ACCOUNT_ADD, span_of(address),
                                           span_of("verifier")),
               0);
    check_int(store_find_account(fixture->store, span_of(address), &account), 0);
    return account.id;
}

static inline void fixture_reopen(struct fixture *fixture)
{
    store_close(&fixture->store);
    fixture_open(fixture);
}

/* All of the text, flushed and synced when it wants to be. */
static inline struct store_body *fixture_body(struct fixture *fixture, struct span text)
{
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    while (text.len > 0) {
        struct span piece = span_first(text, 16384);
        store_body_add(body, piece);
        text = span_from(text, piece.len);
        if (store_body_wants_flush(body))
            fixture_do(fixture, store_body_flush_create(body), 0);
    }
    if (store_body_wants_sync(body))
        fixture_do(fixture, store_body_sync_create(body), 0);
    return body;
}

/* The UID, or 0 when the status was not 0. */
static inline uint32_t fixture_append(struct fixture *fixture, const char *mailbox,
                                      const char *text, uint64_t flags)
{
    struct store_append *append =
        store_append_create(fixture->store, fixture->account, span_of(mailbox),
                            fixture_body(fixture, span_of(text)), flags, NULL, 0, 0);
    fixture_run(fixture, &append->job);
    if (append->status != 0)
        CHECK_FAILED("append to %s: %s", mailbox, append->fault.text);
    uint32_t uid = append->status == 0 ? append->uid : 0;
    append->job.free(&append->job);
    return uid;
}

/* What a session knows of a mailbox. */
struct fixture_session {
    uint64_t mailbox, modseq;
    uint32_t uidnext, uidvalidity, recent_from;
    struct store_view *view;
};

static inline struct fixture_session fixture_select(struct fixture *fixture, const char *name)
{
    struct fixture_session session = {0};
    struct store_select *select =
        store_select_create(fixture->store, fixture->account, span_of(name), STORE_SELECT);
    fixture_run(fixture, &select->job);
    if (select->status != 0)
        CHECK_FAILED("select %s: %s", name, select->fault.text);
    else
        session = (struct fixture_session){
            select->mailbox.id,          select->delta.modseq, select->delta.uidnext,
            select->mailbox.uidvalidity, select->recent_from,  store_view_ref(select->delta.view)};
    select->job.free(&select->job);
    return session;
}

/* The whole body of the entry as a heap span (mem_free), or NULL bytes. */
static inline struct span fixture_read(struct fixture *fixture, const struct store_blob *blob)
{
    struct store_read *read = store_read_create(fixture->store, blob, 0, (size_t)blob->length);
    fixture_run(fixture, &read->job);
    if (read->status != 0)
        CHECK_FAILED("read: %s", read->fault.text);
    struct span bytes = span_make(read->bytes, read->len);
    read->bytes = NULL;
    read->job.free(&read->job);
    return bytes;
}

/* N of a body that starts with "Subject: N"; -1 where it does not. */
static inline int fixture_number(struct span bytes)
{
    struct span prefix = span_of("Subject: ");
    if (!span_starts(bytes, prefix))
        return -1;
    struct span rest = span_from(bytes, prefix.len);
    uint64_t number;
    return span_to_u64(span_cut(&rest, '\r'), 100000, &number) ? (int)number : -1;
}

#endif
