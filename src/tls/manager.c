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
    struct tls_signer *signer;     /* the caller's, or: */
    struct tls_signer *own_signer; /* owned */
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
    if (generation->server_priority_chacha20 != NULL)
        gnutls_priority_deinit(generation->server_priority_chacha20);
    if (generation->client_priority != NULL)
        gnutls_priority_deinit(generation->client_priority);
    if (generation->has_keyring) /* behind the credentials, which use it */
        generation->signer->ops->drop(generation->signer, &generation->keyring);
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
        err = tls_policy_create_chacha20("tls.server_profile", settings->server_profile,
                                         generation->server_priority,
                                         &generation->server_priority_chacha20, fault);
    if (err == 0)
        err = tls_policy_create("tls.client_profile", settings->client_profile,
                                &generation->client_priority, fault);
    if (err == 0)
        err = generation->signer->ops->load(generation->signer, settings, &generation->keyring,
                                            fault);
    generation->has_keyring = err == 0;
    if (err == 0)
        err = tls_creds_load_server(settings, generation, dates, &generation->server, fault);
    if (err == 0)
        err = tls_creds_load_client(settings, generation, &generation->client, fault);
    if (err == 0)
        err = tls_trust_load(settings, &generation->trust, fault);
    return err;
}

static int generation_create(const struct tls_manager *manager, const struct settings_tls *settings,
                             enum tls_dates dates, struct tls_generation **generation_out,
                             struct fault *fault)
{
    struct tls_generation *generation = mem_new(struct tls_generation);

    atomic_init(&generation->ref_count, 1);
    generation->clock = manager->clock;
    generation->signer = manager->signer;
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

static struct tls_manager *manager_create(const struct clock *clock, struct tls_signer *signer)
{
    struct tls_manager *manager = mem_new(struct tls_manager);

    require(pthread_mutex_init(&manager->mutex, NULL) == 0);
    manager->clock = clock;
    manager->own_signer = signer == NULL ? tls_signer_local_create() : NULL;
    manager->signer = signer == NULL ? manager->own_signer : signer;
    tls_ticket_key_create(manager->ticket_key);
    return manager;
}

struct tls_manager *tls_manager_create(const struct settings_tls *settings,
                                       const struct clock *clock, struct tls_signer *signer,
                                       struct fault *fault)
{
    struct tls_manager *manager = manager_create(clock, signer);

    if (generation_create(manager, settings, TLS_DATES_WARN, &manager->current, fault) != 0) {
        tls_manager_free(&manager);
        return NULL;
    }
    memcpy(manager->current->ticket_key, manager->ticket_key, sizeof manager->ticket_key);
    return manager;
}

int tls_manager_reload(struct tls_manager *manager, const struct settings_tls *settings,
                       struct fault *fault)
{
    struct tls_generation *fresh = NULL;
    int err = generation_create(manager, settings, TLS_DATES_STRICT, &fresh, fault);

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
    struct tls_manager *manager = manager_create(clock, NULL);
    int err = generation_create(manager, settings, TLS_DATES_STRICT, &manager->current, fault);

    tls_manager_free(&manager);
    return err;
}

void tls_manager_free(struct tls_manager **manager)
{
    struct tls_manager *gone = *manager;

    *manager = NULL;
    if (gone == NULL)
        return;
    tls_generation_unref(&gone->current);
    tls_signer_free(&gone->own_signer);
    (void)pthread_mutex_destroy(&gone->mutex);
    mem_wipe(gone->ticket_key, sizeof gone->ticket_key);
    mem_free(gone);
}
