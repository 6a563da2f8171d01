/*
 * Bytes into the reader, whole and cut: the lines and their faults must be the same, no line that
 * is well may hold CR, LF or NUL, and memory stays within the longest line. The first byte chooses
 * the longest line, the second the cuts.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "net/reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void read_lines(struct reader *reader, size_t max, struct buf *lines)
{
    enum line_fault fault;
    struct span line;
    while (reader_line(reader, max, &fault, &line)) {
        require(line.len <= max);
        if (fault == LINE_OK)
            require(span_find_byte(line, 0, '\n') < 0 && span_find_byte(line, 0, '\r') < 0 &&
                    !span_has_nul(line));
        buf_put_byte(lines, (char)fault);
        buf_put(lines, line);
        buf_put_byte(lines, '\n');
    }
}

static void run(struct span input, size_t max, size_t cut, struct buf *lines)
{
    struct reader reader;
    reader_init(&reader);
    for (size_t at = 0; at < input.len; at += cut) {
        struct span piece = span_first(span_from(input, at), cut);
        char *copy = span_dup(piece);
        reader_feed(&reader, span_make(copy, piece.len));
        read_lines(&reader, max, lines);
        require(reader_keep(&reader) == 0 && reader.kept.len <= max + 2);
        mem_free(copy);
        reader_relax(&reader);
    }
    reader_deinit(&reader);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    if (size < 2)
        return 0;
    struct span input = span_make((const char *)bytes + 2, size - 2);
    struct buf whole, cut;
    buf_init(&whole, 0);
    buf_init(&cut, 0);
    run(input, 1U + bytes[0], input.len + 1, &whole);
    run(input, 1U + bytes[0], 1U + bytes[1] % 16, &cut);
    require(span_equal(buf_span(&whole), buf_span(&cut)));
    buf_release(&whole);
    buf_release(&cut);
    return 0;
}
