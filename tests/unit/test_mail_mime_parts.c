/* Finding and walking the parts of a scanned message by section (RFC 3501 6.4.5). */
#include "mail/mime.h"

#include "base/mem.h"
#include "check.h"

/* RFC 3501 6.4.5's own example. */
static const char tree[] =
    "Content-Type: multipart/mixed; boundary=A\r\n\r\n"
    "--A\r\nContent-Type: text/plain; charset=KOI8-R\r\n\r\npart 1\r\n"
    "--A\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n"
    "part 2\r\n"
    "--A\r\nContent-Type: message/rfc822\r\n\r\n"
    "Subject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n"
    "--B\r\n\r\npart 3.1\r\n--B\r\nContent-Type: application/octet-stream\r\n\r\npart 3.2\r\n"
    "--B--\r\n"
    "--A\r\nContent-Type: multipart/mixed; boundary=C\r\n\r\n"
    "--C\r\nContent-Type: image/gif\r\n\r\npart 4.1\r\n"
    "--C\r\nContent-Type: message/rfc822\r\n\r\n"
    "Content-Type: multipart/mixed; boundary=D\r\n\r\n"
    "--D\r\n\r\npart 4.2.1\r\n--D\r\nContent-Type: multipart/alternative; boundary=E\r\n\r\n"
    "--E\r\n\r\npart 4.2.2.1\r\n--E\r\nContent-Type: text/richtext\r\n\r\npart 4.2.2.2\r\n--E--\r\n"
    "--D--\r\n--C--\r\n"
    "--A\r\nContent-Type: message/rfc822\r\n\r\nSubject: plain\r\n\r\npart 5.1\r\n"
    "--A--\r\n";

static const struct {
    const char *section;
    bool is_inner, is_found;
    const char *header, *body; /* NULL: not looked at; body: its beginning */
} sections[] = {
    {"1", false, true, "Content-Type: text/plain; charset=KOI8-R\r\n\r\n", "part 1"},
    {"2", false, true, NULL, "part 2"},
    {"3", false, true, "Content-Type: message/rfc822\r\n\r\n", "Subject: inner\r\n"},
    {"3", true, true, "Subject: inner\r\nContent-Type: multipart/mixed; boundary=B\r\n\r\n",
     "--B\r\n"},
    {"3.1", false, true, "\r\n", "part 3.1"},
    {"3.2", false, true, NULL, "part 3.2"},
    {"4", false, true, "Content-Type: multipart/mixed; boundary=C\r\n\r\n", "--C\r\n"},
    {"4.1", false, true, NULL, "part 4.1"},
    {"4.2", false, true, NULL, "Content-Type: multipart/mixed; boundary=D"},
    {"4.2", true, true, "Content-Type: multipart/mixed; boundary=D\r\n\r\n", "--D\r\n"},
    {"4.2.1", false, true, "\r\n", "part 4.2.1"},
    {"4.2.2", false, true, NULL, "--E\r\n"},
    {"4.2.2.1", false, true, "\r\n", "part 4.2.2.1"},
    {"4.2.2.2", false, true, NULL, "part 4.2.2.2"},
    {"5.1", false, true, "Subject: plain\r\n\r\n", "part 5.1"},
    {"5", true, true, "Subject: plain\r\n\r\n", "part 5.1"},
    {"", false, true, "Content-Type: multipart/mixed; boundary=A\r\n\r\n", "--A\r\n"},
    {"6", false, false, NULL, NULL},
    {"1.1", false, false, NULL, NULL},
    {"1", true, false, NULL, NULL},
    {"3.3", false, false, NULL, NULL},
    {"3.1.1", false, false, NULL, NULL},
    {"5.2", false, false, NULL, NULL},
    {"4", true, false, NULL, NULL},
    {"0", false, false, NULL, NULL},
    {"01", false, false, NULL, NULL},
    {"1.", false, false, NULL, NULL},
    {".1", false, false, NULL, NULL},
    {"3..1", false, false, NULL, NULL},
    {"99999999999999999999", false, false, NULL, NULL},
    {"x", false, false, NULL, NULL},
};

TEST(test_sections_of_the_standards_example)
{
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    mime_scan_feed(scan, span_of(tree));
    mime_scan_finish(scan, &result);

    for (size_t i = 0; i < sizeof sections / sizeof *sections; i++) {
        struct mime_part part;
        check_case = sections[i].section;
        bool is_found =
            mime_part_find(result.parts, span_of(sections[i].section), sections[i].is_inner, &part);
        check_int(is_found, sections[i].is_found);
        if (!is_found)
            continue;
        if (sections[i].header != NULL)
            check_span(span_make(tree + part.header_offset, part.header_len), sections[i].header);
        check(part.body_offset + part.body_len < sizeof tree);
        check_span(
            span_first(span_make(tree + part.body_offset, part.body_len), strlen(sections[i].body)),
            sections[i].body);
    }
    mime_scan_free(&scan);
}

TEST(test_leaves_are_walked_in_order)
{
    static const char *const leaves[] = {"part 1",       "part 2",       "part 3.1",
                                         "part 3.2",     "part 4.1",     "part 4.2.1",
                                         "part 4.2.2.1", "part 4.2.2.2", "part 5.1"};
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    struct mime_part part;
    size_t position = 0, count = 0;

    mime_scan_feed(scan, span_of(tree));
    mime_scan_finish(scan, &result);
    while (mime_part_next(result.parts, &position, &part)) {
        if (part.is_multipart || part.is_message)
            continue;
        check(count < sizeof leaves / sizeof *leaves);
        check_span(span_make(tree + part.body_offset, part.body_len), leaves[count]);
        count++;
    }
    check_int(count, sizeof leaves / sizeof *leaves);
    check(mime_part_find(result.parts, span_of("1"), false, &part));
    check_text(part.charset, "koi8-r");
    check(part.is_text && !part.is_message && !part.is_multipart);
    check(mime_part_find(result.parts, span_of("2"), false, &part));
    check_int(part.encoding, MIME_BASE64);
    check(mime_part_find(result.parts, span_of("3"), false, &part));
    check(part.is_message);

    /* Damaged rows find nothing, or what still stands there, and read nothing else. */
    for (size_t len = 0; len < result.parts.len; len++) {
        char *copy = mem_strndup(result.parts.ptr, len);
        (void)mime_part_find(span_make(copy, len), span_of("5.1"), false, &part);
        for (position = 0; mime_part_next(span_make(copy, len), &position, &part);)
            ;
        mem_free(copy);
    }
    mime_scan_free(&scan);
}

TEST(test_single_part_message_is_part_one)
{
    struct mime_scan *scan = mime_scan_create(1000);
    struct mime_result result;
    struct mime_part part;
    static const char message[] = "Received: a\r\nReceived: b\r\nDate: Sat, 21 Nov 2026 23:30:00 "
                                  "-0500\r\n\r\nbody\r\n";

    mime_scan_feed(scan, span_of(message));
    mime_scan_finish(scan, &result);
    check_int(result.received_count, 2);
    check_int(result.sent_s / 86400, 1795219200 / 86400);
    check(mime_part_find(result.parts, span_of("1"), false, &part));
    check_span(span_make(message + part.body_offset, part.body_len), "body\r\n");
    check(!mime_part_find(result.parts, span_of("2"), false, &part));
    check(!mime_part_find(result.parts, span_of("1.1"), false, &part));
    mime_scan_free(&scan);
}

CHECK_MAIN({"test_sections_of_the_standards_example", test_sections_of_the_standards_example},
           {"test_leaves_are_walked_in_order", test_leaves_are_walked_in_order},
           {"test_single_part_message_is_part_one", test_single_part_message_is_part_one})
