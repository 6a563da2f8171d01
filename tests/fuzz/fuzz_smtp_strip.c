/* Blind copies: the first byte says where the rest is cut. A cut changes nothing; what was stripped
 * is never longer, and what is no header goes through as it came. */
#include "base/buf.h"
#include "base/require.h"
#include "protocols/smtp/strip.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep(void *owner, struct span bytes)
{
    require(bytes.len > 0);
    buf_put(owner, bytes);
}

static void strip_all(struct span text, size_t piece, struct buf *out)
{
    struct smtp_strip strip;

    smtp_strip_init(&strip);
    for (size_t at = 0; at < text.len; at += piece < text.len - at ? piece : text.len - at)
        smtp_strip_feed(&strip, span_first(span_from(text, at), piece), keep, out);
    smtp_strip_finish(&strip, keep, out);
    require(strip.held_len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole, cut, again, body;

    if (size < 2)
        return 0;
    struct span text = span_make((const char *)data + 1, size - 1);
    buf_init(&whole, 0);
    buf_init(&cut, 0);
    buf_init(&again, 0);
    buf_init(&body, 0);
    strip_all(text, SIZE_MAX, &whole);
    strip_all(text, 1U + data[0] % 16, &cut);
    require(span_equal(buf_span(&whole), buf_span(&cut)));
    require(whole.len <= text.len);
    buf_puts(&body, "\r\n");
    buf_put(&body, text);
    strip_all(buf_span(&body), 1U + data[0] % 16, &again);
    require(span_equal(buf_span(&again), buf_span(&body)));
    buf_release(&whole);
    buf_release(&cut);
    buf_release(&again);
    buf_release(&body);
    return 0;
}
