/*
 * Several threads at once: deliveries, flags, changes, fetches and the reaper, for the thread
 * sanitizer; and at the end every message is there once.
 */
#include <pthread.h>

#include "store_fixture.h"

enum { THREADS = 4, ROUNDS = 60 };

struct worker {
    struct fixture *fixture;
    int number, bad;
};

static void run(struct worker *worker, struct job *job, const int *status)
{
    job_run_now(worker->fixture->jobs, job);
    worker->bad += *status != 0;
}

static void deliver(struct worker *worker, int round)
{
    struct fixture *fixture = worker->fixture;
    char text[64];
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    (void)snprintf(text, sizeof text, "Subject: %d-%d\r\n\r\n", worker->number, round);
    store_body_add(body, span_of(text));
    struct store_append *append = store_append_create(fixture->store, fixture->account,
                                                      span_of("INBOX"), body, 0, NULL, 0, 0);
    run(worker, &append->job, &append->status);
    append->job.free(&append->job);
}

static void look(struct worker *worker, uint64_t mailbox, uint64_t *modseq, uint32_t *uidnext)
{
    struct store_changes *changes =
        store_changes_create(worker->fixture->store, mailbox, *modseq, *uidnext);
    run(worker, &changes->job, &changes->status);
    *modseq = changes->delta.modseq;
    *uidnext = changes->delta.uidnext;
    changes->job.free(&changes->job);

    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(worker->fixture->store, mailbox, &all, 1, 0, STORE_FETCH_BLOB, 4096);
    run(worker, &fetch->job, &fetch->status);
    char byte;
    for (size_t i = 0; i < fetch->count; i++) {
        if (store_read_now(worker->fixture->store, &fetch->rows[i].blob, 0, &byte, 1) != ERR_AGAIN)
            continue;
        struct store_read *read =
            store_read_create(worker->fixture->store, &fetch->rows[i].blob, 0, 100);
        run(worker, &read->job, &read->status);
        read->job.free(&read->job);
    }
    fetch->job.free(&fetch->job);
}

static void *work(void *owner)
{
    struct worker *worker = owner;
    struct fixture *fixture = worker->fixture;
    struct store_account account;
    uint64_t modseq = 1;
    uint32_t uidnext = 1;
    struct store_select *select =
        store_select_create(fixture->store, fixture->account, span_of("INBOX"), STORE_SELECT);
    run(worker, &select->job, &select->status);
    uint64_t mailbox = select->mailbox.id;
    select->job.free(&select->job);
    for (int i = 0; i < ROUNDS; i++) {
        deliver(worker, i);
        look(worker, mailbox, &modseq, &uidnext);
        struct uid_range range = {(uint32_t)i + 1, (uint32_t)i + 5};
        struct store_change_flags *flags =
            store_change_flags_create(fixture->store, mailbox, &range, 1, STORE_FLAGS_ADD,
                                      STORE_SEEN, NULL, 0, modseq, uidnext);
        run(worker, &flags->job, &flags->status);
        flags->job.free(&flags->job);
        worker->bad +=
            store_find_account(fixture->store, span_of("alice@example.org"), &account) != 0;
        struct store_reap *reap = store_reap_create(fixture->store);
        run(worker, &reap->job, &reap->status);
        reap->job.free(&reap->job);
    }
    return NULL;
}

TEST(threads_do_not_disturb_each_other)
{
    struct fixture fixture;
    fixture_make(&fixture);
    pthread_t threads[THREADS];
    struct worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (struct worker){&fixture, i, 0};
        check_int(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        check_int(workers[i].bad, 0);
    }
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    check_int(store_view_count(inbox.view), THREADS * ROUNDS);
    store_view_unref(&inbox.view);
    fixture_free(&fixture);
}

CHECK_MAIN({"threads_do_not_disturb_each_other", threads_do_not_disturb_each_other})
