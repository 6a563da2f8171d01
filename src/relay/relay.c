/*
 * relay.c: birth and death of a relay and its look at the queue: which rows are due, which belong
 * to this loop, when to look again. Where they go is route.c's, how destination.c's, attempt.c's
 * and dialing.c's, what became of them outcome.c's. Tests: tests/unit/test_relay.c, tests/clients/.
 */
#include "base/log.h"
#include "base/mem.h"
#include "queue/routes.h"
#include "relay/lease_internal.h"
#include "relay/relay_internal.h"
#include "relay/sts.h"
#include "relay/tlsrpt_internal.h"
#include "store/route.h"

enum scan_from { SCAN_ON, SCAN_ANEW, SCAN_AHEAD, SCAN_REFILL };
static void scan(struct relay *relay, enum scan_from from);

static int64_t now_us(const struct relay *relay)
{
    return clock_wall_us(relay->options.clock);
}

static unsigned loop_index(const struct relay *relay)
{
    return relay->options.env->loop->index;
}

/* ---- Looking at the queue ------------------------------------------------------------------- */

static void look_again(struct relay *relay)
{
    int64_t wait_ms = RELAY_RESCAN_MS;
    int64_t due_us =
        relay->next_due_us < relay->deferred_us ? relay->next_due_us : relay->deferred_us;
    if (due_us != INT64_MAX) {
        int64_t until_ms = (due_us - now_us(relay)) / 1000 + 1;
        if (until_ms < wait_ms)
            wait_ms = until_ms < RELAY_PAUSE_MS ? RELAY_PAUSE_MS : until_ms;
    }
    loop_timer_start(relay->timer, wait_ms);
}

/* A look under way may have read the row before: its end sets the timer then. */
void relay_deferred(struct relay *relay, int64_t due_us)
{
    if (due_us >= relay->deferred_us)
        return;
    relay->deferred_us = due_us;
    if (relay->scan == NULL && !relay->wants_scan && !relay->is_draining)
        look_again(relay);
}

void relay_look_whole(struct relay *relay)
{
    relay->rescan_at_ms = 0;
    relay_deferred(relay, now_us(relay));
}

/* What the destination left behind is in hand, or still there behind where the look ended. */
static void end_refill(struct relay *relay, bool is_all)
{
    struct destination *destination = map_get(&relay->destinations, span_of(relay->refill_key));
    mem_free(relay->refill_key);
    relay->refill_key = NULL;
    if (destination == NULL)
        return;
    bool is_behind = !is_all && relay_is_before(&relay->refill_cursor, &destination->more);
    if (is_behind)
        destination->more = relay->refill_cursor;
    destination->has_more = destination->more.due_us != INT64_MAX;
    bool is_waiting = destination->ready_count == 0 || relay_is_put_off(destination);
    if (destination->has_more && is_waiting && !relay->is_full)
        destination->wants_refill = relay->wants_refill = true;
    relay_destination_run(destination);
}

static void keep_position(struct relay *relay, const struct store_queue *queue)
{
    relay->is_whole_page = queue->count == RELAY_PAGE;
    const struct store_queue_row *last = queue->count == 0 ? NULL : &queue->rows[queue->count - 1];
    struct relay_position at = {0};
    if (last != NULL)
        at = (struct relay_position){last->due_us, last->id};
    if (relay->look == RELAY_LOOK_REFILL && last != NULL)
        relay->refill_cursor = at;
    if (relay->look != RELAY_LOOK_DUE)
        return;
    if (last != NULL)
        relay->cursor = at;
    relay->next_due_us = queue->next_due_us;
    relay->is_passing = relay->is_whole_page && !relay->is_full;
    if (relay->is_passing || !relay->is_whole_pass)
        return;
    /* A long queue is not read all the time. */
    int64_t now_ms = loop_now_ms(relay->options.env->loop);
    int64_t rest_ms = (now_ms - relay->pass_began_ms) * RELAY_RESCAN_REST;
    if (relay->rescan_at_ms < now_ms + rest_ms)
        relay->rescan_at_ms = now_ms + rest_ms;
}

static void on_page_moved(struct job *job, void *owner);

static void after_page(struct relay *relay)
{
    /* Behind the other look's cursor that one reads on, but for what it skips. */
    bool is_all =
        !relay->is_whole_page ||
        (relay->skips.count == 0 && !relay_is_before(&relay->refill_cursor, &relay->cursor));
    if (relay->look == RELAY_LOOK_REFILL && (is_all || relay->page_taken == 0 || relay->is_full))
        end_refill(relay, is_all);
    relay_run(relay);
    if (relay->scan != NULL)
        return; /* something of that began one */
    bool has_refill = relay->refill_key != NULL || relay->wants_refill;
    /* By turns: a refill may take long, and meanwhile there is new mail. */
    bool is_others_turn =
        relay->look == RELAY_LOOK_REFILL && (relay->is_passing || relay->wants_scan);
    if (has_refill && !relay->is_full && !is_others_turn)
        scan(relay, SCAN_REFILL);
    else if (relay->is_passing)
        scan(relay, SCAN_ON);
    else if (relay->wants_scan && is_others_turn)
        scan(relay, SCAN_ANEW);
    else if (relay->wants_ahead)
        scan(relay, SCAN_AHEAD);
    else if (relay->wants_scan)
        loop_timer_start(relay->timer, RELAY_PAUSE_MS);
    else
        look_again(relay);
}

static void complain(struct relay *relay, int status, const struct fault *fault)
{
    log_event(LOG_ERROR, "relay", "queue", "why",
              fault->text[0] != '\0' ? fault->text : err_text(status));
    relay->wants_scan = true;
    loop_timer_start(relay->timer, RELAY_RETRY_MS);
}

static void on_scanned(struct job *job, void *owner)
{
    struct relay *relay = owner;
    const struct store_queue *queue = (struct store_queue *)job;
    relay->scan = NULL;
    relay->scanned_ms = loop_now_ms(relay->options.env->loop);
    if (queue->status == 0) {
        relay_take_page(relay, queue);
        keep_position(relay, queue);
    }
    relay_look_end(relay->options.leases, loop_index(relay));
    if (queue->status != 0) {
        complain(relay, queue->status, &queue->fault);
    } else if (relay->moved_count > 0) {
        relay->scan = relay_move_page(relay);
        job_submit(relay->options.env->port, relay->scan, on_page_moved, relay);
    } else {
        after_page(relay);
    }
}

static void on_page_moved(struct job *job, void *owner)
{
    struct relay *relay = owner;
    const struct store_settle *settle = (struct store_settle *)job;
    relay->scan = NULL;
    relay_deferred(relay, relay->moved[0].due_us);
    relay_page_moved(relay);
    if (settle->status == 0) {
        after_page(relay);
        return;
    }
    relay->rescan_at_ms = 0; /* they are due still */
    complain(relay, settle->status, &settle->fault);
}

/* Anew: from a little before the last row read, since rows of one batch need not become visible in
 * the order of their times; each minute from the beginning: that finds what a clock that was set
 * back left before the cursor. Leased rows are passed over. */
static void move_cursor(struct relay *relay)
{
    int64_t now_ms = loop_now_ms(relay->options.env->loop);
    relay->cursor.id = 0;
    relay->is_whole_pass = now_ms >= relay->rescan_at_ms;
    if (!relay->is_whole_pass) {
        relay->cursor.due_us -= relay->cursor.due_us < RELAY_OVERLAP_US ? 0 : RELAY_OVERLAP_US;
        return;
    }
    relay->cursor.due_us = 0;
    relay->pass_began_ms = now_ms;
    relay->wants_ahead = true;
    relay_put_off_tidy(relay);
    relay->rescan_at_ms = now_ms + RELAY_RESCAN_MS;
}

/* A destination that wants it; its rows that are still over its share are found anew. */
static void begin_refill(struct relay *relay)
{
    size_t position = 0;
    struct span key;
    void *value;
    relay->wants_refill = false;
    while (map_next(&relay->destinations, &position, &key, &value)) {
        struct destination *destination = value;
        if (!destination->wants_refill)
            continue;
        if (relay->refill_key != NULL) {
            relay->wants_refill = true; /* the next one's turn comes after this */
            return;
        }
        destination->wants_refill = false;
        relay->refill_key = mem_strdup(destination->key);
        relay->refill_cursor = destination->more;
        relay->refill_cursor.id -= relay->refill_cursor.id > 0;
        destination->more = (struct relay_position){INT64_MAX, 0};
    }
}

static struct store_queue *look_refill(struct relay *relay)
{
    if (relay->refill_key == NULL)
        begin_refill(relay);
    if (relay->refill_key == NULL)
        return NULL; /* it ended meanwhile */
    relay->look = RELAY_LOOK_REFILL;
    return store_queue_create(relay->options.store, now_us(relay), relay->refill_cursor.due_us,
                              relay->refill_cursor.id, RELAY_PAGE);
}

/* Ahead: no retry is put off by twice retry_max, so what is due later than that was put off by a
 * clock that ran ahead, and is taken now. On: behind the last row read. */
static struct store_queue *make_look(struct relay *relay, enum scan_from from)
{
    struct store *store = relay->options.store;
    int64_t now = now_us(relay);
    struct store_queue *refill = from == SCAN_REFILL ? look_refill(relay) : NULL;
    if (refill != NULL)
        return refill;
    if (from == SCAN_AHEAD) {
        relay->look = RELAY_LOOK_AHEAD;
        relay->wants_ahead = false;
        int64_t horizon_us = now + 2 * relay->settings->retry_max_ms * 1000;
        return store_queue_create(store, INT64_MAX - 1, horizon_us, 0, RELAY_PAGE);
    }
    relay->look = RELAY_LOOK_DUE;
    if (from == SCAN_ANEW)
        move_cursor(relay);
    relay->deferred_us = INT64_MAX; /* this look sees what was put off before it */
    relay->wants_scan = false;
    struct store_queue *look =
        store_queue_create(store, now, relay->cursor.due_us, relay->cursor.id, RELAY_PAGE);
    relay_skip_apply(relay, look, &relay->cursor);
    return look;
}

static void scan(struct relay *relay, enum scan_from from)
{
    if (relay->is_draining)
        return;
    if (relay->scan != NULL) {
        relay->wants_scan = true;
        return;
    }
    if (relay->is_full && relay->leases.count > RELAY_LEASES_MAX / 2)
        return;
    relay->is_full = false;
    loop_timer_stop(relay->timer);
    struct store_queue *queue = make_look(relay, from);
    relay->scan = &queue->job;
    relay_look_begin(relay->options.leases, loop_index(relay));
    job_submit(relay->options.env->port, &queue->job, on_scanned, relay);
}

static void on_timer(void *owner)
{
    scan(owner, SCAN_ANEW);
}

static void on_queue_change(void *owner)
{
    struct relay *relay = owner;
    int64_t since_ms = loop_now_ms(relay->options.env->loop) - relay->scanned_ms;
    if (relay->scan != NULL || relay->is_draining || since_ms >= RELAY_PAUSE_MS) {
        scan(relay, SCAN_ANEW);
    } else if (!relay->wants_scan) {
        relay->wants_scan = true;
        loop_timer_start(relay->timer, RELAY_PAUSE_MS);
    }
}

/* Rows of anybody were passed over. */
static void want_all(struct relay *relay)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&relay->destinations, &position, &key, &value)) {
        struct destination *destination = value;
        destination->wants_refill = destination->has_more;
    }
    relay->wants_refill = true;
    relay->rescan_at_ms = 0;
}

void relay_moved(struct relay *relay)
{
    if (relay->is_full && relay->leases.count <= RELAY_LEASES_MAX / 2) {
        want_all(relay);
        scan(relay, SCAN_ANEW);
    }
    bool is_idle = relay->attempt_count == 0 && list_is_empty(&relay->settlements);
    if (!relay->is_draining || !is_idle || relay->on_idle == NULL)
        return;
    void (*on_idle)(void *owner) = relay->on_idle;
    relay->on_idle = NULL;
    on_idle(relay->idle_owner);
}

void relay_refill(struct destination *destination)
{
    struct relay *relay = destination->relay;
    destination->wants_refill = relay->wants_refill = true;
    if (relay->scan == NULL)
        scan(relay, SCAN_REFILL);
}

/* ---- Life ----------------------------------------------------------------------------------- */

static struct routes_merged *merge_routes(const struct relay_options *options)
{
    struct routes_merged *merged = routes_merged_create(options->settings);
    store_each_route(options->store, routes_merged_add, merged);
    routes_merged_finish(merged);
    return merged;
}

/* The store's routes: what waits goes by them from now on. */
static void on_routes_change(void *owner)
{
    struct relay *relay = owner;
    const struct relay_options same = relay->options;
    if (!relay->is_draining)
        relay_set_options(relay, &same);
}

static void on_sts_trouble(void *owner, struct span domain, enum sts_trouble trouble,
                           const char *why)
{
    static const enum tlsrpt_result results[] = {[STS_TROUBLE_FETCH] =
                                                     TLSRPT_STS_POLICY_FETCH_ERROR,
                                                 [STS_TROUBLE_POLICY] = TLSRPT_STS_POLICY_INVALID,
                                                 [STS_TROUBLE_WEBPKI] = TLSRPT_STS_WEBPKI_INVALID};
    const struct tlsrpt_session failure = {
        .domain = domain, .policy = TLSRPT_STS, .result = results[trouble], .reason = span_of(why)};
    tlsrpt_note(owner, &failure);
}

static struct sts_options sts_options(struct relay *relay)
{
    const struct relay_options *options = &relay->options;
    return (struct sts_options){
        .loop = options->env->loop,
        .port = options->env->port,
        .store = options->store,
        .resolver = options->resolver,
        .fetcher = options->fetcher,
        .settings = relay->settings,
        .trusted = options->trusted,
        .clock = options->clock,
        .entropy = options->entropy,
        .on_trouble = on_sts_trouble,
        .owner = relay,
    };
}

struct relay *relay_create(const struct relay_options *options)
{
    struct relay *relay = mem_new(struct relay);
    relay->options = *options;
    relay->merged = merge_routes(options);
    relay->settings = &relay->merged->settings;
    relay->next_due_us = relay->deferred_us = INT64_MAX;
    relay->rescan_at_ms = loop_now_ms(options->env->loop);
    map_init(&relay->leases);
    map_init(&relay->destinations);
    list_init(&relay->retired);
    list_init(&relay->settlements);
    relay->timer = loop_timer_create(options->env->loop, on_timer, relay);
    relay->watch =
        store_watch_create(options->store, options->env->port, 0, on_queue_change, relay);
    relay->routes_watch = store_watch_create(options->store, options->env->port, STORE_WATCH_ROUTES,
                                             on_routes_change, relay);
    relay->tlsrpt = tlsrpt_create(relay);
    if (options->fetcher != NULL) {
        const struct sts_options sts = sts_options(relay);
        relay->sts = sts_create(&sts);
    }
    scan(relay, SCAN_ANEW);
    return relay;
}

void relay_set_options(struct relay *relay, const struct relay_options *options)
{
    const struct relay_options *old = &relay->options;
    struct routes_merged *merged = merge_routes(options), *before = relay->merged;
    bool is_new_route = relay_routes_differ(&before->settings, &merged->settings) ||
                        old->resolver != options->resolver ||
                        strcmp(old->hostname, options->hostname) != 0;
    struct list waiting;
    list_init(&waiting);
    if (is_new_route)
        relay_destinations_retire(relay, &waiting);
    tlsrpt_pause(relay->tlsrpt);
    relay->options = *options;
    relay->merged = merged;
    relay->settings = &merged->settings;
    if (relay->sts != NULL) {
        const struct sts_options sts = sts_options(relay);
        sts_set_options(relay->sts, &sts);
    }
    routes_merged_free(&before);
    tlsrpt_resume(relay->tlsrpt);
    if (!is_new_route)
        return;
    list_each (node, &waiting) {
        list_remove(node);
        relay_line_up(relay, list_entry(node, struct entry, node));
    }
    relay_skips_clear(relay);
    relay_run(relay);
    relay->rescan_at_ms = loop_now_ms(relay->options.env->loop);
    scan(relay, SCAN_ANEW);
}

void relay_drain(struct relay *relay, void (*on_idle)(void *owner), void *owner)
{
    relay->is_draining = true;
    relay->on_idle = on_idle;
    relay->idle_owner = owner;
    loop_timer_stop(relay->timer);
    tlsrpt_drain(relay->tlsrpt);
    relay_run(relay);
    relay_moved(relay);
}

void relay_free(struct relay **relay)
{
    struct relay *old = *relay;
    *relay = NULL;
    if (old == NULL)
        return;
    store_watch_free(&old->watch);
    store_watch_free(&old->routes_watch);
    loop_timer_free(&old->timer);
    if (old->scan != NULL) {
        job_cancel(old->scan);
        relay_look_end(old->options.leases, loop_index(old));
    }
    relay_settlements_free(old);
    relay_destinations_free(old);
    sts_free(&old->sts);
    relay_entries_free(old);
    tlsrpt_free(&old->tlsrpt);
    relay_skips_clear(old);
    mem_free(old->refill_key);
    routes_merged_free(&old->merged);
    mem_free(old);
}
