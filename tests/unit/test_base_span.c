/* Tests of base/span.h. */
#include "base/span.h"
#include "tests/unit/check.h"

TEST(test_compare_without_case)
{
    check(span_is_nocase(span_of("StartTLS"), "STARTTLS"));
    check(!span_is_nocase(span_of("STARTTL"), "STARTTLS"));
    check(!span_is_nocase(span_of("\xC9"), "\xE9")); /* only ASCII letters have a case here */
    check(span_starts_nocase(span_of("FROM:<a@b>"), span_of("from:")));
    check(span_ends_nocase(span_of("mail.Example.ORG"), span_of(".example.org")));
    check(!span_ends_nocase(span_of("org"), span_of(".example.org")));
}

TEST(test_order_is_by_bytes_then_length)
{
    check(span_compare(span_of("a"), span_of("b")) < 0);
    check(span_compare(span_of("a"), span_of("ab")) < 0);
    check(span_compare(span_of("ab"), span_of("a")) > 0);
    check_int(span_compare(span_of(""), span_of("")), 0);
}

TEST(test_cut_walks_a_list)
{
    struct span rest = span_of("a,,b");
    check_span(span_cut(&rest, ','), "a");
    check_span(span_cut(&rest, ','), "");
    check_span(span_cut(&rest, ','), "b");
    check(rest.ptr == NULL);
}

TEST(test_find)
{
    check_int(span_find(span_of("abcabd"), span_of("abd")), 3);
    check_int(span_find(span_of("abc"), span_of("abcd")), -1);
    check_int(span_find_byte(span_of("abc"), 1, 'a'), -1);
    check_int(span_find_byte(span_of("abc"), 9, 'a'), -1);
}

TEST(test_numbers)
{
    static const struct {
        const char *text;
        uint64_t max;
        bool is_number;
        uint64_t value;
    } cases[] = {
        {"0", 10, true, 0},
        {"10", 10, true, 10},
        {"11", 10, false, 0},
        {"", 10, false, 0},
        {"+1", 10, false, 0},
        {"1 ", 10, false, 0},
        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
        {"18446744073709551616", UINT64_MAX, false, 0},
        {"99999999999999999999999", UINT64_MAX, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        uint64_t value = 0;
        check_case = cases[i].text;
        check_int(span_to_u64(span_of(cases[i].text), cases[i].max, &value), cases[i].is_number);
        check(value == cases[i].value);
    }
}

CHECK_MAIN({"test_compare_without_case", test_compare_without_case},
           {"test_order_is_by_bytes_then_length", test_order_is_by_bytes_then_length},
           {"test_cut_walks_a_list", test_cut_walks_a_list}, {"test_find", test_find},
           {"test_numbers", test_numbers})
