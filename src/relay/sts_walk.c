/*
 * sts_walk.c: renews policies before they expire, whether there is mail or not: one after the
 * other, on the first loop only. A policy that expires because no mail went there for a while would
 * leave the next mail to the mercy of who hides the record. Tests: tests/unit/test_sts.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "relay/sts_internal.h"

struct sts_walk {
    struct sts *sts;
    struct timer *timer;
    struct store_sts_page *page; /* being read: the next one's row */
    char *after;                 /* the domain that was looked at last */
    bool is_busy;                /* a look-up or fetch of its own is under way */
};

static void read_next(struct sts_walk *walk);

static void rest(struct sts_walk *walk)
{
    mem_free(walk->after);
    walk->after = mem_strdup("");
    int64_t pause_ms = walk->sts->options.settings->mta_sts_refresh_ms / STS_WALKS_A_TERM;
    loop_timer_start(walk->timer, pause_ms > 0 ? pause_ms : 1);
}

/* Whether there is still need of it. */
static bool is_wanted(struct sts *sts, const struct store_sts *row)
{
    int64_t now_us = clock_wall_us(sts->options.clock);
    return row->expires_us > now_us &&
           now_us - row->used_us <= sts->options.settings->mta_sts_unused_ms * 1000 &&
           !sts_has_failed(sts, row->domain);
}

static void on_page(struct job *job, void *owner)
{
    struct sts_walk *walk = owner;
    const struct store_sts_page *page = list_entry(job, struct store_sts_page, job);
    walk->page = NULL;
    if (page->status != 0)
        log_event(LOG_ERROR, "relay", "sts-store", "why", page->fault.text);
    if (page->status != 0 || page->count == 0) {
        rest(walk);
        return;
    }
    mem_free(walk->after);
    walk->after = span_dup(page->rows[0].domain);
    walk->is_busy = is_wanted(walk->sts, &page->rows[0]);
    if (walk->is_busy)
        sts_look(walk->sts, page->rows[0].domain);
    else
        read_next(walk);
}

static void read_next(struct sts_walk *walk)
{
    const struct sts_options *options = &walk->sts->options;
    int64_t now_us = clock_wall_us(options->clock);
    int64_t old_us = now_us - options->settings->mta_sts_refresh_ms * 1000;
    walk->page = store_sts_page_create(options->store, span_of(walk->after), old_us, now_us, 1);
    job_submit(options->port, &walk->page->job, on_page, walk);
}

static void on_timer(void *owner)
{
    struct sts_walk *walk = owner;
    if (walk->sts->options.settings->mta_sts)
        read_next(walk);
    else
        rest(walk);
}

void sts_walk_on(struct sts_walk *walk)
{
    if (!walk->is_busy)
        return;
    walk->is_busy = false;
    read_next(walk);
}

void sts_walk_retime(struct sts_walk *walk)
{
    if (walk->page == NULL && !walk->is_busy)
        rest(walk);
}

struct sts_walk *sts_walk_create(struct sts *sts)
{
    struct sts_walk *walk = mem_new(struct sts_walk);
    walk->sts = sts;
    walk->timer = loop_timer_create(sts->options.loop, on_timer, walk);
    rest(walk);
    return walk;
}

void sts_walk_free(struct sts_walk **walk)
{
    struct sts_walk *old = *walk;
    *walk = NULL;
    if (old == NULL)
        return;
    if (old->page != NULL)
        job_cancel(&old->page->job);
    loop_timer_free(&old->timer);
    mem_free(old->after);
    mem_free(old);
}
