/*
 * What is agreed on: AES and X25519 first, ChaCha20 for clients that put it first, nothing old.
 */
#include <errno.h>
#include <gnutls/gnutls.h>

#include "check.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;
static const struct tls_client_policy required = {.server_name = "mx.example.org",
                                                  .verify = TLS_VERIFY_REQUIRED};

#define TAIL                                                                                       \
    ":+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:+CTYPE-X509:+SIGN-ECDSA-SECP256R1-SHA256:"          \
    "+SIGN-ECDSA-SHA256:+SIGN-RSA-SHA256"
#define V12 "NONE:+VERS-TLS1.2"
#define V13 "NONE:+VERS-TLS1.3"

static const struct policy_case {
    const char *server, *client; /* profiles */
    const char *version, *cipher, *group;
} cases[] = {
    {"intermediate", V13 ":+CHACHA20-POLY1305:+AES-256-GCM:+AES-128-GCM:+GROUP-X25519" TAIL,
     "TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256", "X25519"},
    {"intermediate", V13 ":+AES-256-GCM:+CHACHA20-POLY1305:+AES-128-GCM:+GROUP-X25519" TAIL,
     "TLSv1.3", "TLS_AES_128_GCM_SHA256", "X25519"},
    {"intermediate", V12 ":+CHACHA20-POLY1305:+AES-256-GCM:+AES-128-GCM:+GROUP-X25519" TAIL,
     "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256", "X25519"},
    {"intermediate", V12 ":+AES-256-GCM:+AES-128-GCM:+CHACHA20-POLY1305:+GROUP-X25519" TAIL,
     "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519"},
    {"modern", V13 ":+CHACHA20-POLY1305:+AES-128-GCM:+GROUP-X25519" TAIL, "TLSv1.3",
     "TLS_CHACHA20_POLY1305_SHA256", "X25519"},
    /* a policy of the administrator's own: with ChaCha20, and without */
    {V13 ":+AES-256-GCM:+CHACHA20-POLY1305:+GROUP-X25519" TAIL,
     V13 ":+CHACHA20-POLY1305:+AES-256-GCM:+GROUP-X25519" TAIL, "TLSv1.3",
     "TLS_CHACHA20_POLY1305_SHA256", "X25519"},
    {V13 ":+AES-256-GCM:+GROUP-X25519" TAIL,
     V13 ":+CHACHA20-POLY1305:+AES-256-GCM:+GROUP-X25519" TAIL, "TLSv1.3", "TLS_AES_256_GCM_SHA384",
     "X25519"},
    /* groups: ours goes first; the client's second costs a HelloRetryRequest and keeps the suite */
    {"intermediate", V13 ":+AES-128-GCM:+GROUP-X25519:+GROUP-SECP256R1" TAIL, "TLSv1.3",
     "TLS_AES_128_GCM_SHA256", "X25519"},
    {"intermediate", V12 ":+AES-128-GCM:+GROUP-SECP256R1:+GROUP-X25519" TAIL, "TLSv1.2",
     "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "X25519"},
    {V13 ":+AES-128-GCM:+CHACHA20-POLY1305:+GROUP-SECP256R1" TAIL,
     V13 ":+CHACHA20-POLY1305:+AES-128-GCM:+GROUP-X25519:+GROUP-SECP256R1" TAIL, "TLSv1.3",
     "TLS_CHACHA20_POLY1305_SHA256", "SECP256R1"},
};

static void handshake(struct tls_pair *pair, const char *server, const char *client)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    settings.server_profile = server;
    struct tls_manager *servers = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    settings.server_profile = "intermediate";
    settings.client_profile = client;
    struct tls_manager *clients = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    check(servers != NULL && clients != NULL);
    tls_pair_init(pair, 0);
    tls_pair_start(pair, servers, clients, &required);
    tls_pair_run(pair);
    tls_manager_free(&servers);
    tls_manager_free(&clients);
}

TEST(test_what_is_chosen)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct tls_pair pair;
        check_case = cases[i].client;
        handshake(&pair, cases[i].server, cases[i].client);
        check_int(pair.client.progress, TLS_DONE);
        const struct tls_facts *facts = tls_session_facts(pair.client.session);
        check_text(facts->version, cases[i].version);
        check_text(facts->cipher, cases[i].cipher);
        check_text(facts->group, cases[i].group);
        tls_pair_deinit(&pair);
    }
}

TEST(test_a_strict_server_refuses_an_older_version)
{
    struct tls_pair pair;

    handshake(&pair, "modern", V12 ":+AES-128-GCM:+GROUP-X25519" TAIL);
    check_int(pair.server.progress, TLS_FAILED);
    check_int(pair.client.progress, TLS_FAILED);
    tls_pair_deinit(&pair);
}

/* --- clients that ours cannot be made to be: their hello, made by GnuTLS itself --- */

#define OLD_TAIL                                                                                   \
    ":+SHA1:+COMP-NULL:+CTYPE-X509:+GROUP-X25519:+SIGN-ECDSA-SHA256:+SIGN-RSA-SHA256:+SIGN-RSA-"   \
    "SHA1"

static const struct old_case {
    const char *priority;
    bool is_served;
} old_cases[] = {
    {"NONE:+VERS-TLS1.0:+AES-128-CBC:+ECDHE-ECDSA:+ECDHE-RSA" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.1:+AES-128-CBC:+ECDHE-ECDSA:+ECDHE-RSA" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.2:+AES-128-CBC:+ECDHE-ECDSA:+ECDHE-RSA" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.2:+3DES-CBC:+ECDHE-ECDSA:+ECDHE-RSA" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.2:+AES-128-GCM:+AEAD:+RSA" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.2:+AES-128-GCM:+AEAD:+DHE-RSA:+GROUP-FFDHE2048" OLD_TAIL, false},
    {"NONE:+VERS-TLS1.2:+NULL:+ECDHE-ECDSA" OLD_TAIL, false},
    /* the test's own proof: the same client is served once it offers one good suite */
    {"NONE:+VERS-TLS1.2:+AES-128-CBC:+AES-128-GCM:+AEAD:+ECDHE-ECDSA" OLD_TAIL, true},
};

static ssize_t on_old_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t len)
{
    struct tls_end *server = ptr;

    buf_put(&server->in, span_make(bytes, len));
    return (ssize_t)len;
}

static ssize_t on_old_pull(gnutls_transport_ptr_t ptr, void *bytes, size_t len)
{
    (void)ptr;
    (void)bytes;
    (void)len;
    errno = EAGAIN;
    return -1;
}

static void old_hello(const char *priority, struct tls_end *server)
{
    gnutls_certificate_credentials_t cred;
    gnutls_session_t gnutls;

    check_int(gnutls_certificate_allocate_credentials(&cred), 0);
    check_int(gnutls_init(&gnutls, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    check_int(gnutls_priority_set_direct(gnutls, priority, NULL), 0);
    check_int(gnutls_credentials_set(gnutls, GNUTLS_CRD_CERTIFICATE, cred), 0);
    gnutls_transport_set_ptr(gnutls, server);
    gnutls_transport_set_push_function(gnutls, on_old_push);
    gnutls_transport_set_pull_function(gnutls, on_old_pull);
    (void)gnutls_handshake(gnutls);
    gnutls_deinit(gnutls);
    gnutls_certificate_free_credentials(cred);
}

TEST(test_what_is_old_or_weak_is_refused)
{
    for (size_t i = 0; i < sizeof old_cases / sizeof *old_cases; i++) {
        struct tls_pair pair;
        struct fault fault;
        struct tls_manager *manager =
            tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
        check_case = old_cases[i].priority;
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, manager, NULL, NULL);
        old_hello(old_cases[i].priority, &pair.server);
        check(pair.server.in.len > 40);
        tls_end_react(&pair.server);
        check_int(pair.server.progress, old_cases[i].is_served ? TLS_MORE_INPUT : TLS_FAILED);
        check(pair.server.out.len > 0); /* the alert, or its flight */
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_what_is_chosen", test_what_is_chosen},
        {"test_what_is_old_or_weak_is_refused", test_what_is_old_or_weak_is_refused},
        {"test_a_strict_server_refuses_an_older_version",
         test_a_strict_server_refuses_an_older_version},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    int status = run_all(argc, argv);
    tls_lab_deinit(&lab);
    return status;
}
