/*
 * manager: holds the current generation, swaps it on reload, says what is odd about it. What is in
 * a generation is generation.c. Tests: test_tls_manager.c.
 */
#include "tls/manager.h"

#include <pthread.h>

#include "base/mem.h"
#include "base/require.h"
#include "tls/generation_internal.h"

struct tls_manager {
    pthread_mutex_t mutex; /* held for a pointer's and a counter's change, never for work */
    struct tls_generation *current;
    const struct clock *clock;
    struct tls_signer *signer;     /* the caller's, or: */
    struct tls_signer *own_signer; /* owned */
    unsigned char ticket_key[TLS_TICKET_KEY_SIZE];
};

/* --- remarks --- */

static void remark_to_log(const struct tls_remark *remark)
{
    struct log_line line;

    log_begin(&line, remark->level, "tls", remark->event);
    log_text(&line, "file", remark->file);
    if (remark->names != NULL) {
        log_int(&line, "days", remark->days);
        log_text(&line, "names", remark->names);
    }
    log_text(&line, "why", remark->why);
    log_end(&line);
}

void tls_remark(const struct tls_remarks *remarks, const struct tls_remark *remark)
{
    if (remarks->on_remark != NULL)
        remarks->on_remark(remarks->owner, remark);
    else
        remark_to_log(remark);
}

/* --- birth and death --- */

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

static struct tls_generation_order manager_order(const struct tls_manager *manager,
                                                 const struct settings_tls *settings)
{
    return (struct tls_generation_order){.settings = settings,
                                         .clock = manager->clock,
                                         .signer = manager->signer,
                                         .ticket_key = manager->ticket_key};
}

struct tls_manager *tls_manager_create(const struct settings_tls *settings,
                                       const struct clock *clock, struct tls_signer *signer,
                                       struct fault *fault)
{
    struct tls_manager *manager = manager_create(clock, signer);
    const struct tls_generation_order order = manager_order(manager, settings);

    if (tls_generation_create(&order, &manager->current, fault) != 0)
        tls_manager_free(&manager);
    else
        tls_manager_look(manager);
    return manager;
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

/* --- generations --- */

struct tls_generation *tls_generation_get(struct tls_manager *manager)
{
    (void)pthread_mutex_lock(&manager->mutex);
    struct tls_generation *generation = manager->current;
    atomic_fetch_add_explicit(&generation->ref_count, 1, memory_order_relaxed);
    (void)pthread_mutex_unlock(&manager->mutex);
    return generation;
}

int tls_manager_prepare(struct tls_manager *manager, const struct settings_tls *settings,
                        struct tls_generation **fresh_out, struct fault *fault)
{
    struct tls_generation_order order = manager_order(manager, settings);
    struct tls_generation *old = tls_generation_get(manager);

    order.old = old;
    *fresh_out = NULL;
    int err = tls_generation_create(&order, fresh_out, fault);
    tls_generation_unref(&old);
    return err;
}

void tls_manager_adopt(struct tls_manager *manager, struct tls_generation **fresh)
{
    struct tls_generation *before = tls_generation_get(manager);

    tls_expiry_inherit(*fresh, before);
    tls_generation_unref(&before);
    (void)pthread_mutex_lock(&manager->mutex);
    struct tls_generation *old = manager->current;
    manager->current = *fresh;
    (void)pthread_mutex_unlock(&manager->mutex);
    *fresh = NULL;
    tls_generation_unref(&old);
    tls_manager_look(manager);
}

void tls_manager_discard(struct tls_generation **fresh)
{
    tls_generation_unref(fresh);
}

int tls_manager_reload(struct tls_manager *manager, const struct settings_tls *settings,
                       struct fault *fault)
{
    struct tls_generation *fresh = NULL;
    int err = tls_manager_prepare(manager, settings, &fresh, fault);

    if (err == 0)
        tls_manager_adopt(manager, &fresh);
    return err;
}

/* --- looking --- */

void tls_manager_look(struct tls_manager *manager)
{
    const struct tls_remarks to_log = {NULL, NULL};
    struct tls_generation *generation = tls_generation_get(manager);

    tls_expiry_tell(generation, &to_log);
    tls_generation_unref(&generation);
}

int tls_manager_check(const struct settings_tls *settings, const struct clock *clock,
                      const struct tls_remarks *remarks, struct fault *fault)
{
    struct tls_manager *manager = manager_create(clock, NULL);
    struct tls_generation_order order = manager_order(manager, settings);

    order.remarks = *remarks;
    int err = tls_generation_create(&order, &manager->current, fault);
    if (err == 0)
        tls_expiry_tell(manager->current, remarks);
    tls_manager_free(&manager);
    return err;
}
