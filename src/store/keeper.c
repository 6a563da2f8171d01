/*
 * keeper: asks for the reaper's slices, from a timer of the first loop that attached: one a second
 * while there is nothing to do, one right after the other while there is.
 *
 * Tests: tests/unit/test_store_reaper.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "store/reaper_internal.h"
#include "store/store_internal.h"

enum { KEEPER_PAUSE_MS = 1000, KEEPER_NEXT_MS = 5 };

struct keeper {
    struct store *store;
    struct job_port *port;
    struct timer *timer;
    struct store_reap *reap; /* under way */
};

static void keeper_reap(void *owner);
static void keeper_reaped(struct job *job, void *owner);

struct keeper *keeper_create(struct store *store, struct job_port *port)
{
    struct keeper *keeper = mem_new(struct keeper);
    keeper->store = store;
    keeper->port = port;
    keeper->timer = loop_timer_create(job_port_loop(port), keeper_reap, keeper);
    loop_timer_start(keeper->timer, KEEPER_PAUSE_MS);
    return keeper;
}

void keeper_free(struct keeper **keeper_ref)
{
    struct keeper *keeper = *keeper_ref;
    *keeper_ref = NULL;
    if (keeper == NULL)
        return;
    if (keeper->reap != NULL)
        job_cancel(&keeper->reap->job);
    loop_timer_free(&keeper->timer);
    mem_free(keeper);
}

static void keeper_reap(void *owner)
{
    struct keeper *keeper = owner;
    keeper->reap = store_reap_create(keeper->store);
    job_submit(keeper->port, &keeper->reap->job, keeper_reaped, keeper);
}

static void keeper_reaped(struct job *job, void *owner)
{
    (void)job;
    struct keeper *keeper = owner;
    const struct store_reap *reap = keeper->reap;
    bool has_more = reap->status == 0 && reap->has_more;
    if (reap->status != 0)
        log_event(LOG_ERROR, "store", "tidy", "why", reap->fault.text);
    keeper->reap = NULL;
    loop_timer_start(keeper->timer, has_more ? KEEPER_NEXT_MS : KEEPER_PAUSE_MS);
}
