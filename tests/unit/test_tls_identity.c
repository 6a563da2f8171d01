/*
 * Which certificate a client is shown: by name, by what it can verify, the default for all else;
 * in TLS 1.2 and 1.3. Names are looked up as hostile bytes.
 */
#include <unistd.h>

#include "base/mem.h"
#include "check.h"
#include "crypto/digest.h"
#include "tests/fake/tls_lab.h"
#include "tls/own_internal.h"

enum { PAIRS = 6 };

static struct tls_lab lab;
static char chain_files[PAIRS][128], key_files[PAIRS][128];

/* In the order of the configuration: RSA before ECDSA on purpose. */
static const struct minted {
    const char *tag;
    enum pki_key_type key_type;
    const char *names[3];
} minted[PAIRS] = {
    {"default rsa", PKI_KEY_RSA_2048, {"mx.example.org"}},
    {"default ecdsa", PKI_KEY_ECDSA, {"mx.example.org", "MAIL.example.org"}},
    {"other ed25519", PKI_KEY_ED25519, {"other.example"}},
    {"other rsa", PKI_KEY_RSA_2048, {"other.example"}},
    {"wild ecdsa", PKI_KEY_ECDSA, {"*.wild.example"}},
    {"in wild rsa", PKI_KEY_RSA_2048, {"a.wild.example"}},
};

static void mint_all(void)
{
    for (size_t i = 0; i < PAIRS; i++) {
        struct pki_request request = tls_lab_request();
        struct fault fault;
        char *chain = NULL, *key = NULL;
        size_t count = 0;
        while (count < 3 && minted[i].names[count] != NULL)
            count++;
        request.dns_names = minted[i].names;
        request.dns_name_count = count;
        request.common_name = minted[i].tag;
        request.key_type = minted[i].key_type;
        check_int(pki_mint(lab.authority, &request, &chain, &key, &fault), 0);
        (void)snprintf(chain_files[i], sizeof chain_files[i], "%s/pair%zu.pem", lab.dir, i);
        (void)snprintf(key_files[i], sizeof key_files[i], "%s/pair%zu-key.pem", lab.dir, i);
        tls_lab_write(chain_files[i], chain);
        tls_lab_write(key_files[i], key);
        mem_free(chain);
        pki_key_pem_free(key);
        lab.settings.pairs[i] = (struct settings_tls_pair){chain_files[i], key_files[i], ""};
    }
    lab.settings.pair_count = PAIRS;
}

#define COMMON "+AES-128-GCM:+AEAD:+COMP-NULL:+CTYPE-X509:+GROUP-X25519:+GROUP-SECP256R1"
#define ECDSA  ":+SIGN-ECDSA-SECP256R1-SHA256:+SIGN-ECDSA-SHA256"
#define RSA    ":+SIGN-RSA-PSS-RSAE-SHA256:+SIGN-RSA-SHA256"
#define ED     ":+SIGN-EDDSA-ED25519"

static const struct client {
    const char *name, *profile;
} clients[] = {
    {"modern 1.3", "NONE:+VERS-TLS1.3:+ECDHE-ECDSA:+ECDHE-RSA:" COMMON ECDSA ED RSA},
    {"rsa only 1.3", "NONE:+VERS-TLS1.3:+ECDHE-RSA:" COMMON RSA},
    {"ecdsa only 1.3", "NONE:+VERS-TLS1.3:+ECDHE-ECDSA:" COMMON ECDSA},
    {"modern 1.2", "NONE:+VERS-TLS1.2:+ECDHE-ECDSA:+ECDHE-RSA:" COMMON ECDSA ED RSA},
    {"rsa suites 1.2", "NONE:+VERS-TLS1.2:+ECDHE-RSA:" COMMON ECDSA ED RSA},
    {"ecdsa suites 1.2", "NONE:+VERS-TLS1.2:+ECDHE-ECDSA:" COMMON ECDSA},
    {"both suites, rsa first 1.2", "NONE:+VERS-TLS1.2:+ECDHE-RSA:+ECDHE-ECDSA:" COMMON RSA ECDSA},
};
enum { CLIENTS = sizeof clients / sizeof *clients };

/* What each of the clients above is shown: an index into minted; -1: the handshake fails. */
static const struct asked {
    const char *name; /* NULL: none */
    int shown[CLIENTS];
} asked[] = {
    {"mx.example.org", {1, 0, 1, 1, 0, 1, 1}},     {"MX.Example.ORG", {1, 0, 1, 1, 0, 1, 1}},
    {"mail.example.org", {1, -1, 1, 1, -1, 1, 1}}, {"other.example", {2, 3, -1, 2, 3, -1, 3}},
    {"b.wild.example", {4, -1, 4, 4, -1, 4, 4}},   {"a.wild.example", {4, 5, 4, 4, 5, 4, 4}},
    {"c.b.wild.example", {1, 0, 1, 1, 0, 1, 1}},   {"wild.example", {1, 0, 1, 1, 0, 1, 1}},
    {"unknown.example", {1, 0, 1, 1, 0, 1, 1}},    {NULL, {1, 0, 1, 1, 0, 1, 1}},
};

static void fingerprint_of(struct tls_manager *manager, size_t index, unsigned char out[32])
{
    struct tls_generation *generation = tls_generation_get(manager);

    memcpy(out, generation->own[index].fingerprint, 32);
    tls_generation_unref(&generation);
}

static void ask(struct tls_manager *server, struct tls_manager *client, const struct asked *row,
                int wanted)
{
    const struct tls_client_policy policy = {.server_name = row->name,
                                             .verify = TLS_VERIFY_OPPORTUNISTIC};
    unsigned char fingerprint[32];
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, server, client, &policy);
    tls_pair_run(&pair);
    check_int(pair.client.progress, wanted < 0 ? TLS_FAILED : TLS_DONE);
    if (wanted >= 0 && pair.client.progress == TLS_DONE) {
        int shown = -1;
        for (size_t i = 0; i < PAIRS; i++) {
            fingerprint_of(server, i, fingerprint);
            if (memcmp(fingerprint, tls_session_facts(pair.client.session)->peer_fingerprint, 32) ==
                0)
                shown = (int)i;
        }
        check_int(shown, wanted);
    }
    tls_pair_deinit(&pair);
}

TEST(test_each_client_is_shown_what_it_can_verify)
{
    struct fault fault;
    struct tls_manager *server = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);

    check(server != NULL);
    for (size_t c = 0; c < CLIENTS && server != NULL; c++) {
        struct settings_tls settings = lab.settings;
        settings.pair_count = 0;
        settings.client_profile = clients[c].profile;
        struct tls_manager *client = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        for (size_t i = 0; i < sizeof asked / sizeof *asked; i++) {
            char *name = mem_printf("%s, %s", clients[c].name,
                                    asked[i].name != NULL ? asked[i].name : "no name");
            check_case = name;
            ask(server, client, &asked[i], asked[i].shown[c]);
            check_case = "";
            mem_free(name);
        }
        tls_manager_free(&client);
    }
    tls_manager_free(&server);
}

/* Straight at the table: what GnuTLS's own client would not send. */
TEST(test_hostile_names_get_the_default)
{
    static const struct hostile {
        const char *bytes;
        size_t len;
    } names[] = {
        {"", 0},
        {"*.wild.example", 14},
        {".wild.example", 13},
        {"\0mx.example.org", 15},
        {"other.example\0.evil", 19},
        {"../../etc/passwd", 16},
        {"other.example ", 14},
        {"other.example.", 14},
        {"\xff\xfe.wild", 7},
        {".", 1},
        {"a.", 2},
    };
    struct fault fault;
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    struct tls_generation *generation = tls_generation_get(manager);
    gnutls_certificate_credentials_t fallback =
        tls_identities_find(generation->identities, span_of("mx.example.org"));
    char longest[300];

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        check(tls_identities_find(generation->identities,
                                  span_make(names[i].bytes, names[i].len)) == fallback);
    memset(longest, 'a', sizeof longest);
    for (size_t len = OWN_DNS_NAME_SIZE - 2; len <= sizeof longest; len++) {
        memcpy(longest + len - 13, ".wild.example", 13);
        gnutls_certificate_credentials_t found =
            tls_identities_find(generation->identities, span_make(longest, len));
        check((found == fallback) == (len >= OWN_DNS_NAME_SIZE));
        memset(longest, 'a', sizeof longest);
    }
    tls_generation_unref(&generation);
    tls_manager_free(&manager);
}

/* Pairs are matched one by one, whatever else fits. */
TEST(test_a_pair_that_does_not_fit_is_named)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    settings.pairs[2].key = key_files[4];
    check(tls_manager_create(&settings, &lab.clock.clock, NULL, &fault) == NULL);
    check(strstr(fault.text, "pair4-key.pem is not the key of the first certificate in") != NULL);
    settings.pairs[2].key = "/nowhere/key.pem";
    check(tls_manager_create(&settings, &lab.clock.clock, NULL, &fault) == NULL);
    check(strstr(fault.text, "certificates.key") != NULL);
    settings.pairs[2].certificate = "/nowhere/certificate.pem";
    settings.pairs[2].key = key_files[2];
    check(tls_manager_create(&settings, &lab.clock.clock, NULL, &fault) == NULL);
    check(strstr(fault.text, "certificates.certificate") != NULL);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_each_client_is_shown_what_it_can_verify",
         test_each_client_is_shown_what_it_can_verify},
        {"test_hostile_names_get_the_default", test_hostile_names_get_the_default},
        {"test_a_pair_that_does_not_fit_is_named", test_a_pair_that_does_not_fit_is_named},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    mint_all();
    int status = run_all(argc, argv);
    for (size_t i = 0; i < PAIRS; i++) {
        (void)unlink(chain_files[i]);
        (void)unlink(key_files[i]);
    }
    tls_lab_deinit(&lab);
    return status;
}
