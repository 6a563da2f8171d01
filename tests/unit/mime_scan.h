/* What the tests of mail/mime.h share: one message scanned whole and in pieces. */
#ifndef POSTERN_TESTS_UNIT_MIME_SCAN_H
#define POSTERN_TESTS_UNIT_MIME_SCAN_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "check.h"
#include "mail/mime.h"

#define NO_EXT " NIL NIL NIL NIL"
#define PLAIN(octets, lines)                                                                       \
    "(\"text\" \"plain\" (\"charset\" \"us-ascii\") NIL NIL \"7bit\" " octets " " lines NO_EXT ")"

/* The four results as one text. */
static inline void scan_whole(struct span message, size_t piece_max, unsigned seed,
                              unsigned parts_max, struct buf *out)
{
    struct mime_scan *scan = mime_scan_create(parts_max);
    struct mime_result result;

    srand(seed); /* NOLINT: cuts, not secrets */
    for (struct span rest = message; rest.len > 0;) {
        size_t len = seed == 0 ? piece_max : 1 + (size_t)rand() % piece_max; /* NOLINT */
        struct span piece = span_first(rest, len);
        char *copy = mem_strndup(piece.ptr, piece.len); /* so that ASan sees what is read too far */
        mime_scan_feed(scan, span_make(copy, piece.len));
        mem_free(copy);
        rest = span_from(rest, piece.len);
    }
    mime_scan_finish(scan, &result);
    buf_put(out, result.envelope);
    buf_put_byte(out, '\n');
    buf_put(out, result.structure);
    buf_put_byte(out, '\n');
    buf_put(out, result.parts);
    buf_printf(out, "\n%lld %u", (long long)result.sent_s, result.received_count);
    mime_scan_free(&scan);
}

/* Whole, byte by byte and at random cuts: all the same. Returns the whole's result, owned. */
static inline struct buf scan_all_ways(struct span message, unsigned parts_max)
{
    struct buf whole, other;

    buf_init(&whole, 0);
    buf_init(&other, 0);
    scan_whole(message, message.len + 1, 0, parts_max, &whole);
    scan_whole(message, 1, 0, parts_max, &other);
    check(span_equal(buf_span(&whole), buf_span(&other)));
    for (unsigned seed = 1; seed < 12; seed++) {
        buf_clear(&other);
        scan_whole(message, (size_t)seed * 7, seed, parts_max, &other);
        check(span_equal(buf_span(&whole), buf_span(&other)));
    }
    buf_release(&other);
    return whole;
}

static inline void check_scan(struct span message, const char *envelope, const char *structure)
{
    struct buf result = scan_all_ways(message, 1000);
    struct span rest = buf_span(&result);
    struct span line;

    /* Literals hold line ends of their own: compare as prefixes. */
    if (envelope != NULL) {
        line = span_first(rest, strlen(envelope));
        check_span(line, envelope);
        check(rest.len > line.len && rest.ptr[line.len] == '\n');
    }
    if (structure != NULL) {
        const char *newline = strstr(rest.ptr, ")\n(");
        check(newline != NULL);
        if (newline != NULL) {
            rest = span_from(rest, (size_t)(newline - rest.ptr) + 2);
            check_span(span_first(rest, strlen(structure)), structure);
            check(rest.len > strlen(structure) && rest.ptr[strlen(structure)] == '\n');
        }
    }
    buf_release(&result);
}

#endif
