/*
 * check: the unit tests' only tool. A test program is a list of TEST(name) functions and a
 * CHECK_MAIN(...) that names them; it prints one line "N passed, N failed" and exits 1 on failure.
 * With arguments it runs only the tests so named.
 */
#ifndef POSTERN_TESTS_UNIT_CHECK_H
#define POSTERN_TESTS_UNIT_CHECK_H

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/span.h"

struct check_test {
    const char *name;
    void (*run)(void);
};

static unsigned check_failures;     /* of the test under way */
static const char *check_case = ""; /* set by table-driven tests: the case's text */

#define TEST(name) static void name(void)

#define CHECK_FAILED(format, ...)                                                                  \
    (check_failures++, (void)fprintf(stderr, "%s:%d: [%s] " format "\n", __FILE__, __LINE__,       \
                                     check_case, __VA_ARGS__))

#define check(condition) ((condition) ? (void)0 : CHECK_FAILED("not so: %s", #condition))

#define check_int(got, wanted)                                                                     \
    do {                                                                                           \
        long long check_got = (long long)(got), check_wanted = (long long)(wanted);                \
        if (check_got != check_wanted)                                                             \
            CHECK_FAILED("%s: wanted %lld, got %lld", #got, check_wanted, check_got);              \
    } while (0)

/* got: a span; wanted: a text */
#define check_span(got, wanted)                                                                    \
    do {                                                                                           \
        struct span check_got = (got), check_wanted = span_of(wanted);                             \
        if (!span_equal(check_got, check_wanted))                                                  \
            CHECK_FAILED("%s: wanted \"%s\", got \"%.*s\"", #got, check_wanted.ptr,                \
                         (int)check_got.len, check_got.ptr);                                       \
    } while (0)

#define check_text(got, wanted) check_span(span_of(got), wanted)

static inline int check_run(int argc, char **argv, const struct check_test *tests, size_t count)
{
    unsigned passed = 0, failed = 0;
    for (size_t i = 0; i < count; i++) {
        int is_wanted = argc < 2;
        for (int a = 1; a < argc; a++)
            is_wanted = is_wanted || strcmp(argv[a], tests[i].name) == 0;
        if (!is_wanted)
            continue;
        check_failures = 0;
        check_case = tests[i].name;
        tests[i].run();
        if (check_failures == 0) {
            passed++;
        } else {
            failed++;
            (void)fprintf(stderr, "FAILED %s\n", tests[i].name);
        }
    }
    (void)printf("%u passed, %u failed\n", passed, failed);
    return failed != 0;
}

/* CHECK_MAIN({"test_one", test_one}, {"test_two", test_two}) */
#define CHECK_MAIN(...)                                                                            \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        static const struct check_test tests[] = {__VA_ARGS__};                                    \
        return check_run(argc, argv, tests, sizeof tests / sizeof *tests);                         \
    }

#endif
