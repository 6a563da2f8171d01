/* Any bytes as a sequence set: what it names ascends, is merged and lies in the view. */
#include "base/require.h"
#include "protocols/imap/seqset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_ranges(const struct uid_range *ranges, size_t count,
                         const struct store_view *view)
{
    for (size_t i = 0; i < count; i++) {
        require(ranges[i].first <= ranges[i].last);
        require(i == 0 || ranges[i - 1].last < ranges[i].first);
        require(store_view_seq(view, ranges[i].first) != 0);
        require(store_view_seq(view, ranges[i].last) - store_view_seq(view, ranges[i].first) ==
                ranges[i].last - ranges[i].first);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct uid_range runs[] = {{1, 5}, {9, 9}, {100, 200}, {4294967290, 4294967294}};
    struct store_view *view = store_view_create(runs, 4);
    for (unsigned i = 0; i < 2; i++) {
        enum imap_seqset_kind kind = i == 0 ? IMAP_SEQUENCE_NUMBERS : IMAP_UIDS;
        struct arena arena;
        arena_init(&arena);
        struct imap_seqset set;
        struct imap_uid_set uids;
        if (imap_seqset_parse(span_make((const char *)data, size), &arena, &set) &&
            imap_seqset_resolve(&set, kind, view, &arena, &uids))
            check_ranges(uids.ranges, uids.count, view);
        arena_reset(&arena);
    }
    store_view_unref(&view);
    return 0;
}
