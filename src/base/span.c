/*
 * span.c: comparing, searching and cutting borrowed bytes. Pure functions; no allocation but in
 * span_dup(). Tests: tests/unit/test_base_span.c.
 */
#include "base/span.h"

#include "base/mem.h"

static unsigned char lower(char byte)
{
    unsigned char b = (unsigned char)byte;
    return b >= 'A' && b <= 'Z' ? (unsigned char)(b + ('a' - 'A')) : b;
}

bool span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool span_equal_nocase(struct span a, struct span b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++) {
        if (lower(a.ptr[i]) != lower(b.ptr[i]))
            return false;
    }
    return true;
}

bool span_is(struct span span, const char *text)
{
    return span_equal(span, span_of(text));
}

bool span_is_nocase(struct span span, const char *text)
{
    return span_equal_nocase(span, span_of(text));
}

bool span_starts(struct span span, struct span prefix)
{
    return span.len >= prefix.len && span_equal(span_first(span, prefix.len), prefix);
}

bool span_starts_nocase(struct span span, struct span prefix)
{
    return span.len >= prefix.len && span_equal_nocase(span_first(span, prefix.len), prefix);
}

bool span_ends_nocase(struct span span, struct span suffix)
{
    return span.len >= suffix.len &&
           span_equal_nocase(span_from(span, span.len - suffix.len), suffix);
}

int span_compare(struct span a, struct span b)
{
    size_t common = a.len < b.len ? a.len : b.len;
    int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0)
        return order;
    return a.len == b.len ? 0 : a.len < b.len ? -1 : 1;
}

ptrdiff_t span_find_byte(struct span span, size_t offset, char byte)
{
    if (offset >= span.len)
        return -1;
    const char *found = memchr(span.ptr + offset, byte, span.len - offset);
    return found == NULL ? -1 : found - span.ptr;
}

ptrdiff_t span_find(struct span span, struct span needle)
{
    if (needle.len == 0)
        return 0;
    if (span.len == 0)
        return -1;
    const char *found = memmem(span.ptr, span.len, needle.ptr, needle.len);
    return found == NULL ? -1 : found - span.ptr;
}

struct span span_cut(struct span *rest, char separator)
{
    struct span all = *rest;
    ptrdiff_t at = span_find_byte(all, 0, separator);
    if (at < 0) {
        *rest = (struct span){NULL, 0};
        return all;
    }
    *rest = span_from(all, (size_t)at + 1);
    return span_first(all, (size_t)at);
}

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

struct span span_trim(struct span span)
{
    while (span.len > 0 && is_blank(span.ptr[0]))
        span = span_from(span, 1);
    while (span.len > 0 && is_blank(span.ptr[span.len - 1]))
        span.len--;
    return span;
}

bool span_to_u64(struct span span, uint64_t max, uint64_t *value_out)
{
    uint64_t value = 0;
    if (span.len == 0)
        return false;
    for (size_t i = 0; i < span.len; i++) {
        char byte = span.ptr[i];
        if (byte < '0' || byte > '9')
            return false;
        uint64_t digit = (uint64_t)(byte - '0');
        if (value > (UINT64_MAX - digit) / 10)
            return false;
        value = value * 10 + digit;
        if (value > max)
            return false;
    }
    *value_out = value;
    return true;
}

bool span_has_nul(struct span span)
{
    return span_find_byte(span, 0, '\0') >= 0;
}

char *span_dup(struct span span)
{
    return mem_strndup(span.ptr, span.len);
}
