#include "mail/date.h"

#include "base/err.h"
#include "check.h"

TEST(test_dates_are_written_in_three_forms)
{
    static const struct {
        int64_t seconds;
        const char *mail, *imap, *iso;
    } cases[] = {
        {0, "Thu, 1 Jan 1970 00:00:00 +0000", " 1-Jan-1970 00:00:00 +0000", "1970-01-01T00:00:00Z"},
        {1795256527, "Sat, 21 Nov 2026 10:22:07 +0000", "21-Nov-2026 10:22:07 +0000",
         "2026-11-21T10:22:07Z"},
        {-1, "Wed, 31 Dec 1969 23:59:59 +0000", "31-Dec-1969 23:59:59 +0000",
         "1969-12-31T23:59:59Z"},
        {951782400, "Tue, 29 Feb 2000 00:00:00 +0000", "29-Feb-2000 00:00:00 +0000",
         "2000-02-29T00:00:00Z"},
        {2147483648, "Tue, 19 Jan 2038 03:14:08 +0000", "19-Jan-2038 03:14:08 +0000",
         "2038-01-19T03:14:08Z"},
        {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 +0000", "31-Dec-9999 23:59:59 +0000",
         "9999-12-31T23:59:59Z"},
        {INT64_MIN, "Mon, 1 Jan 0001 00:00:00 +0000", " 1-Jan-0001 00:00:00 +0000",
         "0001-01-01T00:00:00Z"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[DATE_TEXT_SIZE];
        check_case = cases[i].mail;
        date_rfc5322(cases[i].seconds, text);
        check_text(text, cases[i].mail);
        date_imap(cases[i].seconds, text);
        check_text(text, cases[i].imap);
        date_rfc3339(cases[i].seconds, text);
        check_text(text, cases[i].iso);
    }
}

TEST(test_mail_dates_are_read)
{
    static const struct {
        const char *text;
        int status;
        int64_t seconds;
        int zone_s;
    } cases[] = {
        {"Sat, 21 Nov 2026 10:22:07 +0000", 0, 1795256527, 0},
        {"Sat, 21 Nov 2026 11:22:07 +0100", 0, 1795256527, 3600},
        {"Sat, 21 Nov 2026 05:52:07 -0430", 0, 1795256527, -16200},
        {"21 Nov 2026 10:22 GMT", 0, 1795256520, 0},
        {"21 nov 26 10:22:07 UT", 0, 1795256527, 0},
        {"  Sat ,\r\n 21 (day) Nov 2026 10 : 22 : 07 EST (why)", 0, 1795274527, -18000},
        {"21-Nov-2026 10:22:07 PDT", 0, 1795281727, -25200},
        {"21 Nov 2026 10:22:07 Z", 0, 1795256527, 0},
        {"21 Nov 2026 10:22:07", 0, 1795256527, 0},
        {"21 Nov 2026", 0, 1795219200, 0},
        {"1 Jan 99 00:00:00 +0000", 0, 915148800, 0},
        {"1 Jan 100 00:00:00 +0000", 0, 946684800, 0},
        {"31 Dec 1998 23:59:60 +0000", 0, 915148800, 0},
        {"29 Feb 2000 00:00:00 +0000", 0, 951782400, 0},
        {"29 Feb 1900 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"29 Feb 2026 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"31 Apr 2026 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"0 Apr 2026 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"1 Foo 2026 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 24:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 00:60:00 +0000", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 00:00:61 +0000", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 00:00:00 +0060", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 00:00:00 +100", ERR_SYNTAX, 0, 0},
        {"1 Apr 20260 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"111 Apr 2026 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"1 Apr 0000 00:00:00 +0000", ERR_SYNTAX, 0, 0},
        {"Sat,", ERR_SYNTAX, 0, 0},
        {"", ERR_SYNTAX, 0, 0},
        {"(((", ERR_SYNTAX, 0, 0},
        {"1 Apr 2026 xx", ERR_SYNTAX, 0, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 0;
        int zone_s = 0;
        check_case = cases[i].text;
        int status = date_parse_rfc5322(span_of(cases[i].text), &seconds, &zone_s);
        check_int(status, cases[i].status);
        if (status != 0)
            continue;
        check_int(seconds, cases[i].seconds);
        check_int(zone_s, cases[i].zone_s);
    }
}

TEST(test_imap_dates_are_read_strictly)
{
    static const struct {
        const char *text;
        int status;
        int64_t seconds;
    } cases[] = {
        {"21-Nov-2026 10:22:07 +0000", 0, 1795256527},
        {" 1-Jan-1970 00:00:00 +0000", 0, 0},
        {"01-Jan-1970 01:00:00 +0100", 0, 0},
        {"01-jan-1970 00:00:00 -0000", 0, 0},
        {"21-Nov-2026", ERR_SYNTAX, 0},
        {"21-Nov-2026 10:22 +0000", ERR_SYNTAX, 0},
        {"21-Nov-2026 10:22:07", ERR_SYNTAX, 0},
        {"21-Nov-2026 10:22:07 GMT", ERR_SYNTAX, 0},
        {"21 Nov 2026 10:22:07 +0000", ERR_SYNTAX, 0},
        {"21-Nov-26 10:22:07 +0000", ERR_SYNTAX, 0},
        {"21-Nov-2026 10:22:07 +0000 ", ERR_SYNTAX, 0},
        {"", ERR_SYNTAX, 0},
        {"32-Nov-2026 10:22:07 +0000", ERR_SYNTAX, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t seconds = 0;
        check_case = cases[i].text;
        check_int(date_parse_imap(span_of(cases[i].text), &seconds), cases[i].status);
        check_int(seconds, cases[i].seconds);
    }
}

TEST(test_imap_days_are_read)
{
    int64_t seconds = 0;
    check_int(date_parse_imap_day(span_of("1-Nov-2026"), &seconds), 0);
    check_int(seconds, 1793491200);
    check_int(date_parse_imap_day(span_of("01-NOV-2026"), &seconds), 0);
    check_int(seconds, 1793491200);
    check_int(date_parse_imap_day(span_of("1-Nov-2026 "), &seconds), ERR_SYNTAX);
    check_int(date_parse_imap_day(span_of(" 1-Nov-2026"), &seconds), ERR_SYNTAX);
    check_int(date_parse_imap_day(span_of("1-Nov"), &seconds), ERR_SYNTAX);
    check_int(date_parse_imap_day(span_of(""), &seconds), ERR_SYNTAX);
}

TEST(test_what_is_written_is_read_back)
{
    for (int64_t seconds = -62135596800; seconds < 253402300799; seconds += 86400 * 97 + 12345) {
        char text[DATE_TEXT_SIZE];
        int64_t back = 0;
        date_rfc5322(seconds, text);
        check_case = text;
        /* Years below 1000 are two- or three-digit ones to the reader only without zeroes. */
        check_int(date_parse_rfc5322(span_of(text), &back, NULL), 0);
        check_int(back, seconds);
        date_imap(seconds, text);
        check_int(date_parse_imap(span_of(text), &back), 0);
        check_int(back, seconds);
    }
}

CHECK_MAIN({"test_dates_are_written_in_three_forms", test_dates_are_written_in_three_forms},
           {"test_mail_dates_are_read", test_mail_dates_are_read},
           {"test_imap_dates_are_read_strictly", test_imap_dates_are_read_strictly},
           {"test_imap_days_are_read", test_imap_days_are_read},
           {"test_what_is_written_is_read_back", test_what_is_written_is_read_back})
