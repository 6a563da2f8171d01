/*
 * destination.c: a next hop with its line of entries, its addresses and its connections. Decides
 * how many connections there are; what happens on one is attempt.c's. Tests:
 * tests/unit/test_relay.c.
 */
#include "base/log.h"
#include "base/mem.h"
#include "relay/relay_internal.h"

enum { ENTRIES_PER_CONNECTION = 4 };

static void on_addresses(void *owner, const struct mx_result *result);

struct destination *relay_destination(struct relay *relay, const struct store_queue_row *row)
{
    struct route route;
    struct buf key;
    buf_init(&key, 0);
    relay_route(relay, row, &route, &key);
    struct destination *destination = map_get(&relay->destinations, buf_span(&key));
    if (destination == NULL) {
        destination = mem_new(struct destination);
        destination->relay = relay;
        destination->key = span_dup(buf_span(&key));
        destination->route = route;
        list_init(&destination->ready);
        list_init(&destination->attempts);
        (void)map_set(&relay->destinations, buf_span(&key), destination);
    }
    buf_release(&key);
    return destination;
}

void relay_destination_add(struct destination *destination, struct entry *entry)
{
    entry->destination = destination;
    list_append(&destination->ready, &entry->node);
    destination->ready_count++;
}

static void forget(struct destination *destination)
{
    mx_lookup_cancel(&destination->lookup);
    mem_free(destination->hosts);
    mem_free(destination->key);
    mem_free(destination);
}

void relay_destination_free(struct destination *destination)
{
    list_each (node, &destination->attempts) {
        relay_attempt_orphan(list_entry(node, struct attempt, node));
    }
    forget(destination);
}

static void start_lookup(struct destination *destination)
{
    struct relay *relay = destination->relay;
    const struct mx_asker asker = {relay->options.env->loop, relay->options.resolver,
                                   relay->options.entropy};
    if (destination->route.is_smarthost)
        destination->lookup =
            mx_lookup_host(&asker, span_of(relay->settings->smarthost), on_addresses, destination);
    else
        destination->lookup =
            mx_lookup_start(&asker, span_of(destination->key), on_addresses, destination);
}

/* The kept connections that wait for work. */
static size_t wake_resting(struct destination *destination)
{
    size_t woken = 0;
    list_each (node, &destination->attempts) {
        struct attempt *attempt = list_entry(node, struct attempt, node);
        if (!attempt->is_resting)
            continue;
        attempt->service.is_stopping = destination->relay->is_draining;
        conn_wake(attempt->conn);
        woken++;
    }
    return woken;
}

/* One connection, and one more for each few entries that wait, up to the limit. */
static size_t connections_wanted(const struct destination *destination)
{
    size_t wanted = 1 + destination->ready_count / ENTRIES_PER_CONNECTION;
    size_t most = destination->relay->settings->concurrency_max;
    return wanted < most ? wanted : most;
}

static bool is_finished(const struct destination *destination)
{
    return destination->ready_count == 0 && destination->attempt_count == 0 &&
           destination->lookup == NULL;
}

void relay_destination_run(struct destination *destination)
{
    struct relay *relay = destination->relay;
    if (relay->is_draining) {
        mx_lookup_cancel(&destination->lookup);
        (void)wake_resting(destination);
        return;
    }
    if (is_finished(destination)) {
        (void)map_remove(&relay->destinations, span_of(destination->key));
        forget(destination);
        return;
    }
    if (destination->ready_count == 0 || destination->lookup != NULL)
        return;
    if (wake_resting(destination) > 0)
        return;
    if (destination->attempt_count >= connections_wanted(destination))
        return;
    if (destination->host_count == 0)
        start_lookup(destination);
    while (destination->host_count > 0 && destination->lookup == NULL &&
           destination->attempt_count < connections_wanted(destination))
        relay_attempt_start(destination);
}

static void settle_all(struct destination *destination, const struct relay_outcome *outcome)
{
    struct list waiting;
    list_init(&waiting);
    list_move_all(&destination->ready, &waiting);
    destination->ready_count = 0;
    list_each (node, &waiting) {
        list_remove(node);
        relay_settle(destination->relay, list_entry(node, struct entry, node), outcome);
    }
}

void relay_destination_defer(struct destination *destination, const char *reason, const char *host)
{
    const struct relay_outcome outcome = {
        .verdict = RELAY_TEMPORARY, .text = span_of(reason), .host = host};
    settle_all(destination, &outcome);
}

/* The domain cannot get mail, now or ever: the same for all that waits. */
static void refuse_all(struct destination *destination, const struct mx_result *result)
{
    bool is_permanent = result->err == ERR_NOT_FOUND || result->err == ERR_REFUSED;
    if (!is_permanent) {
        relay_destination_defer(destination, result->why, NULL);
        return;
    }
    /* RFC 7505 4.2 names 5.1.10 for a null MX. */
    const struct relay_outcome outcome = {
        .verdict = destination->route.is_smarthost ? RELAY_TEMPORARY : RELAY_PERMANENT,
        .status = span_of(result->err == ERR_REFUSED ? "5.1.10" : "5.1.2"),
        .text = span_of(result->why)};
    settle_all(destination, &outcome);
}

static void on_addresses(void *owner, const struct mx_result *result)
{
    struct destination *destination = owner;
    destination->lookup = NULL;
    mem_free(destination->hosts);
    destination->hosts = NULL;
    destination->host_count = 0;
    if (result->err != 0) {
        refuse_all(destination, result);
    } else {
        destination->hosts = mem_zalloc(result->count, sizeof *destination->hosts);
        memcpy(destination->hosts, result->hosts, result->count * sizeof *destination->hosts);
        destination->host_count = result->count;
    }
    relay_destination_run(destination);
}
