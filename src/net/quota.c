/*
 * Counts of what peers hold, in all and per address. Loops of all threads share one quota, so it
 * has a lock; it is held for one look-up. Tested by tests/unit/test_net_quota.c.
 */
#include "net/quota.h"

#include <pthread.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/require.h"

struct quota {
    pthread_mutex_t lock;
    unsigned total_max, per_address_max;
    unsigned total;
    /* Count for each address that has any, as a number in the pointer: an entry exists only while
     * it is above zero, so total_max bounds the table. */
    struct map per_address;
};

struct quota *quota_create(unsigned total_max, unsigned per_address_max)
{
    struct quota *quota = mem_new(struct quota);
    require(pthread_mutex_init(&quota->lock, NULL) == 0);
    map_init(&quota->per_address);
    quota->total_max = total_max;
    quota->per_address_max = per_address_max;
    return quota;
}

void quota_free(struct quota **quota)
{
    if (*quota == NULL)
        return;
    map_deinit(&(*quota)->per_address);
    (void)pthread_mutex_destroy(&(*quota)->lock);
    mem_free(*quota);
    *quota = NULL;
}

void quota_set_limits(struct quota *quota, unsigned total_max, unsigned per_address_max)
{
    require(pthread_mutex_lock(&quota->lock) == 0);
    quota->total_max = total_max;
    quota->per_address_max = per_address_max;
    require(pthread_mutex_unlock(&quota->lock) == 0);
}

static void set_count(struct quota *quota, struct span key, uintptr_t count)
{
    if (count == 0)
        (void)map_remove(&quota->per_address, key);
    else
        (void)map_set(&quota->per_address, key, (void *)count);
}

static int take_address_locked(struct quota *quota, struct span key)
{
    if (key.len == 0)
        return 0;
    uintptr_t count = (uintptr_t)map_get(&quota->per_address, key);
    if (count >= quota->per_address_max)
        return ERR_LIMIT;
    set_count(quota, key, count + 1);
    return 0;
}

static int take_locked(struct quota *quota, struct span key)
{
    if (quota->total >= quota->total_max || take_address_locked(quota, key) != 0)
        return ERR_LIMIT;
    quota->total++;
    return 0;
}

int quota_take(struct quota *quota, const struct endpoint *peer)
{
    char key[ENDPOINT_KEY_SIZE];
    size_t len = endpoint_key(peer, key);
    require(pthread_mutex_lock(&quota->lock) == 0);
    int err = take_locked(quota, span_make(key, len));
    require(pthread_mutex_unlock(&quota->lock) == 0);
    return err;
}

/* One less for the address; key: may be empty. */
static void leave_locked(struct quota *quota, struct span key)
{
    if (key.len == 0)
        return;
    uintptr_t count = (uintptr_t)map_get(&quota->per_address, key);
    require(count > 0);
    set_count(quota, key, count - 1);
}

int quota_move(struct quota *quota, const struct endpoint *from, const struct endpoint *to)
{
    char from_key[ENDPOINT_KEY_SIZE], to_key[ENDPOINT_KEY_SIZE];
    struct span old = span_make(from_key, endpoint_key(from, from_key));
    struct span new = span_make(to_key, endpoint_key(to, to_key));
    require(pthread_mutex_lock(&quota->lock) == 0);
    int err = take_address_locked(quota, new);
    if (err == 0)
        leave_locked(quota, old);
    require(pthread_mutex_unlock(&quota->lock) == 0);
    return err;
}

void quota_give_back(struct quota *quota, const struct endpoint *peer)
{
    char key[ENDPOINT_KEY_SIZE];
    size_t len = endpoint_key(peer, key);
    require(pthread_mutex_lock(&quota->lock) == 0);
    require(quota->total > 0);
    quota->total--;
    leave_locked(quota, span_make(key, len));
    require(pthread_mutex_unlock(&quota->lock) == 0);
}
