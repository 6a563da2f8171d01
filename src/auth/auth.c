/*
 * Owns what all exchanges share: settings, the process's secret, the throttle, the cache of
 * verified passwords, the look-up of accounts. One lock guards the small tables and is never held
 * over a hash of a password. The exchanges are in sasl.c. Tests: tests/unit/test_auth_sasl.c.
 */
#include "auth/auth_internal.h"

#include <pthread.h>

#include "auth/identity.h"
#include "base/log.h"
#include "base/mem.h"

struct auth {
    struct store *store;
    const struct clock *clock;
    const struct entropy *entropy;
    char *domain;
    unsigned char secret[DIGEST_SHA256_SIZE]; /* keys cache and invented salts; never changes */
    pthread_mutex_t lock;                     /* settings, throttle, cache */
    struct settings_auth settings;
    struct throttle *throttle;
    struct cache *cache;
};

static const char *const failure_texts[] = {
#define AUTH_TEXT(name, text) [name] = text,
    AUTH_FAILURE_LIST(AUTH_TEXT)
#undef AUTH_TEXT
};

struct auth *auth_create(const struct settings_auth *settings, struct store *store,
                         struct span domain, const struct clock *clock,
                         const struct entropy *entropy)
{
    struct auth *auth = mem_new(struct auth);
    auth->store = store;
    auth->clock = clock;
    auth->entropy = entropy;
    auth->domain = span_dup(domain);
    auth->settings = *settings;
    entropy_fill(entropy, auth->secret, sizeof auth->secret);
    (void)pthread_mutex_init(&auth->lock, NULL); /* cannot fail with default attributes */
    auth->throttle = throttle_create(entropy);
    auth->cache = cache_create();
    return auth;
}

void auth_free(struct auth **auth_ptr)
{
    struct auth *auth = *auth_ptr;
    *auth_ptr = NULL;
    if (auth == NULL)
        return;
    cache_free(&auth->cache);
    throttle_free(&auth->throttle);
    (void)pthread_mutex_destroy(&auth->lock);
    mem_free(auth->domain);
    mem_wipe(auth->secret, sizeof auth->secret);
    mem_free(auth);
}

/* Locking a default mutex fails only when it is used wrongly. */
static void lock(struct auth *auth)
{
    (void)pthread_mutex_lock(&auth->lock);
}

static void unlock(struct auth *auth)
{
    (void)pthread_mutex_unlock(&auth->lock);
}

void auth_set_settings(struct auth *auth, const struct settings_auth *settings)
{
    lock(auth);
    auth->settings = *settings;
    unlock(auth);
}

const char *auth_failure_text(enum auth_failure failure)
{
    return failure_texts[failure];
}

struct span auth_domain(const struct auth *auth)
{
    return span_of(auth->domain);
}

const struct entropy *auth_entropy(const struct auth *auth)
{
    return auth->entropy;
}

static struct span secret_span(const struct auth *auth)
{
    return span_make((const char *)auth->secret, sizeof auth->secret);
}

/* Whether the account exists and has a verifier that can be read. */
static bool find_account(struct auth *auth, struct span key, struct auth_subject *subject)
{
    if (store_find_account(auth->store, key, &subject->account) != 0 ||
        subject->account.verifier[0] == '\0')
        return false;
    if (password_parse_verifier(span_of(subject->account.verifier), &subject->verifier) == 0)
        return true;
    log_event(LOG_WARN, "auth", "damaged-verifier", "account", subject->account.address);
    return false;
}

void auth_look_up(struct auth *auth, struct span login, struct auth_subject *subject)
{
    *subject = (struct auth_subject){0};
    struct buf key;
    buf_init(&key, 0);
    if (identity_key(login, auth_domain(auth), &key) != 0) {
        buf_clear(&key);
        buf_put(&key, login);
    }
    lock(auth);
    unsigned iteration_count = auth->settings.iteration_count;
    unlock(auth);
    /* Made for known names too, so that both take the same time. */
    struct password_verifier invented;
    password_invent(secret_span(auth), buf_span(&key), iteration_count, &invented);
    subject->is_known = find_account(auth, buf_span(&key), subject);
    if (!subject->is_known) {
        subject->account = (struct store_account){0};
        subject->verifier = invented;
    }
    mem_wipe(&invented, sizeof invented);
    buf_release(&key);
}

static struct throttle_limits limits_of(const struct auth *auth)
{
    return (struct throttle_limits){.count_max = auth->settings.throttle_count,
                                    .memory_ms = auth->settings.throttle_ms};
}

bool auth_is_throttled(struct auth *auth, const struct throttle_key *key)
{
    int64_t now_ms = clock_monotonic_ms(auth->clock);
    lock(auth);
    struct throttle_limits limits = limits_of(auth);
    bool is_closed = throttle_is_closed(auth->throttle, key, &limits, now_ms);
    unlock(auth);
    return is_closed;
}

void auth_note_failure(struct auth *auth, const struct throttle_key *key)
{
    int64_t now_ms = clock_monotonic_ms(auth->clock);
    lock(auth);
    struct throttle_limits limits = limits_of(auth);
    throttle_add_failure(auth->throttle, key, &limits, now_ms);
    unlock(auth);
}

bool auth_remembers(struct auth *auth, const struct auth_subject *subject, struct span password,
                    unsigned char digest_out[DIGEST_SHA256_SIZE])
{
    cache_digest(secret_span(auth), &subject->account, password, digest_out);
    int64_t now_ms = clock_monotonic_ms(auth->clock);
    lock(auth);
    bool is_there = auth->settings.cache_ms > 0 &&
                    cache_has(auth->cache, subject->account.id, digest_out, now_ms);
    unlock(auth);
    return is_there && subject->is_known;
}

void auth_remember(struct auth *auth, const struct auth_subject *subject,
                   const unsigned char digest[DIGEST_SHA256_SIZE])
{
    int64_t now_ms = clock_monotonic_ms(auth->clock);
    lock(auth);
    if (auth->settings.cache_ms > 0)
        cache_add(auth->cache, subject->account.id, digest, now_ms + auth->settings.cache_ms);
    unlock(auth);
}
