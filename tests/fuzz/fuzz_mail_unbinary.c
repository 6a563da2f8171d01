/* Binary messages: the first byte says where the rest is cut. A cut changes nothing; what comes out
 * is in lines, and is the same when it comes in again. */
#include "base/buf.h"
#include "base/require.h"
#include "mail/unbinary.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void keep(void *owner, struct span bytes)
{
    require(bytes.len > 0);
    buf_put(owner, bytes);
}

static enum unbinary_fault convert(struct span text, size_t piece, struct buf *out)
{
    struct unbinary *it = unbinary_create(keep, out);

    for (size_t at = 0; at < text.len; at += piece < text.len - at ? piece : text.len - at)
        (void)unbinary_feed(it, span_first(span_from(text, at), piece));
    enum unbinary_fault fault = unbinary_finish(it);
    unbinary_free(&it);
    return fault;
}

static void require_lines(struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        require(text.ptr[i] != '\0');
        require(text.ptr[i] != '\r' || (i + 1 < text.len && text.ptr[i + 1] == '\n'));
        require(text.ptr[i] != '\n' || (i > 0 && text.ptr[i - 1] == '\r'));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf whole = {0}, cut = {0}, again = {0};

    if (size < 2)
        return 0;
    struct span text = span_make((const char *)data + 1, size - 1);
    enum unbinary_fault fault = convert(text, SIZE_MAX, &whole);
    require(convert(text, 1U + data[0] % 16, &cut) == fault);
    if (fault == UNBINARY_OK) {
        require(span_equal(buf_span(&whole), buf_span(&cut)));
        require_lines(buf_span(&whole));
        require(convert(buf_span(&whole), SIZE_MAX, &again) == UNBINARY_OK);
        require(span_equal(buf_span(&again), buf_span(&whole)));
    }
    buf_release(&whole);
    buf_release(&cut);
    buf_release(&again);
    return 0;
}
