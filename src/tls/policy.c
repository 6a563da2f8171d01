/*
 * policy: protocol versions, suites, groups and signatures as one shared priority cache a profile.
 * Certificates are creds.c, their checks verify.c. Tests: test_tls_manager.c, test_tls_policy.c.
 *
 * RFC 9325: TLS 1.2 and 1.3, AEAD, forward secrecy. AES-128 comes first because with AES
 * instructions it is seven times as fast as ChaCha20 here (FACTS 1), X25519 because it saves 50 us
 * against P-256; P-384 is there for the few peers whose certificates use it. Clients without AES
 * instructions put ChaCha20 first, and get it. A priority string of the administrator's own may
 * narrow this but not weaken it.
 */
#include "base/buf.h"
#include "base/err.h"
#include "base/require.h"
#include "tls/hello.h"
#include "tls/tls_internal.h"

#define POLICY_COMMON                                                                              \
    "+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:"       \
    "+CTYPE-X509:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:"                                 \
    "+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256:+SIGN-EDDSA-ED25519:"                         \
    "+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-PSS-SHA256:+SIGN-RSA-SHA256:"                             \
    "+SIGN-ECDSA-SECP384R1-SHA384:+SIGN-ECDSA-SHA384:+SIGN-RSA-PSS-RSAE-SHA384:"                   \
    "+SIGN-RSA-PSS-SHA384:+SIGN-RSA-SHA384:+SIGN-ECDSA-SECP521R1-SHA512:+SIGN-ECDSA-SHA512:"       \
    "+SIGN-RSA-PSS-RSAE-SHA512:+SIGN-RSA-PSS-SHA512:+SIGN-RSA-SHA512:"                             \
    "%SERVER_PRECEDENCE:%PROFILE_MEDIUM"

static const struct policy_profile {
    const char *name, *priority;
} profiles[] = {
    {"intermediate", "NONE:+VERS-TLS1.3:+VERS-TLS1.2:" POLICY_COMMON},
    {"modern", "NONE:+VERS-TLS1.3:" POLICY_COMMON},
};

static const char *policy_priority(const char *profile)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++)
        if (strcmp(profiles[i].name, profile) == 0)
            return profiles[i].priority;
    return profile;
}

static bool policy_version_is_fit(unsigned version)
{
    return version == GNUTLS_TLS1_2 || version == GNUTLS_TLS1_3;
}

static bool policy_cipher_is_fit(unsigned cipher)
{
    return cipher == GNUTLS_CIPHER_AES_128_GCM || cipher == GNUTLS_CIPHER_AES_256_GCM ||
           cipher == GNUTLS_CIPHER_CHACHA20_POLY1305 || cipher == GNUTLS_CIPHER_AES_128_CCM ||
           cipher == GNUTLS_CIPHER_AES_256_CCM;
}

static bool policy_kx_is_fit(unsigned kx)
{
    return kx == GNUTLS_KX_ECDHE_ECDSA || kx == GNUTLS_KX_ECDHE_RSA;
}

/* The first member of the list that is not fit, or -1. */
static int policy_first_unfit(const unsigned *list, int count, bool (*is_fit)(unsigned))
{
    for (int i = 0; i < count; i++)
        if (!is_fit(list[i]))
            return (int)list[i];
    return -1;
}

/* Refuses what THREATS 7 forbids, whoever asks for it. */
static int policy_check(const char *key, gnutls_priority_t priority, struct fault *fault)
{
    const unsigned *list = NULL;
    int count = gnutls_priority_protocol_list(priority, &list);
    int unfit = policy_first_unfit(list, count, policy_version_is_fit);

    if (unfit >= 0)
        return fault_set(fault, ERR_CONFIG,
                         "%s allows %s: only TLS 1.2 and 1.3 are served; take \"intermediate\" or "
                         "add :-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2",
                         key, gnutls_protocol_get_name((gnutls_protocol_t)unfit));
    count = gnutls_priority_cipher_list(priority, &list);
    unfit = policy_first_unfit(list, count, policy_cipher_is_fit);
    if (unfit >= 0)
        return fault_set(fault, ERR_CONFIG,
                         "%s allows the cipher %s: only AES-GCM, AES-CCM and CHACHA20-POLY1305 "
                         "are served; take it out with :-%s",
                         key, gnutls_cipher_get_name((gnutls_cipher_algorithm_t)unfit),
                         gnutls_cipher_get_name((gnutls_cipher_algorithm_t)unfit));
    count = gnutls_priority_kx_list(priority, &list);
    unfit = policy_first_unfit(list, count, policy_kx_is_fit);
    if (unfit >= 0)
        return fault_set(fault, ERR_CONFIG,
                         "%s allows the key exchange %s: only ECDHE-ECDSA and ECDHE-RSA are "
                         "served; take it out with :-%s",
                         key, gnutls_kx_get_name((gnutls_kx_algorithm_t)unfit),
                         gnutls_kx_get_name((gnutls_kx_algorithm_t)unfit));
    return 0;
}

static int policy_init(const char *key, const char *profile, const char *text,
                       gnutls_priority_t *priority_out, struct fault *fault)
{
    const char *at = NULL;
    int ret = gnutls_priority_init(priority_out, text, &at);

    if (ret == GNUTLS_E_SUCCESS)
        return 0;
    *priority_out = NULL;
    return fault_set(fault, ERR_CONFIG,
                     "could not use %s \"%s\": %s near \"%.40s\"; take \"intermediate\", "
                     "\"modern\" or a GnuTLS priority string",
                     key, profile, gnutls_strerror(ret), at != NULL ? at : profile);
}

int tls_policy_create(const char *key, const char *profile, gnutls_priority_t *priority_out,
                      struct fault *fault)
{
    gnutls_priority_t priority = NULL;
    int err = policy_init(key, profile, policy_priority(profile), &priority, fault);

    if (err != 0)
        return err;
    err = policy_check(key, priority, fault);
    if (err != 0) {
        gnutls_priority_deinit(priority);
        return err;
    }
    *priority_out = priority;
    return 0;
}

/* --- ChaCha20 for those who like it best --- */

/* ":-CIPHER-ALL" and the same ciphers again, ChaCha20 first. */
static void put_chacha20_first(struct buf *out, const unsigned *ciphers, int count)
{
    const char *chacha20 = gnutls_cipher_get_name(GNUTLS_CIPHER_CHACHA20_POLY1305);

    buf_printf(out, ":-CIPHER-ALL:+%s", chacha20);
    for (int i = 0; i < count; i++)
        if (ciphers[i] != GNUTLS_CIPHER_CHACHA20_POLY1305)
            buf_printf(out, ":+%s", gnutls_cipher_get_name((gnutls_cipher_algorithm_t)ciphers[i]));
    buf_put(out, span_make("", 1)); /* its NUL */
}

static bool has_cipher(const unsigned *ciphers, int count, unsigned cipher)
{
    for (int i = 0; i < count; i++)
        if (ciphers[i] == cipher)
            return true;
    return false;
}

int tls_policy_create_chacha20(const char *key, const char *profile, gnutls_priority_t like,
                               gnutls_priority_t *priority_out, struct fault *fault)
{
    const unsigned *ciphers = NULL;
    int count = gnutls_priority_cipher_list(like, &ciphers);
    struct buf text;

    buf_init(&text, 0);
    buf_puts(&text, policy_priority(profile));
    if (has_cipher(ciphers, count, GNUTLS_CIPHER_CHACHA20_POLY1305))
        put_chacha20_first(&text, ciphers, count);
    else
        buf_put(&text, span_make("", 1));
    int err = policy_init(key, profile, buf_span(&text).ptr, priority_out, fault);
    buf_release(&text);
    return err;
}

/* Bytes that are no ClientHello are for GnuTLS to refuse. A second one, after a HelloRetryRequest,
 * has the same suites (RFC 8446 4.1.2). */
void tls_policy_follow(struct tls_session *session, struct span hello)
{
    struct tls_hello parsed;

    if (session->is_client || tls_hello_parse(hello, &parsed) != 0 ||
        !tls_hello_prefers_chacha20(&parsed))
        return;
    require(gnutls_priority_set(session->gnutls, session->generation->server_priority_chacha20) ==
            0);
}
