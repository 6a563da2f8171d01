/* Dots: the first byte says where the rest is cut. A cut changes nothing; what is stuffed on the
 * way out comes back whole, without a fault, and ends at its last byte. */
#include "base/buf.h"
#include "base/require.h"
#include "protocols/smtp/dot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep(void *owner, struct span bytes)
{
    buf_put(owner, bytes);
}

static size_t feed(struct smtp_dot *dot, struct span text, size_t piece, struct buf *out)
{
    size_t used = 0;

    while (used < text.len && !dot->is_done)
        used += smtp_dot_feed(dot, span_first(span_from(text, used), piece), keep, out);
    return used;
}

static void there_and_back(struct span text, size_t piece)
{
    struct smtp_stuff stuff = {0};
    struct span part;
    struct smtp_dot dot;
    struct out out;
    struct buf wire, back;

    out_init(&out, SIZE_MAX);
    buf_init(&wire, 0);
    buf_init(&back, 0);
    for (size_t at = 0; at < text.len; at += piece)
        smtp_stuff_put(&stuff, span_first(span_from(text, at), piece), &out);
    smtp_stuff_finish(&stuff, &out);
    for (; out_peek(&out, &part, 1, SIZE_MAX) == 1; out_consume(&out, part.len))
        buf_put(&wire, part);
    smtp_dot_init(&dot, SMTP_DOT_STUFFED);
    require(feed(&dot, buf_span(&wire), piece, &back) == wire.len && dot.is_done);
    require((dot.faults & ~(unsigned)SMTP_DOT_NUL) == 0);
    buf_release(&wire);
    buf_release(&back);
    out_deinit(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct smtp_dot whole, cut;
    struct buf a, b;

    if (size < 2)
        return 0;
    struct span text = span_make((const char *)data + 1, size - 1);
    buf_init(&a, 0);
    buf_init(&b, 0);
    smtp_dot_init(&whole, SMTP_DOT_STUFFED);
    smtp_dot_init(&cut, SMTP_DOT_STUFFED);
    require(feed(&whole, text, SIZE_MAX, &a) == feed(&cut, text, 1U + data[0] % 16, &b));
    require(whole.faults == cut.faults && whole.is_done == cut.is_done);
    require(whole.faults != 0 || span_equal(buf_span(&a), buf_span(&b)));
    there_and_back(text, 1U + data[0] % 16);
    buf_release(&a);
    buf_release(&b);
    return 0;
}
