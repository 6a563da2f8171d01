/*
 * seqset: owns the grammar of sequence sets and their meaning in a view. Sets are sorted and merged
 * before they meet the view, so the work is ranges * log + what is named, whatever a client writes.
 * Tests: tests/unit/test_imap_seqset.c, tests/fuzz/fuzz_imap_seqset.c.
 */
#include "protocols/imap/seqset.h"

#include <stdlib.h>

static bool take_number(struct span text, size_t *at, uint32_t *out)
{
    if (*at < text.len && text.ptr[*at] == '*') {
        (*at)++;
        *out = SEQSET_STAR;
        return true;
    }
    size_t start = *at;
    while (*at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9')
        (*at)++;
    uint64_t value = 0;
    if (!span_to_u64(span_make(text.ptr + start, *at - start), UINT32_MAX, &value) || value == 0)
        return false;
    *out = (uint32_t)value;
    return true;
}

static size_t count_ranges(struct span text)
{
    size_t count = 1;
    for (size_t i = 0; i < text.len; i++)
        count += text.ptr[i] == ',';
    return count;
}

bool imap_seqset_parse(struct span text, struct arena *arena, struct imap_seqset *out)
{
    out->ranges = arena_alloc(arena, count_ranges(text) * sizeof *out->ranges);
    out->count = 0;

    size_t at = 0;
    for (;;) {
        struct uid_range *range = &out->ranges[out->count++];
        if (!take_number(text, &at, &range->first))
            return false;
        range->last = range->first;
        if (at < text.len && text.ptr[at] == ':') {
            at++;
            if (!take_number(text, &at, &range->last))
                return false;
        }
        if (at == text.len)
            return true;
        if (text.ptr[at++] != ',')
            return false;
    }
}

static int compare_ranges(const void *a, const void *b)
{
    const struct uid_range *left = a, *right = b;
    return left->first < right->first ? -1 : left->first > right->first;
}

/* "*" becomes max, reversed ranges are turned, all is sorted and merged. */
static void normalise(struct imap_seqset *set, uint32_t max)
{
    for (size_t i = 0; i < set->count; i++) {
        struct uid_range *range = &set->ranges[i];
        uint32_t first = range->first == SEQSET_STAR ? max : range->first;
        uint32_t last = range->last == SEQSET_STAR ? max : range->last;
        *range = first <= last ? (struct uid_range){first, last} : (struct uid_range){last, first};
    }
    qsort(set->ranges, set->count, sizeof *set->ranges, compare_ranges);

    size_t kept = 0;
    for (size_t i = 1; i < set->count; i++) {
        struct uid_range *top = &set->ranges[kept];
        const struct uid_range *next = &set->ranges[i];
        bool touches = top->last == UINT32_MAX || next->first <= top->last + 1;
        if (!touches)
            set->ranges[++kept] = *next;
        else if (next->last > top->last)
            top->last = next->last;
    }
    set->count = kept + 1;
}

/* The first run that ends at or behind the UID. */
static size_t find_run(const struct uid_range *runs, size_t count, uint32_t uid)
{
    size_t low = 0, high = count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (runs[middle].last < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Both lists ascend, so each run is met by at most one range's end more than there are ranges. */
static size_t intersect(const struct imap_seqset *uids, const struct store_view *view,
                        struct uid_range *out)
{
    size_t run_count = 0, count = 0;
    const struct uid_range *runs = store_view_runs(view, &run_count);

    for (size_t i = 0; i < uids->count; i++) {
        struct uid_range range = uids->ranges[i];
        size_t at = find_run(runs, run_count, range.first);
        for (; at < run_count && runs[at].first <= range.last; at++) {
            uint32_t first = runs[at].first > range.first ? runs[at].first : range.first;
            uint32_t last = runs[at].last < range.last ? runs[at].last : range.last;
            if (out != NULL)
                out[count] = (struct uid_range){first, last};
            count++;
        }
    }
    return count;
}

/* Sequence numbers become the UIDs at both ends of each range. */
static bool numbers_to_uids(struct imap_seqset *set, const struct store_view *view)
{
    uint32_t messages = store_view_count(view);
    if (set->ranges[set->count - 1].last > messages)
        return false;
    for (size_t i = 0; i < set->count; i++) {
        set->ranges[i].first = store_view_uid(view, set->ranges[i].first);
        set->ranges[i].last = store_view_uid(view, set->ranges[i].last);
    }
    return true;
}

/* In an empty mailbox "*" names nothing, and "1:*", which every client sends, is no fault. */
static bool has_star_everywhere(const struct imap_seqset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        if (set->ranges[i].first != SEQSET_STAR && set->ranges[i].last != SEQSET_STAR)
            return false;
    }
    return true;
}

bool imap_seqset_resolve(struct imap_seqset *set, enum imap_seqset_kind kind,
                         const struct store_view *view, struct arena *arena,
                         struct imap_uid_set *out)
{
    *out = (struct imap_uid_set){0};
    if (store_view_count(view) == 0)
        return kind == IMAP_UIDS || has_star_everywhere(set);

    bool is_uid = kind == IMAP_UIDS;
    normalise(set, is_uid ? store_view_last_uid(view) : store_view_count(view));
    if (!is_uid && !numbers_to_uids(set, view))
        return false;

    out->count = intersect(set, view, NULL);
    if (out->count == 0)
        return true;
    out->ranges = arena_alloc(arena, out->count * sizeof *out->ranges);
    (void)intersect(set, view, out->ranges);
    return true;
}
