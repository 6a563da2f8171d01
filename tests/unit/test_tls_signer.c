/*
 * Keys behind the signer: every algorithm signs handshakes of TLS 1.2 and 1.3, a signer that does
 * not answer ends the handshake cleanly, keys go when their generation goes.
 */
#include <gnutls/gnutls.h>

#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_lab.h"
#include "tls/signer.h"

static struct tls_lab lab;
static const struct tls_client_policy required = {.server_name = "mx.example.org",
                                                  .verify = TLS_VERIFY_REQUIRED};

#define COMMON                                                                                     \
    "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:+CTYPE-X509:"         \
    "+GROUP-X25519:"
#define TLS12                                                                                      \
    COMMON "+SIGN-ECDSA-SHA256:+SIGN-EDDSA-ED25519:+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"
#define PKCS1 COMMON "+SIGN-ECDSA-SHA256:+SIGN-RSA-SHA256"

static const struct sign_case {
    enum pki_key_type key_type;
    const char *profile, *version, *signature;
} cases[] = {
    {PKI_KEY_ECDSA, "modern", "TLSv1.3", "ECDSA-SECP256R1-SHA256"},
    {PKI_KEY_ECDSA, TLS12, "TLSv1.2", "ECDSA-SHA256"},
    {PKI_KEY_RSA_2048, "modern", "TLSv1.3", "RSA-PSS-RSAE-SHA256"},
    {PKI_KEY_RSA_2048, TLS12, "TLSv1.2", "RSA-PSS-RSAE-SHA256"},
    {PKI_KEY_RSA_2048, PKCS1, "TLSv1.2", "RSA-SHA256"},
    {PKI_KEY_ED25519, "modern", "TLSv1.3", "EdDSA-Ed25519"},
    {PKI_KEY_ED25519, TLS12, "TLSv1.2", "EdDSA-Ed25519"},
};

static void handshake(struct tls_pair *pair, struct tls_manager *server, struct tls_manager *client)
{
    tls_pair_init(pair, 0);
    tls_pair_start(pair, server, client, &required);
    tls_pair_run(pair);
}

TEST(test_every_algorithm_signs_in_both_versions)
{
    struct pki_request request = tls_lab_request();

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct settings_tls settings = lab.settings;
        struct tls_pair pair;
        struct fault fault;
        check_case = cases[i].profile;
        request.key_type = cases[i].key_type;
        tls_lab_mint(&lab, NULL, &request);
        settings.client_profile = cases[i].profile;
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        handshake(&pair, manager, manager);
        check_int(pair.client.progress, TLS_DONE);
        check_int(pair.server.progress, TLS_DONE);
        if (pair.client.progress == TLS_DONE) {
            const struct tls_facts *facts = tls_session_facts(pair.client.session);
            check_text(facts->version, cases[i].version);
            check_text(facts->signature, cases[i].signature);
        } else
            (void)fprintf(stderr, "  %s\n", pair.server.fault.text);
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
}

/* A signer that counts and can be made to refuse. */
struct odd_signer {
    struct tls_signer signer; /* first */
    struct tls_signer *local;
    int err;
    int load_count, drop_count, sign_count;
};

static int odd_load(struct tls_signer *signer, const struct settings_tls *settings,
                    struct tls_keyring *keyring_out, struct fault *fault)
{
    struct odd_signer *odd = (void *)signer;
    odd->load_count++;
    return odd->local->ops->load(odd->local, settings, keyring_out, fault);
}

static void odd_drop(struct tls_signer *signer, const struct tls_keyring *keyring)
{
    struct odd_signer *odd = (void *)signer;
    odd->drop_count++;
    odd->local->ops->drop(odd->local, keyring);
}

static int odd_sign(struct tls_signer *signer, const struct tls_signing *signing,
                    struct tls_signature *signature_out)
{
    struct odd_signer *odd = (void *)signer;
    odd->sign_count++;
    return odd->err != 0 ? odd->err : odd->local->ops->sign(odd->local, signing, signature_out);
}

static void odd_init(struct odd_signer *odd)
{
    static const struct tls_signer_ops ops = {.load = odd_load, .drop = odd_drop, .sign = odd_sign};
    *odd = (struct odd_signer){.signer = {&ops}, .local = tls_signer_local_create()};
}

TEST(test_a_signer_that_does_not_answer_ends_the_handshake)
{
    static const char *const profiles[] = {"modern", TLS12};
    struct pki_request request = tls_lab_request();
    struct odd_signer odd;
    struct tls_pair pair;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    odd_init(&odd);
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        struct settings_tls settings = lab.settings;
        settings.client_profile = profiles[i];
        struct tls_manager *manager =
            tls_manager_create(&settings, &lab.clock.clock, &odd.signer, &fault);
        odd.err = ERR_TIMEOUT;
        handshake(&pair, manager, manager);
        check_int(pair.server.progress, TLS_FAILED);
        check(pair.server.fault.text[0] != '\0');
        check_int(pair.client.progress, TLS_FAILED);
        tls_pair_deinit(&pair);
        odd.err = 0;
        handshake(&pair, manager, manager);
        check_int(pair.client.progress, TLS_DONE);
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
    check_int(odd.sign_count, 4);
    tls_signer_free(&odd.local);
}

TEST(test_keys_go_with_their_generation)
{
    struct pki_request request = tls_lab_request();
    struct odd_signer odd;
    struct tls_pair pair;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    odd_init(&odd);
    struct tls_manager *manager =
        tls_manager_create(&lab.settings, &lab.clock.clock, &odd.signer, &fault);
    handshake(&pair, manager, manager);
    check_int(tls_manager_reload(manager, &lab.settings, &fault), 0);
    check_int(odd.load_count, 2);
    check_int(odd.drop_count, 0); /* the sessions have the old generation */
    tls_pair_deinit(&pair);
    check_int(odd.drop_count, 1);
    tls_lab_write(lab.chain_file, "rubbish");
    check_int(tls_manager_reload(manager, &lab.settings, &fault), ERR_CONFIG);
    check_int(odd.load_count, 3);
    check_int(odd.drop_count, 2); /* a generation that was not to be leaves none */
    tls_manager_free(&manager);
    check_int(odd.drop_count, 3);
    tls_signer_free(&odd.local);
}

TEST(test_an_unknown_key_number_signs_nothing)
{
    struct tls_signer *signer = tls_signer_local_create();
    struct pki_request request = tls_lab_request();
    struct tls_signature signature = {.len = 0};
    struct tls_keyring ring;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    check_int(signer->ops->load(signer, &lab.settings, &ring, &fault), 0);
    check_int(ring.count, 1);
    const struct tls_signing good = {.key_number = ring.keys[0].number,
                                     .algorithm = GNUTLS_SIGN_ECDSA_SHA256,
                                     .is_hash = true,
                                     .input = span_of("0123456789abcdef0123456789abcdef")};
    struct tls_signing other_key = good, other_algorithm = good;
    other_key.key_number++;
    other_algorithm.algorithm = GNUTLS_SIGN_RSA_SHA256;
    check_int(signer->ops->sign(signer, &good, &signature), 0);
    check(signature.len > 60 && signature.len < 80);
    check_int(signer->ops->sign(signer, &other_key, &signature), ERR_TLS);
    check_int(signer->ops->sign(signer, &other_algorithm, &signature), ERR_TLS);
    signer->ops->drop(signer, &ring);
    check_int(signer->ops->sign(signer, &good, &signature), ERR_TLS);
    tls_signer_free(&signer);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_every_algorithm_signs_in_both_versions",
         test_every_algorithm_signs_in_both_versions},
        {"test_a_signer_that_does_not_answer",
         test_a_signer_that_does_not_answer_ends_the_handshake},
        {"test_keys_go_with_their_generation", test_keys_go_with_their_generation},
        {"test_an_unknown_key_number_signs_nothing", test_an_unknown_key_number_signs_nothing},
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
