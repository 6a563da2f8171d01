/*
 * header: finds the fields of a header and unfolds their values. Address lists are
 * header_address.c's, encoded words encword.c's. On the delivery path: a field costs one memchr a
 * line and a look at each byte of its name, nothing is copied. Tests:
 * tests/unit/test_mail_header.c, tests/fuzz/fuzz_mail_header.c.
 */
#include "mail/header.h"

#include "mail/lex_internal.h"

/* The length of the line at offset, line end included. */
static size_t line_len(struct span header, size_t offset)
{
    const char *lf = memchr(header.ptr + offset, '\n', header.len - offset);
    return lf != NULL ? (size_t)(lf - (header.ptr + offset)) + 1 : header.len - offset;
}

static bool is_empty_line(struct span line)
{
    return (line.len == 1 && line.ptr[0] == '\n') ||
           (line.len == 2 && line.ptr[0] == '\r' && line.ptr[1] == '\n');
}

/* The length of the line at offset and of all that continue it: folded with a leading space or tab
 * (RFC 5322 2.2.3). */
static size_t folded_len(struct span header, size_t offset)
{
    size_t end = offset + line_len(header, offset);

    while (end < header.len && (header.ptr[end] == ' ' || header.ptr[end] == '\t'))
        end += line_len(header, end);
    return end - offset;
}

/* Offset of the colon behind a field name (printable ASCII, then perhaps white space: RFC 5322
 * 4.5), the name's length in *name_len_out; or -1 when the line is no field. */
static ptrdiff_t find_colon(struct span line, size_t *name_len_out)
{
    size_t at = 0;

    while (at < line.len && line.ptr[at] > ' ' && line.ptr[at] < 127 && line.ptr[at] != ':')
        at++;
    *name_len_out = at;
    while (at < line.len && (line.ptr[at] == ' ' || line.ptr[at] == '\t'))
        at++;
    if (*name_len_out == 0 || at == line.len || line.ptr[at] != ':')
        return -1;
    return (ptrdiff_t)at;
}

static struct span without_line_end(struct span text)
{
    if (text.len > 0 && text.ptr[text.len - 1] == '\n')
        text.len--;
    if (text.len > 0 && text.ptr[text.len - 1] == '\r')
        text.len--;
    return text;
}

bool header_next(struct span header, size_t *offset, struct header_field *out)
{
    while (*offset < header.len) {
        size_t start = *offset, name_len;
        size_t first_len = line_len(header, start);
        if (is_empty_line(span_make(header.ptr + start, first_len)))
            return false;

        struct span whole = span_make(header.ptr + start, folded_len(header, start));
        *offset += whole.len;
        ptrdiff_t colon = find_colon(span_first(whole, first_len), &name_len);
        if (colon < 0)
            continue;
        out->name = span_first(whole, name_len);
        out->value = without_line_end(span_from(whole, (size_t)colon + 1));
        out->whole = whole;
        return true;
    }
    return false;
}

bool header_find(struct span header, const char *name, struct header_field *out)
{
    size_t offset = 0;

    while (header_next(header, &offset, out)) {
        if (span_is_nocase(out->name, name))
            return true;
    }
    return false;
}

void header_unfold(struct span value, struct buf *out)
{
    struct span rest = lex_trim(value);

    while (rest.len > 0) {
        size_t run = 0;
        while (run < rest.len && rest.ptr[run] != '\r' && rest.ptr[run] != '\n')
            run++;
        lex_put(out, span_first(rest, run));
        lex_advance(&rest, run);
        while (rest.len > 0 && (rest.ptr[0] == '\r' || rest.ptr[0] == '\n'))
            lex_advance(&rest, 1);
    }
}
