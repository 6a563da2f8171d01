/*
 * The manager: what it refuses to load and in which words, and reloads under living sessions.
 */
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;
static const struct tls_remarks to_log = {NULL, NULL};
static const struct tls_client_policy required = {.server_name = "mx.example.org",
                                                  .verify = TLS_VERIFY_REQUIRED};

static const struct profile_case {
    const char *profile, *wanted; /* NULL: accepted */
} profiles[] = {
    {"modern", NULL},
    {"intermediate", NULL},
    {"NONE:+VERS-TLS1.3:+AES-128-GCM:+AEAD:+ECDHE-ECDSA:+GROUP-X25519:"
     "+SIGN-ECDSA-SECP256R1-SHA256:+COMP-NULL:+CTYPE-X509",
     NULL},
    {"NORMAL", "only TLS 1.2 and 1.3 are served"},
    {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "only AES-GCM, AES-CCM and CHACHA20-POLY1305"},
    {"NONE:+VERS-TLS1.2:+AES-128-GCM:+AEAD:+RSA:+SIGN-RSA-SHA256:+COMP-NULL",
     "the key exchange RSA: only ECDHE"},
    {"MODERN", "could not use tls.server_profile \"MODERN\""},
    {"", "tls.server_profile"},
};

TEST(test_profiles_that_weaken_are_refused)
{
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        struct settings_tls settings = lab.settings;
        struct fault fault;
        check_case = profiles[i].profile;
        fault_clear(&fault);
        settings.server_profile = profiles[i].profile;
        int err = tls_manager_check(&settings, &lab.clock.clock, &to_log, &fault);
        check_int(err, profiles[i].wanted == NULL ? 0 : ERR_CONFIG);
        check(profiles[i].wanted == NULL || strstr(fault.text, profiles[i].wanted) != NULL);
        if (check_failures > 0)
            (void)fprintf(stderr, "  %s\n", fault.text);
    }
}

static void refuse(const char *what, const char *wanted)
{
    struct fault fault;

    check_case = what;
    fault_clear(&fault);
    check(tls_manager_check(&lab.settings, &lab.clock.clock, &to_log, &fault) != 0);
    if (strstr(fault.text, wanted) == NULL)
        CHECK_FAILED("wanted \"%s\", got \"%s\"", wanted, fault.text);
}

static char *read_file(const char *file)
{
    char *text = NULL;
    size_t len = 0;
    check_int(file_read_all(file, 1 << 20, &text, &len, NULL), 0);
    return text;
}

/* A start takes it and says so; a reload to it is refused. */
static void refuse_at_reload(const char *what, const char *wanted)
{
    struct pki_request request = tls_lab_request();
    struct tls_lab_ear ear;
    struct fault fault;
    int64_t now_s = lab.clock.now_s;

    check_case = what;
    tls_lab_ear_init(&ear);
    check_int(tls_manager_check(&lab.settings, &lab.clock.clock, &ear.remarks, &fault), 0);
    check(tls_lab_ear_has(&ear, wanted));
    tls_lab_ear_deinit(&ear);
    char *chain = read_file(lab.chain_file), *key = read_file(lab.key_file);
    lab.clock.now_s = TLS_LAB_NOW_S;
    tls_lab_mint(&lab, NULL, &request);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    tls_lab_write(lab.chain_file, chain);
    tls_lab_write(lab.key_file, key);
    lab.clock.now_s = now_s;
    check_int(tls_manager_reload(manager, &lab.settings, &fault), ERR_CONFIG);
    check(strstr(fault.text, wanted) != NULL);
    tls_manager_free(&manager);
    mem_free(chain), mem_free(key);
}

TEST(test_what_cannot_be_loaded_is_named)
{
    struct pki_request request = tls_lab_request();
    struct fault fault;
    struct pki_authority *middle =
        pki_authority_delegate(lab.authority, "Middle", TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                               TLS_LAB_NOW_S + TLS_LAB_DAY_S, &fault);

    tls_lab_mint(&lab, NULL, &request);
    char *chain = read_file(lab.chain_file), *key = read_file(lab.key_file);
    char *ca = read_file(lab.ca_file), *middle_pem = pki_authority_certificate_pem(middle);
    tls_lab_mint(&lab, NULL, &request);
    tls_lab_write(lab.chain_file, chain);
    refuse("another key", "is not the key of the first certificate in");
    tls_lab_write(lab.key_file, key);
    check_int(tls_manager_check(&lab.settings, &lab.clock.clock, &to_log, &fault), 0);
    char *disorder = mem_printf("%s%s", chain, middle_pem);
    tls_lab_write(lab.chain_file, disorder);
    refuse("disorder", "is not in order: certificate 2 (CN=Middle) did not issue certificate 1");
    tls_lab_write(lab.chain_file, "nothing here\n");
    refuse("no certificate", "could not read certificates from");
    tls_lab_write(lab.chain_file, chain);
    tls_lab_write(lab.key_file, chain);
    refuse("no key", "could not read a private key from");
    tls_lab_write(lab.key_file, key);
    tls_lab_write(lab.ca_file, "");
    refuse("no authorities", "could not read authorities from");
    tls_lab_write(lab.ca_file, ca);
    lab.clock.now_s = TLS_LAB_NOW_S + 2 * TLS_LAB_DAY_S;
    refuse_at_reload("expired", "expired on 2027-01-16 08:00:00 UTC; renew it");
    lab.clock.now_s = TLS_LAB_NOW_S - 2 * TLS_LAB_DAY_S;
    refuse_at_reload("early",
                     "is not valid before 2027-01-14 08:00:00 UTC; check the machine's clock");
    lab.clock.now_s = TLS_LAB_NOW_S;
    mem_free(chain), mem_free(key), mem_free(ca), mem_free(middle_pem), mem_free(disorder);
    pki_authority_free(&middle);
}

static void talk(struct tls_pair *pair)
{
    buf_clear(&pair->server.clear);
    tls_end_say(&pair->client, "NOOP\r\n");
    tls_pair_run(pair);
    check_span(buf_span(&pair->server.clear), "NOOP\r\n");
}

TEST(test_a_reload_leaves_sessions_alone_and_serves_new_ones)
{
    struct pki_request request = tls_lab_request();
    struct tls_pair old, fresh, late;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    tls_pair_init(&old, 0), tls_pair_init(&fresh, 0), tls_pair_init(&late, 0);
    tls_pair_start(&old, manager, manager, &required);
    tls_pair_run(&old);
    tls_pair_start(&late, manager, manager, &required); /* begun, not done */
    tls_end_react(&late.client);
    tls_lab_mint(&lab, NULL, &request);
    check_int(tls_manager_reload(manager, &lab.settings, &fault), 0);
    tls_pair_start(&fresh, manager, manager, &required);
    tls_pair_run(&fresh);
    tls_pair_run(&late);
    check_int(late.client.progress, TLS_DONE);
    const struct tls_facts *was = tls_session_facts(old.client.session);
    check(memcmp(was->peer_fingerprint, tls_session_facts(late.client.session)->peer_fingerprint,
                 32) == 0);
    check(memcmp(was->peer_fingerprint, tls_session_facts(fresh.client.session)->peer_fingerprint,
                 32) != 0);
    tls_manager_free(&manager); /* sessions outlive it */
    talk(&old), talk(&fresh), talk(&late);
    tls_pair_deinit(&old), tls_pair_deinit(&fresh), tls_pair_deinit(&late);
}

TEST(test_a_bad_reload_keeps_the_old_generation)
{
    struct pki_request request = tls_lab_request();
    struct tls_pair pair;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    request.not_after_s = TLS_LAB_NOW_S - 10;
    tls_lab_mint(&lab, NULL, &request);
    check_int(tls_manager_reload(manager, &lab.settings, &fault), ERR_CONFIG);
    tls_lab_write(lab.key_file, "rubbish");
    check_int(tls_manager_reload(manager, &lab.settings, &fault), ERR_CONFIG);
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    check_int(pair.client.progress, TLS_DONE);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

TEST(test_without_a_certificate_only_outbound_sessions_work)
{
    struct pki_request request = tls_lab_request();
    struct settings_tls bare = lab.settings;
    struct tls_pair pair;
    struct fault fault;

    tls_lab_mint(&lab, NULL, &request);
    bare.pair_count = 0;
    struct tls_manager *client = tls_manager_create(&bare, &lab.clock.clock, NULL, &fault);
    struct tls_manager *server = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, server, client, &required);
    tls_pair_run(&pair);
    check_int(pair.client.progress, TLS_DONE);
    tls_pair_deinit(&pair);
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, client, client, &required);
    tls_pair_run(&pair);
    check_int(pair.server.progress, TLS_FAILED);
    check(strstr(pair.server.fault.text, "tls.certificate") != NULL);
    tls_pair_deinit(&pair);
    tls_manager_free(&client);
    tls_manager_free(&server);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_profiles_that_weaken_are_refused", test_profiles_that_weaken_are_refused},
        {"test_what_cannot_be_loaded_is_named", test_what_cannot_be_loaded_is_named},
        {"test_a_reload_leaves_sessions_alone",
         test_a_reload_leaves_sessions_alone_and_serves_new_ones},
        {"test_a_bad_reload_keeps_the_old_generation", test_a_bad_reload_keeps_the_old_generation},
        {"test_without_a_certificate", test_without_a_certificate_only_outbound_sessions_work},
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
