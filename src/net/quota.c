/*
 * Counts of connections, in all and per address. Loops of all threads share one quota, so it has a
 * lock; it is held for one look-up. Tested by tests/unit/test_net_quota.c.
 */
#include "net/quota.h"

#include <netinet/in.h>
#include <pthread.h>

#include "base/err.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/require.h"

enum { KEY_SIZE = 9, IPV6_NETWORK_SIZE = 8, IPV4_SIZE = 4 };

struct quota {
    pthread_mutex_t lock;
    unsigned total_max, per_address_max;
    unsigned total;
    /* Count for each address that has connections, as a number in the pointer: an entry exists only
     * while it is above zero, so connections_max bounds the table. */
    struct map per_address;
};

/* What counts as one address: IPv4 whole, also when mapped into IPv6; IPv6 by /64, because a host
 * commands that many; unix peers share one entry without a limit of their own. */
static size_t address_key(const struct endpoint *peer, char key[KEY_SIZE])
{
    if (peer->len == 0 || peer->address.ss_family == AF_UNIX)
        return 0;
    if (peer->address.ss_family == AF_INET) {
        const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&peer->address;
        key[0] = '4';
        memcpy(key + 1, &in->sin_addr, IPV4_SIZE);
        return 1 + IPV4_SIZE;
    }
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)&peer->address;
    if (IN6_IS_ADDR_V4MAPPED(&in6->sin6_addr)) {
        key[0] = '4';
        memcpy(key + 1, in6->sin6_addr.s6_addr + 12, IPV4_SIZE);
        return 1 + IPV4_SIZE;
    }
    key[0] = '6';
    memcpy(key + 1, in6->sin6_addr.s6_addr, IPV6_NETWORK_SIZE);
    return 1 + IPV6_NETWORK_SIZE;
}

struct quota *quota_create(unsigned connections_max, unsigned connections_per_address_max)
{
    struct quota *quota = mem_new(struct quota);
    require(pthread_mutex_init(&quota->lock, NULL) == 0);
    map_init(&quota->per_address);
    quota->total_max = connections_max;
    quota->per_address_max = connections_per_address_max;
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

void quota_set_limits(struct quota *quota, unsigned connections_max,
                      unsigned connections_per_address_max)
{
    require(pthread_mutex_lock(&quota->lock) == 0);
    quota->total_max = connections_max;
    quota->per_address_max = connections_per_address_max;
    require(pthread_mutex_unlock(&quota->lock) == 0);
}

static void set_count(struct quota *quota, struct span key, uintptr_t count)
{
    if (count == 0)
        (void)map_remove(&quota->per_address, key);
    else
        (void)map_set(&quota->per_address, key, (void *)count);
}

static int take_locked(struct quota *quota, struct span key)
{
    if (quota->total >= quota->total_max)
        return ERR_LIMIT;
    if (key.len > 0) {
        uintptr_t count = (uintptr_t)map_get(&quota->per_address, key);
        if (count >= quota->per_address_max)
            return ERR_LIMIT;
        set_count(quota, key, count + 1);
    }
    quota->total++;
    return 0;
}

int quota_take(struct quota *quota, const struct endpoint *peer)
{
    char key[KEY_SIZE];
    size_t len = address_key(peer, key);
    require(pthread_mutex_lock(&quota->lock) == 0);
    int err = take_locked(quota, span_make(key, len));
    require(pthread_mutex_unlock(&quota->lock) == 0);
    return err;
}

void quota_give_back(struct quota *quota, const struct endpoint *peer)
{
    char key[KEY_SIZE];
    size_t len = address_key(peer, key);
    require(pthread_mutex_lock(&quota->lock) == 0);
    require(quota->total > 0);
    quota->total--;
    if (len > 0) {
        uintptr_t count = (uintptr_t)map_get(&quota->per_address, span_make(key, len));
        require(count > 0);
        set_count(quota, span_make(key, len), count - 1);
    }
    require(pthread_mutex_unlock(&quota->lock) == 0);
}
