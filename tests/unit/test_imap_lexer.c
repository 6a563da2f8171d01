/* The collector of IMAP commands and the pull parser over what it collected. */
#include "base/err.h"
#include "protocols/imap/args.h"
#include "protocols/imap/flag_args.h"
#include "protocols/imap/lexer.h"
#include "tests/unit/check.h"

TEST(test_literal_announcements)
{
    static const struct {
        const char *line;
        bool is_announced;
        uint64_t size;
        bool is_sync;
    } cases[] = {
        {"a LOGIN {5}", true, 5, true},
        {"a LOGIN {5+}", true, 5, false},
        {"a {0}", true, 0, true},
        {"{007}", true, 7, true},
        {"a {}", false, 0, false},
        {"a {+}", false, 0, false},
        {"a {5-}", false, 0, false},
        {"a {5}x", false, 0, false},
        {"a 5}", false, 0, false},
        {"a {x5}", false, 0, false},
        {"a {4294967296}", true, 4294967296, true},
        {"a {18446744073709551615}", true, UINT64_MAX, true},
        {"a {99999999999999999999999999999999}", true, UINT64_MAX, true},
        {"", false, 0, false},
        {"}", false, 0, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_literal literal = {0};
        check_case = cases[i].line;
        check(imap_literal_announced(span_of(cases[i].line), &literal) == cases[i].is_announced);
        check(literal.size == cases[i].size);
        check(literal.is_sync == cases[i].is_sync);
    }
}

TEST(test_command_is_collected_with_its_literals)
{
    struct imap_lexer lexer;
    struct imap_literal literal;
    imap_lexer_init(&lexer, 100);
    check_int(imap_lexer_line(&lexer, span_of("a LOGIN {5}"), &literal), IMAP_LEXED_LITERAL);
    check_int(imap_lexer_accept(&lexer, literal.size), 0);
    check_int(imap_lexer_bytes(&lexer, span_of("al")), 2);
    check_int(imap_lexer_bytes(&lexer, span_of("iceREST")), 3);
    check_int(lexer.literal_left, 0);
    check_int(imap_lexer_line(&lexer, span_of(" {2+}"), &literal), IMAP_LEXED_LITERAL);
    check_int(imap_lexer_accept(&lexer, literal.size), 0);
    check_int(imap_lexer_bytes(&lexer, span_of("\r\n")), 2);
    check_int(imap_lexer_line(&lexer, span_of(""), &literal), IMAP_LEXED_COMMAND);
    check_span(imap_lexer_text(&lexer), "a LOGIN {5}\r\nalice {2+}\r\n\r\n");
    imap_lexer_reset(&lexer);
}

TEST(test_command_size_is_bounded_at_each_step)
{
    struct imap_lexer lexer;
    struct imap_literal literal;
    imap_lexer_init(&lexer, 20);
    check_int(imap_lexer_line(&lexer, span_of("a LOGIN {9}"), &literal), IMAP_LEXED_LITERAL);
    check_int(imap_lexer_accept(&lexer, 8), ERR_LIMIT); /* 11 + CRLF + 8 is 21 */
    check_int(imap_lexer_accept(&lexer, UINT64_MAX), ERR_LIMIT);
    check_int(imap_lexer_accept(&lexer, 7), 0);
    check_int(imap_lexer_bytes(&lexer, span_of("1234567")), 7);
    check_int(imap_lexer_line(&lexer, span_of("x"), &literal), IMAP_LEXED_TOO_BIG);
    imap_lexer_reset(&lexer);
    check_int(imap_lexer_line(&lexer, span_of("123456789012345678901"), &literal),
              IMAP_LEXED_TOO_BIG);
    check_int(imap_lexer_line(&lexer, span_of("12345678901234567890"), &literal),
              IMAP_LEXED_COMMAND);
    imap_lexer_reset(&lexer);
}

/* What reads an argument, for the table below. */
static bool read_nstring(struct imap_args *args, struct span *out)
{
    return imap_args_nstring(args, out) && (out->ptr != NULL || imap_args_fail(args, "NIL"));
}

TEST(test_arguments)
{
    static const struct {
        const char *text;
        bool (*read)(struct imap_args *args, struct span *out);
        const char *wanted; /* NULL: refused */
        size_t taken;
    } cases[] = {
        {"abc def", imap_args_atom, "abc", 3},
        {"", imap_args_atom, NULL, 0},
        {"a]b", imap_args_atom, "a", 1},
        {"a]b c", imap_args_astring, "a]b", 3},
        {"a%b", imap_args_astring, "a", 1},
        {"a%*b", imap_args_list_mailbox, "a%*b", 4},
        {"\"a b\"", imap_args_astring, "a b", 5},
        {"\"\"", imap_args_string, "", 2},
        {"\"a\\\"\\\\b\"", imap_args_string, "a\"\\b", 8},
        {"\"a\\nb\"", imap_args_string, NULL, 0},
        {"\"open", imap_args_string, NULL, 0},
        {"\"open\\", imap_args_string, NULL, 0},
        {"\"a\r\nb\"", imap_args_string, NULL, 0},
        {"{3}\r\na\rb x", imap_args_string, "a\rb", 8},
        {"{3+}\r\nabc", imap_args_string, "abc", 9},
        {"{0}\r\n", imap_args_string, "", 5},
        {"{4}\r\nabc", imap_args_string, NULL, 0},
        {"{4}abcd", imap_args_string, NULL, 0},
        {"{}\r\n", imap_args_string, NULL, 0},
        {"{+}\r\n", imap_args_string, NULL, 0},
        {"{", imap_args_string, NULL, 0},
        {"{99999999999999999999999999}\r\n", imap_args_string, NULL, 0},
        {"abc", imap_args_string, NULL, 0},
        {"NIL", read_nstring, NULL, 0},
        {"nix", read_nstring, NULL, 0},
        {"\"NIL\"", read_nstring, "NIL", 5},
        {"1:*,3 x", imap_args_sequence_set, "1:*,3", 5},
        {"BODY.PEEK[", imap_args_word, "BODY.PEEK", 9},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena);
        struct imap_args args;
        struct span got = {0};
        check_case = cases[i].text;
        imap_args_init(&args, span_of(cases[i].text), &arena);
        bool is_read = cases[i].read(&args, &got);
        check(is_read == (cases[i].wanted != NULL));
        check(is_read == (args.error == NULL));
        if (is_read && cases[i].wanted != NULL) {
            check_span(got, cases[i].wanted);
            check_int(args.at, cases[i].taken);
        }
        arena_reset(&arena);
    }
}

TEST(test_literal_with_nul_is_refused)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_args args;
    struct span got;
    imap_args_init(&args, span_make("{3}\r\na\0b", 8), &arena);
    check(!imap_args_astring(&args, &got));
    check_text(args.error, "a literal holds a NUL");
    arena_reset(&arena);
}

TEST(test_numbers)
{
    static const struct {
        const char *text;
        bool is_number, is_nonzero;
        uint32_t value;
    } cases[] = {
        {"0", true, false, 0},
        {"1", true, true, 1},
        {"4294967295", true, true, UINT32_MAX},
        {"4294967296", false, false, 0},
        {"99999999999999999999999999999", false, false, 0},
        {"-1", false, false, 0},
        {"", false, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_args args;
        uint32_t value = 0;
        check_case = cases[i].text;
        imap_args_init(&args, span_of(cases[i].text), NULL);
        check(imap_args_number(&args, &value) == cases[i].is_number);
        imap_args_init(&args, span_of(cases[i].text), NULL);
        check(imap_args_nonzero(&args, &value) == cases[i].is_nonzero);
        if (cases[i].is_nonzero)
            check_int(value, cases[i].value);
    }
}

TEST(test_flags)
{
    static const struct {
        const char *text;
        bool is_list_needed, is_good;
        uint64_t flags;
        size_t keywords;
    } cases[] = {
        {"(\\Seen \\DELETED)", true, true, STORE_SEEN | STORE_DELETED, 0},
        {"()", true, true, 0, 0},
        {"\\Seen \\Draft", false, true, STORE_SEEN | STORE_DRAFT, 0},
        {"\\Seen", true, false, 0, 0},
        {"($Work $work Other)", true, true, 0, 2},
        {"(\\Recent)", true, false, 0, 0},
        {"(\\Nope)", true, false, 0, 0},
        {"(\\)", true, false, 0, 0},
        {"(\\Seen", true, false, STORE_SEEN, 0},
        {"(\\Seen )", true, false, STORE_SEEN, 0},
        {"( \\Seen)", true, false, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct imap_args args;
        struct imap_flag_args flags;
        check_case = cases[i].text;
        imap_args_init(&args, span_of(cases[i].text), NULL);
        check(imap_flag_args_read(&args, cases[i].is_list_needed, &flags) == cases[i].is_good);
        if (cases[i].is_good) {
            check_int(flags.flags, cases[i].flags);
            check_int(flags.keyword_count, cases[i].keywords);
        }
    }
}

CHECK_MAIN({"test_literal_announcements", test_literal_announcements},
           {"test_command_is_collected_with_its_literals",
            test_command_is_collected_with_its_literals},
           {"test_command_size_is_bounded_at_each_step", test_command_size_is_bounded_at_each_step},
           {"test_arguments", test_arguments},
           {"test_literal_with_nul_is_refused", test_literal_with_nul_is_refused},
           {"test_numbers", test_numbers}, {"test_flags", test_flags})
