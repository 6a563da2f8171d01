/*
 * The queue's rows: what is due, in which order, what an outcome does, and when bodies go.
 */
#include "store_fixture.h"

static uint64_t put(struct fixture *fixture, const char *const *recipients, size_t count)
{
    struct store_recipient rows[8] = {{0}};
    for (size_t i = 0; i < count; i++)
        rows[i] = (struct store_recipient){.address = span_of(recipients[i]),
                                           .original = span_of("rfc822;o"),
                                           .notify = STORE_NOTIFY_FAILURE};
    struct store_envelope envelope = {.reverse_path = span_of("sender@example.org"),
                                      .envelope_id = span_of("envid"),
                                      .return_kind = span_of("HDRS"),
                                      .mail_flags = STORE_MAIL_8BIT};
    struct store_accept *accept =
        store_accept_create(fixture->store, fixture_body(fixture, span_of("Subject: q\r\n\r\n")),
                            &envelope, rows, count);
    fixture_run(fixture, &accept->job);
    check_int(accept->status, 0);
    uint64_t message = accept->message;
    accept->job.free(&accept->job);
    return message;
}

static struct store_queue *list(struct fixture *fixture, int64_t due_us, int64_t after_due_us,
                                uint64_t after_id, size_t max)
{
    struct store_queue *queue =
        store_queue_create(fixture->store, due_us, after_due_us, after_id, max);
    fixture_run(fixture, &queue->job);
    check_int(queue->status, 0);
    return queue;
}

static unsigned settled_notify; /* what settle() adds */

static void settle(struct fixture *fixture, uint64_t id, enum store_outcome_kind kind,
                   int64_t due_us)
{
    struct store_outcome outcome = {.id = id,
                                    .kind = kind,
                                    .due_us = due_us,
                                    .text = span_of("450 later"),
                                    .notify = settled_notify};
    fixture_do(fixture, store_settle_create(fixture->store, &outcome, 1, NULL, NULL, 0), 0);
}

static const char *const two[] = {"x@a.example", "y@b.example"};

static const char *const places[] = {"a@DEAD.example", "b@live.example",
                                     "\"c@live.example\"@dead.example", "d@live.example"};

/* All due at one time, as after a destination was put off: pages of one, behind each other. */
TEST(skipped_places_are_passed_over)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)put(&fixture, places, 4);
    const struct span skips[] = {span_of("dead.example 0"), span_of("other.example 0"),
                                 span_of("live.example 8")};
    uint64_t after = 0;
    const char *wanted[] = {"b@live.example", "d@live.example"};
    for (size_t i = 0; i < 2; i++) {
        struct store_queue *page = store_queue_create(
            fixture.store, fixture.clock.wall_us, after == 0 ? 0 : fixture.clock.wall_us, after, 1);
        store_queue_skip(page, skips, 3);
        fixture_run(&fixture, &page->job);
        check_int(page->status, 0);
        check_int(page->count, 1);
        check(span_is(page->rows[0].recipient, wanted[i]));
        check(span_is(page->rows[0].place, "live.example 0"));
        check_int(page->next_due_us == INT64_MAX, i == 1);
        after = page->rows[0].id;
        page->job.free(&page->job);
    }
    fixture_free(&fixture);
}

TEST(rows_come_in_order_and_in_pages)
{
    struct fixture fixture;
    fixture_make(&fixture);
    uint64_t message = put(&fixture, two, 2);
    fixture.clock.wall_us += 1000000;
    (void)put(&fixture, two, 1);
    struct store_queue *page = list(&fixture, fixture.clock.wall_us, 0, 0, 2);
    check_int(page->count, 2);
    check_int(page->next_due_us, fixture.clock.wall_us);
    if (page->count == 2) {
        const struct store_queue_row *row = &page->rows[0];
        check(row->message == message && row->id < page->rows[1].id);
        check_span(row->recipient, "x@a.example");
        check_span(row->reverse_path, "sender@example.org");
        check_span(row->original, "rfc822;o");
        check_span(row->envelope_id, "envid");
        check_span(row->return_kind, "HDRS");
        check_int(row->notify, STORE_NOTIFY_FAILURE);
        check_int(row->mail_flags, STORE_MAIL_8BIT);
        struct span bytes = fixture_read(&fixture, &row->blob);
        check_span(bytes, "Subject: q\r\n\r\n");
        mem_free((void *)(uintptr_t)bytes.ptr);
        struct store_queue *rest =
            list(&fixture, fixture.clock.wall_us, page->rows[1].due_us, page->rows[1].id, 2);
        check_int(rest->count, 1);
        check(rest->next_due_us == INT64_MAX);
        rest->job.free(&rest->job);
    }
    page->job.free(&page->job);
    fixture_free(&fixture);
}

TEST(outcomes_defer_retry_and_end_rows)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)put(&fixture, two, 2);
    int64_t now = fixture.clock.wall_us;
    struct store_queue *queue = list(&fixture, now, 0, 0, 10);
    check_int(queue->count, 2);
    uint64_t first = queue->rows[0].id, second = queue->rows[1].id;
    queue->job.free(&queue->job);

    settle(&fixture, first, STORE_OUTCOME_DEFERRED, now + 5000000);
    settle(&fixture, second, STORE_OUTCOME_DONE, 0);
    settle(&fixture, second, STORE_OUTCOME_DONE, 0); /* twice does nothing */
    queue = list(&fixture, now, 0, 0, 10);
    check_int(queue->count, 0);
    check_int(queue->next_due_us, now + 5000000);
    queue->job.free(&queue->job);

    fixture_reopen(&fixture);
    queue = list(&fixture, INT64_MAX, 0, 0, 10);
    check_int(queue->count, 1);
    check_int(queue->rows[0].attempts, 1);
    check_span(queue->rows[0].last_status, "450 later");
    queue->job.free(&queue->job);
    settle(&fixture, first, STORE_OUTCOME_RETRY_NOW, 0);
    queue = list(&fixture, now, 0, 0, 10);
    check_int(queue->count, 1);
    check_int(queue->rows[0].attempts, 1);
    queue->job.free(&queue->job);
    settle(&fixture, first, STORE_OUTCOME_DONE, 0);
    queue = list(&fixture, INT64_MAX, 0, 0, 10);
    check_int(queue->count, 0);
    queue->job.free(&queue->job);
    fixture_free(&fixture);
}

TEST(a_report_goes_with_the_outcome_that_caused_it)
{
    struct fixture fixture;
    fixture_make(&fixture);
    (void)put(&fixture, two, 1);
    struct store_queue *queue = list(&fixture, INT64_MAX, 0, 0, 10);
    struct store_outcome outcome = {
        .id = queue->rows[0].id, .kind = STORE_OUTCOME_DONE, .text = span_of("550")};
    queue->job.free(&queue->job);
    struct store_recipient sender = {.account = fixture.account};
    struct store_settle *settle_job =
        store_settle_create(fixture.store, &outcome, 1,
                            fixture_body(&fixture, span_of("Subject: report\r\n\r\n")), &sender, 1);
    fixture_run(&fixture, &settle_job->job);
    check_int(settle_job->status, 0);
    check(settle_job->report != 0);
    settle_job->job.free(&settle_job->job);
    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    check_int(store_view_count(inbox.view), 1);
    store_view_unref(&inbox.view);
    queue = list(&fixture, INT64_MAX, 0, 0, 10);
    check_int(queue->count, 0);
    queue->job.free(&queue->job);
    fixture_free(&fixture);
}

/* The one row of the queue; false: there is not just one. Its texts are not kept. */
static bool only_row(struct fixture *fixture, struct store_queue_row *row_out)
{
    struct store_queue *queue = list(fixture, INT64_MAX, 0, 0, 10);
    bool is_one = queue->count == 1;
    if (is_one)
        *row_out = queue->rows[0];
    queue->job.free(&queue->job);
    return is_one;
}

TEST(bits_of_an_outcome_stay_with_the_row)
{
    struct fixture fixture;
    struct store_queue_row row;
    fixture_make(&fixture);
    (void)put(&fixture, two, 1);
    check(only_row(&fixture, &row));
    settled_notify = STORE_NOTIFY_DELAY_TOLD;
    settle(&fixture, row.id, STORE_OUTCOME_DEFERRED, fixture.clock.wall_us + 5000000);
    fixture_reopen(&fixture);
    check(only_row(&fixture, &row));
    check_int(row.notify, STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY_TOLD);
    settled_notify = STORE_OWES_RELAYED;
    settle(&fixture, row.id, STORE_OUTCOME_OWED, 0);
    fixture_reopen(&fixture);
    check(only_row(&fixture, &row));
    check_int(row.notify, STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY_TOLD | STORE_OWES_RELAYED);
    check_int(row.attempts, 1);
    check_int(row.due_us, fixture.clock.wall_us);
    settled_notify = 0;
    fixture_free(&fixture);
}

static const struct {
    const char *from;
    unsigned notify;
    bool is_remote, owes;
} owed_cases[] = {
    {"s@a.test", STORE_NOTIFY_SUCCESS, false, true},
    {"s@a.test", STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE, false, true},
    {"s@a.test", STORE_NOTIFY_FAILURE, false, false},
    {"s@a.test", STORE_NOTIFY_NEVER, false, false},
    {"s@a.test", STORE_NOTIFY_DEFAULT, false, false},
    {"", STORE_NOTIFY_SUCCESS, false, false},
    {"s@a.test", STORE_NOTIFY_SUCCESS, true, false}, /* on its way: nothing to tell yet */
};

/* RFC 3461 5.2.3: in the transaction that keeps the message, so that no crash parts them. */
TEST(local_success_owes_a_report)
{
    for (size_t i = 0; i < sizeof owed_cases / sizeof *owed_cases; i++) {
        struct fixture fixture;
        struct store_queue_row row = {0};
        fixture_make(&fixture);
        struct store_recipient to = {.account = owed_cases[i].is_remote ? 0 : fixture.account,
                                     .address = span_of("alice@example.org"),
                                     .notify = owed_cases[i].notify};
        struct store_envelope envelope = {.reverse_path = span_of(owed_cases[i].from)};
        fixture_do(&fixture,
                   store_accept_create(fixture.store,
                                       fixture_body(&fixture, span_of("Subject: s\r\n\r\n")),
                                       &envelope, &to, 1),
                   0);
        fixture_reopen(&fixture);
        bool is_row = only_row(&fixture, &row);
        check_int(is_row, owed_cases[i].owes || owed_cases[i].is_remote);
        check_int((row.notify & STORE_OWES_ANY) == STORE_OWES_DELIVERED, owed_cases[i].owes);
        if (is_row)
            settle(&fixture, row.id, STORE_OUTCOME_DONE, 0);
        check(!only_row(&fixture, &row));
        fixture_free(&fixture);
    }
}

/* The targets of an alias are gone since RCPT: the row that owes "expanded" does not make a mail of
 * it that nobody has. */
TEST(owing_is_not_taking)
{
    struct fixture fixture;
    struct store_queue_row row;
    fixture_make(&fixture);
    struct store_recipient to[2] = {
        {.address = span_of("all@example.org"),
         .notify = STORE_NOTIFY_SUCCESS | STORE_OWES_EXPANDED},
        {.account = fixture.account + 100, .address = span_of("gone@example.org")}};
    struct store_envelope envelope = {.reverse_path = span_of("s@a.test")};
    struct span text = span_of("Subject: s\r\n\r\n");
    fixture_do(&fixture,
               store_accept_create(fixture.store, fixture_body(&fixture, text), &envelope, to, 2),
               ERR_NOT_FOUND);
    check(!only_row(&fixture, &row));
    to[1].account = fixture.account;
    fixture_do(&fixture,
               store_accept_create(fixture.store, fixture_body(&fixture, text), &envelope, to, 2),
               0);
    check(only_row(&fixture, &row));
    fixture_free(&fixture);
}

CHECK_MAIN({"skipped_places_are_passed_over", skipped_places_are_passed_over},
           {"rows_come_in_order_and_in_pages", rows_come_in_order_and_in_pages},
           {"outcomes_defer_retry_and_end_rows", outcomes_defer_retry_and_end_rows},
           {"a_report_goes_with_the_outcome_that_caused_it",
            a_report_goes_with_the_outcome_that_caused_it},
           {"bits_of_an_outcome_stay_with_the_row", bits_of_an_outcome_stay_with_the_row},
           {"local_success_owes_a_report", local_success_owes_a_report},
           {"owing_is_not_taking", owing_is_not_taking})
