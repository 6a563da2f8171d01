/*
 * Our own certificates: what is refused as too weak, what is remarked, ends told once a stage, and
 * the client's, shown to servers that ask.
 */
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_foreign.h"
#include "tests/fake/tls_lab.h"
#include "tls/own_internal.h"

static struct tls_lab lab;

static int check_now(struct tls_lab_ear *ear, struct fault *fault)
{
    tls_lab_ear_init(ear);
    fault_clear(fault);
    return tls_manager_check(&lab.settings, &lab.clock.clock, &ear->remarks, fault);
}

/* --- strength and oddities --- */

static const struct own_case {
    const char *name;
    unsigned quirks, purposes;
    enum pki_key_type key_type;
    const char *fault, *remark; /* NULL: none */
} cases[] = {
    {"ecdsa", 0, PKI_SERVER, PKI_KEY_ECDSA, NULL, NULL},
    {"rsa 2048", 0, PKI_SERVER, PKI_KEY_RSA_2048, NULL, NULL},
    {"ed25519", 0, PKI_SERVER, PKI_KEY_ED25519, NULL, NULL},
    {"rsa 1024", PKI_WEAK_KEY, PKI_SERVER, PKI_KEY_RSA_2048,
     "has a key of 1024 bits (RSA), which clients refuse; have one issued for an ECDSA P-256",
     NULL},
    {"no names", PKI_WITHOUT_SAN, PKI_SERVER, PKI_KEY_ECDSA, NULL,
     "warn no-names: the certificate in"},
    {"a client's", 0, PKI_CLIENT, PKI_KEY_ECDSA, NULL, "warn wrong-purpose: the certificate in"},
    {"for both", 0, PKI_CLIENT | PKI_SERVER, PKI_KEY_ECDSA, NULL, NULL},
    {"self-signed", PKI_SELF_SIGNED, PKI_SERVER, PKI_KEY_ECDSA, NULL, NULL},
};

TEST(test_what_is_weak_or_odd)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct pki_request request = tls_lab_request();
        struct tls_lab_ear ear;
        struct fault fault;
        check_case = cases[i].name;
        request.quirks = cases[i].quirks;
        request.purposes = cases[i].purposes;
        request.key_type = cases[i].key_type;
        request.not_after_s = TLS_LAB_NOW_S + 90 * TLS_LAB_DAY_S;
        tls_lab_mint(&lab, NULL, &request);
        int err = check_now(&ear, &fault);
        check_int(err, cases[i].fault == NULL ? 0 : ERR_CONFIG);
        check(cases[i].fault == NULL || strstr(fault.text, cases[i].fault) != NULL);
        check_int(ear.count, cases[i].remark != NULL);
        check(cases[i].remark == NULL || tls_lab_ear_has(&ear, cases[i].remark));
        tls_lab_ear_deinit(&ear);
    }
}

/* Leaf, two intermediates, in order; the outer one missing is still in order. */
TEST(test_a_chain_of_three)
{
    struct pki_request request = tls_lab_request();
    struct fault fault;
    struct tls_lab_ear ear;
    struct pki_authority *outer =
        pki_authority_delegate(lab.authority, "Outer", TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                               TLS_LAB_NOW_S + TLS_LAB_DAY_S, &fault);
    struct pki_authority *inner =
        pki_authority_delegate(outer, "Inner", TLS_LAB_NOW_S - 100, TLS_LAB_NOW_S + 3600, &fault);
    tls_lab_mint(&lab, inner, &request);
    check_int(check_now(&ear, &fault), 0);
    /* the inner authority ends first: less than a day */
    check(tls_lab_ear_has(&ear, "error expiring"));
    tls_lab_ear_deinit(&ear);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    struct tls_generation *generation = tls_generation_get(manager);
    check_int(generation->own[0].count, 3);
    check_int(generation->own[0].ends_at_s, TLS_LAB_NOW_S + 3600);
    tls_generation_unref(&generation);
    tls_manager_free(&manager);
    pki_authority_free(&inner);
    pki_authority_free(&outer);
}

/* --- ends --- */

static const struct end_case {
    int64_t left_s;
    const char *remark; /* NULL: none */
} ends[] = {
    {30 * (int64_t)TLS_LAB_DAY_S + 1, NULL},
    {30 * (int64_t)TLS_LAB_DAY_S, "warn expiring"},
    {30 * (int64_t)TLS_LAB_DAY_S - 5, NULL},
    {7 * (int64_t)TLS_LAB_DAY_S + 1, NULL},
    {7 * (int64_t)TLS_LAB_DAY_S, "warn expiring"},
    {3 * (int64_t)TLS_LAB_DAY_S, NULL},
    {1 * (int64_t)TLS_LAB_DAY_S, "error expiring"},
    {0, NULL},
    {-1, "error expiring"},
    {-TLS_LAB_DAY_S, NULL},
};

TEST(test_an_end_is_told_once_a_stage)
{
    struct pki_request request = tls_lab_request();
    struct fault fault;
    struct tls_lab_ear ear;

    request.not_after_s = TLS_LAB_NOW_S + 60 * TLS_LAB_DAY_S;
    tls_lab_mint(&lab, NULL, &request);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
        struct tls_generation *generation = tls_generation_get(manager), *fresh = NULL;
        tls_lab_ear_init(&ear);
        lab.clock.now_s = request.not_after_s - ends[i].left_s;
        tls_expiry_tell(generation, &ear.remarks);
        tls_expiry_tell(generation, &ear.remarks);
        check_int(ear.count, ends[i].remark != NULL);
        check(ends[i].remark == NULL || tls_lab_ear_has(&ear, ends[i].remark));
        tls_lab_ear_deinit(&ear);
        tls_generation_unref(&generation);
        /* a reload with the same certificate tells nothing again, even when it has expired */
        check_int(tls_manager_prepare(manager, &lab.settings, &fresh, &fault), 0);
        tls_manager_adopt(manager, &fresh);
    }
    lab.clock.now_s = TLS_LAB_NOW_S;
    tls_manager_free(&manager);
}

static char *read_file(const char *file)
{
    char *text = NULL;
    size_t len = 0;
    check_int(file_read_all(file, 1 << 20, &text, &len, NULL), 0);
    return text;
}

/* One certificate that has expired while it was served is no reason to refuse another's renewal. */
TEST(test_an_expired_one_in_use_does_not_hold_up_the_others)
{
    struct pki_request request = tls_lab_request();
    struct settings_tls settings = lab.settings;
    char chain_file[160], key_file[160];
    struct fault fault;

    (void)snprintf(chain_file, sizeof chain_file, "%s/other.pem", lab.dir);
    (void)snprintf(key_file, sizeof key_file, "%s/other-key.pem", lab.dir);
    tls_lab_mint(&lab, NULL, &request);
    char *chain = read_file(lab.chain_file), *key = read_file(lab.key_file);
    tls_lab_write(chain_file, chain);
    tls_lab_write(key_file, key);
    settings.pairs[1] = (struct settings_tls_pair){chain_file, key_file, ""};
    settings.pair_count = 2;
    struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    lab.clock.now_s = TLS_LAB_NOW_S + 2 * TLS_LAB_DAY_S; /* both have expired */
    request.not_before_s = lab.clock.now_s - 10;
    request.not_after_s = lab.clock.now_s + TLS_LAB_DAY_S;
    tls_lab_mint(&lab, NULL, &request);
    check_int(tls_manager_reload(manager, &settings, &fault), 0);
    lab.clock.now_s = TLS_LAB_NOW_S;
    tls_manager_free(&manager);
    (void)remove(chain_file);
    (void)remove(key_file);
    mem_free(chain), mem_free(key);
}

/* --- the client's --- */

static void meet(const char *profile, bool has_certificate, bool is_asked, unsigned wanted)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_REQUIRED};
    struct settings_tls settings = lab.settings;
    struct tls_foreign server;
    struct tls_pair pair;
    struct fault fault;
    unsigned count = 0;

    settings.pair_count = 0;
    settings.client_profile = profile;
    settings.client_certificate = has_certificate ? lab.chain_file : "";
    settings.client_key = has_certificate ? lab.key_file : "";
    struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    check(manager != NULL);
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, NULL, manager, &policy);
    tls_foreign_init(&server, &pair, lab.chain_file, lab.key_file, is_asked ? lab.ca_file : NULL);
    tls_foreign_run(&server);
    check_int(pair.client.progress, TLS_DONE);
    check_int(server.ret, 0);
    (void)gnutls_certificate_get_peers(server.gnutls, &count);
    check_int(count, wanted);
    tls_foreign_deinit(&server);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

TEST(test_the_clients_certificate_is_shown_to_servers_that_ask)
{
    static const char *const profiles[] = {
        "modern", "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:"
                  "+CTYPE-X509:+GROUP-X25519:+SIGN-ECDSA-SHA256:+SIGN-EDDSA-ED25519:"
                  "+SIGN-RSA-PSS-RSAE-SHA256"};
    static const enum pki_key_type types[] = {PKI_KEY_ECDSA, PKI_KEY_RSA_2048, PKI_KEY_ED25519};

    for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
        struct pki_request request = tls_lab_request();
        request.purposes = PKI_CLIENT | PKI_SERVER;
        request.key_type = types[t];
        tls_lab_mint(&lab, NULL, &request);
        for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
            check_case = pki_key_type_text(types[t]);
            /* GnuTLS finds no Ed25519 certificate for a client in TLS 1.2 (docs/TLS.md). */
            bool is_shown = types[t] != PKI_KEY_ED25519 || i == 0;
            meet(profiles[i], true, true, is_shown);
            meet(profiles[i], true, false, 0);
            meet(profiles[i], false, true, 0);
        }
    }
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_what_is_weak_or_odd", test_what_is_weak_or_odd},
        {"test_a_chain_of_three", test_a_chain_of_three},
        {"test_an_end_is_told_once_a_stage", test_an_end_is_told_once_a_stage},
        {"test_an_expired_one_in_use", test_an_expired_one_in_use_does_not_hold_up_the_others},
        {"test_the_clients_certificate_is_shown",
         test_the_clients_certificate_is_shown_to_servers_that_ask},
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
