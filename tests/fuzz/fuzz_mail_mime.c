/*
 * The scanner: any cut gives the same result (the first byte chooses it), parts lie inside the
 * message, and BODY can be cut from each structure.
 */
#include "base/require.h"
#include "mail/mime.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct mime_scan *scan_message(struct span message, size_t piece, struct mime_result *out)
{
    struct mime_scan *scan = mime_scan_create(50);

    for (; message.len > 0; message = span_from(message, piece))
        mime_scan_feed(scan, span_first(message, piece));
    mime_scan_finish(scan, out);
    return scan;
}

static void check_parts(struct span parts, size_t size)
{
    struct mime_part part;

    for (size_t position = 0; mime_part_next(parts, &position, &part);)
        require(part.body_offset + part.body_len <= size);
    require(mime_part_find(parts, span_of(""), false, &part));
    require(part.header_offset == 0 && part.body_offset + part.body_len == size);
    (void)mime_part_find(parts, span_of("2.1"), true, &part);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mime_result whole, cut;
    struct buf body, again;

    if (size == 0)
        return 0;
    struct span message = span_make((const char *)data + 1, size - 1);
    struct mime_scan *one = scan_message(message, size, &whole);
    struct mime_scan *other = scan_message(message, 1U + data[0], &cut);
    require(span_equal(whole.envelope, cut.envelope) && span_equal(whole.parts, cut.parts));
    require(span_equal(whole.structure, cut.structure) && whole.sent_s == cut.sent_s);
    check_parts(whole.parts, message.len);
    check_parts(cut.parts, message.len);

    buf_init(&body, 0);
    buf_init(&again, 0);
    mime_body_from_structure(whole.structure, &body);
    require(body.len < whole.structure.len);
    mime_body_from_structure(buf_span(&body), &again);
    require(span_equal(buf_span(&body), buf_span(&again)));
    mime_body_from_structure(message, &again);
    buf_release(&body);
    buf_release(&again);
    mime_scan_free(&one);
    mime_scan_free(&other);
    return 0;
}
