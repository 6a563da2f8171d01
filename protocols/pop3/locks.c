/*
 * Owns the exclusive locks of maildrops (RFC 1939 4), over all loops. Tests:
 * tests/dialogue/pop3/lock.dlg.
 */
#include <pthread.h>

#include "base/map.h"
#include "base/mem.h"
#include "protocols/pop3/pop3_internal.h"

struct pop3_locks {
    pthread_mutex_t mutex;
    struct map accounts; /* locked ones; the value says nothing */
};

struct pop3_locks *pop3_locks_create(void)
{
    struct pop3_locks *locks = mem_new(struct pop3_locks);
    (void)pthread_mutex_init(&locks->mutex, NULL); /* cannot fail with default attributes */
    map_init(&locks->accounts);
    return locks;
}

void pop3_locks_free(struct pop3_locks **locks_ptr)
{
    struct pop3_locks *locks = *locks_ptr;
    *locks_ptr = NULL;
    if (locks == NULL)
        return;
    map_deinit(&locks->accounts);
    (void)pthread_mutex_destroy(&locks->mutex);
    mem_free(locks);
}

bool pop3_locks_take(struct pop3_locks *locks, uint64_t account)
{
    (void)pthread_mutex_lock(&locks->mutex);
    bool is_free = map_get_u64(&locks->accounts, account) == NULL;
    if (is_free)
        (void)map_set_u64(&locks->accounts, account, locks);
    (void)pthread_mutex_unlock(&locks->mutex);
    return is_free;
}

void pop3_locks_give_back(struct pop3_locks *locks, uint64_t account)
{
    (void)pthread_mutex_lock(&locks->mutex);
    (void)map_remove_u64(&locks->accounts, account);
    (void)pthread_mutex_unlock(&locks->mutex);
}
