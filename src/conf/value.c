/*
 * value: texts of the file to numbers and back: sizes ("25M"), times ("30s"), choices ("a|b|c").
 * Ranges are checked by fill.c. Tests: test_conf_load.c, fuzz_conf.c.
 */
#include "conf/value.h"

#include <string.h>

#include "base/err.h"

struct unit {
    const char *name;
    int64_t factor;
};

/* Largest first: so a value is written in the largest unit that leaves a whole number. */
static const struct unit size_units[] = {
    {"G", 1024LL * 1024 * 1024}, {"M", 1024LL * 1024}, {"K", 1024}, {"B", 1}};
static const struct unit time_units[] = {
    {"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

#define COUNT_OF(array) (sizeof(array) / sizeof *(array))

static int parse_with_unit(const char *text, const struct unit *units, size_t unit_count,
                           int64_t *value_out)
{
    struct span rest = span_of(text);
    size_t digits = strspn(text, "0123456789");
    uint64_t number = 0;

    if (digits == 0)
        return ERR_SYNTAX;
    for (size_t i = 0; i < unit_count; i++) {
        if (!span_is(span_from(rest, digits), units[i].name))
            continue;
        uint64_t max = (uint64_t)(INT64_MAX / units[i].factor);
        if (!span_to_u64(span_first(rest, digits), max, &number))
            return ERR_LIMIT;
        *value_out = (int64_t)number * units[i].factor;
        return 0;
    }
    return ERR_SYNTAX;
}

int conf_parse_size(const char *text, int64_t *bytes_out)
{
    return parse_with_unit(text, size_units, COUNT_OF(size_units), bytes_out);
}

int conf_parse_time(const char *text, int64_t *ms_out)
{
    return parse_with_unit(text, time_units, COUNT_OF(time_units), ms_out);
}

static void put_with_unit(struct buf *out, int64_t value, const struct unit *units,
                          size_t unit_count, const char *zero)
{
    if (value == 0) {
        buf_puts(out, zero);
        return;
    }
    for (size_t i = 0; i < unit_count; i++) {
        if (value % units[i].factor == 0) {
            buf_printf(out, "%lld%s", (long long)(value / units[i].factor), units[i].name);
            return;
        }
    }
}

void conf_put_size(struct buf *out, int64_t bytes)
{
    put_with_unit(out, bytes, size_units, COUNT_OF(size_units), "0B");
}

void conf_put_time(struct buf *out, int64_t ms)
{
    put_with_unit(out, ms, time_units, COUNT_OF(time_units), "0s");
}

int conf_choice_index(const char *choices, const char *text)
{
    struct span rest = span_of(choices);

    for (int i = 0; rest.ptr != NULL; i++)
        if (span_is(span_cut(&rest, '|'), text))
            return i;
    return -1;
}
