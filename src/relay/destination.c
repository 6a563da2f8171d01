/*
 * destination.c: a next hop with its line of entries, its addresses and its connections. Decides
 * how many connections there are; what happens on one is attempt.c's. Tests:
 * tests/unit/test_relay.c.
 */
#include <stdio.h>

#include "base/mem.h"
#include "relay/attempt_internal.h"

enum { ENTRIES_PER_CONNECTION = 4 };

static mx_fn on_addresses;
static security_fn on_security;

/* ---- Lines ---------------------------------------------------------------------------------- */

static struct destination *find_destination(struct relay *relay, const struct route *route,
                                            struct span key)
{
    struct destination *destination = map_get(&relay->destinations, key);
    if (destination != NULL)
        return destination;
    destination = mem_new(struct destination);
    destination->relay = relay;
    destination->key = span_dup(key);
    destination->route = *route;
    list_init(&destination->ready);
    list_init(&destination->attempts);
    (void)map_set(&relay->destinations, key, destination);
    return destination;
}

static bool is_loop(const struct entry *entry)
{
    return (entry->row.notify & STORE_CAME_BACK) != 0;
}

/* A route sends nothing there, or it was sent there before and came back: the sender hears it now.
 */
static void refuse(struct relay *relay, struct entry *entry, const struct route *route)
{
    struct settlement *group = NULL;
    char text[RELAY_REASON_SIZE];
    (void)snprintf(text, sizeof text,
                   "%.*s has forwarded this message before, and it came back: this is a loop",
                   (int)entry->row.forwarder.len, entry->row.forwarder.ptr);
    const struct relay_outcome outcome = {
        .verdict = RELAY_PERMANENT,
        .status = span_of(is_loop(entry) ? "5.4.6" : "5.7.1"),
        .text = span_of(is_loop(entry) ? text : relay_hop(relay, route).refusal),
    };
    relay_settle(relay, entry, &outcome, &group);
    relay_settle_end(&group);
}

void relay_line_up(struct relay *relay, struct entry *entry)
{
    struct route route;
    struct buf key;
    buf_init(&key, 0);
    relay_route(relay, &entry->row, &route, &key);
    if (relay_is_mine(relay, buf_span(&key)) && (route.is_refused || is_loop(entry))) {
        refuse(relay, entry, &route);
    } else if (relay_is_mine(relay, buf_span(&key))) {
        struct destination *destination = find_destination(relay, &route, buf_span(&key));
        list_append(&destination->ready, &entry->node);
        destination->ready_count++;
    } else {
        relay_entry_free(relay, entry);
    }
    buf_release(&key);
}

static void cancel_lookup(struct destination *destination)
{
    mx_lookup_cancel(&destination->lookup);
    relay_security_cancel(&destination->stage);
}

void relay_hosts_forget(struct destination *destination)
{
    for (size_t i = 0; i < destination->host_count; i++)
        relay_security_release(&destination->hosts[i].security);
    mem_free(destination->hosts);
    destination->hosts = NULL;
    destination->host_count = 0;
}

bool relay_hosts_are_old(const struct relay *relay, int64_t since_ms)
{
    return loop_now_ms(relay->options.env->loop) - since_ms >= RELAY_HOSTS_AGE_MS;
}

static void forget(struct destination *destination)
{
    if (destination->is_retired)
        list_remove(&destination->node);
    else
        (void)map_remove(&destination->relay->destinations, span_of(destination->key));
    cancel_lookup(destination);
    relay_put_off_forget(destination);
    relay_hosts_forget(destination);
    mem_free(destination->key);
    mem_free(destination);
}

/* ---- Connections ---------------------------------------------------------------------------- */

/* The key without wishes. */
static struct span domain_of(const struct destination *destination)
{
    struct span key = span_of(destination->key);
    return span_cut(&key, ' ');
}

static bool is_looking_up(const struct destination *destination)
{
    return destination->lookup != NULL || destination->stage != NULL;
}

static void start_lookup(struct destination *destination)
{
    struct relay *relay = destination->relay;
    destination->attempts_most = 0;
    const struct mx_asker asker = {relay->options.env->loop, relay->options.resolver,
                                   relay->options.entropy};
    if (destination->route.has_host)
        destination->lookup = mx_lookup_host(
            &asker, span_of(relay_hop(relay, &destination->route).host), on_addresses, destination);
    else
        destination->lookup =
            mx_lookup_start(&asker, domain_of(destination), on_addresses, destination);
}

/* The kept connections that wait for work. */
static void wake_resting(struct destination *destination)
{
    list_each (node, &destination->attempts) {
        const struct attempt *attempt = list_entry(node, struct attempt, node);
        if (attempt->is_resting)
            conn_wake(attempt->conn);
    }
}

static void stop_attempts(struct destination *destination)
{
    list_each (node, &destination->attempts)
        relay_attempt_stop(list_entry(node, struct attempt, node));
}

/* One connection, and one more for each few entries that wait, up to the limit; one alone to find
 * out whether a destination has recovered. */
static size_t connections_wanted(const struct destination *destination)
{
    if (destination->failures > 0)
        return 1;
    size_t wanted = 1 + destination->ready_count / ENTRIES_PER_CONNECTION;
    size_t most = destination->relay->settings->concurrency_max;
    if (destination->attempts_most != 0 && destination->attempts_most < most)
        most = destination->attempts_most;
    return wanted < most ? wanted : most;
}

static bool is_finished(const struct destination *destination)
{
    bool is_remembered =
        !destination->is_retired && (destination->failures > 0 || destination->has_more);
    return destination->ready_count == 0 && destination->attempt_count == 0 &&
           !is_looking_up(destination) && !is_remembered;
}

/* What came into the line of one that is put off: too old, or from where it stood before. */
static void settle_put_off(struct destination *destination)
{
    const struct relay_outcome outcome = {.verdict = RELAY_TEMPORARY,
                                          .text = span_of(destination->put_off_why),
                                          .route = destination->key,
                                          .due_us = destination->put_off_us};
    relay_destination_settle(destination, &outcome);
}

/* What it left in the store is read by nobody else as long as it is skipped. */
static bool lacks_refill(const struct destination *destination)
{
    const struct relay *relay = destination->relay;
    bool is_under_way =
        relay->refill_key != NULL && strcmp(relay->refill_key, destination->key) == 0;
    return destination->ready_count == 0 && destination->has_more && !destination->wants_refill &&
           !is_under_way && !relay->is_full;
}

/* An attempt that may need the hosts still. */
static bool is_on_the_way(const struct destination *destination)
{
    list_each (node, &destination->attempts) {
        if (!list_entry(node, struct attempt, node)->is_usable)
            return true;
    }
    return false;
}

void relay_destination_run(struct destination *destination)
{
    if (destination->relay->is_draining) {
        cancel_lookup(destination);
        stop_attempts(destination);
        return;
    }
    if (is_finished(destination)) {
        forget(destination);
        return;
    }
    if (lacks_refill(destination))
        relay_refill(destination);
    if (destination->ready_count == 0 || is_looking_up(destination))
        return;
    if (relay_is_put_off(destination) && destination->attempt_count == 0) {
        settle_put_off(destination);
        return;
    }
    if (destination->relay->owed_count > 0)
        return;
    wake_resting(destination);
    if (destination->attempt_count >= connections_wanted(destination))
        return;
    bool is_old = relay_hosts_are_old(destination->relay, destination->hosts_ms);
    if (is_old && is_on_the_way(destination))
        return; /* runs again when it has ended or asks for work */
    if (is_old)
        relay_hosts_forget(destination);
    if (destination->host_count == 0)
        start_lookup(destination);
    while (destination->host_count > 0 && !is_looking_up(destination) &&
           destination->attempt_count < connections_wanted(destination))
        relay_attempt_start(destination);
}

/* A destination may end while it runs and others may not, but the map changes: so first all of it.
 */
struct destination **relay_destinations_list(const struct relay *relay, size_t *count_out)
{
    struct destination **all =
        mem_zalloc(relay->destinations.count + 1, sizeof(struct destination *));
    size_t position = 0;
    struct span key;
    void *value;
    *count_out = 0;
    while (map_next(&relay->destinations, &position, &key, &value))
        all[(*count_out)++] = value;
    return all;
}

void relay_run(struct relay *relay)
{
    size_t count;
    struct destination **all = relay_destinations_list(relay, &count);
    for (size_t i = 0; i < count; i++)
        relay_destination_run(all[i]);
    mem_free(all);
}

/* ---- Ends ----------------------------------------------------------------------------------- */

void relay_destination_settle(struct destination *destination, const struct relay_outcome *outcome)
{
    struct settlement *group = NULL;
    struct list waiting;
    list_init(&waiting);
    list_move_all(&destination->ready, &waiting);
    destination->ready_count = 0;
    list_each (node, &waiting) {
        list_remove(node);
        relay_settle(destination->relay, list_entry(node, struct entry, node), outcome, &group);
    }
    relay_settle_end(&group);
}

/* Into the list of those that only wait for the end of their attempts. */
static void retire(struct destination *destination, struct list *waiting)
{
    cancel_lookup(destination);
    (void)map_remove(&destination->relay->destinations, span_of(destination->key));
    destination->is_retired = true;
    relay_put_off_forget(destination);
    list_append(&destination->relay->retired, &destination->node);
    list_move_all(&destination->ready, waiting);
    destination->ready_count = 0;
    stop_attempts(destination);
    if (is_finished(destination))
        forget(destination);
}

void relay_destinations_retire(struct relay *relay, struct list *waiting_out)
{
    size_t count;
    struct destination **all = relay_destinations_list(relay, &count);
    for (size_t i = 0; i < count; i++)
        retire(all[i], waiting_out);
    mem_free(all);
}

static void orphan_and_forget(struct destination *destination)
{
    list_each (node, &destination->attempts)
        relay_attempt_orphan(list_entry(node, struct attempt, node));
    list_each (ready, &destination->ready)
        list_remove(ready); /* the entries themselves are freed with their leases */
    forget(destination);
}

void relay_destinations_free(struct relay *relay)
{
    size_t count;
    struct destination **all = relay_destinations_list(relay, &count);
    for (size_t i = 0; i < count; i++)
        orphan_and_forget(all[i]);
    mem_free(all);
    map_deinit(&relay->destinations);
    list_each (node, &relay->retired)
        orphan_and_forget(list_entry(node, struct destination, node));
}

/* ---- Addresses ------------------------------------------------------------------------------ */

/* The domain cannot get mail, now or ever: the same for all that waits. */
static void refuse_all(struct destination *destination, int err, const char *status,
                       const char *why)
{
    bool is_permanent = err == ERR_NOT_FOUND || err == ERR_REFUSED;
    if (!is_permanent || destination->route.has_host) {
        relay_put_off(destination, why, NULL);
        return;
    }
    const struct relay_outcome outcome = {.verdict = RELAY_PERMANENT,
                                          .route = destination->key,
                                          .status = span_of(status),
                                          .text = span_of(why)};
    relay_destination_settle(destination, &outcome);
}

/* RFC 5321 5.1: who stands in the list himself gives mail only to those preferred to him, else it
 * would come back. How many of the hosts that is; they are in order of preference. */
static size_t hosts_before_us(const struct relay *relay, const struct mx_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        if (!span_is_nocase(span_of(result->hosts[i].name), relay->options.hostname))
            continue;
        while (i > 0 && result->hosts[i - 1].preference == result->hosts[i].preference)
            i--;
        return i;
    }
    return result->count;
}

/* RFC 8689 4.2.1: whoever forges an MX record names a server whose certificate is good.
 * Each host counts: the one that is not proven may be all that an attacker leaves. */
static bool has_proven_hosts(const struct destination *destination,
                             const struct security_result *result)
{
    for (size_t i = 0; i < result->count; i++) {
        const struct relay_host *host = &result->hosts[i];
        if (!destination->route.has_host && !host->mx.is_secure && !host->security.is_named &&
            !span_is_nocase(domain_of(destination), host->mx.name))
            return false;
    }
    return true;
}

static void refuse_unproven(struct destination *destination)
{
    struct span domain = domain_of(destination);
    char why[RELAY_REASON_SIZE];
    (void)snprintf(why, sizeof why,
                   "REQUIRETLS: the MX records of %.*s are not signed (DNSSEC), so nothing proves "
                   "that its mail servers are its own; send without REQUIRETLS, or ask its "
                   "postmaster to sign",
                   (int)domain.len, domain.ptr);
    refuse_all(destination, ERR_REFUSED, "5.7.10", why);
}

/* Time may bring the proof. */
static void put_off_unproven(struct destination *destination)
{
    struct span domain = domain_of(destination);
    char why[RELAY_REASON_SIZE];
    (void)snprintf(why, sizeof why,
                   "REQUIRETLS: whether %.*s has an MTA-STS policy that names its mail servers "
                   "could not be looked up right now, and its MX records are not signed (DNSSEC)",
                   (int)domain.len, domain.ptr);
    relay_put_off(destination, why, NULL);
}

static void refuse_own(struct destination *destination)
{
    char why[RELAY_REASON_SIZE];
    (void)snprintf(why, sizeof why,
                   "mail for %.*s comes back to this server (%s is its mail server, but does "
                   "not know the domain)",
                   (int)domain_of(destination).len, destination->key,
                   destination->relay->options.hostname);
    refuse_all(destination, ERR_REFUSED, "5.4.6", why);
}

static void on_addresses(void *owner, const struct mx_result *result)
{
    struct destination *destination = owner;
    struct mx_result usable = *result;
    destination->lookup = NULL;
    destination->has_left_out = result->has_left_out;
    if (result->err == 0 && !destination->route.has_host)
        usable.count = hosts_before_us(destination->relay, result);
    /* RFC 7505 4.2 names 5.1.10 for a null MX. */
    if (result->err != 0)
        refuse_all(destination, result->err, result->err == ERR_REFUSED ? "5.1.10" : "5.1.2",
                   result->why);
    else if (usable.count == 0)
        refuse_own(destination);
    else
        destination->stage =
            relay_security_start(destination, domain_of(destination), &usable, on_security);
    relay_destination_run(destination);
}

static void take_hosts(struct destination *destination, const struct security_result *result)
{
    relay_hosts_forget(destination);
    destination->hosts = mem_zalloc(result->count, sizeof *destination->hosts);
    for (size_t i = 0; i < result->count; i++) {
        destination->hosts[i].mx = result->hosts[i].mx;
        destination->hosts[i].security = relay_security_copy(&result->hosts[i].security);
    }
    destination->host_count = result->count;
    destination->hosts_ms = loop_now_ms(destination->relay->options.env->loop);
    destination->has_left_out = destination->has_left_out || result->left_out > 0;
}

static void on_security(void *owner, const struct security_result *result)
{
    struct destination *destination = owner;
    destination->stage = NULL;
    if (result->count == 0)
        relay_put_off(destination, result->why, NULL);
    else if (!destination->route.requires_tls || has_proven_hosts(destination, result))
        take_hosts(destination, result);
    else if (result->has_doubt)
        put_off_unproven(destination);
    else
        refuse_unproven(destination);
    relay_destination_run(destination);
}
