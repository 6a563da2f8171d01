/*
 * pattern: matching is that of a glob with one wildcard: literals are found from left to right, the
 * last one at the end, so it is linear enough and never backtracks.
 */
#include "tests/dialogue/pattern.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/require.h"

enum { GAPS_MAX = 32 };

/* A pattern taken apart: literal, gap, literal, gap, ..., literal. */
struct parts {
    struct buf literals[GAPS_MAX + 1];
    struct span names[GAPS_MAX]; /* empty: a plain gap */
    size_t gap_count;
};

void pattern_variables_deinit(struct pattern_variables *variables)
{
    for (size_t i = 0; i < variables->count; i++)
        buf_release(&variables->items[i].value);
    variables->count = 0;
}

static void variable_set(struct pattern_variables *variables, struct span name, struct span value)
{
    size_t i = 0;

    while (i < variables->count && !span_is(name, variables->items[i].name))
        i++;
    if (i == variables->count) {
        require(i < PATTERN_VARIABLES_MAX && name.len < sizeof variables->items[i].name);
        memcpy(variables->items[i].name, name.ptr, name.len);
        variables->items[i].name[name.len] = '\0';
        buf_init(&variables->items[i].value, 0);
        variables->count++;
    }
    buf_clear(&variables->items[i].value);
    buf_put(&variables->items[i].value, value);
}

/* At a backslash: appends what it stands for, returns how many bytes it took. */
static size_t take_escape(struct span text, struct buf *out)
{
    static const char letters[] = "rnt0\\.", bytes[] = "\r\n\t\0\\.";
    unsigned char byte;

    if (text.len >= 4 && text.ptr[1] == 'x' &&
        codec_hex_decode(span_make(text.ptr + 2, 2), &byte) == 0) {
        buf_put_byte(out, (char)byte);
        return 4;
    }
    for (size_t i = 0; text.len >= 2 && i < sizeof letters - 1; i++) {
        if (text.ptr[1] == letters[i]) {
            buf_put_byte(out, bytes[i]);
            return 2;
        }
    }
    buf_put_byte(out, '\\');
    return 1;
}

/* At "<<name>>": its length, 0 when it is none. */
static size_t take_name(struct span text, struct span *name_out)
{
    ptrdiff_t end = span_find(text, span_of(">>"));

    if (!span_starts(text, span_of("<<")) || end < 3)
        return 0;
    *name_out = span_make(text.ptr + 2, (size_t)end - 2);
    for (size_t i = 0; i < name_out->len; i++)
        if (name_out->ptr[i] < 'a' || name_out->ptr[i] > 'z')
            return 0;
    return (size_t)end + 2;
}

void pattern_expand(struct span text, const struct pattern_variables *variables, struct buf *out)
{
    size_t at = 0;

    while (at < text.len) {
        struct span rest = span_from(text, at), name;
        size_t name_len = take_name(rest, &name);
        for (size_t i = 0; name_len > 0 && i < variables->count; i++)
            if (span_is(name, variables->items[i].name))
                buf_put(out, buf_span(&variables->items[i].value));
        if (name_len > 0) {
            at += name_len;
        } else if (text.ptr[at] == '\\') {
            at += take_escape(rest, out);
        } else {
            buf_put_byte(out, text.ptr[at++]);
        }
    }
}

static void parts_split(struct span pattern, struct parts *parts)
{
    size_t at = 0;

    parts->gap_count = 0;
    buf_init(&parts->literals[0], 0);
    while (at < pattern.len) {
        struct span rest = span_from(pattern, at), name = {"", 0};
        size_t gap_len = span_starts(rest, span_of("...")) ? strlen("...") : take_name(rest, &name);
        if (gap_len > 0) {
            require(parts->gap_count < GAPS_MAX);
            parts->names[parts->gap_count++] = name;
            buf_init(&parts->literals[parts->gap_count], 0);
            at += gap_len;
        } else if (pattern.ptr[at] == '\\') {
            at += take_escape(rest, &parts->literals[parts->gap_count]);
        } else {
            buf_put_byte(&parts->literals[parts->gap_count], pattern.ptr[at++]);
        }
    }
}

/* Fills gaps_out with what stood in each gap. */
static bool parts_fit(const struct parts *parts, struct span line, struct span *gaps_out)
{
    struct span first = buf_span(&parts->literals[0]);

    if (parts->gap_count == 0)
        return span_equal(first, line);
    if (!span_starts(line, first))
        return false;
    struct span rest = span_from(line, first.len);
    for (size_t i = 1; i <= parts->gap_count; i++) {
        struct span literal = buf_span(&parts->literals[i]);
        ptrdiff_t at = span_find(rest, literal);
        if (i == parts->gap_count) { /* the last one stands at the end */
            if (rest.len < literal.len)
                return false;
            at = (ptrdiff_t)(rest.len - literal.len);
            if (!span_equal(span_from(rest, (size_t)at), literal))
                return false;
        }
        if (at < 0)
            return false;
        gaps_out[i - 1] = span_first(rest, (size_t)at);
        rest = span_from(rest, (size_t)at + literal.len);
    }
    return true;
}

bool pattern_fits(struct span pattern, struct span line, struct pattern_variables *variables)
{
    struct parts parts;
    struct span gaps[GAPS_MAX];

    parts_split(pattern, &parts);
    bool does_fit = parts_fit(&parts, line, gaps);
    for (size_t i = 0; does_fit && i < parts.gap_count; i++)
        if (parts.names[i].len > 0)
            variable_set(variables, parts.names[i], gaps[i]);
    for (size_t i = 0; i <= parts.gap_count; i++)
        buf_release(&parts.literals[i]);
    return does_fit;
}

void pattern_show(struct span bytes, struct buf *out)
{
    for (size_t i = 0; i < bytes.len; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        if (c == '\r' || c == '\n')
            buf_puts(out, c == '\r' ? "\\r" : "\\n");
        else if (c < ' ' || c == 127)
            buf_printf(out, "\\x%02x", (unsigned)c);
        else
            buf_put_byte(out, (char)c);
    }
}
