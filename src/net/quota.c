/*
 * Counts of what peers hold, in all, per address and per network, and the rates at which they come.
 * Loops of all threads share one quota, so it has a lock; it is held for a few look-ups. Tested by
 * tests/unit/test_net_quota.c.
 */
#include "net/quota.h"

#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rate.h"
#include "base/require.h"

struct quota {
    pthread_mutex_t lock;
    struct quota_limits limits;
    unsigned total;
    /* Count for each address and each network that has any, as a number in the pointer: an entry
     * exists only while it is above zero, so total_max bounds the table. Their keys differ. */
    struct map counts;
    struct rate *address_rates, *network_rates; /* NULL: there was no limit yet */
};

/* What a holder counts as; a key of length 0 counts nowhere. */
struct holder_keys {
    char address_bytes[ENDPOINT_KEY_SIZE], network_bytes[ENDPOINT_NETWORK_KEY_SIZE];
    struct span address, network;
    bool is_rated;
};

static void set_limits(struct quota *quota, const struct quota_limits *limits)
{
    quota->limits = *limits;
    if (quota->address_rates == NULL && limits->rate_max > 0)
        quota->address_rates = rate_create(QUOTA_RATE_PLACES);
    if (quota->network_rates == NULL && limits->rate_network_max > 0)
        quota->network_rates = rate_create(QUOTA_RATE_PLACES);
}

struct quota *quota_create(const struct quota_limits *limits)
{
    struct quota *quota = mem_new(struct quota);
    require(pthread_mutex_init(&quota->lock, NULL) == 0);
    map_init(&quota->counts);
    set_limits(quota, limits);
    return quota;
}

void quota_free(struct quota **quota)
{
    if (*quota == NULL)
        return;
    map_deinit(&(*quota)->counts);
    rate_free(&(*quota)->address_rates);
    rate_free(&(*quota)->network_rates);
    (void)pthread_mutex_destroy(&(*quota)->lock);
    mem_free(*quota);
    *quota = NULL;
}

void quota_set_limits(struct quota *quota, const struct quota_limits *limits)
{
    struct quota_limits next = *limits;
    require(pthread_mutex_lock(&quota->lock) == 0);
    next.ipv4_prefix_len = quota->limits.ipv4_prefix_len;
    next.ipv6_prefix_len = quota->limits.ipv6_prefix_len;
    set_limits(quota, &next);
    require(pthread_mutex_unlock(&quota->lock) == 0);
}

/* The prefix lengths never change, so no lock is needed. Networks are counted whatever the limits
 * are, for a reload may bring one. */
static void make_keys(const struct quota *quota, const struct quota_holder *holder,
                      struct holder_keys *keys)
{
    size_t len = endpoint_key(&holder->peer, keys->address_bytes);
    keys->address = span_make(keys->address_bytes, len);
    len = holder->is_trusted
              ? 0
              : endpoint_network_key(&holder->peer, quota->limits.ipv4_prefix_len,
                                     quota->limits.ipv6_prefix_len, keys->network_bytes);
    keys->network = span_make(keys->network_bytes, len);
    keys->is_rated = !holder->is_trusted;
}

static bool has_room(const struct quota *quota, struct span key, unsigned max)
{
    return key.len == 0 || (uintptr_t)map_get(&quota->counts, key) < max;
}

static bool is_in_time(struct rate *rate, struct span key, unsigned max, int64_t now_ms)
{
    const struct rate_limit limit = {max, QUOTA_RATE_PERIOD_MS};
    return rate == NULL || key.len == 0 || rate_take(rate, key, &limit, now_ms) == 0;
}

/* The address before its network, and counts before rates: who is refused for himself takes nothing
 * from his neighbours. */
static enum quota_answer look_locked(struct quota *quota, const struct holder_keys *keys,
                                     int64_t now_ms)
{
    const struct quota_limits *limits = &quota->limits;
    if (!has_room(quota, keys->address, limits->per_address_max))
        return QUOTA_ADDRESS;
    if (limits->per_network_max > 0 && !has_room(quota, keys->network, limits->per_network_max))
        return QUOTA_NETWORK;
    if (!keys->is_rated)
        return QUOTA_FITS;
    if (!is_in_time(quota->address_rates, keys->address, limits->rate_max, now_ms))
        return QUOTA_RATE;
    if (!is_in_time(quota->network_rates, keys->network, limits->rate_network_max, now_ms))
        return QUOTA_RATE_NETWORK;
    return QUOTA_FITS;
}

static void add_locked(struct quota *quota, struct span key, int change)
{
    if (key.len == 0)
        return;
    uintptr_t count = (uintptr_t)map_get(&quota->counts, key);
    require(change > 0 || count > 0);
    count = change > 0 ? count + 1 : count - 1;
    if (count == 0)
        (void)map_remove(&quota->counts, key);
    else
        (void)map_set(&quota->counts, key, (void *)count);
}

static void add_both_locked(struct quota *quota, const struct holder_keys *keys, int change)
{
    add_locked(quota, keys->address, change);
    add_locked(quota, keys->network, change);
}

enum quota_answer quota_take(struct quota *quota, const struct quota_holder *holder, int64_t now_ms)
{
    struct holder_keys keys;
    make_keys(quota, holder, &keys);
    require(pthread_mutex_lock(&quota->lock) == 0);
    enum quota_answer answer =
        quota->total >= quota->limits.total_max ? QUOTA_TOTAL : look_locked(quota, &keys, now_ms);
    if (answer == QUOTA_FITS) {
        quota->total++;
        add_both_locked(quota, &keys, 1);
    }
    require(pthread_mutex_unlock(&quota->lock) == 0);
    return answer;
}

enum quota_answer quota_move(struct quota *quota, const struct quota_holder *from,
                             const struct quota_holder *to, int64_t now_ms)
{
    struct holder_keys old, new;
    make_keys(quota, from, &old);
    make_keys(quota, to, &new);
    require(pthread_mutex_lock(&quota->lock) == 0);
    enum quota_answer answer = look_locked(quota, &new, now_ms);
    if (answer == QUOTA_FITS) {
        add_both_locked(quota, &new, 1);
        add_both_locked(quota, &old, -1);
    }
    require(pthread_mutex_unlock(&quota->lock) == 0);
    return answer;
}

void quota_give_back(struct quota *quota, const struct quota_holder *holder)
{
    struct holder_keys keys;
    make_keys(quota, holder, &keys);
    require(pthread_mutex_lock(&quota->lock) == 0);
    require(quota->total > 0);
    quota->total--;
    add_both_locked(quota, &keys, -1);
    require(pthread_mutex_unlock(&quota->lock) == 0);
}

const char *quota_answer_text(enum quota_answer answer)
{
    static const char *const texts[] = {
#define QUOTA_TEXT(name, text) text,
        QUOTA_LIST(QUOTA_TEXT)
#undef QUOTA_TEXT
    };
    return texts[answer];
}
