/*
 * generation: builds what a reload replaces, whole, from settings and files, and frees it when the
 * last session that uses it has ended. Which one is current is manager.c. Tests:
 * test_tls_manager.c.
 */
#include "base/mem.h"
#include "base/require.h"
#include "tls/own_internal.h"

static void generation_free(struct tls_generation *generation)
{
    tls_identities_free(&generation->identities);
    if (generation->client != NULL)
        gnutls_certificate_free_credentials(generation->client);
    for (size_t i = 0; i < generation->own_count; i++) /* behind the credentials: staples */
        tls_own_deinit(&generation->own[i]);
    mem_free(generation->own);
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

static int fill_policies(struct tls_generation *generation, const struct settings_tls *settings,
                         struct fault *fault)
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
    return err;
}

/* Loads the next certificate of ours into its place. */
static int load_own(struct tls_generation *generation, const struct tls_generation_order *order,
                    const struct settings_tls_pair *pair, const struct tls_key *key,
                    struct fault *fault)
{
    size_t index = generation->own_count;
    bool is_client = index == generation->pair_count;
    const struct tls_own_order own_order = {
        .setting = is_client    ? "tls.client_certificate"
                   : index == 0 ? "tls.certificate"
                                : "certificates.certificate",
        .pair = pair,
        .key = key,
        .purpose = is_client ? GNUTLS_KP_TLS_WWW_CLIENT : GNUTLS_KP_TLS_WWW_SERVER,
        .old = order->old,
        .settings = order->settings,
        .clock = order->clock,
        .remarks = &order->remarks,
    };

    generation->own_count++; /* freed with the others, also half-loaded */
    return tls_own_load(&generation->own[index], &own_order, fault);
}

static int fill_own(struct tls_generation *generation, const struct tls_generation_order *order,
                    struct fault *fault)
{
    const struct settings_tls *settings = order->settings;
    const struct settings_tls_pair client = {settings->client_certificate, settings->client_key,
                                             ""};
    const struct tls_keyring *ring = &generation->keyring;
    int err = 0;

    generation->pair_count = settings->pair_count;
    generation->own = mem_zalloc(settings->pair_count + 1, sizeof *generation->own);
    for (size_t i = 0; i < settings->pair_count && err == 0; i++)
        err = load_own(generation, order, &settings->pairs[i], &ring->keys[i], fault);
    if (err == 0 && client.certificate[0] != '\0')
        err = load_own(generation, order, &client, &ring->client, fault);
    return err;
}

static int fill_credentials(struct tls_generation *generation, struct fault *fault)
{
    bool has_client = generation->own_count > generation->pair_count;
    int err = 0;

    if (generation->pair_count > 0)
        err = tls_identities_create(generation, &generation->identities, fault);
    if (err == 0)
        err = tls_creds_create_client(generation,
                                      has_client ? &generation->own[generation->pair_count] : NULL,
                                      &generation->client, fault);
    return err;
}

static int fill_ticket_key(struct tls_generation *generation,
                           const struct tls_generation_order *order, struct fault *fault)
{
    generation->ticket_time_s = (unsigned)(order->settings->ticket_time_ms / 1000);
    if (order->settings->ticket_key[0] != '\0')
        return tls_ticket_key_load(order->settings->ticket_key, generation->ticket_key, fault);
    memcpy(generation->ticket_key, order->ticket_key, sizeof generation->ticket_key);
    return 0;
}

/* The keeper reads the configuration itself and may see a newer one. */
static int check_keyring(const struct tls_keyring *ring, const struct settings_tls *settings,
                         struct fault *fault)
{
    bool has_client_key = settings->client_key[0] != '\0';

    if (ring->count == settings->pair_count && (ring->client.number != 0) == has_client_key)
        return 0;
    return fault_set(fault, ERR_CONFIG,
                     "the keys that the configuration names are not those in use: it was changed "
                     "and not reloaded; send SIGHUP");
}

static int generation_fill(struct tls_generation *generation,
                           const struct tls_generation_order *order, struct fault *fault)
{
    int err = fill_policies(generation, order->settings, fault);
    if (err == 0)
        err = generation->signer->ops->load(generation->signer, order->settings,
                                            &generation->keyring, fault);
    generation->has_keyring = err == 0;
    if (err == 0)
        err = check_keyring(&generation->keyring, order->settings, fault);
    if (err == 0)
        err = fill_own(generation, order, fault);
    if (err == 0)
        err = fill_credentials(generation, fault);
    if (err == 0)
        err = tls_trust_load(order->settings, &order->remarks, &generation->trust, fault);
    if (err == 0)
        err = fill_ticket_key(generation, order, fault);
    return err;
}

int tls_generation_create(const struct tls_generation_order *order,
                          struct tls_generation **generation_out, struct fault *fault)
{
    struct tls_generation *generation = mem_new(struct tls_generation);

    atomic_init(&generation->ref_count, 1);
    generation->clock = order->clock;
    generation->signer = order->signer;
    int err = generation_fill(generation, order, fault);
    if (err != 0) {
        generation_free(generation);
        return err;
    }
    *generation_out = generation;
    return 0;
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
