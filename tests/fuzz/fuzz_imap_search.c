/* Any bytes as SEARCH keys: the tree is never deeper than the limit. */
#include "base/require.h"
#include "protocols/imap/search_args.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NESTING_MAX = 8 };

/* As deep as the limit under test. NOLINTNEXTLINE(misc-no-recursion) */
static unsigned depth(const struct search_node *node)
{
    unsigned deepest = 0;
    for (const struct search_node *child = node->children; child; child = child->next) {
        unsigned below = depth(child);
        deepest = below > deepest ? below : deepest;
    }
    return deepest + 1;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct uid_range runs[] = {{1, 5}, {9, 9}, {100, 200}};
    struct store_view *view = store_view_create(runs, 3);
    struct imap_search_context context = {
        .view = view, .recent_from = 150, .nesting_max = NESTING_MAX};
    struct arena arena;
    arena_init(&arena);
    struct imap_args args;
    struct imap_search_args got;
    imap_args_init(&args, span_make((const char *)data, size), &arena);
    bool is_good = imap_search_args_read(&args, &context, &got);
    require(is_good == (args.error == NULL));
    /* The root, its frames, and what a key itself stands for (NEW: AND, NOT, SEEN). */
    if (is_good)
        require(depth(got.root) <= 1 + NESTING_MAX + 3);
    arena_reset(&arena);
    store_view_unref(&view);
    return 0;
}
