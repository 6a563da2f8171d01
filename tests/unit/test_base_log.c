/* Tests of base/log.h and base/err.h. */
#include "base/err.h"
#include "base/log.h"
#include "tests/unit/check.h"

/* What stands behind time, level, area and event. */
static struct span tail(const struct log_line *line)
{
    struct span text = span_make(line->text, line->len);
    ptrdiff_t at = span_find(text, span_of("test event"));
    check(at >= 0);
    return span_from(text, (size_t)at + strlen("test event"));
}

TEST(test_values_are_quoted_and_escaped)
{
    struct log_line line;
    log_set_level(LOG_INFO);
    log_begin(&line, LOG_INFO, "test", "event");
    log_text(&line, "plain", "abc");
    log_text(&line, "space", "a b");
    log_text(&line, "empty", "");
    log_span(&line, "bad", span_make("x\r\n\"\\\x00\x1b\xff", 8));
    log_int(&line, "number", -5);
    log_hex(&line, "hex", 0xABC);
    log_id(&line, "id", 0xABC);
    check_span(tail(&line),
               " plain=abc space=\"a b\" empty=\"\""
               " bad=\"x\\x0d\\x0a\\\"\\\\\\x00\\x1b\\xff\" number=-5 hex=abc id=0000000000000abc");
}

TEST(test_long_values_and_lines_are_cut)
{
    static char many[4000];
    struct log_line line;
    memset(many, 'y', sizeof many);
    log_begin(&line, LOG_INFO, "test", "event");
    log_span(&line, "long", span_make(many, sizeof many));
    check(line.len < LOG_VALUE_MAX + 80);
    check(span_find(span_make(line.text, line.len), span_of("...\"")) > 0);
    for (int i = 0; i < 30; i++)
        log_span(&line, "more", span_make(many, 200));
    check(line.len < LOG_LINE_MAX);
}

TEST(test_below_the_level_nothing_is_built)
{
    struct log_line line;
    log_begin(&line, LOG_DEBUG, "test", "event");
    log_text(&line, "key", "value");
    check_int((long long)line.len, 0);
}

TEST(test_faults_carry_their_context)
{
    struct fault fault;
    check_int(fault_set(&fault, ERR_IO, "could not read %s", "x"), ERR_IO);
    check_int(fault_wrap(&fault, "store"), ERR_IO);
    check_text(fault.text, "store: could not read x");
    check_int(fault_set(NULL, ERR_FULL, "nobody listens"), ERR_FULL);
    check_text(err_name(ERR_FULL), "ERR_FULL");
    check_text(err_text(12345), "unknown error");
}

CHECK_MAIN({"test_values_are_quoted_and_escaped", test_values_are_quoted_and_escaped},
           {"test_long_values_and_lines_are_cut", test_long_values_and_lines_are_cut},
           {"test_below_the_level_nothing_is_built", test_below_the_level_nothing_is_built},
           {"test_faults_carry_their_context", test_faults_carry_their_context})
