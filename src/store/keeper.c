/*
 * keeper: asks for the reaper's slices, from a timer of the first loop that attached: one a second
 * while there is nothing to do, one right after the other while there is. A disk that is full or
 * broken may stay so for days: that is told when it begins, each hour, and when it is over.
 *
 * Tests: tests/unit/test_store_watch.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "store/reaper_internal.h"
#include "store/store_internal.h"

enum {
    KEEPER_PAUSE_MS = 1000,
    KEEPER_NEXT_MS = 5,
    KEEPER_REMIND_MS = 60 * 60 * 1000,
    KEEPER_TOLD_MS = 60 * 1000 /* between two lines, where it fails and works by turns */
};

struct keeper {
    struct store *store;
    struct job_port *port;
    struct timer *timer;
    struct store_reap *reap; /* under way */
    uint64_t failures;       /* since it last worked after a line had told of one */
    int64_t told_ms;         /* when the last such line was written */
    bool has_told;           /* one was, ever */
    bool is_failing;         /* one was, and it has not worked since */
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

static bool keeper_may_tell(const struct keeper *keeper, int64_t now_ms)
{
    int64_t pause_ms = keeper->is_failing ? KEEPER_REMIND_MS : KEEPER_TOLD_MS;
    return !keeper->has_told || now_ms - keeper->told_ms >= pause_ms;
}

static void keeper_failed(struct keeper *keeper, const struct fault *fault)
{
    int64_t now_ms = loop_now_ms(job_port_loop(keeper->port));
    keeper->failures++;
    if (!keeper_may_tell(keeper, now_ms))
        return;
    struct log_line line;
    log_begin(&line, LOG_ERROR, "store", "tidy");
    log_text(&line, "why", fault->text);
    log_int(&line, "failures", (int64_t)keeper->failures);
    log_end(&line);
    keeper->told_ms = now_ms;
    keeper->has_told = keeper->is_failing = true;
}

static void keeper_worked(struct keeper *keeper)
{
    if (!keeper->is_failing)
        return;
    struct log_line line;
    log_begin(&line, LOG_INFO, "store", "tidy-again");
    log_int(&line, "failures", (int64_t)keeper->failures);
    log_end(&line);
    keeper->is_failing = false;
    keeper->failures = 0;
}

static void keeper_reaped(struct job *job, void *owner)
{
    (void)job;
    struct keeper *keeper = owner;
    const struct store_reap *reap = keeper->reap;
    bool has_more = reap->status == 0 && reap->has_more;
    if (reap->status != 0)
        keeper_failed(keeper, &reap->fault);
    else
        keeper_worked(keeper);
    keeper->reap = NULL;
    loop_timer_start(keeper->timer, has_more ? KEEPER_NEXT_MS : KEEPER_PAUSE_MS);
}
