/*
 * signer_cap: a token bucket before the signer's sign(). Thread-safe. Tests:
 * test_tls_signer_cap.c.
 */
#include "tls/signer_cap.h"

#include <gnutls/gnutls.h>
#include <pthread.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"

enum { MILLI = 1000, LOG_PAUSE_MS = 1000 };

struct cap {
    struct tls_signer signer; /* first */
    struct tls_signer *inner;
    const struct clock *clock;
    pthread_mutex_t mutex; /* of all below */
    unsigned rate;
    int64_t tokens; /* thousandths of a signature: rate are added each millisecond */
    int64_t filled_ms, logged_ms;
    bool has_logged;
    int64_t refused_count; /* since the last line */
};

static struct cap *cap_of(struct tls_signer *signer)
{
    return (struct cap *)(void *)signer;
}

/* Under the mutex. */
static void fill(struct cap *cap, int64_t now_ms)
{
    int64_t full = (int64_t)cap->rate * MILLI;
    int64_t passed_ms = now_ms - cap->filled_ms;

    /* After a second it is full anyway, and the product stays small. */
    cap->tokens += (passed_ms > MILLI ? MILLI : passed_ms) * cap->rate;
    if (cap->tokens > full)
        cap->tokens = full;
    cap->filled_ms = now_ms;
}

static void log_refused(int64_t refused_count, unsigned rate)
{
    struct log_line line;

    log_begin(&line, LOG_WARN, "tls", "rsa-capped");
    log_int(&line, "refused", refused_count);
    log_int(&line, "rate", rate);
    log_end(&line);
}

static bool may_sign(struct cap *cap)
{
    int64_t to_log = 0;

    (void)pthread_mutex_lock(&cap->mutex);
    int64_t now_ms = clock_monotonic_ms(cap->clock);
    unsigned rate = cap->rate;
    fill(cap, now_ms);
    bool may = rate == 0 || cap->tokens >= MILLI;
    if (may && rate != 0)
        cap->tokens -= MILLI;
    cap->refused_count += !may;
    if (!may && (!cap->has_logged || now_ms - cap->logged_ms >= LOG_PAUSE_MS)) {
        to_log = cap->refused_count;
        cap->refused_count = 0;
        cap->logged_ms = now_ms;
        cap->has_logged = true;
    }
    (void)pthread_mutex_unlock(&cap->mutex);
    if (to_log > 0)
        log_refused(to_log, rate);
    return may;
}

static bool is_rsa(unsigned algorithm)
{
    gnutls_pk_algorithm_t pk =
        (gnutls_pk_algorithm_t)gnutls_sign_get_pk_algorithm((gnutls_sign_algorithm_t)algorithm);

    return pk == GNUTLS_PK_RSA || pk == GNUTLS_PK_RSA_PSS ||
           algorithm == (unsigned)GNUTLS_SIGN_RSA_RAW;
}

static int on_sign(struct tls_signer *signer, const struct tls_signing *signing,
                   struct tls_signature *signature_out)
{
    struct cap *cap = cap_of(signer);

    if (is_rsa(signing->algorithm) && !may_sign(cap))
        return ERR_LIMIT;
    return cap->inner->ops->sign(cap->inner, signing, signature_out);
}

static int on_load(struct tls_signer *signer, const struct settings_tls *settings,
                   struct tls_keyring *keyring_out, struct fault *fault)
{
    struct tls_signer *inner = cap_of(signer)->inner;

    return inner->ops->load(inner, settings, keyring_out, fault);
}

static void on_drop(struct tls_signer *signer, const struct tls_keyring *keyring)
{
    struct tls_signer *inner = cap_of(signer)->inner;

    inner->ops->drop(inner, keyring);
}

static void on_free(struct tls_signer *signer)
{
    struct cap *cap = cap_of(signer);

    (void)pthread_mutex_destroy(&cap->mutex);
    mem_free(cap);
}

struct tls_signer *tls_signer_cap_create(struct tls_signer *signer, const struct clock *clock,
                                         unsigned rate)
{
    static const struct tls_signer_ops ops = {
        .load = on_load, .drop = on_drop, .sign = on_sign, .free = on_free};
    struct cap *cap = mem_new(struct cap);

    cap->signer.ops = &ops;
    cap->inner = signer;
    cap->clock = clock;
    require(pthread_mutex_init(&cap->mutex, NULL) == 0);
    cap->rate = rate;
    cap->tokens = (int64_t)rate * MILLI;
    cap->filled_ms = clock_monotonic_ms(clock);
    return &cap->signer;
}

void tls_signer_cap_set(struct tls_signer *signer, unsigned rate)
{
    struct cap *cap = cap_of(signer);

    (void)pthread_mutex_lock(&cap->mutex);
    fill(cap, clock_monotonic_ms(cap->clock));
    cap->rate = rate;
    (void)pthread_mutex_unlock(&cap->mutex);
}
