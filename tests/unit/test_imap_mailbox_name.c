/* Modified UTF-7, the rules of mailbox names, LIST patterns. */
#include "base/err.h"
#include "protocols/imap/mailbox_name.h"
#include "tests/unit/check.h"

TEST(test_utf7_and_utf8)
{
    static const struct {
        const char *wire, *utf8; /* utf8 NULL: refused */
    } cases[] = {
        {"", ""},
        {"plain", "plain"},
        {"A&-B", "A&B"},
        {"Entw&APw-rfe", "Entw\xc3\xbcrfe"},
        {"~peter/mail/&U,BTFw-/&ZeVnLIqe-",
         "~peter/mail/\xe5\x8f\xb0\xe5\x8c\x97/\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e"},
        {"&2D3eAA-", "\xf0\x9f\x98\x80"},
        {"&Jjo-&-", "\xe2\x98\xba&"},
        {"&", NULL},
        {"&APw", NULL},
        {"&A-", NULL},
        {"&AP-", NULL},
        {"&APx-", NULL},      /* padding bits are not zero */
        {"&AEE-", NULL},      /* "A" stands for itself */
        {"&AAA-", NULL},      /* NUL */
        {"&2D0-", NULL},      /* half a surrogate pair */
        {"&3gA-", NULL},      /* a low surrogate alone */
        {"&APw-&APw-", NULL}, /* one run written as two */
        {"&AP w-", NULL},
        {"&AP/w-", NULL},
        {"\xc3", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf utf8, wire;
        buf_init(&utf8, 100);
        buf_init(&wire, 0);
        check_case = cases[i].wire;
        int err = imap_utf7_decode(span_of(cases[i].wire), &utf8);
        check_int(err, cases[i].utf8 == NULL ? ERR_SYNTAX : 0);
        if (err == 0 && cases[i].utf8 != NULL) {
            check_span(buf_span(&utf8), cases[i].utf8);
            imap_utf7_encode(buf_span(&utf8), &wire);
            check_span(buf_span(&wire), cases[i].wire);
        }
        buf_release(&utf8);
        buf_release(&wire);
    }
}

TEST(test_names)
{
    static const struct {
        const char *text;
        enum imap_name_use use;
        const char *wanted; /* NULL: refused */
    } cases[] = {
        {"inbox", IMAP_NAME_LOOKUP, "INBOX"},
        {"InBox/Sub", IMAP_NAME_LOOKUP, "INBOX/Sub"},
        {"inboxes", IMAP_NAME_LOOKUP, "inboxes"},
        {"a/inbox", IMAP_NAME_LOOKUP, "a/inbox"},
        {"a/", IMAP_NAME_MAKE, "a"},
        {"a/", IMAP_NAME_LOOKUP, NULL},
        {"/", IMAP_NAME_MAKE, NULL},
        {"", IMAP_NAME_MAKE, NULL},
        {"/a", IMAP_NAME_LOOKUP, NULL},
        {"a//b", IMAP_NAME_LOOKUP, NULL},
        {"a//", IMAP_NAME_MAKE, NULL},
        {"a*", IMAP_NAME_MAKE, NULL},
        {"a%", IMAP_NAME_MAKE, NULL},
        {"a*", IMAP_NAME_LOOKUP, "a*"},
        {"../../etc/passwd", IMAP_NAME_MAKE, "../../etc/passwd"}, /* a key, not a path */
        {"a\tb", IMAP_NAME_LOOKUP, NULL},
        {"a\x7f", IMAP_NAME_LOOKUP, NULL},
        {"&AAo-", IMAP_NAME_LOOKUP, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena);
        struct span got;
        const char *error = NULL;
        check_case = cases[i].text;
        bool is_good = imap_name_parse(span_of(cases[i].text), cases[i].use, &arena, &got, &error);
        check(is_good == (cases[i].wanted != NULL));
        check(is_good == (error == NULL));
        if (is_good && cases[i].wanted != NULL)
            check_span(got, cases[i].wanted);
        arena_reset(&arena);
    }
}

TEST(test_name_length_limit)
{
    struct arena arena;
    arena_init(&arena);
    char text[IMAP_NAME_MAX + 2];
    memset(text, 'a', sizeof text);
    struct span got;
    const char *error = NULL;
    check(imap_name_parse(span_make(text, IMAP_NAME_MAX), IMAP_NAME_MAKE, &arena, &got, &error));
    check(
        !imap_name_parse(span_make(text, IMAP_NAME_MAX + 1), IMAP_NAME_MAKE, &arena, &got, &error));
    arena_reset(&arena);
}

TEST(test_patterns)
{
    static const struct {
        const char *reference, *pattern, *name;
        bool is_match;
    } cases[] = {
        {"", "*", "INBOX", true},
        {"", "*", "a/b/c", true},
        {"", "%", "a", true},
        {"", "%", "a/b", false},
        {"", "%/%", "a/b", true},
        {"", "%/%", "a/b/c", false},
        {"", "a*c", "a/b/c", true},
        {"", "a%c", "a/c", false},
        {"", "a%c", "abbbc", true},
        {"a/", "%", "a/b", true},
        {"a/", "*", "a/b/c", true},
        {"a/", "%", "a", false},
        {"", "inbox", "INBOX", true},
        {"", "iNb%", "INBOX", true},
        {"", "inbox/x", "INBOX/x", true},
        {"", "inbox/X", "INBOX/x", false},
        {"", "inboxes", "INBOXes", false},
        {"", "A", "a", false},
        {"", "*%*", "a/b", true},
        {"", "%%", "ab", true},
        {"", "", "a", false},
        {"", "*a%b*c", "x/a1b/2/c", true},
        {"", "*a%b", "a/ab/a/axb", true},
        {"", "*a%b", "a/ab/a/b", false},
        {"", "Entw&APw-%", "Entw\xc3\xbcrfe", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena);
        check_case = cases[i].pattern;
        struct imap_pattern *pattern =
            imap_pattern_create(span_of(cases[i].reference), span_of(cases[i].pattern), &arena);
        check(pattern != NULL);
        if (pattern != NULL)
            check(imap_pattern_matches(pattern, span_of(cases[i].name)) == cases[i].is_match);
        arena_reset(&arena);
    }
}

/* Literals behind the 64th cross a word of the state set. */
TEST(test_longest_pattern_matches_and_hostile_one_is_cheap)
{
    struct arena arena;
    arena_init(&arena);
    char name[IMAP_NAME_MAX], hostile[IMAP_PATTERN_MAX];
    memset(name, 'a', sizeof name);
    struct span all = {name, sizeof name};
    struct imap_pattern *pattern = imap_pattern_create(span_of(""), all, &arena);
    check(pattern != NULL && imap_pattern_matches(pattern, all));
    check(pattern != NULL && !imap_pattern_matches(pattern, span_first(all, 999)));

    for (size_t i = 0; i < sizeof hostile; i++)
        hostile[i] = i % 2 == 0 ? (i % 4 == 0 ? '*' : '%') : 'a';
    hostile[sizeof hostile - 1] = 'b';
    pattern = imap_pattern_create(span_of(""), span_make(hostile, sizeof hostile), &arena);
    for (unsigned i = 0; i < 100; i++)
        check(pattern != NULL && !imap_pattern_matches(pattern, all));
    check(imap_pattern_create(span_of("x"), all, &arena) == NULL);
    arena_reset(&arena);
}

CHECK_MAIN({"test_utf7_and_utf8", test_utf7_and_utf8}, {"test_names", test_names},
           {"test_name_length_limit", test_name_length_limit}, {"test_patterns", test_patterns},
           {"test_longest_pattern_matches_and_hostile_one_is_cheap",
            test_longest_pattern_matches_and_hostile_one_is_cheap})
