/*
 * History: written with the message and its outcomes, bounded per entry, forgotten in time; none of
 * local mail; a message's id is not given again while its history is there.
 */
#include "base/mem.h"
#include "store/history.h"
#include "store/reaper_internal.h"
#include "store_fixture.h"

enum { DAY_MS = 86400 * 1000 };

static void make(struct fixture *fixture, int64_t history_ms)
{
    fixture_make(fixture);
    fixture->settings.history_ms = history_ms;
    fixture_reopen(fixture);
}

static uint64_t put(struct fixture *fixture, uint64_t account)
{
    const struct store_recipient recipient = {.account = account,
                                              .address = span_of("x@a.example")};
    const struct store_envelope envelope = {
        .reverse_path = span_of("sender@example.org"),
        .origin = {span_of("192.0.2.1:2525"), span_of("submissions"), span_of("TLSv1.3"),
                   span_of("TLS_AES_128_GCM_SHA256"), span_of("alice@example.org")}};
    struct store_accept *accept =
        store_accept_create(fixture->store, fixture_body(fixture, span_of("Subject: h\r\n\r\n")),
                            &envelope, &recipient, 1);
    fixture_run(fixture, &accept->job);
    check_int(accept->status, 0);
    uint64_t message = accept->message;
    accept->job.free(&accept->job);
    return message;
}

static struct store_history *look(struct fixture *fixture, uint64_t message)
{
    struct store_history *history = store_history_create(fixture->store, message);
    fixture_run(fixture, &history->job);
    check_int(history->status, 0);
    return history;
}

static void attempt(struct fixture *fixture, uint64_t id, unsigned number,
                    enum store_outcome_kind kind)
{
    const struct store_attempt made = {.number = number,
                                       .checks = span_of("policy dane signed\nchain good \n"),
                                       .at_us = fixture->clock.wall_us,
                                       .duration_us = 1500,
                                       .verdict = span_of("deferred"),
                                       .recipient = span_of("x@a.example"),
                                       .route = span_of("a.example"),
                                       .host = span_of("mx.a.example"),
                                       .address = span_of("192.0.2.9:25"),
                                       .tls_version = span_of("TLSv1.2"),
                                       .tls_suite = span_of("SUITE"),
                                       .check = span_of("name"),
                                       .check_text = span_of("in a sentence"),
                                       .reply = span_of("450 4.2.1 later"),
                                       .due_us = 77};
    const struct store_outcome outcome = {
        .id = id, .kind = kind, .due_us = 77, .text = span_of("450"), .attempt = &made};
    fixture_do(fixture, store_settle_create(fixture->store, &outcome, 1, NULL, NULL, 0), 0);
}

static void reap(struct fixture *fixture)
{
    for (bool has_more = true; has_more;) {
        struct store_reap *job = store_reap_create(fixture->store);
        fixture_run(fixture, &job->job);
        check_int(job->status, 0);
        has_more = job->has_more;
        job->job.free(&job->job);
    }
}

TEST(history_tells_origin_attempts_and_what_waits)
{
    struct fixture fixture;
    make(&fixture, DAY_MS);
    uint64_t message = put(&fixture, 0);
    struct store_history *history = look(&fixture, message);
    check(history->is_received && history->is_stored);
    check_int(history->received_us, fixture.clock.wall_us);
    check_span(history->reverse_path, "sender@example.org");
    check_span(history->origin.client, "192.0.2.1:2525");
    check_span(history->origin.listener, "submissions");
    check_span(history->origin.tls_version, "TLSv1.3");
    check_span(history->origin.tls_suite, "TLS_AES_128_GCM_SHA256");
    check_span(history->origin.login, "alice@example.org");
    check_int(history->attempt_count, 0);
    check_int(history->row_count, 1);
    uint64_t id = history->rows[0].id;
    history->job.free(&history->job);

    attempt(&fixture, id, 1, STORE_OUTCOME_DEFERRED);
    attempt(&fixture, id, 2, STORE_OUTCOME_DONE);
    attempt(&fixture, id, 3, STORE_OUTCOME_DONE); /* the row is gone: nothing was tried */
    history = look(&fixture, message);
    check_int(history->attempt_count, 2);
    const struct store_attempt *second = &history->attempts[1].attempt;
    check(history->attempts[1].entry == id && second->number == 2 && second->due_us == 77);
    check_int(second->duration_us, 1500);
    check_span(second->verdict, "deferred");
    check_span(second->route, "a.example");
    check_span(second->host, "mx.a.example");
    check_span(second->address, "192.0.2.9:25");
    check_span(second->tls_version, "TLSv1.2");
    check_span(second->tls_suite, "SUITE");
    check_span(second->check, "name");
    check_span(second->check_text, "in a sentence");
    check_span(second->checks, "policy dane signed\nchain good \n");
    check_span(second->reply, "450 4.2.1 later");
    check(!history->is_stored && history->row_count == 0);
    history->job.free(&history->job);
    fixture_free(&fixture);
}

TEST(first_and_last_attempts_are_kept)
{
    struct fixture fixture;
    make(&fixture, DAY_MS);
    uint64_t message = put(&fixture, 0);
    struct store_history *history = look(&fixture, message);
    uint64_t id = history->rows[0].id;
    history->job.free(&history->job);
    for (unsigned i = 1; i <= STORE_ATTEMPTS_KEPT + 20; i++)
        attempt(&fixture, id, i, STORE_OUTCOME_DEFERRED);
    history = look(&fixture, message);
    check_int(history->attempt_count, STORE_ATTEMPTS_KEPT);
    check_int(history->attempts[0].attempt.number, 1);
    check_int(history->attempts[1].attempt.number, 22);
    check_int(history->attempts[STORE_ATTEMPTS_KEPT - 1].attempt.number, STORE_ATTEMPTS_KEPT + 20);
    history->job.free(&history->job);
    fixture_free(&fixture);
}

TEST(local_mail_and_a_history_of_no_time_write_nothing)
{
    struct fixture fixture;
    make(&fixture, DAY_MS);
    struct store_history *history = look(&fixture, put(&fixture, fixture.account));
    check(!history->is_received && history->is_stored);
    history->job.free(&history->job);
    fixture.settings.history_ms = 0;
    fixture_reopen(&fixture);
    uint64_t message = put(&fixture, 0);
    history = look(&fixture, message);
    check(!history->is_received && history->row_count == 1);
    attempt(&fixture, history->rows[0].id, 1, STORE_OUTCOME_DEFERRED);
    history->job.free(&history->job);
    history = look(&fixture, message);
    check_int(history->attempt_count, 0);
    history->job.free(&history->job);
    fixture_free(&fixture);
}

/* 1,200 messages in slices, and one that is young. */
TEST(old_history_is_forgotten)
{
    struct fixture fixture;
    make(&fixture, DAY_MS);
    uint64_t first = put(&fixture, 0), last = 0;
    for (int i = 0; i < 1200; i++)
        last = put(&fixture, 0);
    struct store_history *history = look(&fixture, last);
    attempt(&fixture, history->rows[0].id, 1, STORE_OUTCOME_DONE);
    history->job.free(&history->job);
    fixture.clock.wall_us += (int64_t)DAY_MS * 1000;
    uint64_t young = put(&fixture, 0);
    fixture.clock.wall_us -= 1;
    reap(&fixture);
    history = look(&fixture, last);
    check(history->is_received && history->attempt_count == 1);
    history->job.free(&history->job);
    fixture.clock.wall_us += 1;
    reap(&fixture);
    const uint64_t gone[] = {first, last};
    for (size_t i = 0; i < 2; i++) {
        history = look(&fixture, gone[i]);
        check(!history->is_received && history->attempt_count == 0);
        history->job.free(&history->job);
    }
    history = look(&fixture, young);
    check(history->is_received);
    history->job.free(&history->job);
    fixture_free(&fixture);
}

TEST(ids_are_not_given_again)
{
    struct fixture fixture;
    make(&fixture, DAY_MS);
    uint64_t message = put(&fixture, 0);
    struct store_history *history = look(&fixture, message);
    attempt(&fixture, history->rows[0].id, 1, STORE_OUTCOME_DONE);
    history->job.free(&history->job);
    fixture_reopen(&fixture);
    uint64_t next = put(&fixture, 0);
    check(next > message);
    history = look(&fixture, next);
    check_int(history->attempt_count, 0);
    history->job.free(&history->job);
    fixture_free(&fixture);
}

CHECK_MAIN({"history_tells_origin_attempts_and_what_waits",
            history_tells_origin_attempts_and_what_waits},
           {"first_and_last_attempts_are_kept", first_and_last_attempts_are_kept},
           {"local_mail_and_a_history_of_no_time_write_nothing",
            local_mail_and_a_history_of_no_time_write_nothing},
           {"old_history_is_forgotten", old_history_is_forgotten},
           {"ids_are_not_given_again", ids_are_not_given_again})
