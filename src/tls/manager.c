/*
 * manager: builds generations, holds the current one, swaps it on reload. What is in a generation
 * comes from creds.c, policy.c and ticket.c. Tests: test_tls_manager.c.
 */
#include "tls/manager.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/require.h"
#include "tls/tls_internal.h"

struct tls_manager {
    pthread_mutex_t mutex; /* held for a pointer's and a counter's change, never for work */
    struct tls_generation *current;
    const struct clock *clock;
    unsigned char ticket_key[TLS_TICKET_KEY_SIZE];
};

static void generation_free(struct tls_generation *generation)
{
    if (generation->server != NULL)
        gnutls_certificate_free_credentials(generation->server);
    if (generation->client != NULL)
        gnutls_certificate_free_credentials(generation->client);
    if (generation->server_priority != NULL)
        gnutls_priority_deinit(generation->server_priority);
    if (generation->client_priority != NULL)
        gnutls_priority_deinit(generation->client_priority);
    pki_trust_free(&generation->trust);
    mem_wipe(generation->ticket_key, sizeof generation->ticket_key);
    mem_free(generation);
}

static int generation_fill(struct tls_generation *generation, const struct settings_tls *settings,
                           enum tls_dates dates, struct fault *fault)
{
    int err = tls_policy_create("tls.server_profile", settings->server_profile,
                                &generation->server_priority, fault);
    if (err == 0)
        err = tls_policy_create("tls.client_profile", settings->client_profile,
                                &generation->client_priority, fault);
    if (err == 0)
        err = tls_creds_load_server(settings, generation->clock, dates, &generation->server, fault);
    if (err == 0)
        err = tls_creds_load_client(settings, &generation->client, fault);
    if (err == 0)
        err = tls_trust_load(settings, &generation->trust, fault);
    return err;
}

static int generation_create(const struct settings_tls *settings, const struct clock *clock,
                             enum tls_dates dates, struct tls_generation **generation_out,
                             struct fault *fault)
{
    struct tls_generation *generation = mem_new(struct tls_generation);

    atomic_init(&generation->ref_count, 1);
    generation->clock = clock;
    int err = generation_fill(generation, settings, dates, fault);
    if (err != 0) {
        generation_free(generation);
        return err;
    }
    *generation_out = generation;
    return 0;
}

struct tls_generation *tls_generation_get(struct tls_manager *manager)
{
    (void)pthread_mutex_lock(&manager->mutex);
    struct tls_generation *generation = manager->current;
    atomic_fetch_add_explicit(&generation->ref_count, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&manager->mutex);
    return generation;
}

void tls_generation_unref(struct tls_generation **generation)
{
    struct tls_generation *gone = *generation;

    *generation = NULL;
    if (gone == NULL)
        return;
    unsigned before = atomic_fetch_sub_explicit(&gone->ref_count, 1, memory_order_acq_rel);
    require(before > 0);
    if (before == 1)
        generation_free(gone);
}

struct tls_manager *tls_manager_create(const struct settings_tls *settings,
                                       const struct clock *clock, struct fault *fault)
{
    struct tls_generation *generation = NULL;

    if (generation_create(settings, clock, TLS_DATES_WARN, &generation, fault) != 0)
        return NULL;
    struct tls_manager *manager = mem_new(struct tls_manager);
    require(pthread_mutex_init(&manager->mutex, NULL) == 0);
    manager->clock = clock;
    tls_ticket_key_create(manager->ticket_key);
    memcpy(generation->ticket_key, manager->ticket_key, sizeof generation->ticket_key);
    manager->current = generation;
    return manager;
}

int tls_manager_reload(struct tls_manager *manager, const struct settings_tls *settings,
                       struct fault *fault)
{
    struct tls_generation *fresh = NULL;
    int err = generation_create(settings, manager->clock, TLS_DATES_STRICT, &fresh, fault);

    if (err != 0)
        return err;
    memcpy(fresh->ticket_key, manager->ticket_key, sizeof fresh->ticket_key);
    (void)pthread_mutex_lock(&manager->mutex);
    struct tls_generation *old = manager->current;
    manager->current = fresh;
    (void)pthread_mutex_unlock(&manager->mutex);
    tls_generation_unref(&old);
    return 0;
}

int tls_manager_check(const struct settings_tls *settings, const struct clock *clock,
                      struct fault *fault)
{
    struct tls_generation *generation = NULL;
    int err = generation_create(settings, clock, TLS_DATES_STRICT, &generation, fault);

    tls_generation_unref(&generation);
    return err;
}

void tls_manager_free(struct tls_manager **manager)
{
    struct tls_manager *gone = *manager;

    *manager = NULL;
    if (gone == NULL)
        return;
    tls_generation_unref(&gone->current);
    (void)pthread_mutex_destroy(&gone->mutex);
    mem_wipe(gone->ticket_key, sizeof gone->ticket_key);
    mem_free(gone);
}
