/* Blind copy fields leave a header, and nothing else does: each text whole, cut in two anywhere,
 * and byte by byte. */
#include "base/buf.h"
#include "check.h"
#include "protocols/smtp/strip.h"

static const struct strip_case {
    const char *name, *text, *wanted;
} cases[] = {
    {"no field", "To: a\r\n\r\nx\r\n", "To: a\r\n\r\nx\r\n"},
    {"first", "Bcc: a\r\nTo: b\r\n\r\n", "To: b\r\n\r\n"},
    {"last", "To: b\r\nBcc: a\r\n\r\nx", "To: b\r\n\r\nx"},
    {"only", "Bcc: a\r\n\r\nx", "\r\nx"},
    {"twice", "bcc:\r\nBCC:a\r\n\r\nx", "\r\nx"},
    {"folded", "Bcc: a,\r\n b,\r\n\tc\r\nTo: d\r\n\r\n", "To: d\r\n\r\n"},
    {"folded to blanks", "Bcc: a\r\n  \r\nTo: d\r\n\r\n", "To: d\r\n\r\n"},
    {"folds of another", "Bcc: a\r\nTo: b,\r\n c\r\n\r\n", "To: b,\r\n c\r\n\r\n"},
    {"fold that looks like it", "To: b\r\n Bcc: c\r\n\r\n", "To: b\r\n Bcc: c\r\n\r\n"},
    {"blanks before the colon", "Bcc \t : a\r\n\r\n", "\r\n"},
    {"resent", "Resent-Bcc: a\r\nResent-To: b\r\n\r\n", "Resent-To: b\r\n\r\n"},
    {"longer name", "Bccc: a\r\nBcc-: b\r\n\r\n", "Bccc: a\r\nBcc-: b\r\n\r\n"},
    {"shorter name", "Bc: a\r\nResent-B: b\r\n\r\n", "Bc: a\r\nResent-B: b\r\n\r\n"},
    {"no colon", "Bcc a\r\nBcc\r\n\r\n", "Bcc a\r\nBcc\r\n\r\n"},
    {"colon only", ": a\r\n\r\n", ": a\r\n\r\n"},
    {"fold first", " Bcc: a\r\n\r\n", " Bcc: a\r\n\r\n"},
    {"body", "\r\nBcc: a\r\n", "\r\nBcc: a\r\n"},
    {"ends in the name", "To: a\r\nBcc", "To: a\r\nBcc"},
    {"ends in blanks", "Bcc  ", "Bcc  "},
    {"ends in the field", "To: a\r\nBcc: x", "To: a\r\n"},
    {"ends in CR", "To: a\r\n\r", "To: a\r\n\r"},
    {"empty", "", ""},
    {"CR is no end", "\rBcc: a\r\n\r\n", "\rBcc: a\r\n\r\n"},
};

static void keep(void *owner, struct span bytes)
{
    check(bytes.len > 0);
    buf_put(owner, bytes);
}

static void run(const struct strip_case *row, size_t cut, size_t step)
{
    struct span text = span_of(row->text);
    struct smtp_strip strip;
    struct buf got;

    smtp_strip_init(&strip);
    buf_init(&got, 0);
    smtp_strip_feed(&strip, span_first(text, cut), keep, &got);
    for (size_t at = cut; at < text.len; at += step)
        smtp_strip_feed(&strip, span_first(span_from(text, at), step), keep, &got);
    smtp_strip_finish(&strip, keep, &got);
    if (!span_is(buf_span(&got), row->wanted))
        CHECK_FAILED("%s, cut at %zu, steps of %zu: got \"%.*s\"", row->name, cut, step,
                     (int)got.len, buf_span(&got).ptr);
    buf_release(&got);
}

TEST(test_only_blind_copies_leave_the_header)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t cut = 0; cut <= strlen(cases[i].text); cut++)
            run(&cases[i], cut, 1000);
        run(&cases[i], 0, 1);
    }
}

/* A name with more blanks than are held is left alone; with as many it goes. */
TEST(test_blanks_before_the_colon_are_bounded)
{
    for (size_t blanks = SMTP_STRIP_HELD_MAX - 4; blanks <= SMTP_STRIP_HELD_MAX; blanks++) {
        char text[SMTP_STRIP_HELD_MAX + 32];
        int len = snprintf(text, sizeof text, "Bcc%*s: a\r\n\r\n", (int)blanks, "");
        bool is_held = 3 + blanks <= SMTP_STRIP_HELD_MAX;
        const struct strip_case row = {"blanks", text, is_held ? text + len - 2 : text};
        run(&row, 0, 1000);
        run(&row, 0, 1);
    }
}

CHECK_MAIN({"test_only_blind_copies_leave_the_header", test_only_blind_copies_leave_the_header},
           {"test_blanks_before_the_colon_are_bounded", test_blanks_before_the_colon_are_bounded})
