/*
 * take.c: which rows of a look become entries in hand. A destination may have a share of what fits
 * into memory, and what is over it stays in the store until the line is short (relay.c looks for it
 * then); rows of a destination that is put off are moved to when it is tried again, a page of them
 * in one transaction. Tests: tests/unit/test_relay_fair.c.
 */
#include "base/mem.h"
#include "relay/lease_internal.h"
#include "relay/relay_internal.h"

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
    copy->forwarder = arena_copy(&entry->arena, row->forwarder);
}

/* FNV-1a: the same on every loop, which the seeded hash of a map would be too, but in no test. */
bool relay_is_mine(const struct relay *relay, struct span key)
{
    uint32_t hash = 2166136261U;
    for (size_t i = 0; i < key.len; i++)
        hash = (hash ^ (unsigned char)key.ptr[i]) * 16777619U;
    return hash % relay->options.loop_count == relay->options.env->loop->index;
}

/* What a destination may have in line: a quarter of the room that is left. Few busy or dead ones
 * get much of it, many get less each, and there is always room for one more. */
static size_t share_of_room(const struct relay *relay)
{
    size_t used = relay->leases.count;
    return used < RELAY_LEASES_MAX ? (RELAY_LEASES_MAX - used) / 4 : 0;
}

bool relay_is_short(const struct destination *destination)
{
    size_t count = destination->ready_count;
    return count == 0 || count * 2 <= share_of_room(destination->relay);
}

static struct entry *take(struct relay *relay, const struct store_queue_row *row)
{
    struct entry *entry = mem_new(struct entry);
    arena_init(&entry->arena);
    copy_row(entry, row);
    (void)map_set_u64(&relay->leases, row->id, entry);
    relay->page_taken++;
    return entry;
}

static bool take_lease(struct relay *relay, const struct store_queue_row *row)
{
    return relay_lease_take(relay->options.leases, relay->options.env->loop->index, row->id);
}

void relay_pass_over(struct destination *destination, const struct relay_position *at)
{
    destination->passed_count = destination->has_more ? destination->passed_count + 1 : 1;
    if (!destination->has_more || relay_is_before(at, &destination->more))
        destination->more = *at;
    destination->has_more = true;
}

static void pass_over(struct destination *destination, const struct store_queue_row *row)
{
    const struct relay_position at = {row->due_us, row->id};
    relay_pass_over(destination, &at);
    relay_skip_add(destination->relay, destination, row->place);
}

/* While others may stand behind it, a put-off destination's rows wait where they are: moving a
 * million of them takes a while. Its refill moves them when the pass is over. */
static bool may_move_later(const struct relay *relay, const struct store_queue *queue)
{
    return relay->look == RELAY_LOOK_DUE && queue->count == RELAY_PAGE;
}

/* With the others of its destination. It counts as an attempt: what is too old ends after one. */
static void move(struct relay *relay, const struct destination *destination, uint64_t id)
{
    if (relay->moved == NULL)
        relay->moved = mem_zalloc(RELAY_PAGE, sizeof *relay->moved);
    relay->page_taken++;
    relay->moved[relay->moved_count++] = (struct store_outcome){
        .id = id,
        .kind = STORE_OUTCOME_DEFERRED,
        .due_us = destination->put_off_us,
        .text = span_of(destination->put_off_why),
    };
}

/* What it tells of has happened: it goes nowhere, whatever its destination. */
static void report(struct relay *relay, const struct store_queue_row *row,
                   struct settlement **group)
{
    if (relay->leases.count >= RELAY_LEASES_MAX)
        relay->is_full = true;
    else if (take_lease(relay, row))
        relay_settle_owed(relay, take(relay, row), group);
}

/* Moved by a settlement of its own, since its sender is to hear that it waits. */
static void move_and_tell(struct relay *relay, const struct destination *destination,
                          const struct store_queue_row *row, struct settlement **group)
{
    const struct relay_outcome outcome = {.verdict = RELAY_TEMPORARY,
                                          .text = span_of(destination->put_off_why),
                                          .route = destination->key,
                                          .due_us = destination->put_off_us};
    relay_settle(relay, take(relay, row), &outcome, group);
}

static void consider(struct relay *relay, const struct store_queue *queue,
                     const struct store_queue_row *row, struct span key, struct settlement **group)
{
    struct destination *destination = map_get(&relay->destinations, key);
    bool is_put_off = destination != NULL && relay_is_put_off(destination);
    if (is_put_off && may_move_later(relay, queue)) {
        pass_over(destination, row);
        destination->wants_refill = relay->wants_refill = true;
        return;
    }
    /* What is too old is ended by its own settlement, with a report. */
    bool is_moved = is_put_off && !relay_is_expired(relay, row);
    size_t share = share_of_room(relay);
    size_t count = destination == NULL ? 0 : destination->ready_count;
    bool is_told = is_moved && relay_delay_is_due(relay, row);
    if (is_told ? share == 0 : !is_moved && count >= share) {
        relay->is_full = relay->is_full || share == 0;
        if (destination != NULL)
            pass_over(destination, row);
        return;
    }
    if (!take_lease(relay, row))
        return;
    if (is_told)
        move_and_tell(relay, destination, row, group);
    else if (is_moved)
        move(relay, destination, row->id);
    else
        relay_line_up(relay, take(relay, row));
}

void relay_take_page(struct relay *relay, const struct store_queue *queue)
{
    struct settlement *group = NULL;
    struct buf key;
    buf_init(&key, 0);
    relay->page_taken = 0;
    relay_see_flush(relay);
    for (size_t i = 0; i < queue->count; i++) {
        const struct store_queue_row *row = &queue->rows[i];
        if (row->is_held || map_get_u64(&relay->leases, row->id) != NULL)
            continue;
        struct route route;
        buf_clear(&key);
        relay_route(relay, row, &route, &key);
        if (!relay_is_mine(relay, buf_span(&key))) {
            relay_skip_foreign(relay, row->place);
            continue;
        }
        if ((row->notify & STORE_OWES_ANY) != 0)
            report(relay, row, &group);
        else
            consider(relay, queue, row, buf_span(&key), &group);
    }
    relay_settle_end(&group);
    buf_release(&key);
}

struct job *relay_move_page(struct relay *relay)
{
    return &store_settle_create(relay->options.store, relay->moved, relay->moved_count, NULL, NULL,
                                0)
                ->job;
}

void relay_page_moved(struct relay *relay)
{
    for (size_t i = 0; i < relay->moved_count; i++)
        relay_lease_end(relay->options.leases, relay->moved[i].id);
    relay->moved_count = 0;
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

void relay_entries_free(struct relay *relay)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&relay->leases, &position, &key, &value))
        free_entry(relay, value);
    map_deinit(&relay->leases);
    relay_page_moved(relay);
    mem_free(relay->moved);
}
