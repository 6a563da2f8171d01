/* The scanner on hostile messages: depth, count, length and odd bytes stay within their bounds. */
#include "mail/mime.h"

#include "mime_scan.h"

/* Scans with a limit of time in mind: the harness would not return from quadratic work. */
static struct buf scan_hostile(struct span message, unsigned parts_max)
{
    struct buf whole, other;

    buf_init(&whole, 0);
    buf_init(&other, 0);
    scan_whole(message, message.len + 1, 0, parts_max, &whole);
    scan_whole(message, 1000, 7, parts_max, &other);
    check(span_equal(buf_span(&whole), buf_span(&other)));
    buf_release(&other);
    return whole;
}

TEST(test_nesting_is_bounded)
{
    struct buf message, result;

    buf_init(&message, 0);
    for (unsigned i = 0; i < 1000; i++)
        buf_printf(&message, "Content-Type: multipart/mixed; boundary=b%u\r\n\r\n--b%u\r\n", i, i);
    buf_puts(&message, "\r\ndeep\r\n");
    result = scan_hostile(buf_span(&message), 10000);
    char *structure = strchr(result.data, '\n') + 1;
    check_int(strspn(structure, "("), MIME_DEPTH_MAX + 1);
    check(span_find(buf_span(&result), span_of("\"application\" \"octet-stream\"")) > 0);
    struct buf body;
    buf_init(&body, 0);
    mime_body_from_structure(span_make(structure, (size_t)(strchr(structure, '\n') - structure)),
                             &body);
    check(span_starts(buf_span(&body), span_of("((((")));
    buf_release(&body);
    buf_release(&result);

    buf_clear(&message);
    for (unsigned i = 0; i < 1000; i++)
        buf_puts(&message, "Content-Type: message/rfc822\r\n\r\n");
    result = scan_hostile(buf_span(&message), 10000);
    buf_release(&result);
    buf_release(&message);
}

TEST(test_parts_are_bounded)
{
    struct buf message;

    buf_init(&message, 0);
    buf_puts(&message, "Content-Type: multipart/mixed; boundary=b\r\n\r\n");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "--b\r\n\r\nx\r\n");
    buf_puts(&message, "--b--\r\n");
    for (unsigned parts_max = 0; parts_max < 6; parts_max++) {
        struct buf result = scan_hostile(buf_span(&message), parts_max);
        unsigned count = 0;
        struct span rest = buf_span(&result);
        for (ptrdiff_t at; (at = span_find(rest, span_of("\"text\""))) >= 0; count++)
            rest = span_from(rest, (size_t)at + 1);
        check_int(count, parts_max < 2 ? 0 : parts_max - 1);
        buf_release(&result);
    }
    buf_release(&message);
}

TEST(test_long_headers_are_bounded)
{
    struct buf message, result;

    buf_init(&message, 0);
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, i % 3 == 0 ? "To: a@b,c@d\r\n" : "X-Y: z\r\n (\r\n");
    buf_puts(&message, "\r\nbody\r\n");
    result = scan_hostile(buf_span(&message), 1000);
    check(span_find(buf_span(&result), span_of("\"7bit\" 6 1")) > 0);
    buf_release(&result);

    buf_clear(&message);
    buf_puts(&message, "Subject: ");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "\xf6((((\"\\");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);

    buf_clear(&message);
    buf_puts(&message, "To: ");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "a:b;,<\"");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);
    buf_release(&message);
}

TEST(test_long_lines_and_odd_bytes)
{
    struct buf message, result;

    buf_init(&message, 0);
    buf_puts(&message, "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "   ");
    buf_puts(&message, "\r\n");
    for (unsigned i = 0; i < 100000; i++)
        buf_puts(&message, "--");
    result = scan_hostile(buf_span(&message), 1000);
    buf_release(&result);
    buf_release(&message);

    static const char nuls[] = "Subject: a\0b\r\nContent-Type: text/plain; charset=\"x\0y\"; "
                               "z\0=\0\r\n\0: \0\r\n\r\n\0\r\n--\0\r\n";
    check_case = "NULs";
    check_scan(span_make(nuls, sizeof nuls - 1), "(NIL \"a?b\" NIL NIL NIL NIL NIL NIL NIL NIL)",
               "(\"text\" \"plain\" (\"charset\" \"x?y\" \"z?\" \"?\") NIL NIL \"7bit\" 8 2" NO_EXT
               ")");
    check_scan(span_of("Subject: a\rb\r\r\n\rX: y\r\n\r\nbody\r"),
               "(NIL \"ab\" NIL NIL NIL NIL NIL NIL NIL NIL)", PLAIN("5", "0"));
}

TEST(test_random_messages_scan_the_same_in_any_pieces)
{
    static const char *const atoms[] = {"\r\n",
                                        "\n",
                                        "\r",
                                        "--b",
                                        "--bb",
                                        "--b--",
                                        "--",
                                        " ",
                                        "\r\n\r\n",
                                        "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
                                        "text",
                                        "\r\n--b\r\n",
                                        "\r\n--bb\r\n",
                                        "Content-Type: multipart/digest; boundary=\"bb\"\r\n\r\n",
                                        "Subject: x\r\n",
                                        "(\"",
                                        "Content-Type: message/rfc822\r\n\r\n",
                                        "\r\n--bb--\r\n",
                                        "To: a@b (c), d;\r\n",
                                        "\xf6"};

    for (unsigned round = 0; round < 400; round++) {
        struct buf message, result;
        buf_init(&message, 0);
        srand(round);                           /* NOLINT */
        unsigned count = (unsigned)rand() % 40; /* NOLINT */
        for (unsigned i = 0; i < count; i++)
            buf_puts(&message, atoms[(size_t)rand() % (sizeof atoms / sizeof *atoms)]); /* NOLINT */
        char *text = mem_strndup(buf_span(&message).ptr, message.len);
        check_case = text;
        result = scan_all_ways(buf_span(&message), 1 + round % 20);
        buf_release(&result);
        check_case = "";
        mem_free(text);
        buf_release(&message);
    }
}

CHECK_MAIN({"test_nesting_is_bounded", test_nesting_is_bounded},
           {"test_parts_are_bounded", test_parts_are_bounded},
           {"test_long_headers_are_bounded", test_long_headers_are_bounded},
           {"test_long_lines_and_odd_bytes", test_long_lines_and_odd_bytes},
           {"test_random_messages_scan_the_same_in_any_pieces",
            test_random_messages_scan_the_same_in_any_pieces})
