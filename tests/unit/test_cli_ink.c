/* Reports: wrapping, columns, and nothing that moves a terminal. */
#include "check.h"
#include "cli/ink.h"

TEST(test_words_are_wrapped_and_indented)
{
    char words[3 * INK_WIDTH] = "";
    struct buf out;
    struct ink ink = {.out = &out};

    buf_init(&out, 0);
    for (int i = 0; i < 40; i++)
        (void)strcat(words, "wörd ");
    ink_to(&ink, 10);
    ink_words(&ink, INK_GOOD, span_of(words), 12);
    ink_end(&ink);
    struct span rest = buf_span(&out);
    for (unsigned i = 0; rest.len > 0; i++) {
        struct span line = span_cut(&rest, '\n');
        check(line.len <= INK_WIDTH && line.len > 12);
        check_int(span_find(line, span_of("w\\xc3\\xb6rd")), i == 0 ? 10 : 12);
    }
    buf_release(&out);
}

TEST(test_hostile_bytes_are_shown_not_done)
{
    struct buf out;
    struct ink ink = {.out = &out};

    buf_init(&out, 0);
    ink_bytes(&ink, INK_PLAIN, span_make("\x1b[2J\x07\0\xc2\x9b\x7f~", 10));
    check_span(buf_span(&out), "\\x1b[2J\\x07\\x00\\xc2\\x9b\\x7f~");
    check_int(ink.column, out.len);
    buf_release(&out);
}

TEST(test_colour_stands_around_and_does_not_count)
{
    struct buf out;
    struct ink ink = {.out = &out, .has_colour = true};

    buf_init(&out, 0);
    ink_put(&ink, INK_GOOD, "ok");
    check_span(buf_span(&out), "\033[32mok\033[0m");
    check_int(ink.column, 2);
    buf_release(&out);
}

CHECK_MAIN({"test_words_are_wrapped_and_indented", test_words_are_wrapped_and_indented},
           {"test_hostile_bytes_are_shown_not_done", test_hostile_bytes_are_shown_not_done},
           {"test_colour_stands_around_and_does_not_count",
            test_colour_stands_around_and_does_not_count})
