/* The items of FETCH and the labels of their answers. */
#include "base/buf.h"
#include "protocols/imap/fetch_args.h"
#include "tests/unit/check.h"

enum { ALL = IMAP_FETCH_FLAGS | IMAP_FETCH_INTERNALDATE | IMAP_FETCH_SIZE | IMAP_FETCH_ENVELOPE };

static const struct {
    const char *text;
    bool is_good;
    unsigned items;
    const char *label; /* of the first section; NULL: none */
    enum imap_section_text section;
    bool marks_seen;
} cases[] = {
    {"FLAGS", true, IMAP_FETCH_FLAGS, NULL, IMAP_TEXT_ALL, false},
    {"(FLAGS uid)", true, IMAP_FETCH_FLAGS | IMAP_FETCH_UID, NULL, IMAP_TEXT_ALL, false},
    {"ALL", true, ALL, NULL, IMAP_TEXT_ALL, false},
    {"FULL", true, ALL | IMAP_FETCH_BODY, NULL, IMAP_TEXT_ALL, false},
    {"(ALL)", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY", true, IMAP_FETCH_BODY, NULL, IMAP_TEXT_ALL, false},
    {"BODYSTRUCTURE", true, IMAP_FETCH_BODYSTRUCTURE, NULL, IMAP_TEXT_ALL, false},
    {"BODY[]", true, 0, "BODY[]", IMAP_TEXT_ALL, true},
    {"body.peek[]", true, 0, "BODY[]", IMAP_TEXT_ALL, false},
    {"RFC822", true, 0, "RFC822", IMAP_TEXT_ALL, true},
    {"RFC822.HEADER", true, 0, "RFC822.HEADER", IMAP_TEXT_HEADER, false},
    {"RFC822.TEXT", true, 0, "RFC822.TEXT", IMAP_TEXT_TEXT, true},
    {"RFC822.SIZE", true, IMAP_FETCH_SIZE, NULL, IMAP_TEXT_ALL, false},
    {"BODY[1.2.text]", true, 0, "BODY[1.2.TEXT]", IMAP_TEXT_TEXT, true},
    {"BODY[1.MIME]", true, 0, "BODY[1.MIME]", IMAP_TEXT_MIME, true},
    {"BODY[MIME]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[3]<0.10>", true, 0, "BODY[3]<0>", IMAP_TEXT_ALL, true},
    {"BODY[]<5.0>", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[]<5>", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[]<5.1", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[HEADER.FIELDS (Date \"From\")]", true, 0, "BODY[HEADER.FIELDS (Date From)]",
     IMAP_TEXT_FIELDS, true},
    {"BODY.PEEK[2.HEADER.FIELDS.NOT (X)]<2.3>", true, 0, "BODY[2.HEADER.FIELDS.NOT (X)]<2>",
     IMAP_TEXT_FIELDS_NOT, false},
    {"BODY[HEADER.FIELDS]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[HEADER.FIELDS ()]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[HEADER (Date)]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[0]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[01]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[1.]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[1..2]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[1.2.3.4.5]", true, 0, "BODY[1.2.3.4.5]", IMAP_TEXT_ALL, true},
    {"BODY[99999999999]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[1HEADER]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY[", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BODY.PEEK", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"BINARY[1]", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"(FLAGS", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"()", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"(FLAGS )", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"FLAGS UID", false, 0, NULL, IMAP_TEXT_ALL, false},
    {"", false, 0, NULL, IMAP_TEXT_ALL, false},
};

TEST(test_items)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena);
        struct imap_args args;
        struct imap_fetch_args got;
        check_case = cases[i].text;
        imap_args_init(&args, span_of(cases[i].text), &arena);
        bool is_good = imap_fetch_args_read(&args, &got);
        check(is_good == cases[i].is_good);
        if (is_good && cases[i].is_good) {
            check_int(got.items, cases[i].items);
            check((got.sections != NULL) == (cases[i].label != NULL));
        }
        if (is_good && got.sections != NULL && cases[i].label != NULL) {
            check_span(got.sections->label, cases[i].label);
            check_int(got.sections->text, cases[i].section);
            check(got.sections->marks_seen == cases[i].marks_seen);
        }
        arena_reset(&arena);
    }
}

TEST(test_partial_and_fields_are_kept)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_args args;
    struct imap_fetch_args got;
    imap_args_init(
        &args, span_of("(BODY[1]<7.4294967295> BODY[HEADER.FIELDS (a b c d e f g h i)])"), &arena);
    check(imap_fetch_args_read(&args, &got));
    check(got.sections->is_partial);
    check_int(got.sections->first, 7);
    check_int(got.sections->count, 4294967295);
    check_span(got.sections->part, "1");
    check_int(got.sections->next->field_count, 9);
    check_span(got.sections->next->fields[8], "i");
    arena_reset(&arena);
}

TEST(test_section_count_is_bounded)
{
    struct arena arena;
    arena_init(&arena);
    struct buf text;
    buf_init(&text, 0);
    for (unsigned i = 0; i < IMAP_SECTIONS_MAX; i++)
        buf_puts(&text, i == 0 ? "(BODY[]" : " BODY[]");
    for (unsigned extra = 0; extra < 2; extra++) {
        struct buf all;
        buf_init(&all, 0);
        buf_put(&all, buf_span(&text));
        buf_puts(&all, extra == 0 ? ")" : " RFC822)");
        struct imap_args args;
        struct imap_fetch_args got;
        imap_args_init(&args, buf_span(&all), &arena);
        check(imap_fetch_args_read(&args, &got) == (extra == 0));
        buf_release(&all);
    }
    buf_release(&text);
    arena_reset(&arena);
}

CHECK_MAIN({"test_items", test_items},
           {"test_partial_and_fields_are_kept", test_partial_and_fields_are_kept},
           {"test_section_count_is_bounded", test_section_count_is_bounded})
