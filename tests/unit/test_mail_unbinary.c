/* Binary parts become base64 and nothing else changes: a table, each row whole, byte by byte and
 * cut in two anywhere; and random trees of parts whose leaves are read back by the scanner that
 * mailboxes use. */
#include <stdio.h>

#include "base/buf.h"
#include "base/codec.h"
#include "check.h"
#include "mail/mime.h"
#include "mail/unbinary.h"

#define B     "Content-Transfer-Encoding: binary\r\n"
#define M     "MIME-Version: 1.0\r\n"
#define E     "Content-Transfer-Encoding: base64\r\n"
#define MIXED "Content-Type: multipart/mixed; boundary=x\r\n"

static const struct unbinary_case {
    const char *name;
    enum unbinary_fault fault;
    const char *text;
    size_t text_len;
    const char *wanted;
} cases[] = {
#define CASE(name, text, wanted)                                                                   \
    {                                                                                              \
        name, UNBINARY_OK, text, sizeof(text) - 1, wanted                                          \
    }
#define FAULT(name, fault, text)                                                                   \
    {                                                                                              \
        name, fault, text, sizeof(text) - 1, NULL                                                  \
    }
    CASE("nothing", "", ""),
    CASE("no binary", M "To: a\r\n\r\nx\r\n.\r\n", M "To: a\r\n\r\nx\r\n.\r\n"),
    CASE("header only", "To: a\r\n", "To: a\r\n"),
    CASE("half a line", "To: a", "To: a\r\n"),
    CASE("no header", "\r\nx\r\n-y\r\n", "\r\nx\r\n-y\r\n"),
    CASE("one part", M B "\r\n\0\r\n\r\n\n\r", M E "\r\nAA0KDQoKDQ==\r\n"),
    CASE("an empty part", M B "\r\n", M E "\r\n"),
    CASE("a part without a body", M B, M E),
    CASE("a version is added", B "\r\nabc", "MIME-Version: 1.0\r\n" E "\r\nYWJj\r\n"),
    CASE("the case and comments of the name",
         M "content-TRANSFER-encoding :\r\n (x) BINARY\r\nA: b\r\n\r\na",
         M E "A: b\r\n\r\nYQ==\r\n"),
    CASE("dashes outside a multipart", M B "\r\n--x\r\n--x--\r\n", M E "\r\nLS14DQotLXgtLQ0K\r\n"),
    CASE("57 bytes are a line", M B "\r\n012345678901234567890123456789012345678901234567890123456",
         M E
         "\r\nMDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2\r\n"),
    CASE("the CRLF before a delimiter is the delimiter's",
         M MIXED B "\r\n--x\r\n" B "\r\na\r\n\r\n--x--\r\n",
         M MIXED "Content-Transfer-Encoding: 8bit\r\n\r\n--x\r\n" E "\r\nYQ0K\r\n--x--\r\n"),
    CASE("an empty binary part among others", M MIXED "\r\n--x\r\n" B "\r\n--x\r\n\r\nt\r\n--x--",
         M MIXED "\r\n--x\r\n" E "\r\n--x\r\n\r\nt\r\n--x--\r\n"),
    CASE("a header that a delimiter cuts", M MIXED "\r\n--x\r\n" B "--x--\r\n",
         M MIXED "\r\n--x\r\n" E "--x--\r\n"),
    CASE("almost a delimiter",
         M MIXED "\r\n--x\r\n" B "\r\n--xy\r\n-- x\r\n --x\r\n--x\n-\r\n--x \t\r\n\r\n--x--\r\n",
         M MIXED "\r\n--x\r\n" E "\r\nLS14eQ0KLS0geA0KIC0teA0KLS14Ci0=\r\n--x \t\r\n\r\n--x--\r\n"),
    CASE("a CR behind a delimiter makes it none",
         M MIXED "\r\n--x\r\n" B "\r\n\r\n--x\r\r\n--x--\r\n",
         M MIXED "\r\n--x\r\n" E "\r\nDQotLXgN\r\n--x--\r\n"),
    FAULT("a CR behind a delimiter", UNBINARY_LINES, M MIXED "\r\n--x\r\r\n"),
    CASE("two parts, preamble, epilogue",
         M MIXED "\r\npre\r\n--x\r\n" B "\r\n\0\r\n--x\r\n\r\n\x80\r\n--x--\r\n--x\r\nend\r\n",
         M MIXED "\r\npre\r\n--x\r\n" E "\r\nAA==\r\n--x\r\n\r\n\x80\r\n--x--\r\n--x\r\nend\r\n"),
    CASE("an outer delimiter ends the inner part",
         M MIXED "\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n" B
                 "\r\na\r\n--x\r\n\r\nb\r\n--y\r\n--x--\r\n",
         M MIXED "\r\n--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n" E
                 "\r\nYQ==\r\n--x\r\n\r\nb\r\n--y\r\n--x--\r\n"),
    CASE("a message in a message", M "Content-Type: message/rfc822\r\n" B "\r\n" M B "\r\n\n",
         M "Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" M E
           "\r\nCg==\r\n"),
    CASE("messages of a digest",
         M "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n" B "\r\n\n\r\n--x--\r\n",
         M "Content-Type: multipart/digest; boundary=x\r\n\r\n--x\r\n\r\n" E
           "\r\nCg==\r\n--x--\r\n"),
    CASE("a report said to be binary",
         M "Content-Type: message/delivery-status\r\n" B "\r\nAction: failed\r\n",
         M
         "Content-Type: message/delivery-status\r\nContent-Transfer-Encoding: 8bit\r\n\r\nAction: "
         "failed\r\n"),
    CASE("the close-delimiter lacks its line end", M MIXED "\r\n--x\r\n" B "\r\n\n\r\n--x--",
         M MIXED "\r\n--x\r\n" E "\r\nCg==\r\n--x--\r\n"),
    CASE("no close-delimiter", M MIXED "\r\n--x\r\n" B "\r\n\n\r\n-",
         M MIXED "\r\n--x\r\n" E "\r\nCg0KLQ==\r\n"),
    FAULT("a bare LF in lines", UNBINARY_LINES, M "\r\na\nb\r\n"),
    FAULT("a bare CR in lines", UNBINARY_LINES, M "\r\na\rb\r\n"),
    FAULT("a CR at the end", UNBINARY_LINES, M "\r\na\r"),
    FAULT("a NUL in lines", UNBINARY_LINES, M "\r\na\0\r\n"),
    FAULT("a NUL behind a dash", UNBINARY_LINES, M MIXED "\r\n-\0\r\n"),
    FAULT("a bare LF in a preamble", UNBINARY_LINES, M MIXED "\r\na\n--x\r\n"),
    FAULT("a bare LF in an epilogue", UNBINARY_LINES, M MIXED "\r\n--x--\r\n\n"),
    FAULT("a bare LF in a header", UNBINARY_LINES, "To: a\n\r\n"),
    FAULT("a bare CR in a header", UNBINARY_LINES, "To: a\r\rb\r\n\r\n"),
    FAULT("a NUL in a part's header", UNBINARY_LINES, M MIXED "\r\n--x\r\nA: \0\r\n\r\n"),
    FAULT("a report that is binary", UNBINARY_LINES,
          M "Content-Type: message/delivery-status\r\n" B "\r\nAction\n"),
    FAULT("two encodings", UNBINARY_HEADER, M B "Content-Transfer-Encoding: 7bit\r\n\r\n"),
    FAULT("two types", UNBINARY_HEADER, M B "Content-Type: a/b\r\nContent-Type: c/d\r\n\r\n"),
    FAULT("a multipart without a boundary", UNBINARY_HEADER,
          M "Content-Type: multipart/mixed\r\n" B "\r\n"),
    FAULT("a signed part", UNBINARY_SIGNED,
          M "Content-Type: multipart/signed; boundary=x\r\n\r\n--x\r\n" B "\r\n"),
    FAULT("a part in a signed multipart", UNBINARY_SIGNED,
          M "Content-Type: multipart/signed; boundary=s\r\n\r\n--s\r\n" MIXED "\r\n--x\r\n" B
            "\r\n"),
};

static void keep(void *owner, struct span bytes)
{
    check(bytes.len > 0);
    buf_put(owner, bytes);
}

static enum unbinary_fault convert(struct span text, size_t cut, size_t step, struct buf *got)
{
    struct unbinary *it = unbinary_create(keep, got);

    (void)unbinary_feed(it, span_first(text, cut));
    for (size_t at = cut; at < text.len; at += step)
        (void)unbinary_feed(it, span_first(span_from(text, at), step));
    enum unbinary_fault fault = unbinary_finish(it);
    unbinary_free(&it);
    return fault;
}

static void run(const struct unbinary_case *row, size_t cut, size_t step)
{
    struct buf got;

    buf_init(&got, 0);
    enum unbinary_fault fault = convert(span_make(row->text, row->text_len), cut, step, &got);
    if (fault != row->fault || (row->wanted != NULL && !span_is(buf_span(&got), row->wanted)))
        CHECK_FAILED("%s, cut at %zu, steps of %zu: fault %d, got \"%.*s\"", row->name, cut, step,
                     (int)fault, (int)got.len, buf_span(&got).ptr);
    buf_release(&got);
}

TEST(test_binary_parts_become_base64)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        run(&cases[i], cases[i].text_len, 1);
        run(&cases[i], 0, 1);
        for (size_t cut = 0; cut < cases[i].text_len; cut++)
            run(&cases[i], cut, cases[i].text_len);
    }
}

/* ---- Limits --------------------------------------------------------------------------------- */

static enum unbinary_fault convert_header(size_t len)
{
    struct buf text, got;

    buf_init(&text, 0);
    buf_init(&got, 0);
    buf_puts(&text, "A: ");
    while (text.len < len - 4)
        buf_put_byte(&text, 'a');
    buf_puts(&text, "\r\n\r\n");
    enum unbinary_fault fault = convert(buf_span(&text), text.len, 1, &got);
    buf_release(&text);
    buf_release(&got);
    return fault;
}

TEST(test_a_header_has_a_limit)
{
    check_int(convert_header(UNBINARY_HEADER_MAX - 1), UNBINARY_OK);
    check_int(convert_header(UNBINARY_HEADER_MAX), UNBINARY_OK);
    check_int(convert_header(UNBINARY_HEADER_MAX + 1), UNBINARY_HEADER);
}

static enum unbinary_fault convert_nested(unsigned depth)
{
    struct buf text, got;

    buf_init(&text, 0);
    buf_init(&got, 0);
    for (unsigned i = 0; i < depth; i++)
        buf_printf(&text, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    buf_puts(&text, B "\r\n\n");
    enum unbinary_fault fault = convert(buf_span(&text), 0, 7, &got);
    buf_release(&text);
    buf_release(&got);
    return fault;
}

TEST(test_multiparts_have_a_limit)
{
    check_int(convert_nested(UNBINARY_DEPTH_MAX - 1), UNBINARY_OK);
    check_int(convert_nested(UNBINARY_DEPTH_MAX), UNBINARY_OK);
    check_int(convert_nested(UNBINARY_DEPTH_MAX + 1), UNBINARY_DEPTH);
}

/* A line with a dash is looked at up to a limit that its CRLF may lie across; it ends the same. */
static void run_long_line(size_t len, const char *header)
{
    struct buf text, got;

    buf_init(&text, 0);
    buf_init(&got, 0);
    buf_printf(&text, M MIXED "\r\n--x\r\n%s\r\n-", header);
    for (size_t i = 1; i < len; i++)
        buf_put_byte(&text, 'a');
    buf_puts(&text, "\r\n--x--\r\n");
    check_int(convert(buf_span(&text), text.len, 1, &got), UNBINARY_OK);
    size_t wanted = text.len;
    if (header[0] != '\0')
        wanted = text.len - len + CODEC_BASE64_LEN(len) + (len + 56) / 57 * 2 - 2;
    if (got.len != wanted)
        CHECK_FAILED("%zu bytes, header \"%s\": got %zu instead of %zu", len, header, got.len,
                     wanted);
    buf_release(&text);
    buf_release(&got);
}

TEST(test_a_long_line_that_begins_with_a_dash)
{
    for (size_t len = MIME_BOUNDARY_MAX; len < MIME_BOUNDARY_MAX + 80; len++) {
        run_long_line(len, "");
        run_long_line(len, B);
    }
}

/* ---- Any leaves, any tree ------------------------------------------------------------------- */

enum { LEAVES_MAX = 40 };

struct tree {
    uint64_t seed;
    struct buf text;
    struct buf leaves[LEAVES_MAX];
    unsigned leaf_count, boundary_count;
};

static unsigned draw(struct tree *tree, unsigned below)
{
    tree->seed = tree->seed * 6364136223846793005U + 1442695040888963407U;
    return (unsigned)(tree->seed >> 33) % below;
}

/* Line ends, dashes and halves of delimiters, besides any byte. */
static void grow_leaf(struct tree *tree)
{
    static const char *const pieces[] = {"\r\n", "\r\n--", "\r\n--b1", "\r",
                                         "\n",   "--b0--", "\r\n-"};
    struct buf *leaf = &tree->leaves[tree->leaf_count++];

    for (unsigned n = draw(tree, 60); n > 0; n--) {
        if (draw(tree, 2) == 0)
            buf_puts(leaf, pieces[draw(tree, sizeof pieces / sizeof *pieces)]);
        else
            buf_put_byte(leaf, (char)draw(tree, 256));
    }
    buf_put_byte(leaf, '!'); /* so that no line of it is a whole delimiter by chance at its end */
    buf_puts(&tree->text, "\r\n");
    for (size_t at = 0; at < leaf->len; at++) {
        char byte = buf_span(leaf).ptr[at];
        buf_put_byte(&tree->text, byte);
    }
}

static void grow(struct tree *tree)
{
    unsigned open[8], depth = 0;

    buf_puts(&tree->text, M);
    do {
        if (depth < 8 && tree->leaf_count < LEAVES_MAX && draw(tree, 3) == 0) {
            open[depth] = tree->boundary_count++;
            buf_printf(&tree->text, "Content-Type: multipart/mixed; boundary=\"=bound %u\"\r\n\r\n",
                       open[depth]);
            depth++;
        } else {
            buf_puts(&tree->text, "Content-Type: application/x\r\n" B);
            grow_leaf(tree);
        }
        while (depth > 0 && (tree->leaf_count == LEAVES_MAX || draw(tree, 3) == 0))
            buf_printf(&tree->text, "\r\n--=bound %u--\r\n", open[--depth]);
        if (depth > 0)
            buf_printf(&tree->text, "\r\n--=bound %u\r\n", open[depth - 1]);
    } while (depth > 0);
}

static void compare(struct tree *tree, struct span got)
{
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    struct mime_part part;
    size_t position = 0;
    unsigned seen = 0;

    mime_scan_feed(scan, got);
    mime_scan_finish(scan, &result);
    while (mime_part_next(result.parts, &position, &part)) {
        struct span body = span_first(span_from(got, part.body_offset), part.body_len);
        struct buf bytes;
        if (part.is_multipart || part.encoding != MIME_BASE64)
            continue;
        buf_init(&bytes, 0);
        check(codec_base64_decode_loose(body, &bytes) == 0);
        check(seen < tree->leaf_count &&
              span_equal(buf_span(&bytes), buf_span(&tree->leaves[seen])));
        seen++;
        buf_release(&bytes);
    }
    check_int(seen, tree->leaf_count);
    mime_scan_free(&scan);
}

TEST(test_what_is_read_back_is_what_was_sent)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        struct tree tree = {.seed = seed};
        struct buf got, again;
        buf_init(&got, 0);
        buf_init(&again, 0);
        grow(&tree);
        size_t step = 1 + draw(&tree, 70);
        if (convert(buf_span(&tree.text), 0, step, &got) != UNBINARY_OK)
            CHECK_FAILED("seed %llu: a fault", (unsigned long long)seed);
        compare(&tree, buf_span(&got));
        check(convert(buf_span(&got), got.len, 1, &again) == UNBINARY_OK);
        check(span_equal(buf_span(&again), buf_span(&got)));
        for (unsigned i = 0; i < tree.leaf_count; i++)
            buf_release(&tree.leaves[i]);
        buf_release(&tree.text);
        buf_release(&got);
        buf_release(&again);
    }
}

CHECK_MAIN({"test_binary_parts_become_base64", test_binary_parts_become_base64},
           {"test_a_header_has_a_limit", test_a_header_has_a_limit},
           {"test_multiparts_have_a_limit", test_multiparts_have_a_limit},
           {"test_a_long_line_that_begins_with_a_dash", test_a_long_line_that_begins_with_a_dash},
           {"test_what_is_read_back_is_what_was_sent", test_what_is_read_back_is_what_was_sent})
