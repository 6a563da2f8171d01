/*
 * TLS results: counters that are the same in everything are one; a domain's of a day are read
 * together and go with their report or not at all; a day has a bound; all of it outlives a restart.
 */
#include "store/tls_result.h"

#include <stdio.h>

#include "store_fixture.h"
#include "store_steps.h"

static struct store_tls_result sample(int64_t day, const char *domain, const char *result)
{
    return (struct store_tls_result){.day = day,
                                     .domain = span_of(domain),
                                     .policy_domain = span_of("mx.a.test"),
                                     .policy = span_of("sts"),
                                     .policy_text = span_of("version: STSv1\nmode: enforce"),
                                     .mx_patterns = span_of("*.a.test\nmx.b.test"),
                                     .result = span_of(result),
                                     .sending_ip = span_of("192.0.2.1"),
                                     .mx_host = span_of("mx.a.test"),
                                     .receiving_ip = span_of("192.0.2.25"),
                                     .reason = span_of("expired yesterday"),
                                     .sessions = 2};
}

static void count(struct fixture *fixture, const struct store_tls_result *results, size_t many)
{
    fixture_do(fixture, store_tls_count_create(fixture->store, results, many), 0);
}

static struct store_tls_next *next(struct fixture *fixture, int64_t before_day, int64_t after_day,
                                   const char *after)
{
    struct store_tls_next *job =
        store_tls_next_create(fixture->store, before_day, after_day, span_of(after));
    fixture_run(fixture, &job->job);
    check_int(job->status, 0);
    return job;
}

static void check_next(struct fixture *fixture, int64_t after_day, const char *after,
                       const char *wanted)
{
    struct store_tls_next *job = next(fixture, 20, after_day, after);
    char got[64] = "none";
    if (job->count > 0)
        (void)snprintf(got, sizeof got, "%d %.*s %zu", (int)job->results[0].day,
                       (int)job->results[0].domain.len, job->results[0].domain.ptr, job->count);
    check_text(got, wanted);
    job->job.free(&job->job);
}

static void make(struct fixture *fixture)
{
    fixture_make(fixture);
    struct store_tls_result a = sample(10, "a.test", "certificate-expired");
    count(fixture, &a, 1);
    fixture_reopen(fixture);
    count(fixture, &a, 1);
    const struct store_tls_result others[] = {sample(10, "a.test", ""), sample(10, "b.test", ""),
                                              sample(11, "a.test", ""), sample(20, "c.test", "")};
    count(fixture, others, 4);
}

TEST(the_same_is_one_counter_over_a_restart)
{
    struct fixture fixture;
    make(&fixture);
    struct store_tls_result a = sample(10, "a.test", "certificate-expired");
    struct store_tls_next *job = next(&fixture, 20, 0, "");
    check_int((int64_t)job->count, 2);
    const struct store_tls_result *got = &job->results[1];
    check_int((int64_t)got->sessions, 4);
    const struct span texts[][2] = {{got->domain, a.domain},
                                    {got->policy_domain, a.policy_domain},
                                    {got->policy, a.policy},
                                    {got->policy_text, a.policy_text},
                                    {got->mx_patterns, a.mx_patterns},
                                    {got->result, a.result},
                                    {got->sending_ip, a.sending_ip},
                                    {got->mx_host, a.mx_host},
                                    {got->receiving_ip, a.receiving_ip},
                                    {got->reason, a.reason}};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        check(span_equal(texts[i][0], texts[i][1]));
    job->job.free(&job->job);
    fixture_free(&fixture);
}

TEST(domains_come_by_day_and_name)
{
    struct fixture fixture;
    make(&fixture);
    check_next(&fixture, 0, "", "10 a.test 2");
    check_next(&fixture, 10, "a.test", "10 b.test 1");
    check_next(&fixture, 10, "b.test", "11 a.test 1");
    check_next(&fixture, 11, "a.test", "none"); /* day 20 is not over */
    fixture_free(&fixture);
}

static struct store_tls_done *done(struct fixture *fixture, const char *text, uint64_t account)
{
    const struct store_recipient recipient = {.account = account,
                                              .address = span_of("reports@a.test")};
    const struct store_tls_report report = {
        .day = 10,
        .domain = span_of("a.test"),
        .body = text == NULL ? NULL : fixture_body(fixture, span_of(text)),
        .reverse_path = span_of("postmaster@here.test"),
        .mail_flags = STORE_MAIL_TLS_OPTIONAL,
        .recipients = &recipient,
        .recipient_count = text == NULL ? 0 : 1};
    struct store_tls_done *job = store_tls_done_create(fixture->store, &report);
    fixture_run(fixture, &job->job);
    return job;
}

TEST(a_report_that_nobody_takes_changes_nothing)
{
    struct fixture fixture;
    make(&fixture);
    struct store_tls_done *job = done(&fixture, "Subject: r\r\n\r\n", 424242);
    check_int(job->status, ERR_NOT_FOUND);
    job->job.free(&job->job);
    check_next(&fixture, 0, "", "10 a.test 2");
    fixture_free(&fixture);
}

TEST(results_go_with_their_report)
{
    struct fixture fixture;
    make(&fixture);
    struct store_tls_done *job = done(&fixture, "Subject: r\r\n\r\n", 0);
    check_int(job->status, 0);
    check(job->message != 0);
    uint64_t message = job->message;
    job->job.free(&job->job);
    check_next(&fixture, 0, "", "10 b.test 1");

    struct store_queue *queue = store_queue_create(fixture.store, INT64_MAX, 0, 0, 10);
    fixture_run(&fixture, &queue->job);
    check_int((int64_t)queue->count, 1);
    check(queue->rows[0].message == message);
    check(span_is(queue->rows[0].reverse_path, "postmaster@here.test"));
    check_int(queue->rows[0].mail_flags, STORE_MAIL_TLS_OPTIONAL);
    queue->job.free(&queue->job);
    fixture_free(&fixture);
}

TEST(results_can_go_alone)
{
    struct fixture fixture;
    make(&fixture);
    struct store_tls_result again = sample(10, "a.test", "");
    count(&fixture, &again, 1);
    struct store_tls_done *job = done(&fixture, NULL, 0);
    check_int(job->status, 0);
    check(job->message == 0);
    job->job.free(&job->job);
    check_next(&fixture, 0, "", "10 b.test 1");
    fixture_free(&fixture);
}

/* n-1, n, n+1: the last one that is new is left out, what is there still counts. */
TEST(a_day_has_a_bound)
{
    struct fixture fixture;
    make(&fixture);
    enum { MANY = STORE_TLS_RESULTS_MAX + 1 };
    struct store_tls_result *results = mem_zalloc(MANY + 1, sizeof *results);
    char(*names)[24] = mem_zalloc(MANY, sizeof *names);
    for (size_t i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "d%zu.test", i);
        results[i] = sample(15, names[i], "");
    }
    results[MANY] = results[0];
    struct store_tls_count *job = store_tls_count_create(fixture.store, results, MANY + 1);
    fixture_run(&fixture, &job->job);
    check_int(job->status, 0);
    check_int((int64_t)job->left_out, 1);
    job->job.free(&job->job);
    struct store_tls_next *first = next(&fixture, 20, 14, "");
    check_int((int64_t)first->results[0].sessions, 4);
    first->job.free(&first->job);
    mem_free(names);
    mem_free(results);
    fixture_free(&fixture);
}

CHECK_MAIN({"the_same_is_one_counter_over_a_restart", the_same_is_one_counter_over_a_restart},
           {"domains_come_by_day_and_name", domains_come_by_day_and_name},
           {"a_report_that_nobody_takes_changes_nothing",
            a_report_that_nobody_takes_changes_nothing},
           {"results_go_with_their_report", results_go_with_their_report},
           {"results_can_go_alone", results_can_go_alone}, {"a_day_has_a_bound", a_day_has_a_bound})
