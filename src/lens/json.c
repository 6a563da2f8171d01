/*
 * json.c: an event as a line of JSON. Owns keys and escaping; what an event means is base/tap.h's.
 * Tests: tests/unit/test_lens.c.
 */
#include "lens/json.h"

#include <inttypes.h>

#include "base/codec.h"
#include "base/utf8.h"
#include "lens/lens_internal.h"
#include "pki/verdict.h"

enum { HEX_STEP = 512 }; /* bytes turned into digits at a time */

static void put_code_point(struct buf *out, uint32_t code_point)
{
    if (code_point == '"' || code_point == '\\') {
        buf_put_byte(out, '\\');
        buf_put_byte(out, (char)code_point);
    } else if (code_point > 0xffff && lens_is_treacherous(code_point)) { /* RFC 8259 7 */
        code_point -= 0x10000;
        buf_printf(out, "\\u%04x\\u%04x", 0xd800 + (unsigned)(code_point >> 10),
                   0xdc00 + (unsigned)(code_point & 0x3ff));
    } else if (lens_is_treacherous(code_point)) {
        buf_printf(out, "\\u%04x", (unsigned)code_point);
    } else {
        utf8_put(out, code_point);
    }
}

void lens_json_string(struct buf *out, struct span text)
{
    size_t at = 0;
    buf_put_byte(out, '"');
    while (at < text.len)
        put_code_point(out, utf8_next(text, &at));
    buf_put_byte(out, '"');
}

static void put_key(struct buf *out, const char *key)
{
    buf_printf(out, ",\"%s\":", key);
}

/* "cipher suites" is read as .fields.cipher_suites. */
static void put_field_name(struct buf *out, const char *name)
{
    buf_put_byte(out, '"');
    for (; *name != '\0'; name++)
        put_code_point(out, *name == ' ' ? '_' : (unsigned char)*name);
    buf_puts(out, "\":");
}

static void put_fields(struct buf *out, const struct tap_event *event)
{
    put_key(out, "fields");
    buf_put_byte(out, '{');
    for (size_t i = 0; i < event->field_count; i++) {
        if (i > 0)
            buf_put_byte(out, ',');
        put_field_name(out, event->fields[i].name);
        lens_json_string(out, event->fields[i].value);
    }
    buf_put_byte(out, '}');
}

static void put_bytes(struct buf *out, struct span bytes)
{
    char digits[2 * HEX_STEP + 1];
    put_key(out, "bytes");
    buf_put_byte(out, '"');
    for (; bytes.len > 0; bytes = span_from(bytes, HEX_STEP)) {
        struct span some = span_first(bytes, HEX_STEP);
        codec_hex_encode(some, digits);
        buf_put(out, span_make(digits, 2 * some.len));
    }
    buf_put_byte(out, '"');
}

static void put_code(struct buf *out, const struct tap_event *event)
{
    put_key(out, "code");
    buf_printf(out, "%d", event->code);
    if (event->kind == TAP_CHECK) {
        put_key(out, "verdict");
        lens_json_string(out, span_of(pki_check_name((enum pki_check)event->code)));
    }
}

void lens_put_json(struct buf *out, const struct tap_event *event, int64_t began_us)
{
    static const char *const ways[] = {[TAP_NO_WAY] = "", [TAP_IN] = "in", [TAP_OUT] = "out"};

    buf_printf(out, "{\"conn\":\"%016" PRIx64 "\",\"us\":%" PRId64 ",\"at_us\":%" PRId64,
               event->conn_id, event->at_us - began_us, event->at_us);
    put_key(out, "event");
    lens_json_string(out, span_of(lens_kind_name(event->kind)));
    if (event->way != TAP_NO_WAY) {
        put_key(out, "way");
        lens_json_string(out, span_of(ways[event->way]));
    }
    if (event->name != NULL) {
        put_key(out, "name");
        lens_json_string(out, span_of(event->name));
    }
    if (lens_has_code(event->kind))
        put_code(out, event);
    if (event->size > 0) {
        put_key(out, "size");
        buf_printf(out, "%zu", event->size);
    }
    if (event->detail.len > 0) {
        put_key(out, "detail");
        lens_json_string(out, event->detail);
    }
    if (event->field_count > 0)
        put_fields(out, event);
    if (event->bytes.len > 0)
        put_bytes(out, event->bytes);
    buf_puts(out, "}\n");
}
