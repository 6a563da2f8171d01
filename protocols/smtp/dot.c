/*
 * dot: the states of a message on the wire. The way in walks from CR to CR with memchr, so a usual
 * message costs one call of the sink for each piece that arrives. It leaves what a fault means to
 * the session. Tests: tests/unit/test_smtp_dot.c, tests/fuzz/fuzz_smtp_dot.c.
 */
#include "protocols/smtp/dot.h"

void smtp_dot_init(struct smtp_dot *dot, enum smtp_dot_framing framing)
{
    *dot = (struct smtp_dot){.framing = framing, .state = SMTP_DOT_LINE};
}

static void dot_emit(const struct smtp_dot *dot, struct span bytes, smtp_dot_sink_fn *sink,
                     void *owner)
{
    if (dot->faults == 0 && bytes.len > 0)
        sink(owner, bytes);
}

/* What may not stand between two line ends. */
static void dot_check(struct smtp_dot *dot, const char *bytes, size_t len)
{
    if (len == 0)
        return;
    if (memchr(bytes, '\n', len) != NULL)
        dot->faults |= SMTP_DOT_BARE_LF;
    if (memchr(bytes, '\0', len) != NULL)
        dot->faults |= SMTP_DOT_NUL;
}

static bool dot_is_special(const struct smtp_dot *dot, struct span bytes, size_t at)
{
    return at == bytes.len || (dot->framing == SMTP_DOT_STUFFED && bytes.ptr[at] == '.');
}

/* Text and whole line ends, up to a line that starts with a dot, a CR without its LF, or the end.
 */
static size_t dot_text(struct smtp_dot *dot, struct span bytes, smtp_dot_sink_fn *sink, void *owner)
{
    size_t end = 0;

    for (;;) {
        const char *cr = memchr(bytes.ptr + end, '\r', bytes.len - end);
        size_t stop = cr == NULL ? bytes.len : (size_t)(cr - bytes.ptr);
        dot_check(dot, bytes.ptr + end, stop - end);
        end = stop;
        if (bytes.len - stop < 2 || bytes.ptr[stop + 1] != '\n')
            break;
        end = stop + 2;
        if (dot_is_special(dot, bytes, end)) {
            dot->state = SMTP_DOT_LINE;
            dot_emit(dot, span_first(bytes, end), sink, owner);
            return end;
        }
    }
    dot_emit(dot, span_first(bytes, end), sink, owner);
    if (end == bytes.len)
        return end;
    dot->state = SMTP_DOT_CR;
    return end + 1;
}

/* Behind a CR that was not passed on. */
static size_t dot_cr(struct smtp_dot *dot, char byte, smtp_dot_sink_fn *sink, void *owner)
{
    if (byte == '\n') {
        dot->state = SMTP_DOT_LINE;
        dot_emit(dot, span_make("\r\n", 2), sink, owner);
        return 1;
    }
    dot->faults |= SMTP_DOT_BARE_CR;
    dot->state = SMTP_DOT_TEXT;
    return 0;
}

/* One step: how many bytes it used; none when only the state changed, always towards TEXT. */
static size_t dot_step(struct smtp_dot *dot, struct span bytes, smtp_dot_sink_fn *sink, void *owner)
{
    char byte = bytes.ptr[0];

    switch (dot->state) {
    case SMTP_DOT_LINE:
        dot->state = dot_is_special(dot, bytes, 0) ? SMTP_DOT_DOT : SMTP_DOT_TEXT;
        return dot->state == SMTP_DOT_DOT;
    case SMTP_DOT_DOT:
        dot->state = byte == '\r' ? SMTP_DOT_DOT_CR : SMTP_DOT_TEXT;
        return byte == '\r';
    case SMTP_DOT_DOT_CR:
        dot->is_done = byte == '\n';
        if (dot->is_done)
            return 1;
        return dot_cr(dot, byte, sink, owner);
    case SMTP_DOT_CR:
        return dot_cr(dot, byte, sink, owner);
    case SMTP_DOT_TEXT:
        break;
    }
    return dot_text(dot, bytes, sink, owner);
}

size_t smtp_dot_feed(struct smtp_dot *dot, struct span bytes, smtp_dot_sink_fn *sink, void *owner)
{
    size_t used = 0;

    if (dot->framing == SMTP_DOT_BINARY) {
        dot_emit(dot, bytes, sink, owner);
        return bytes.len;
    }
    while (used < bytes.len && !dot->is_done)
        used += dot_step(dot, span_from(bytes, used), sink, owner);
    return used;
}

void smtp_dot_finish(struct smtp_dot *dot)
{
    if (dot->state == SMTP_DOT_CR)
        dot->faults |= SMTP_DOT_BARE_CR;
    dot->is_done = true;
}

static void stuff_line_end(struct smtp_stuff *stuff, struct out *out)
{
    out_put(out, span_make("\r\n", 2));
    stuff->is_inside_line = false;
}

void smtp_stuff_put(struct smtp_stuff *stuff, struct span bytes, struct out *out)
{
    size_t at = 0;

    while (at < bytes.len) {
        char byte = bytes.ptr[at];
        bool had_cr = stuff->has_cr;
        stuff->has_cr = byte == '\r';
        if (byte == '\n' && had_cr) {
            at++;
            continue;
        }
        if (byte == '\r' || byte == '\n') {
            stuff_line_end(stuff, out);
            at++;
            continue;
        }
        if (!stuff->is_inside_line && byte == '.')
            out_put(out, span_make(".", 1));
        size_t end = at;
        while (end < bytes.len && bytes.ptr[end] != '\r' && bytes.ptr[end] != '\n')
            end++;
        out_put(out, span_make(bytes.ptr + at, end - at));
        stuff->is_inside_line = true;
        at = end;
    }
}

void smtp_stuff_finish(struct smtp_stuff *stuff, struct out *out)
{
    if (stuff->is_inside_line)
        stuff_line_end(stuff, out);
    out_put(out, span_make(".\r\n", 3));
}
