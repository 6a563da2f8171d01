/*
 * mime_body: BODY cut from BODYSTRUCTURE: the extension data left out (RFC 3501 7.4.2). The text is
 * ours, but comes from the store: what is damaged gives a plain empty part, not a broken reply.
 * Tests: tests/unit/test_mail_mime.c.
 */
#include "mail/mime.h"

#include "mail/lex_internal.h"

enum { FRAMES_MAX = MIME_DEPTH_MAX + 1, LEAF_FIELDS = 7 /* type to octets */ };

enum frame { FRAME_MULTIPART, FRAME_MESSAGE };

struct cutter {
    struct span rest;
    struct buf *out;
    enum frame frames[FRAMES_MAX];
    unsigned depth;
};

static bool is_at(const struct cutter *cutter, char byte)
{
    return cutter->rest.len > 0 && cutter->rest.ptr[0] == byte;
}

/* The length of the quoted string, literal or atom at the start of text; 0: there is none. */
static size_t string_len(struct span text)
{
    if (text.ptr[0] == '"') {
        struct span rest = text;
        (void)lex_quoted(&rest);
        return text.len - rest.len;
    }
    if (text.ptr[0] == '{') {
        ptrdiff_t end = span_find_byte(text, 0, '}');
        uint64_t size;
        if (end < 0 || !span_to_u64(span_make(text.ptr + 1, (size_t)end - 1), text.len, &size) ||
            size + (size_t)end + 3 > text.len)
            return 0;
        return (size_t)end + 3 + (size_t)size;
    }
    size_t len = 0;
    while (len < text.len && text.ptr[len] != ' ' && text.ptr[len] != '(' && text.ptr[len] != ')')
        len++;
    return len;
}

/* The length of the element at the start of text: a string or an atom, or a list with all that is
 * in it; 0: there is none. */
static size_t element_len(struct span text)
{
    size_t depth = 0, len = 0;

    while (len < text.len) {
        char byte = text.ptr[len];
        bool is_mark = byte == '(' || byte == ')' || byte == ' ';
        if (is_mark && depth == 0 && byte != '(')
            return 0;
        depth += byte == '(';
        depth -= byte == ')';
        size_t step = is_mark ? 1 : string_len(span_from(text, len));
        if (step == 0)
            return 0;
        len += step;
        if (depth == 0)
            return len;
    }
    return 0;
}

/* Takes an element with the space before it; empty when there is none. */
static struct span take_element(struct cutter *cutter)
{
    struct span text = is_at(cutter, ' ') ? span_from(cutter->rest, 1) : cutter->rest;
    size_t len = element_len(text);

    if (len > 0)
        cutter->rest = span_from(text, len);
    return span_first(text, len);
}

static bool copy_element(struct cutter *cutter, const char *separator, struct span *out)
{
    *out = take_element(cutter);
    if (out->len == 0)
        return false;
    buf_puts(cutter->out, separator);
    buf_put(cutter->out, *out);
    return true;
}

/* Leaves out what stands before the closing parenthesis. */
static bool close_body(struct cutter *cutter)
{
    while (cutter->rest.len > 0 && !is_at(cutter, ')')) {
        if (take_element(cutter).len == 0)
            return false;
    }
    if (cutter->rest.len == 0)
        return false;
    cutter->rest = span_from(cutter->rest, 1);
    buf_put_byte(cutter->out, ')');
    return true;
}

static bool open_frame(struct cutter *cutter, enum frame frame)
{
    if (cutter->depth == FRAMES_MAX)
        return false;
    cutter->frames[cutter->depth++] = frame;
    return true;
}

/* A body begins. *is_open_out: another one comes inside it before it ends. */
static bool cut_start(struct cutter *cutter, bool *is_open_out)
{
    struct span fields[LEAF_FIELDS], element;

    *is_open_out = true;
    if (!is_at(cutter, '('))
        return false;
    cutter->rest = span_from(cutter->rest, 1);
    buf_put_byte(cutter->out, '(');
    if (is_at(cutter, '('))
        return open_frame(cutter, FRAME_MULTIPART);

    for (size_t i = 0; i < LEAF_FIELDS; i++) {
        if (!copy_element(cutter, i == 0 ? "" : " ", &fields[i]))
            return false;
    }
    if (span_is(fields[0], "\"message\"") && span_is(fields[1], "\"rfc822\"")) {
        if (!copy_element(cutter, " ", &element) || !is_at(cutter, ' '))
            return false;
        cutter->rest = span_from(cutter->rest, 1);
        buf_put_byte(cutter->out, ' ');
        return open_frame(cutter, FRAME_MESSAGE);
    }
    *is_open_out = false;
    if (span_is(fields[0], "\"text\"") && !copy_element(cutter, " ", &element))
        return false;
    return close_body(cutter);
}

/* A body inside the innermost frame has ended. *is_open_out: another one follows. */
static bool cut_end(struct cutter *cutter, bool *is_open_out)
{
    struct span element;

    *is_open_out = cutter->frames[cutter->depth - 1] == FRAME_MULTIPART && is_at(cutter, '(');
    if (*is_open_out)
        return true;
    cutter->depth--;
    return copy_element(cutter, " ", &element) && close_body(cutter);
}

void mime_body_from_structure(struct span structure, struct buf *out)
{
    struct cutter cutter;
    size_t before = out->len;
    bool is_open = true, is_well = true;

    cutter.rest = structure;
    cutter.out = out;
    cutter.depth = 0;
    while (is_well && (is_open || cutter.depth > 0))
        is_well = is_open ? cut_start(&cutter, &is_open) : cut_end(&cutter, &is_open);
    if (is_well && cutter.rest.len == 0)
        return;
    buf_truncate(out, before);
    buf_puts(out, "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 0 0)");
}
