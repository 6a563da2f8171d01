/*
 * strip: a line is held while it may be the name of a blind copy field, then kept or dropped to its
 * end in one piece. Tests: tests/unit/test_smtp_strip.c, tests/dialogue/smtp/submission-bcc.dlg.
 */
#include "protocols/smtp/strip.h"

static const char *const strip_names[] = {"bcc", "resent-bcc"};

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/* Whether the text is the whole name with blanks behind it; *is_begun_out: or the start of it. */
static bool is_name(struct span text, const char *name, bool *is_begun_out)
{
    struct span whole = span_of(name);

    *is_begun_out = text.len < whole.len && span_starts_nocase(whole, text);
    if (text.len < whole.len || !span_starts_nocase(text, whole))
        return false;
    for (size_t i = whole.len; i < text.len; i++)
        if (!is_blank(text.ptr[i]))
            return false;
    return true;
}

enum held_kind { HELD_OTHER, HELD_BEGUN, HELD_NAME };

static enum held_kind held_kind(struct span text)
{
    enum held_kind kind = HELD_OTHER;

    for (size_t i = 0; i < sizeof strip_names / sizeof *strip_names; i++) {
        bool is_begun;
        if (is_name(text, strip_names[i], &is_begun))
            return HELD_NAME;
        if (is_begun)
            kind = HELD_BEGUN;
    }
    return kind;
}

static void release(struct smtp_strip *strip, smtp_strip_sink_fn *sink, void *owner)
{
    size_t len = strip->held_len;

    strip->held_len = 0;
    if (len > 0)
        sink(owner, span_make(strip->held, len));
}

static bool is_empty_line(const struct smtp_strip *strip)
{
    return strip->held_len == 0 || span_is(span_make(strip->held, strip->held_len), "\r");
}

/* Whether the line with this byte behind what is held can still be a field to drop, or the end of
 * the header. */
static bool may_hold(struct smtp_strip *strip, char byte)
{
    if (strip->held_len == SMTP_STRIP_HELD_MAX)
        return false;
    strip->held[strip->held_len] = byte;
    struct span text = span_make(strip->held, strip->held_len + 1);
    return span_is(text, "\r") || held_kind(text) != HELD_OTHER;
}

/* One byte of a line that is not decided. Returns whether it was used up. */
static bool strip_start(struct smtp_strip *strip, char byte, smtp_strip_sink_fn *sink, void *owner)
{
    if (strip->held_len == 0 && is_blank(byte)) {
        strip->state = strip->has_dropped ? SMTP_STRIP_DROP : SMTP_STRIP_KEEP;
        return false;
    }
    if (byte == ':' && held_kind(span_make(strip->held, strip->held_len)) == HELD_NAME) {
        strip->held_len = 0;
        strip->has_dropped = true;
        strip->state = SMTP_STRIP_DROP;
        return true;
    }
    if (may_hold(strip, byte)) {
        strip->held_len++;
        return true;
    }
    strip->is_over = byte == '\n' && is_empty_line(strip);
    strip->has_dropped = false;
    strip->state = SMTP_STRIP_KEEP;
    release(strip, sink, owner);
    return false;
}

/* The rest of a line that is decided, as far as it is there. Returns how many bytes. */
static size_t strip_line(struct smtp_strip *strip, struct span bytes, smtp_strip_sink_fn *sink,
                         void *owner)
{
    ptrdiff_t lf = span_find_byte(bytes, 0, '\n');
    size_t len = lf < 0 ? bytes.len : (size_t)lf + 1;

    if (strip->state == SMTP_STRIP_KEEP)
        sink(owner, span_first(bytes, len));
    if (lf >= 0)
        strip->state = SMTP_STRIP_START;
    return len;
}

void smtp_strip_feed(struct smtp_strip *strip, struct span bytes, smtp_strip_sink_fn *sink,
                     void *owner)
{
    size_t at = 0;

    while (at < bytes.len && !strip->is_over) {
        if (strip->state == SMTP_STRIP_START)
            at += strip_start(strip, bytes.ptr[at], sink, owner);
        else
            at += strip_line(strip, span_from(bytes, at), sink, owner);
    }
    if (at < bytes.len)
        sink(owner, span_from(bytes, at));
}

void smtp_strip_finish(struct smtp_strip *strip, smtp_strip_sink_fn *sink, void *owner)
{
    release(strip, sink, owner);
}
