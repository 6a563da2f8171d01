/*
 * lease.c: which queue rows somebody has in hand, over all loops, so that no row is delivered
 * twice. Two things could else do it: a change of the routing moves a destination to another loop
 * while the old one still delivers; and a look at the queue that began before a row was settled may
 * show the row as it was. So a lease that ended is remembered until every look that was under way
 * then is over. Tests: tests/unit/test_relay_lease.c.
 */
#include "relay/lease_internal.h"

#include <pthread.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/require.h"

#define NO_LOOK UINT64_MAX

struct lease {
    struct list_node node; /* in leases->ended, in order of their ends */
    uint64_t id;
    uint64_t ended; /* turn; 0: held */
    bool is_revoked;
};

struct relay_leases {
    pthread_mutex_t lock; /* of everything below */
    struct map leases;    /* row id -> struct lease */
    struct list ended;
    uint64_t turn;   /* counts ends */
    uint64_t *looks; /* a loop's: the turn at which its look began, or NO_LOOK */
    unsigned loop_count;
    uint64_t flushes;
};

static void lock(struct relay_leases *leases)
{
    require(pthread_mutex_lock(&leases->lock) == 0);
}

static void unlock(struct relay_leases *leases)
{
    require(pthread_mutex_unlock(&leases->lock) == 0);
}

struct relay_leases *relay_leases_create(unsigned loop_count)
{
    struct relay_leases *leases = mem_new(struct relay_leases);
    require(pthread_mutex_init(&leases->lock, NULL) == 0);
    map_init(&leases->leases);
    list_init(&leases->ended);
    leases->looks = mem_zalloc(loop_count, sizeof *leases->looks);
    leases->loop_count = loop_count;
    for (unsigned i = 0; i < loop_count; i++)
        leases->looks[i] = NO_LOOK;
    return leases;
}

void relay_leases_free(struct relay_leases **leases)
{
    struct relay_leases *old = *leases;
    *leases = NULL;
    if (old == NULL)
        return;
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&old->leases, &position, &key, &value))
        mem_free(value);
    map_deinit(&old->leases);
    (void)pthread_mutex_destroy(&old->lock);
    mem_free(old->looks);
    mem_free(old);
}

/* Forgets ends that no look under way can have missed. */
static void forget_old(struct relay_leases *leases)
{
    uint64_t oldest = NO_LOOK;
    for (unsigned i = 0; i < leases->loop_count; i++)
        oldest = leases->looks[i] < oldest ? leases->looks[i] : oldest;
    struct list_node *node;
    while ((node = list_first(&leases->ended)) != NULL) {
        struct lease *lease = list_entry(node, struct lease, node);
        if (lease->ended > oldest)
            return;
        list_remove(node);
        (void)map_remove_u64(&leases->leases, lease->id);
        mem_free(lease);
    }
}

void relay_look_begin(struct relay_leases *leases, unsigned loop)
{
    lock(leases);
    leases->looks[loop] = leases->turn;
    unlock(leases);
}

void relay_look_end(struct relay_leases *leases, unsigned loop)
{
    lock(leases);
    leases->looks[loop] = NO_LOOK;
    forget_old(leases);
    unlock(leases);
}

/* An end that the look saw is no hindrance: the row is as it was left. */
static bool may_take(const struct relay_leases *leases, unsigned loop, const struct lease *lease)
{
    return lease == NULL || (lease->ended != 0 && lease->ended <= leases->looks[loop]);
}

bool relay_lease_take(struct relay_leases *leases, unsigned loop, uint64_t id)
{
    lock(leases);
    struct lease *lease = map_get_u64(&leases->leases, id);
    bool is_free = may_take(leases, loop, lease);
    if (is_free && lease == NULL) {
        lease = mem_new(struct lease);
        lease->id = id;
        (void)map_set_u64(&leases->leases, id, lease);
    }
    if (is_free) {
        list_remove(&lease->node);
        lease->ended = 0;
        lease->is_revoked = false;
    }
    unlock(leases);
    return is_free;
}

void relay_lease_end(struct relay_leases *leases, uint64_t id)
{
    lock(leases);
    struct lease *lease = map_get_u64(&leases->leases, id);
    if (lease != NULL && lease->ended == 0) {
        lease->ended = ++leases->turn;
        list_append(&leases->ended, &lease->node);
        forget_old(leases);
    }
    unlock(leases);
}

void relay_leases_revoke(struct relay_leases *leases, uint64_t id)
{
    lock(leases);
    struct lease *lease = map_get_u64(&leases->leases, id);
    if (lease != NULL)
        lease->is_revoked = true;
    unlock(leases);
}

bool relay_lease_is_revoked(struct relay_leases *leases, uint64_t id)
{
    lock(leases);
    const struct lease *lease = map_get_u64(&leases->leases, id);
    bool is_revoked = lease != NULL && lease->is_revoked;
    unlock(leases);
    return is_revoked;
}

void relay_leases_flush(struct relay_leases *leases)
{
    lock(leases);
    leases->flushes++;
    unlock(leases);
}

uint64_t relay_flush_turn(struct relay_leases *leases)
{
    lock(leases);
    uint64_t turn = leases->flushes;
    unlock(leases);
    return turn;
}
