/* Sequence sets: grammar, and what they name in a view. */
#include "protocols/imap/reply.h"
#include "protocols/imap/seqset.h"
#include "tests/unit/check.h"

/* Sequence numbers 1..9: UIDs 2 3 4, 10, 20 21 22 23 24. */
static const struct uid_range runs[] = {{2, 4}, {10, 10}, {20, 24}};

static const struct {
    const char *set;
    enum imap_seqset_kind kind;
    const char *wanted; /* NULL: refused */
} cases[] = {
    {"1", IMAP_SEQUENCE_NUMBERS, "2"},
    {"9", IMAP_SEQUENCE_NUMBERS, "24"},
    {"10", IMAP_SEQUENCE_NUMBERS, NULL},
    {"1:10", IMAP_SEQUENCE_NUMBERS, NULL},
    {"*", IMAP_SEQUENCE_NUMBERS, "24"},
    {"*:*", IMAP_SEQUENCE_NUMBERS, "24"},
    {"1:*", IMAP_SEQUENCE_NUMBERS, "2:4,10,20:24"},
    {"*:1", IMAP_SEQUENCE_NUMBERS, "2:4,10,20:24"},
    {"3:5", IMAP_SEQUENCE_NUMBERS, "4,10,20"},
    {"5:3", IMAP_SEQUENCE_NUMBERS, "4,10,20"},
    {"4,3,5,4", IMAP_SEQUENCE_NUMBERS, "4,10,20"},
    {"1:3,2:5", IMAP_SEQUENCE_NUMBERS, "2:4,10,20"},
    {"1,2", IMAP_UIDS, "2"},
    {"1:3", IMAP_UIDS, "2:3"},
    {"5:9", IMAP_UIDS, ""},
    {"100:*", IMAP_UIDS, "24"},
    {"*:100", IMAP_UIDS, "24"},
    {"100:200", IMAP_UIDS, ""},
    {"4294967295", IMAP_UIDS, ""},
    {"1:4294967295", IMAP_UIDS, "2:4,10,20:24"},
    {"22,3,21:23,10", IMAP_UIDS, "3,10,21:23"},
    {"1:4294967295,1:4294967295,5", IMAP_UIDS, "2:4,10,20:24"},
    {"0", IMAP_UIDS, NULL},
    {"0:1", IMAP_UIDS, NULL},
    {"4294967296", IMAP_UIDS, NULL},
    {"", IMAP_UIDS, NULL},
    {",", IMAP_UIDS, NULL},
    {"1,", IMAP_UIDS, NULL},
    {"1:", IMAP_UIDS, NULL},
    {":1", IMAP_UIDS, NULL},
    {"1:2:3", IMAP_UIDS, NULL},
    {"1;2", IMAP_UIDS, NULL},
    {"**", IMAP_UIDS, NULL},
};

/* The set's UIDs as text; false when refused. */
static bool resolve(const char *text, enum imap_seqset_kind kind, const struct store_view *view,
                    struct buf *out)
{
    struct arena arena;
    arena_init(&arena);
    struct imap_seqset set;
    struct imap_uid_set uids;
    bool is_good = imap_seqset_parse(span_of(text), &arena, &set) &&
                   imap_seqset_resolve(&set, kind, view, &arena, &uids);
    if (is_good)
        imap_put_set(out, uids.ranges, uids.count);
    arena_reset(&arena);
    return is_good;
}

TEST(test_sets_in_a_view)
{
    struct store_view *view = store_view_create(runs, 3);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf got;
        buf_init(&got, 0);
        check_case = cases[i].set;
        bool is_good = resolve(cases[i].set, cases[i].kind, view, &got);
        check(is_good == (cases[i].wanted != NULL));
        if (is_good && cases[i].wanted != NULL)
            check_span(buf_span(&got), cases[i].wanted);
        buf_release(&got);
    }
    store_view_unref(&view);
}

TEST(test_empty_mailbox)
{
    struct store_view *view = store_view_create(NULL, 0);
    struct buf got;
    buf_init(&got, 0);
    check(resolve("1:*", IMAP_SEQUENCE_NUMBERS, view, &got));
    check(resolve("*", IMAP_SEQUENCE_NUMBERS, view, &got));
    check(resolve("1:*", IMAP_UIDS, view, &got));
    check(resolve("7", IMAP_UIDS, view, &got));
    check(!resolve("1", IMAP_SEQUENCE_NUMBERS, view, &got));
    check_int(got.len, 0);
    buf_release(&got);
    store_view_unref(&view);
}

CHECK_MAIN({"test_sets_in_a_view", test_sets_in_a_view}, {"test_empty_mailbox", test_empty_mailbox})
