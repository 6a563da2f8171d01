/* Tests of cli/queue.h: which entries a filter means, and how they are shown. */
#include "check.h"
#include "cli/queue.h"

enum { HOUR_MS = 3600 * 1000 };
static const int64_t now_us = 1793000000000000;

static struct admin_queue_row sample(void)
{
    return (struct admin_queue_row){
        .id = 17,
        .size = 123456,
        .message = span_of("0000000000abcdef"),
        .attempts = 2,
        .created_us = now_us - (int64_t)2 * HOUR_MS * 1000,
        .due_us = now_us + 90000000,
        .reverse_path = span_of("alice@example.org"),
        .recipient = span_of("\"a@b\"@Far.test"),
        .last_status = span_of("mx.far.test (192.0.2.1): 450 4.2.1 \x1b[31mLater\xc2\x9b"),
    };
}

static const struct {
    const char *word;
    bool matches;
} filters[] = {
    {"17", true},
    {"18", false},
    {"0000000000abcdef", true},
    {"0000000000ABCDEF", true},
    {"0000000000abcdee", false},
    {"message=0000000000abcdef", true},
    {"sender=Alice@Example.org", true},
    {"sender=alice", false},
    {"sender=<>", false},
    {"recipient=\"a@b\"@far.test", true},
    {"recipient=a@far.test", false},
    {"domain=far.test", true},
    {"far.test", true},
    {"b\"@far.test", false},
    {"test.far", false},
    {"status=later", true},
    {"status=450 4.2.1", true},
    {"status=sooner", false},
    {"host=MX.far.test", true},
    {"older=1h", true},
    {"older=119m", true},
    {"older=2h", false},
    {"older=3h", false},
    {"held", false},
};

TEST(test_filters)
{
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        struct queue_filter filter = {0};
        const struct admin_queue_row row = sample();
        check_case = filters[i].word;
        check(queue_filter_add(&filter, filters[i].word) == NULL);
        check_int(queue_filter_matches(&filter, &row, now_us), filters[i].matches);
    }
}

TEST(test_filters_must_all_hold)
{
    struct queue_filter filter = {0};
    struct admin_queue_row row = sample();
    check(queue_filter_matches(&filter, &row, now_us));
    check(queue_filter_add(&filter, "far.test") == NULL);
    check(queue_filter_add(&filter, "held") == NULL);
    check(!queue_filter_matches(&filter, &row, now_us));
    row.is_held = true;
    check(queue_filter_matches(&filter, &row, now_us));
    check(queue_filter_add(&filter, "sender=<>") == NULL);
    check(!queue_filter_matches(&filter, &row, now_us));
    row.reverse_path = span_of("");
    check(queue_filter_matches(&filter, &row, now_us));
}

TEST(test_wrong_filters)
{
    static const char *const words[] = {"older=",  "older=5", "older=0s", "older=x",
                                        "sender=", "size=5",  "=",        "domain="};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        struct queue_filter filter = {0};
        check_case = words[i];
        check(queue_filter_add(&filter, words[i]) != NULL);
    }
    struct queue_filter filter = {0};
    check(queue_filter_add(&filter, "17") == NULL);
    check(queue_filter_add(&filter, "18") != NULL);
}

TEST(test_entries_are_shown_without_others_control_bytes)
{
    struct admin_queue_row row = sample();
    struct buf out;
    buf_init(&out, 0);
    queue_put_line(&out, &row, now_us);
    check_span(buf_span(&out),
               "17 0000000000abcdef size=121K age=2h attempts=2 due=1m30s from=<alice@example.org> "
               "to=<\"a@b\"@Far.test> last: mx.far.test (192.0.2.1): 450 4.2.1 ?[31mLater??\n");
    buf_clear(&out);
    row.is_held = true;
    queue_put_block(&out, &row, now_us);
    check(span_find(buf_span(&out), span_of("\nnext attempt  held\n")) > 0);
    check(span_find(buf_span(&out), span_of("?[31mLater??\n")) > 0);
    buf_clear(&out);
    queue_put_json(&out, &row);
    check(span_find(buf_span(&out), span_of("\"held\":true")) > 0);
    check(span_find(buf_span(&out), span_of("\\u001b[31mLater")) > 0);
    buf_release(&out);
}

TEST(test_times_and_totals)
{
    static const struct {
        int64_t seconds;
        const char *text;
    } cases[] = {{-5, "0s"},     {59, "59s"},       {60, "1m"},    {61, "1m1s"},   {3600, "1h"},
                 {3661, "1h1m"}, {86399, "23h59m"}, {86400, "1d"}, {90000, "1d1h"}};
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&out);
        queue_put_span(&out, cases[i].seconds * 1000000);
        check_span(buf_span(&out), cases[i].text);
    }
    struct queue_totals totals = {0};
    buf_clear(&out);
    queue_put_totals(&out, &totals, now_us);
    check_span(buf_span(&out), "0 in the queue\n");
    const struct admin_queue_row row = sample();
    queue_totals_add(&totals, &row);
    queue_totals_add(&totals, &row);
    buf_clear(&out);
    queue_put_totals(&out, &totals, now_us);
    check_span(buf_span(&out), "2 in the queue, 241K, 2 tried, 0 held, the oldest for 2h\n");
    buf_release(&out);
}

TEST(test_message_as_json)
{
    static const struct {
        const char *words[18];
        const char *json;
    } cases[] = {
        {{"waits", "7", "2", "1793000000000000", "1", "a@b.test", "450 \x1b[31m"},
         "{\"kind\":\"waits\",\"entry\":7,\"attempts\":2,\"due\":\"2026-10-26T07:33:20Z\",\"held\":"
         "true,"
         "\"to\":\"a@b.test\",\"last\":\"450 \\u001b[31m\"}\n"},
        {{"attempt", "7", "1", "0", "5", "delivered", "a@b.test", "", "", "", "", "", "", "",
          "250 ok", "0", "policy dane two words\nname good \nodd"},
         "{\"kind\":\"attempt\",\"entry\":7,\"attempt\":1,\"at\":null,\"duration_us\":5,"
         "\"verdict\":\"delivered\",\"to\":\"a@b.test\",\"route\":\"\",\"host\":\"\",\"address\":"
         "\"\","
         "\"tls_version\":\"\",\"tls_suite\":\"\",\"certificate\":\"\",\"certificate_text\":\"\","
         "\"reply\":\"250 ok\",\"due\":null,\"checks\":[{\"check\":\"policy\",\"verdict\":\"dane\","
         "\"text\":\"two words\"},{\"check\":\"name\",\"verdict\":\"good\",\"text\":\"\"},"
         "{\"check\":\"odd\",\"verdict\":\"\",\"text\":\"\"}]}\n"},
        {{"stored", "more"}, "{\"kind\":\"stored\"}\n"},
        {{"unknown"}, ""},
    };
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct span words[18];
        size_t count = 0;
        for (; cases[i].words[count] != NULL; count++)
            words[count] = span_of(cases[i].words[count]);
        buf_clear(&out);
        message_put_json(&out, words, count);
        check_span(buf_span(&out), cases[i].json);
    }
    buf_release(&out);
}

TEST(test_progress)
{
    static const struct {
        uint64_t done, total;
        int64_t taken_us;
        const char *text;
    } cases[] = {
        {0, 4000, 0, "[                                        ] 0 of 4000"},
        {1000, 4000, 2000000, "[##########                              ] 1000 of 4000, 6s left"},
        {3999, 4000, 1000, "[####################################### ] 3999 of 4000, 0s left"},
        {4000, 4000, 9000000, "[########################################] 4000 of 4000"},
        {5000, 4000, 9000000, "[########################################] 4000 of 4000"},
    };
    struct buf out;
    buf_init(&out, 0);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        buf_clear(&out);
        queue_put_progress(&out, cases[i].done, cases[i].total, cases[i].taken_us);
        check_span(buf_span(&out), cases[i].text);
    }
    buf_release(&out);
}

CHECK_MAIN({"test_progress", test_progress}, {"test_message_as_json", test_message_as_json},
           {"test_filters", test_filters},
           {"test_filters_must_all_hold", test_filters_must_all_hold},
           {"test_wrong_filters", test_wrong_filters},
           {"test_entries_are_shown_without_others_control_bytes",
            test_entries_are_shown_without_others_control_bytes},
           {"test_times_and_totals", test_times_and_totals})
