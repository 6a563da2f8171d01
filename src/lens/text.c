/*
 * text.c: an event as lines for a human. Owns layout, colours and what may reach a terminal; what
 * an event means is base/tap.h's. Tests: tests/unit/test_lens.c.
 */
#include "lens/text.h"

#include <stdio.h>

#include "base/codec.h"
#include "base/utf8.h"
#include "lens/lens_internal.h"
#include "pki/verdict.h"

enum {
    DUMP_ROW = 16,
    WHO_WIDTH = 22, /* of the name's column: "CertificateVerify" and its like fit */
    US_PER_MS = 1000
};

#define INDENT "                  "

#define RED    "\033[31m"
#define GREEN  "\033[32m"
#define YELLOW "\033[33m"
#define CYAN   "\033[36m"
#define DIM    "\033[2m"
#define PLAIN  "\033[0m"

static const char *check_colour(int verdict)
{
    if (verdict == PKI_CHECK_GOOD)
        return GREEN;
    return verdict == PKI_CHECK_NOT_DONE ? YELLOW : RED;
}

static const char *colour_of(const struct tap_event *event)
{
    switch (event->kind) {
    case TAP_SECURE:
        return GREEN;
    case TAP_CHECK:
        return check_colour(event->code);
    case TAP_FAILED:
    case TAP_UPGRADE_REFUSED:
        return RED;
    case TAP_ALERT:
        return event->code == 0 ? "" : RED; /* 0: close_notify, the good end */
    case TAP_HANDSHAKE:
    case TAP_CHANGE_CIPHER:
    case TAP_UPGRADE_OFFERED:
        return CYAN;
    case TAP_RECORD:
    case TAP_DATA:
        return DIM;
    case TAP_OPEN:
    case TAP_LINE:
    case TAP_CLOSE:
        break;
    }
    return "";
}

static void put_shown(struct buf *out, struct span text)
{
    size_t at = 0;
    while (at < text.len) {
        size_t from = at;
        uint32_t code_point = utf8_next(text, &at);
        if (!lens_is_treacherous(code_point) && code_point != 0xfffd) {
            buf_put(out, span_make(text.ptr + from, at - from));
            continue;
        }
        for (; from < at; from++)
            buf_printf(out, "\\x%02x", (unsigned char)text.ptr[from]);
    }
}

static void put_dump_row(struct buf *out, size_t offset, struct span row)
{
    buf_printf(out, INDENT "%04zx ", offset);
    for (size_t i = 0; i < DUMP_ROW; i++) {
        if (i < row.len)
            buf_printf(out, " %02x", (unsigned char)row.ptr[i]);
        else
            buf_puts(out, "   ");
    }
    buf_puts(out, "  ");
    for (size_t i = 0; i < row.len; i++)
        buf_put_byte(out, row.ptr[i] >= 0x20 && row.ptr[i] < 0x7f ? row.ptr[i] : '.');
    buf_put_byte(out, '\n');
}

static void put_dump(struct buf *out, struct span bytes)
{
    struct span shown = span_first(bytes, LENS_DUMP_MAX);
    for (size_t offset = 0; offset < shown.len; offset += DUMP_ROW)
        put_dump_row(out, offset, span_first(span_from(shown, offset), DUMP_ROW));
    if (bytes.len > shown.len)
        buf_printf(out, INDENT "%zu more bytes\n", bytes.len - shown.len);
}

static void put_fields(struct buf *out, const struct tap_event *event)
{
    for (size_t i = 0; i < event->field_count; i++) {
        buf_puts(out, INDENT);
        buf_puts(out, event->fields[i].name);
        buf_puts(out, ": ");
        put_shown(out, event->fields[i].value);
        buf_put_byte(out, '\n');
    }
}

/* What stands in the name's column. A message, a check or an alert has a name of its own. */
static void put_who(struct buf *out, const struct tap_event *event)
{
    char who[64];
    const char *kind = lens_kind_name(event->kind);
    bool is_message = event->kind == TAP_HANDSHAKE && event->name != NULL;
    (void)snprintf(who, sizeof who, "%s%s%s", is_message ? "" : kind,
                   is_message || event->name == NULL ? "" : " ",
                   event->name != NULL ? event->name : "");
    buf_printf(out, "%-*s", WHO_WIDTH, who);
}

static void put_step(struct buf *out, const struct tap_event *event)
{
    put_who(out, event);
    if (event->kind == TAP_CHECK)
        buf_printf(out, " %s", pki_check_name((enum pki_check)event->code));
    if (event->kind == TAP_ALERT)
        buf_printf(out, " (%d)", event->code);
    if (event->size > 0)
        buf_printf(out, " %zu bytes", event->size);
    if (event->detail.len > 0) {
        buf_puts(out, "  ");
        put_shown(out, event->detail);
    } else if (event->kind == TAP_LINE) {
        buf_puts(out, "  (not shown)");
    }
}

void lens_put_text(struct buf *out, const struct tap_event *event, int64_t began_us,
                   const struct lens_style *style)
{
    static const char *const arrows[] = {[TAP_NO_WAY] = "  ", [TAP_IN] = "<-", [TAP_OUT] = "->"};
    int64_t us = event->at_us > began_us ? event->at_us - began_us : 0;
    const char *colour = style->has_colour ? colour_of(event) : "";

    if (event->kind == TAP_RECORD && style->show == LENS_STEPS)
        return;
    buf_printf(out, "%7lld.%03lld ms  %s  %s", (long long)(us / US_PER_MS),
               (long long)(us % US_PER_MS), arrows[event->way], colour);
    put_step(out, event);
    buf_puts(out, *colour != '\0' ? PLAIN "\n" : "\n");
    if (style->show >= LENS_FIELDS)
        put_fields(out, event);
    if (style->show >= LENS_BYTES)
        put_dump(out, event->bytes);
}
