/*
 * trace_note: collects the fields of one message in memory of fixed size. Owns the bounds: what
 * does not fit is left out and told. Tests: tests/unit/test_tls_trace.c.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base/codec.h"
#include "tls/hello.h"
#include "tls/trace_internal.h"

void trace_note_reset(struct trace_note *note)
{
    note->field_count = note->text_len = note->hidden_count = 0;
    note->is_cut = note->is_malformed = false;
}

void trace_field(struct trace_note *note, const char *name)
{
    /* The last place is for the field that tells of a cut. */
    if (note->field_count >= TRACE_FIELDS_MAX - 1) {
        note->is_cut = true;
        return;
    }
    note->fields[note->field_count++] =
        (struct tap_field){name, span_make(note->text + note->text_len, 0)};
}

void trace_put(struct trace_note *note, const char *text)
{
    struct span bytes = span_of(text);
    if (note->field_count == 0)
        return;
    struct tap_field *field = &note->fields[note->field_count - 1];
    if (bytes.len > TRACE_TEXT_MAX - note->text_len ||
        bytes.len > TRACE_VALUE_MAX - field->value.len) {
        note->is_cut = true;
        return;
    }
    memcpy(note->text + note->text_len, bytes.ptr, bytes.len);
    note->text_len += bytes.len;
    field->value.len += bytes.len;
}

void trace_printf(struct trace_note *note, const char *format, ...)
{
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    trace_put(note, text);
}

void trace_put_escaped(struct trace_note *note, struct span bytes)
{
    enum { STEP = 32 };
    char text[4 * STEP + 1];
    struct span shown = span_first(bytes, TRACE_VALUE_MAX / 4);

    note->is_cut = note->is_cut || shown.len < bytes.len;
    for (; shown.len > 0; shown = span_from(shown, STEP)) {
        codec_escape(span_first(shown, STEP), text, sizeof text);
        trace_put(note, text);
    }
}

void trace_say(struct trace_note *note, const char *name, const char *text)
{
    trace_field(note, name);
    trace_put(note, text);
}

void trace_next(struct trace_note *note)
{
    if (note->field_count > 0 && note->fields[note->field_count - 1].value.len > 0)
        trace_put(note, ", ");
}

void trace_put_name(struct trace_note *note, enum trace_names kind, unsigned number)
{
    const char *name = trace_name(kind, number);
    if (name != NULL)
        trace_put(note, name);
    else if (tls_hello_is_grease(number))
        trace_printf(note, "GREASE(0x%04x)", number);
    else
        trace_printf(note, "0x%04x", number);
}

void trace_put_list(struct trace_note *note, enum trace_names kind, struct span numbers)
{
    struct cursor cursor = cursor_of(numbers);
    for (size_t i = 0; cursor_has_more(&cursor) && i < TRACE_LIST_MAX; i++) {
        unsigned number = cursor_number(&cursor, 2);
        trace_next(note);
        trace_put_name(note, kind, number);
    }
    if (cursor.rest.len > 0)
        trace_printf(note, ", %zu more", cursor.rest.len / 2);
    note->is_malformed = note->is_malformed || cursor.is_bad;
}

void trace_hide(struct trace_note *note, struct span bytes)
{
    if (bytes.len == 0)
        return;
    if (note->hidden_count < TRACE_HIDDEN_MAX)
        note->hidden[note->hidden_count++] = bytes;
    else
        note->is_malformed = true; /* no message holds so many: its bytes are not shown at all */
}

void trace_note_finish(struct trace_note *note)
{
    const char *what = note->is_malformed ? "malformed: not all could be read"
                       : note->is_cut     ? "cut: not all is shown"
                                          : NULL;
    if (what != NULL)
        note->fields[note->field_count++] = (struct tap_field){"note", span_of(what)};
}
