/*
 * relay.c: birth and death of a relay and its look at the queue: which rows are due, which belong
 * to this loop, when to look again. Where they go is route.c's, how destination.c's and
 * attempt.c's, what became of them outcome.c's. Tests: tests/unit/test_relay.c, tests/clients/.
 */
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay_internal.h"

enum scan_from { SCAN_ON, SCAN_ANEW };
static void scan(struct relay *relay, enum scan_from from);

static int64_t now_us(const struct relay *relay)
{
    return clock_wall_us(relay->options.clock);
}

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
static unsigned loop_of(const struct relay *relay, struct span key)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 16777619U;
    return hash % relay->options.loop_count;
}

static bool is_mine(const struct relay *relay, const struct store_queue_row *row)
{
    struct route route;
    struct buf key;
    buf_init(&key, 0);
    relay_route(relay, row, &route, &key);
    bool is_mine = loop_of(relay, buf_span(&key)) == relay->options.env->loop->index;
    buf_release(&key);
    return is_mine;
}

static void lease(struct relay *relay, const struct store_queue_row *row)
{
    if (row->is_held || map_get_u64(&relay->leases, row->id) != NULL || !is_mine(relay, row))
        return;
    struct entry *entry = mem_new(struct entry);
    arena_init(&entry->arena);
    copy_row(entry, row);
    (void)map_set_u64(&relay->leases, row->id, entry);
    relay_destination_add(relay_destination(relay, row), entry);
}

void relay_entry_free(struct relay *relay, struct entry *entry)
{
    (void)map_remove_u64(&relay->leases, entry->row.id);
    list_remove(&entry->node);
    arena_reset(&entry->arena);
    mem_free(entry);
}

static void run_destinations(struct relay *relay)
{
    /* A destination may end while it runs, so the map is asked anew each time. */
    size_t position = 0;
    struct span key;
    void *value;
    struct destination **all = mem_zalloc(relay->destinations.count, sizeof(struct destination *));
    size_t count = 0;
    while (map_next(&relay->destinations, &position, &key, &value))
        all[count++] = value;
    for (size_t i = 0; i < count; i++)
        relay_destination_run(all[i]);
    mem_free(all);
}

/* ---- Looking at the queue ------------------------------------------------------------------- */

static void look_again_in(struct relay *relay, int64_t next_due_us)
{
    int64_t wait_ms = RELAY_RESCAN_MS;
    if (next_due_us != INT64_MAX) {
        int64_t until_ms = (next_due_us - now_us(relay)) / 1000 + 1;
        if (until_ms < wait_ms)
            wait_ms = until_ms < 0 ? 0 : until_ms;
    }
    loop_timer_start(relay->timer, wait_ms);
}

static void on_scanned(struct job *job, void *owner)
{
    struct relay *relay = owner;
    struct store_queue *queue = (struct store_queue *)job;
    relay->scan = NULL;
    if (queue->status != 0) {
        log_event(LOG_ERROR, "relay", "queue", "why",
                  queue->fault.text[0] != '\0' ? queue->fault.text : err_text(queue->status));
        loop_timer_start(relay->timer, RELAY_SETTLE_RETRY_MS);
        return;
    }
    for (size_t i = 0; i < queue->count; i++) {
        lease(relay, &queue->rows[i]);
        relay->cursor_due_us = queue->rows[i].due_us;
        relay->cursor_id = queue->rows[i].id;
    }
    bool is_full_page = queue->count == RELAY_PAGE;
    int64_t next_due_us = queue->next_due_us;
    run_destinations(relay);
    if (is_full_page || relay->wants_scan)
        scan(relay, is_full_page ? SCAN_ON : SCAN_ANEW);
    else
        look_again_in(relay, next_due_us);
}

/* Anew: from a little before the last row read, since rows of one batch need not become visible in
 * the order of their times; on: behind the last row read. */
static void scan(struct relay *relay, enum scan_from from)
{
    if (relay->is_draining)
        return;
    if (relay->scan != NULL || relay->leases.count >= RELAY_LEASES_MAX) {
        relay->wants_scan = true;
        return;
    }
    relay->wants_scan = false;
    if (from == SCAN_ANEW) {
        relay->cursor_due_us -= relay->cursor_due_us < RELAY_OVERLAP_US ? 0 : RELAY_OVERLAP_US;
        relay->cursor_id = 0;
    }
    struct store_queue *queue = store_queue_create(
        relay->options.store, now_us(relay), relay->cursor_due_us, relay->cursor_id, RELAY_PAGE);
    relay->scan = &queue->job;
    job_submit(relay->options.env->port, &queue->job, on_scanned, relay);
}

/* From the beginning: retries that an administrator moved forward, and whatever a jump of the clock
 * put before the cursor. Leased rows are passed over. */
static void on_timer(void *owner)
{
    struct relay *relay = owner;
    relay->cursor_due_us = 0;
    scan(relay, SCAN_ANEW);
}

static void on_queue_change(void *owner)
{
    struct relay *relay = owner;
    scan(relay, SCAN_ANEW);
}

void relay_moved(struct relay *relay)
{
    if (relay->wants_scan && relay->scan == NULL && relay->leases.count <= RELAY_LEASES_MAX / 2)
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
    map_init(&relay->leases);
    map_init(&relay->destinations);
    list_init(&relay->settlements);
    relay->timer = loop_timer_create(options->env->loop, on_timer, relay);
    relay->watch =
        store_watch_create(options->store, options->env->port, 0, on_queue_change, relay);
    scan(relay, SCAN_ANEW);
    return relay;
}

void relay_set_settings(struct relay *relay, const struct settings_relay *settings)
{
    relay->settings = settings;
}

void relay_drain(struct relay *relay, void (*on_idle)(void *owner), void *owner)
{
    relay->is_draining = true;
    relay->on_idle = on_idle;
    relay->idle_owner = owner;
    loop_timer_stop(relay->timer);
    run_destinations(relay);
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
    if (old->scan != NULL)
        job_cancel(old->scan);
    relay_settlements_free(old);

    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&old->destinations, &position, &key, &value))
        relay_destination_free(value);
    map_deinit(&old->destinations);

    position = 0;
    while (map_next(&old->leases, &position, &key, &value)) {
        struct entry *entry = value;
        arena_reset(&entry->arena);
        mem_free(entry);
    }
    map_deinit(&old->leases);
    mem_free(old);
}
