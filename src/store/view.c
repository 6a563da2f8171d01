/*
 * view: an immutable list of UID runs with the count of UIDs before each, so that sequence number
 * and UID find each other by binary search. Sharing is by an atomic reference count.
 *
 * The cache of newest views is views.c. Tests: tests/unit/test_store_mailbox.c, test_store_model.c.
 */
#include "store/view.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "store/request_internal.h"
#include "store/view_internal.h"

struct store_view {
    atomic_uint refs;
    uint32_t uid_count;
    size_t run_count;
    uint32_t *before; /* UIDs in the runs before run i */
    struct uid_range runs[];
};

struct store_view *store_view_ref(struct store_view *view)
{
    if (view != NULL)
        (void)atomic_fetch_add_explicit(&view->refs, 1, memory_order_relaxed);
    return view;
}

void store_view_unref(struct store_view **view)
{
    struct store_view *old = *view;
    *view = NULL;
    if (old == NULL || atomic_fetch_sub_explicit(&old->refs, 1, memory_order_acq_rel) != 1)
        return;
    mem_free(old->before);
    mem_free(old);
}

struct store_view *store_view_create(const struct uid_range *ranges, size_t count)
{
    struct store_view *view = mem_zalloc(1, sizeof *view + count * sizeof *ranges);
    atomic_init(&view->refs, 1);
    view->before = mem_zalloc(count + 1, sizeof *view->before);
    view->run_count = count;
    for (size_t i = 0; i < count; i++) {
        require(ranges[i].first <= ranges[i].last && ranges[i].first != 0);
        require(i == 0 || ranges[i].first > ranges[i - 1].last);
        view->runs[i] = ranges[i];
        view->before[i] = view->uid_count;
        view->uid_count += ranges[i].last - ranges[i].first + 1;
    }
    return view;
}

uint32_t store_view_count(const struct store_view *view)
{
    return view->uid_count;
}

uint32_t store_view_last_uid(const struct store_view *view)
{
    return view->run_count == 0 ? 0 : view->runs[view->run_count - 1].last;
}

uint32_t store_view_uid(const struct store_view *view, uint32_t seq)
{
    if (seq == 0 || seq > view->uid_count)
        return 0;
    size_t low = 0, high = view->run_count; /* the last run with before < seq */
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        if (view->before[middle] < seq)
            low = middle;
        else
            high = middle;
    }
    return view->runs[low].first + (seq - view->before[low] - 1);
}

/* The first run that ends at or after uid; run_count when there is none. */
static size_t view_find_run(const struct store_view *view, uint32_t uid)
{
    size_t low = 0, high = view->run_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (view->runs[middle].last < uid)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t store_view_seq(const struct store_view *view, uint32_t uid)
{
    size_t i = view_find_run(view, uid);
    if (i == view->run_count || view->runs[i].first > uid)
        return 0;
    return view->before[i] + (uid - view->runs[i].first) + 1;
}

uint32_t store_view_rank(const struct store_view *view, uint32_t uid)
{
    size_t i = view_find_run(view, uid);
    if (i == view->run_count)
        return view->uid_count;
    if (view->runs[i].first > uid)
        return view->before[i];
    return view->before[i] + (uid - view->runs[i].first) + 1;
}

const struct uid_range *store_view_runs(const struct store_view *view, size_t *count_out)
{
    *count_out = view->run_count;
    return view->runs;
}

struct uid_range *store_view_missing(const struct store_view *a, const struct store_view *b,
                                     size_t *count_out)
{
    struct uid_runs out = {0};
    uid_runs_subtract(a->runs, a->run_count, b->runs, b->run_count, &out);
    *count_out = out.count;
    return out.items;
}

struct store_view *store_view_extend(const struct store_view *a, const struct store_view *b)
{
    uint32_t last = store_view_last_uid(a);
    struct uid_runs out = {0};
    for (size_t i = 0; i < a->run_count; i++)
        uid_runs_add(&out, a->runs[i].first, a->runs[i].last);
    size_t from = last == UINT32_MAX ? b->run_count : view_find_run(b, last + 1);
    for (size_t i = from; i < b->run_count; i++) {
        uint32_t first = b->runs[i].first > last ? b->runs[i].first : last + 1;
        uid_runs_add(&out, first, b->runs[i].last);
    }
    struct store_view *view = store_view_create(out.items, out.count);
    uid_runs_release(&out);
    return view;
}

void uid_runs_add(struct uid_runs *runs, uint32_t first, uint32_t last)
{
    if (runs->count > 0 && runs->items[runs->count - 1].last + 1 == first) {
        runs->items[runs->count - 1].last = last;
        return;
    }
    runs->items = array_grow(runs->items, runs->count, &runs->capacity, sizeof *runs->items);
    runs->items[runs->count++] = (struct uid_range){first, last};
}

void uid_runs_release(struct uid_runs *runs)
{
    mem_free(runs->items);
    *runs = (struct uid_runs){0};
}

void uid_runs_coarsen(struct uid_runs *runs, size_t max)
{
    for (uint64_t gap = 2; runs->count > max; gap *= 2) {
        size_t kept = 0;
        for (size_t i = 1; i < runs->count; i++) {
            if (runs->items[i].first - runs->items[kept].last <= gap)
                runs->items[kept].last = runs->items[i].last;
            else
                runs->items[++kept] = runs->items[i];
        }
        runs->count = kept + 1;
    }
}

void uid_runs_subtract(const struct uid_range *a, size_t a_count, const struct uid_range *b,
                       size_t b_count, struct uid_runs *out)
{
    size_t j = 0;
    for (size_t i = 0; i < a_count; i++) {
        uint64_t first = a[i].first;
        while (j < b_count && b[j].last < first)
            j++;
        for (size_t k = j; k < b_count && b[k].first <= a[i].last; k++) {
            if (b[k].first > first)
                uid_runs_add(out, (uint32_t)first, b[k].first - 1);
            first = (uint64_t)b[k].last + 1;
            j = k;
        }
        if (first <= a[i].last)
            uid_runs_add(out, (uint32_t)first, a[i].last);
    }
}

void uid_runs_merge(const struct uid_range *a, size_t a_count, const struct uid_range *b,
                    size_t b_count, struct uid_runs *out)
{
    size_t i = 0, j = 0;
    while (i < a_count || j < b_count) {
        bool is_a = j == b_count || (i < a_count && a[i].first < b[j].first);
        const struct uid_range *next = is_a ? &a[i++] : &b[j++];
        uid_runs_add(out, next->first, next->last);
    }
}

static int uid_range_compare(const void *left, const void *right)
{
    const struct uid_range *a = left, *b = right;
    if (a->first != b->first)
        return a->first < b->first ? -1 : 1;
    return 0;
}

void uid_runs_normalize(struct uid_runs *runs)
{
    if (runs->count < 2)
        return;
    qsort(runs->items, runs->count, sizeof *runs->items, uid_range_compare);
    size_t kept = 0;
    for (size_t i = 1; i < runs->count; i++) {
        if (runs->items[i].first <= (uint64_t)runs->items[kept].last + 1) {
            if (runs->items[i].last > runs->items[kept].last)
                runs->items[kept].last = runs->items[i].last;
        } else {
            runs->items[++kept] = runs->items[i];
        }
    }
    runs->count = kept + 1;
}
