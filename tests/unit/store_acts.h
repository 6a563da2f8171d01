/*
 * store_acts: things that are asked of a store, each with what must be there before: the rows of
 * test_store_faults. An act may be refused at any call; it returns the status of what did not work.
 */
#ifndef POSTERN_TESTS_UNIT_STORE_ACTS_H
#define POSTERN_TESTS_UNIT_STORE_ACTS_H

#include "store/domain.h"
#include "tests/unit/store_fixture.h"

enum { ACT_LARGE = 100000 /* above body_memory_max: a file of its own */ };

/* Runs a job when *status_ref is 0, and takes its status; one that is refused says why. */
#define act_do(fixture, made, status_ref)                                                          \
    do {                                                                                           \
        if (*(status_ref) != 0)                                                                    \
            break;                                                                                 \
        __typeof__(made) act_job = (made);                                                         \
        fixture_run((fixture), &act_job->job);                                                     \
        *(status_ref) = act_job->status;                                                           \
        if (act_job->status != 0 && strncmp(act_job->fault.text, "could not ", 10) != 0)           \
            CHECK_FAILED("refused without a sentence: \"%s\"", act_job->fault.text);               \
        act_job->job.free(&act_job->job);                                                          \
    } while (0)

/* NULL and a status when it could not be written. */
static inline struct store_body *act_body(struct fixture *fixture, size_t size, int *status)
{
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    char *text = mem_printf("Subject: %zu\r\n\r\n%*s\r\n", size, (int)size, "text");
    struct span rest = span_of(text);
    while (rest.len > 0 && *status == 0) {
        struct span piece = span_first(rest, 30000);
        rest = span_from(rest, piece.len);
        store_body_add(body, piece);
        if (store_body_wants_flush(body))
            act_do(fixture, store_body_flush_create(body), status);
    }
    if (store_body_wants_sync(body))
        act_do(fixture, store_body_sync_create(body), status);
    mem_free(text);
    if (*status != 0)
        store_body_free(&body);
    return body;
}

static inline int act_accept(struct fixture *fixture, size_t size,
                             const struct store_recipient *recipients, size_t count)
{
    int status = 0;
    struct store_envelope envelope = {.reverse_path = span_of("sender@far.example"),
                                      .origin = {.listener = span_of("smtp")}};
    struct store_body *body = act_body(fixture, size, &status);
    if (body != NULL)
        act_do(fixture, store_accept_create(fixture->store, body, &envelope, recipients, count),
               &status);
    return status;
}

static inline int act_append(struct fixture *fixture, const char *mailbox, size_t size)
{
    int status = 0;
    struct store_body *body = act_body(fixture, size, &status);
    if (body != NULL)
        act_do(fixture,
               store_append_create(fixture->store, fixture->account, span_of(mailbox), body,
                                   STORE_SEEN, NULL, 0, 0),
               &status);
    return status;
}

/* Until nothing is left, or it is refused. */
static inline int act_reap(struct fixture *fixture)
{
    int status = 0;
    bool has_more = true;
    for (int i = 0; i < 100 && has_more && status == 0; i++) {
        struct store_reap *reap = store_reap_create(fixture->store);
        fixture_run(fixture, &reap->job);
        status = reap->status;
        has_more = reap->has_more;
        reap->job.free(&reap->job);
    }
    return status;
}

/* UIDs first to last of INBOX go, in the store's eyes; the grace is over. */
static inline void act_expunge_now(struct fixture *fixture, uint32_t first, uint32_t last)
{
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    struct uid_range range = {first, last};
    fixture_do(fixture,
               store_expunge_create(fixture->store, inbox.mailbox, &range, 1, STORE_EXPUNGE_ANY,
                                    inbox.modseq, inbox.uidnext),
               0);
    store_view_unref(&inbox.view);
    fixture->clock.wall_us += (fixture->settings.expunge_grace_ms + 1000) * 1000;
}

#endif
