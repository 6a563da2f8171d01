/*
 * relay.c: birth and death of a relay and its look at the queue: which rows are due, which belong
 * to this loop, when to look again. Where they go is route.c's, how destination.c's, attempt.c's
 * and dialing.c's, what became of them outcome.c's. Tests: tests/unit/test_relay.c, tests/clients/.
 */
#include "base/log.h"
#include "base/mem.h"
#include "relay/lease_internal.h"
#include "relay/relay_internal.h"

enum scan_from { SCAN_ON, SCAN_ANEW, SCAN_AHEAD };
static void scan(struct relay *relay, enum scan_from from);

static int64_t now_us(const struct relay *relay)
{
    return clock_wall_us(relay->options.clock);
}

static unsigned loop_index(const struct relay *relay)
{
    return relay->options.env->loop->index;
}

/* ---- Leases --------------------------------------------------------------------------------- */

static void copy_row(struct entry *entry, const struct store_queue_row *row)
{
    struct store_queue_row *copy = &entry->row;
    *copy = *row;
    copy->reverse_path = arena_copy(&entry->arena, row->reverse_path);
    copy->recipient = arena_copy(&entry->arena, row->recipient);
    copy->original = arena_copy(&entry->arena, row->original);
    copy->envelope_id = arena_copy(&entry->arena, row->envelope_id);
    copy->return_kind = arena_copy(&entry->arena, row->return_kind);
    copy->last_status = arena_copy(&entry->arena, row->last_status);
}

/* FNV-1a: the same on every loop, which the seeded hash of a map would be too, but in no test. */
bool relay_is_mine(const struct relay *relay, struct span key)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 16777619U;
    return hash % relay->options.loop_count == loop_index(relay);
}

static bool row_is_mine(const struct relay *relay, const struct store_queue_row *row)
{
    struct route route;
    struct buf key;
    buf_init(&key, 0);
    relay_route(relay, row, &route, &key);
    bool is_mine = relay_is_mine(relay, buf_span(&key));
    buf_release(&key);
    return is_mine;
}

static void lease(struct relay *relay, const struct store_queue_row *row)
{
    if (row->is_held || map_get_u64(&relay->leases, row->id) != NULL || !row_is_mine(relay, row) ||
        !relay_lease_take(relay->options.leases, loop_index(relay), row->id))
        return;
    struct entry *entry = mem_new(struct entry);
    arena_init(&entry->arena);
    copy_row(entry, row);
    (void)map_set_u64(&relay->leases, row->id, entry);
    relay_line_up(relay, entry);
}

static void free_entry(struct relay *relay, struct entry *entry)
{
    relay_lease_end(relay->options.leases, entry->row.id);
    list_remove(&entry->node);
    arena_reset(&entry->arena);
    mem_free(entry);
}

void relay_entry_free(struct relay *relay, struct entry *entry)
{
    (void)map_remove_u64(&relay->leases, entry->row.id);
    free_entry(relay, entry);
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

static void take_rows(struct relay *relay, const struct store_queue *queue)
{
    for (size_t i = 0; i < queue->count; i++) {
        lease(relay, &queue->rows[i]);
        if (relay->scans_ahead)
            continue;
        relay->cursor_due_us = queue->rows[i].due_us;
        relay->cursor_id = queue->rows[i].id;
    }
    if (!relay->scans_ahead)
        relay->next_due_us = queue->next_due_us;
}

static void on_scanned(struct job *job, void *owner)
{
    struct relay *relay = owner;
    const struct store_queue *queue = (struct store_queue *)job;
    relay->scan = NULL;
    relay->scanned_ms = loop_now_ms(relay->options.env->loop);
    if (queue->status == 0)
        take_rows(relay, queue);
    relay_look_end(relay->options.leases, loop_index(relay));
    if (queue->status != 0) {
        log_event(LOG_ERROR, "relay", "queue", "why",
                  queue->fault.text[0] != '\0' ? queue->fault.text : err_text(queue->status));
        relay->wants_scan = true;
        loop_timer_start(relay->timer, RELAY_RETRY_MS);
        return;
    }

    bool is_full_page = queue->count == RELAY_PAGE && !relay->scans_ahead;
    relay_run(relay);
    if (is_full_page)
        scan(relay, SCAN_ON);
    else if (relay->wants_ahead)
        scan(relay, SCAN_AHEAD);
    else if (relay->wants_scan)
        loop_timer_start(relay->timer, RELAY_PAUSE_MS);
    else
        look_again(relay);
}

/* Anew: from a little before the last row read, since rows of one batch need not become visible in
 * the order of their times; each minute from the beginning: that finds what a clock that was set
 * back left before the cursor. Leased rows are passed over. */
static void move_cursor(struct relay *relay)
{
    int64_t now_ms = loop_now_ms(relay->options.env->loop);
    relay->cursor_id = 0;
    if (now_ms < relay->rescan_at_ms) {
        relay->cursor_due_us -= relay->cursor_due_us < RELAY_OVERLAP_US ? 0 : RELAY_OVERLAP_US;
        return;
    }
    relay->cursor_due_us = 0;
    relay->wants_ahead = true;
    relay->rescan_at_ms = now_ms + RELAY_RESCAN_MS;
}

/* Ahead: no retry is put off by twice retry_max, so what is due later than that was put off by a
 * clock that ran ahead, and is taken now. On: behind the last row read. */
static struct store_queue *make_look(struct relay *relay, enum scan_from from)
{
    struct store *store = relay->options.store;
    int64_t now = now_us(relay);
    relay->scans_ahead = from == SCAN_AHEAD;
    if (from == SCAN_AHEAD) {
        relay->wants_ahead = false;
        int64_t horizon_us = now + 2 * relay->settings->retry_max_ms * 1000;
        return store_queue_create(store, INT64_MAX - 1, horizon_us, 0, RELAY_PAGE);
    }
    if (from == SCAN_ANEW)
        move_cursor(relay);
    relay->deferred_us = INT64_MAX; /* this look sees what was put off before it */
    relay->wants_scan = false;
    return store_queue_create(store, now, relay->cursor_due_us, relay->cursor_id, RELAY_PAGE);
}

static void scan(struct relay *relay, enum scan_from from)
{
    if (relay->is_draining)
        return;
    if (relay->scan != NULL) {
        relay->wants_scan = true;
        return;
    }
    relay->is_full = relay->leases.count >= RELAY_LEASES_MAX;
    if (relay->is_full)
        return;
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

void relay_moved(struct relay *relay)
{
    if (relay->is_full && relay->leases.count <= RELAY_LEASES_MAX / 2)
        scan(relay, SCAN_ANEW);
    bool is_idle = relay->attempt_count == 0 && list_is_empty(&relay->settlements);
    if (!relay->is_draining || !is_idle || relay->on_idle == NULL)
        return;
    void (*on_idle)(void *owner) = relay->on_idle;
    relay->on_idle = NULL;
    on_idle(relay->idle_owner);
}

/* ---- Life ----------------------------------------------------------------------------------- */

struct relay *relay_create(const struct relay_options *options)
{
    struct relay *relay = mem_new(struct relay);
    relay->options = *options;
    relay->settings = options->settings;
    relay->next_due_us = relay->deferred_us = INT64_MAX;
    relay->rescan_at_ms = loop_now_ms(options->env->loop);
    map_init(&relay->leases);
    map_init(&relay->destinations);
    list_init(&relay->retired);
    list_init(&relay->settlements);
    relay->timer = loop_timer_create(options->env->loop, on_timer, relay);
    relay->watch =
        store_watch_create(options->store, options->env->port, 0, on_queue_change, relay);
    scan(relay, SCAN_ANEW);
    return relay;
}

void relay_set_options(struct relay *relay, const struct relay_options *options)
{
    const struct relay_options *old = &relay->options;
    bool is_new_route = relay_routes_differ(old->settings, options->settings) ||
                        old->resolver != options->resolver ||
                        strcmp(old->hostname, options->hostname) != 0;
    struct list waiting;
    list_init(&waiting);
    if (is_new_route)
        relay_destinations_retire(relay, &waiting);
    relay->options = *options;
    relay->settings = options->settings;
    if (!is_new_route)
        return;
    list_each (node, &waiting) {
        list_remove(node);
        relay_line_up(relay, list_entry(node, struct entry, node));
    }
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
    loop_timer_free(&old->timer);
    if (old->scan != NULL) {
        job_cancel(old->scan);
        relay_look_end(old->options.leases, loop_index(old));
    }
    relay_settlements_free(old);
    relay_destinations_free(old);

    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&old->leases, &position, &key, &value))
        free_entry(old, value);
    map_deinit(&old->leases);
    mem_free(old);
}
