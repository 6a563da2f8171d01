/* The client's reply parser: forms, several lines, statuses, limits, hostile lines. */
#include "check.h"
#include "protocols/smtp/client_reply.h"

static const struct reply_case {
    const char *name;
    const char *lines; /* separated by '|' */
    enum smtp_reply_progress progress;
    unsigned code;
    const char *status, *text;
} cases[] = {
    {"plain", "250 ok", SMTP_REPLY_DONE, 250, "", "ok"},
    {"code alone", "250", SMTP_REPLY_DONE, 250, "", ""},
    {"code and space", "250 ", SMTP_REPLY_DONE, 250, "", ""},
    {"status", "550 5.1.1 No such user", SMTP_REPLY_DONE, 550, "5.1.1", "No such user"},
    {"status alone", "250 2.0.0", SMTP_REPLY_DONE, 250, "2.0.0", ""},
    {"long status", "550 5.123.456 x", SMTP_REPLY_DONE, 550, "5.123.456", "x"},
    {"status too long", "550 5.1234.1 x", SMTP_REPLY_DONE, 550, "", "5.1234.1 x"},
    {"status of another class", "550 2.1.1 x", SMTP_REPLY_DONE, 550, "", "2.1.1 x"},
    {"no status but a version", "220 2.0.0-rc1 x", SMTP_REPLY_DONE, 220, "", "2.0.0-rc1 x"},
    {"several lines", "250-a|250-b|250 c", SMTP_REPLY_DONE, 250, "", "a\nb\nc"},
    {"status on each line", "550-5.7.1 a|550 5.7.1 b", SMTP_REPLY_DONE, 550, "5.7.1", "a\nb"},
    {"not at its end", "250-a|250-b", SMTP_REPLY_MORE, 0, "", ""},
    {"codes differ", "250-a|251 b", SMTP_REPLY_BAD, 0, "", ""},
    {"controls", "250 a\x1b[0m\tb\x7f", SMTP_REPLY_DONE, 250, "", "a?[0m?b?"},
    {"empty line", "", SMTP_REPLY_BAD, 0, "", ""},
    {"two digits", "25 ok", SMTP_REPLY_BAD, 0, "", ""},
    {"four digits", "2500 ok", SMTP_REPLY_BAD, 0, "", ""},
    {"other separator", "250_ok", SMTP_REPLY_BAD, 0, "", ""},
    {"1xx", "150 ok", SMTP_REPLY_BAD, 0, "", ""},
    {"6xx", "600 ok", SMTP_REPLY_BAD, 0, "", ""},
    {"words", "HTTP/1.1 400 Bad Request", SMTP_REPLY_BAD, 0, "", ""},
};

TEST(test_reply_forms)
{
    struct smtp_reply_parser parser;

    smtp_reply_parser_init(&parser);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum smtp_reply_progress progress = SMTP_REPLY_MORE;
        struct smtp_reply reply = {0};
        struct span rest = span_of(cases[i].lines);
        check_case = cases[i].name;
        smtp_reply_parser_reset(&parser);
        do {
            progress = smtp_reply_feed(&parser, span_cut(&rest, '|'), &reply);
        } while (progress == SMTP_REPLY_MORE && rest.ptr != NULL);
        check_int(progress, cases[i].progress);
        if (progress != SMTP_REPLY_DONE)
            continue;
        check_int(reply.code, cases[i].code);
        check_span(reply.status, cases[i].status);
        check_span(reply.text, cases[i].text);
    }
    smtp_reply_parser_deinit(&parser);
}

TEST(test_reply_text_is_cut_at_its_limit)
{
    static char line[SMTP_REPLY_LINE_MAX];
    struct smtp_reply_parser parser;
    struct smtp_reply reply = {0};

    smtp_reply_parser_init(&parser);
    memset(line, 'x', sizeof line);
    memcpy(line, "250 ", 4);
    for (size_t len = SMTP_REPLY_MAX - 1; len <= SMTP_REPLY_MAX + 1; len++) {
        smtp_reply_parser_reset(&parser);
        check_int(smtp_reply_feed(&parser, span_make(line, len + 4), &reply), SMTP_REPLY_DONE);
        check_int(reply.text.len, len < SMTP_REPLY_MAX ? len : SMTP_REPLY_MAX);
    }
    smtp_reply_parser_deinit(&parser);
}

TEST(test_endless_reply_is_given_up)
{
    struct smtp_reply_parser parser;
    struct smtp_reply reply = {0};

    smtp_reply_parser_init(&parser);
    for (int i = 0; i < SMTP_REPLY_LINES_MAX; i++)
        check_int(smtp_reply_feed(&parser, span_of("250-x"), &reply), SMTP_REPLY_MORE);
    check_int(smtp_reply_feed(&parser, span_of("250-x"), &reply), SMTP_REPLY_BAD);
    smtp_reply_parser_deinit(&parser);
}

CHECK_MAIN({"test_reply_forms", test_reply_forms},
           {"test_reply_text_is_cut_at_its_limit", test_reply_text_is_cut_at_its_limit},
           {"test_endless_reply_is_given_up", test_endless_reply_is_given_up})
