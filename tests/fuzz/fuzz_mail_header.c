/*
 * Fields, encoded words and address lists: fields do not overlap, what is decoded is UTF-8, and
 * nothing is larger than its source allows.
 */
#include "base/require.h"
#include "base/utf8.h"
#include "mail/header.h"

enum { LIST_MAX = 64, GROWTH_MAX = 4 /* a byte becomes at most so many, and U+FFFD has three */ };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_value(struct span value)
{
    struct header_address list[LIST_MAX];
    struct arena arena;
    struct buf out;

    arena_init(&arena);
    buf_init(&out, 0);
    header_decode(value, &out);
    require(utf8_is_valid(buf_span(&out)));
    require(out.len <= value.len * GROWTH_MAX + GROWTH_MAX);
    require(header_addresses(value, &arena, list, LIST_MAX) <= LIST_MAX);
    arena_reset(&arena);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span header = span_make((const char *)data, size);
    struct header_field field;
    size_t offset = 0, seen = 0;

    while (header_next(header, &offset, &field)) {
        require((size_t)(field.whole.ptr - header.ptr) >= seen);
        seen = (size_t)(field.whole.ptr - header.ptr) + field.whole.len;
        require(seen == offset && offset <= size && field.name.len > 0);
        read_value(field.value);
    }
    read_value(header);
    return 0;
}
