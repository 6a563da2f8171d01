/* SEARCH keys and the trees they become. */
#include "protocols/imap/reply.h"
#include "protocols/imap/search_args.h"
#include "tests/unit/check.h"

static const struct uid_range runs[] = {{5, 7}, {10, 10}};
static char work[] = "$Work";
static char *const keywords[] = {work};

static const char *const names[] = {
    [SEARCH_ALL] = "all",
    [SEARCH_AND] = "and",
    [SEARCH_OR] = "or",
    [SEARCH_NOT] = "not",
    [SEARCH_UIDS] = "uids",
    [SEARCH_FLAGS_SET] = "flags",
    [SEARCH_RECENT] = "recent",
    [SEARCH_BEFORE] = "before",
    [SEARCH_ON] = "on",
    [SEARCH_SINCE] = "since",
    [SEARCH_SENT_BEFORE] = "sent-before",
    [SEARCH_SENT_ON] = "sent-on",
    [SEARCH_SENT_SINCE] = "sent-since",
    [SEARCH_LARGER] = "larger",
    [SEARCH_SMALLER] = "smaller",
    [SEARCH_HEADER] = "header",
    [SEARCH_BODY] = "body",
    [SEARCH_TEXT] = "text",
    [SEARCH_MODSEQ] = "modseq",
};

/* A tree as text, "and(flags=1 not(recent=9))". As deep as the test's limit.
 * NOLINTNEXTLINE(misc-no-recursion) */
static void put_tree(struct buf *out, const struct search_node *node)
{
    buf_puts(out, names[node->kind]);
    if (node->flags != 0)
        buf_printf(out, "=%llu", (unsigned long long)node->flags);
    if (node->number != 0)
        buf_printf(out, "=%lld", (long long)node->number);
    if (node->kind == SEARCH_UIDS) {
        buf_puts(out, "=");
        imap_put_set(out, node->ranges, node->range_count);
    }
    if (node->field.len > 0)
        buf_printf(out, "=%.*s", (int)node->field.len, node->field.ptr);
    if (node->text.len > 0)
        buf_printf(out, "~%.*s", (int)node->text.len, node->text.ptr);
    if (node->children == NULL)
        return;
    buf_puts(out, "(");
    for (const struct search_node *child = node->children; child; child = child->next) {
        if (child != node->children)
            buf_puts(out, " ");
        put_tree(out, child);
    }
    buf_puts(out, ")");
}

static const struct {
    const char *text, *wanted; /* NULL: refused */
} cases[] = {
    {" ALL", "and(all)"},
    {" UNSEEN", "and(not(flags=1))"},
    {" NEW", "and(and(recent=9 not(flags=1)))"},
    {" OLD", "and(not(recent=9))"},
    {" deleted from \"bob\"", "and(flags=8 header=From~bob)"},
    {" OR SEEN FLAGGED", "and(or(flags=1 flags=4))"},
    {" OR NOT SEEN (FLAGGED DRAFT) TEXT x", "and(or(not(flags=1) and(flags=4 flags=16)) text~x)"},
    {" NOT NOT NOT ALL", "and(not(not(not(all))))"},
    {" (ALL)", "and(and(all))"},
    {" ((ALL) (SEEN))", "and(and(and(all) and(flags=1)))"},
    {" OR (ALL) (SEEN) DRAFT", "and(or(and(all) and(flags=1)) flags=16)"},
    {" KEYWORD $work", "and(flags=256)"},
    {" UNKEYWORD $Other", "and(not(uids=))"},
    {" 2:4", "and(uids=6:7,10)"},
    {" *", "and(uids=10)"},
    {" UID 6:99", "and(uids=6:7,10)"},
    {" 5", NULL},
    {" HEADER X-Spam \"\"", "and(header=X-Spam)"},
    {" SUBJECT {3}\r\na b", "and(header=Subject~a b)"},
    {" LARGER 100 SMALLER 5", "and(larger=100 smaller=5)"},
    {" SINCE 1-Jan-1970 SENTON \"02-Jan-1970\"", "and(since sent-on=86400)"},
    {" CHARSET utf-8 TEXT \"\xc3\xbc\"", "and(text~\xc3\xbc)"},
    {" CHARSET US-ASCII TEXT \"\xc3\xbc\"", NULL},
    {" TEXT \"\xc3\"", NULL},
    {" CHARSET KOI8-R ALL", NULL},
    {" CHARSET UTF-8", NULL},
    {"", NULL},
    {" ", NULL},
    {" ()", NULL},
    {" (ALL", NULL},
    {" ALL)", NULL},
    {" NOT", NULL},
    {" NOT )", NULL},
    {" (NOT)", NULL},
    {" OR ALL", NULL},
    {" (OR ALL) ALL", NULL},
    {" ALL ", NULL},
    {" NOPE", NULL},
    {" SINCE 32-Jan-2026", NULL},
    {" LARGER x", NULL},
};

static bool parse(const char *text, unsigned nesting_max, struct arena *arena,
                  struct imap_search_args *out)
{
    struct store_view *view = store_view_create(runs, 2);
    struct imap_search_context context = {.view = view,
                                          .keywords = keywords,
                                          .keyword_count = 1,
                                          .recent_from = 9,
                                          .nesting_max = nesting_max};
    struct imap_args args;
    imap_args_init(&args, span_of(text), arena);
    bool is_good = imap_search_args_read(&args, &context, out);
    check(is_good == (args.error == NULL));
    store_view_unref(&view);
    return is_good;
}

TEST(test_keys)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct arena arena;
        arena_init(&arena);
        struct imap_search_args got;
        struct buf tree;
        buf_init(&tree, 0);
        check_case = cases[i].text;
        bool is_good = parse(cases[i].text, 10, &arena, &got);
        check(is_good == (cases[i].wanted != NULL));
        if (is_good && cases[i].wanted != NULL) {
            put_tree(&tree, got.root);
            check_span(buf_span(&tree), cases[i].wanted);
        }
        buf_release(&tree);
        arena_reset(&arena);
    }
}

TEST(test_nesting_is_bounded)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_search_args got;
    check(parse(" NOT NOT NOT ALL", 3, &arena, &got));
    check(!parse(" NOT NOT NOT ALL", 2, &arena, &got));
    check(parse(" (OR (ALL) ALL)", 3, &arena, &got));
    check(!parse(" (OR (ALL) ALL)", 2, &arena, &got));
    arena_reset(&arena);
}

TEST(test_unknown_charset_is_told_apart)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_search_args got;
    check(!parse(" CHARSET KOI8-R ALL", 3, &arena, &got));
    check(got.is_charset_unknown);
    check(!parse(" CHARSET UTF-8 NOPE", 3, &arena, &got));
    check(!got.is_charset_unknown);
    arena_reset(&arena);
}

CHECK_MAIN({"test_keys", test_keys}, {"test_nesting_is_bounded", test_nesting_is_bounded},
           {"test_unknown_charset_is_told_apart", test_unknown_charset_is_told_apart})
