/*
 * The verdicts on a server's certificate, each from a handshake with a certificate minted to
 * deserve it: required ends the handshake with its alert, opportunistic records, off does not look.
 */
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>

#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_foreign.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;

enum issuer { BY_LAB, BY_STRANGER, BY_INTERMEDIATE };

static const struct verdict_case {
    const char *name;
    enum issuer issuer;
    unsigned quirks, purposes;
    int from_days, until_days;
    const char *server_name;
    enum pki_check wanted;
    const char *alert; /* as GnuTLS names it to the server */
    const char *detail;
} cases[] = {
    {"good", BY_LAB, 0, PKI_SERVER, -1, 1, "mx.example.org", PKI_CHECK_GOOD, "", ""},
    {"good, case and final dot", BY_LAB, 0, PKI_SERVER, -1, 1, "MX.Example.ORG.", PKI_CHECK_GOOD,
     "", ""},
    {"good, no name asked for", BY_LAB, 0, PKI_SERVER, -1, 1, NULL, PKI_CHECK_GOOD, "", ""},
    {"good, wildcard", BY_LAB, 0, PKI_SERVER, -1, 1, "a.wild.example.org", PKI_CHECK_GOOD, "", ""},
    {"good, address", BY_LAB, 0, PKI_SERVER, -1, 1, "127.0.0.1", PKI_CHECK_GOOD, "", ""},
    {"good, intermediate sent", BY_INTERMEDIATE, 0, PKI_SERVER, -1, 1, "mx.example.org",
     PKI_CHECK_GOOD, "", ""},
    {"wildcard is one label", BY_LAB, 0, PKI_SERVER, -1, 1, "a.b.wild.example.org",
     PKI_CHECK_WRONG_NAME, "Certificate is bad", "wanted a.b.wild.example.org"},
    {"wildcard is not none", BY_LAB, 0, PKI_SERVER, -1, 1, "wild.example.org", PKI_CHECK_WRONG_NAME,
     "Certificate is bad", "it names mx.example.org, *.wild.example.org"},
    {"wrong name", BY_LAB, 0, PKI_SERVER, -1, 1, "mail.example.net", PKI_CHECK_WRONG_NAME,
     "Certificate is bad", "127.0.0.1"},
    {"wrong address", BY_LAB, 0, PKI_SERVER, -1, 1, "127.0.0.2", PKI_CHECK_WRONG_NAME,
     "Certificate is bad", "wanted 127.0.0.2"},
    {"name only in CN", BY_LAB, PKI_WITHOUT_SAN, PKI_SERVER, -1, 1, "mx.example.org",
     PKI_CHECK_NO_SAN, "Certificate is bad", "common name"},
    {"expired", BY_LAB, 0, PKI_SERVER, -3, -1, "mx.example.org", PKI_CHECK_EXPIRED,
     "Certificate is expired", "valid until 2027-01-14 08:00:00 UTC"},
    {"not yet valid", BY_LAB, 0, PKI_SERVER, 1, 3, "mx.example.org", PKI_CHECK_NOT_YET_VALID,
     "Certificate is expired", "valid from 2027-01-16"},
    {"unknown authority", BY_STRANGER, 0, PKI_SERVER, -1, 1, "mx.example.org",
     PKI_CHECK_UNKNOWN_AUTHORITY, "CA is unknown", "issued by CN=Stranger"},
    {"self-signed", BY_LAB, PKI_SELF_SIGNED, PKI_SERVER, -1, 1, "mx.example.org",
     PKI_CHECK_SELF_SIGNED, "CA is unknown", "issued by CN=mx.example.org"},
    {"missing intermediate", BY_INTERMEDIATE, PKI_WITHOUT_INTERMEDIATE | PKI_ISSUER_URL, PKI_SERVER,
     -1, 1, "mx.example.org", PKI_CHECK_MISSING_INTERMEDIATE, "CA is unknown",
     "issued by CN=Middle"},
    {"client purpose", BY_LAB, 0, PKI_CLIENT, -1, 1, "mx.example.org", PKI_CHECK_WRONG_PURPOSE,
     "Certificate is not supported", ""},
    {"both purposes", BY_LAB, 0, PKI_CLIENT | PKI_SERVER, -1, 1, "mx.example.org", PKI_CHECK_GOOD,
     "", ""},
    {"no purpose named", BY_LAB, 0, 0, -1, 1, "mx.example.org", PKI_CHECK_GOOD, "", ""},
};

static struct pki_authority *stranger, *middle;

static void mint(const struct verdict_case *row)
{
    struct pki_request request = tls_lab_request();
    const struct pki_authority *const authorities[] = {lab.authority, stranger, middle};

    request.quirks = row->quirks;
    request.purposes = row->purposes;
    request.not_before_s = TLS_LAB_NOW_S + row->from_days * (int64_t)TLS_LAB_DAY_S;
    request.not_after_s = TLS_LAB_NOW_S + row->until_days * (int64_t)TLS_LAB_DAY_S;
    tls_lab_mint(&lab, authorities[row->issuer], &request);
}

static void check_required(const struct verdict_case *row, const struct tls_pair *pair)
{
    const struct tls_facts *facts = tls_session_facts(pair->client.session);

    if (row->wanted == PKI_CHECK_GOOD) {
        check_int(pair->client.progress, TLS_DONE);
        check_int(pair->server.progress, TLS_DONE);
        check_int(pair->server.err, ERR_AGAIN);
        check_text(pair->client.fault.text, "");
        return;
    }
    check_int(pair->client.progress, TLS_FAILED);
    check_int(facts->check, row->wanted);
    check(strstr(pair->client.fault.text, pki_check_sentence(row->wanted)) != NULL);
    check(strstr(pair->client.fault.text, row->detail) != NULL);
    if (check_failures > 0)
        (void)fprintf(stderr, "  fault: %s\n", pair->client.fault.text);
    check(strstr(pair->server.fault.text, row->alert) != NULL);
    if (check_failures > 0)
        (void)fprintf(stderr, "  server: %s\n", pair->server.fault.text);
}

static void run_case(const struct verdict_case *row, struct tls_manager *manager,
                     enum tls_verify verify)
{
    const struct tls_client_policy policy = {.server_name = row->server_name, .verify = verify};
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &policy);
    tls_pair_run(&pair);
    if (verify == TLS_VERIFY_REQUIRED) {
        check_required(row, &pair);
    } else {
        const struct tls_facts *facts = tls_session_facts(pair.client.session);
        check_int(pair.client.progress, TLS_DONE);
        check_int(facts->check,
                  verify == TLS_VERIFY_OFF ? (int)PKI_CHECK_NOT_DONE : (int)row->wanted);
        check(verify == TLS_VERIFY_OFF || strstr(facts->check_detail, row->detail) != NULL);
    }
    tls_pair_deinit(&pair);
}

static void run_cases(const char *profile)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    settings.client_profile = profile;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].name;
        mint(&cases[i]);
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        check(manager != NULL);
        if (manager == NULL)
            continue;
        run_case(&cases[i], manager, TLS_VERIFY_REQUIRED);
        run_case(&cases[i], manager, TLS_VERIFY_OPPORTUNISTIC);
        run_case(&cases[i], manager, TLS_VERIFY_OFF);
        tls_manager_free(&manager);
    }
}

TEST(test_each_verdict_in_tls13)
{
    run_cases("modern");
}

TEST(test_each_verdict_in_tls12)
{
    run_cases("NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:"
              "+CTYPE-X509:+GROUP-X25519:+SIGN-ECDSA-SHA256:+SIGN-RSA-SHA256:%PROFILE_MEDIUM");
}

TEST(test_expiry_of_an_intermediate_counts_and_of_the_root_does_not)
{
    struct verdict_case row = {.name = "expired intermediate",
                               .issuer = BY_INTERMEDIATE,
                               .purposes = PKI_SERVER,
                               .from_days = -9,
                               .until_days = 30,
                               .server_name = "mx.example.org",
                               .wanted = PKI_CHECK_EXPIRED,
                               .alert = "expired",
                               .detail = "CN=Middle"};
    struct fault fault;

    mint(&row);
    lab.clock.now_s = TLS_LAB_NOW_S + 6 * TLS_LAB_DAY_S;
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    run_case(&row, manager, TLS_VERIFY_REQUIRED);
    row.issuer = BY_LAB;
    row.wanted = PKI_CHECK_GOOD;
    mint(&row);
    tls_manager_free(&manager);
    lab.clock.now_s = TLS_LAB_NOW_S + 20 * TLS_LAB_DAY_S;
    manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    run_case(&row, manager, TLS_VERIFY_REQUIRED);
    lab.clock.now_s = TLS_LAB_NOW_S;
    tls_manager_free(&manager);
}

/* A server by hand, since ours refuses to load a chain out of order. */
struct hand {
    gnutls_session_t gnutls;
    struct tls_pair pair;
};

static ssize_t hand_pull(gnutls_transport_ptr_t ptr, void *out, size_t size)
{
    struct hand *hand = ptr;
    struct span have = span_first(buf_span(&hand->pair.server.in), size);

    if (have.len == 0) {
        gnutls_transport_set_errno(hand->gnutls, EAGAIN);
        return -1;
    }
    memcpy(out, have.ptr, have.len);
    buf_consume(&hand->pair.server.in, have.len);
    return (ssize_t)have.len;
}

static ssize_t hand_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
    struct hand *hand = ptr;
    buf_put(&hand->pair.server.out, span_make(bytes, size));
    return (ssize_t)size;
}

static void serve_by_hand(struct hand *hand, gnutls_certificate_credentials_t cred,
                          struct tls_manager *manager)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_REQUIRED};

    tls_pair_init(&hand->pair, 0);
    tls_pair_start(&hand->pair, NULL, manager, &policy);
    check_int(gnutls_init(&hand->gnutls, GNUTLS_SERVER | GNUTLS_NONBLOCK), 0);
    check_int(gnutls_set_default_priority(hand->gnutls), 0);
    check_int(gnutls_credentials_set(hand->gnutls, GNUTLS_CRD_CERTIFICATE, cred), 0);
    gnutls_transport_set_ptr(hand->gnutls, hand);
    gnutls_transport_set_pull_function(hand->gnutls, hand_pull);
    gnutls_transport_set_push_function(hand->gnutls, hand_push);
    for (int i = 0; i < 5; i++) {
        tls_pair_run(&hand->pair);
        (void)gnutls_handshake(hand->gnutls);
    }
    gnutls_deinit(hand->gnutls);
}

/* leaf, a stray certificate of the trusted authority, then the expired intermediate: the stray one
 * must not hide it. */
TEST(test_an_expired_intermediate_out_of_order_counts)
{
    const struct verdict_case by_lab = {
        .issuer = BY_LAB, .purposes = PKI_SERVER, .from_days = -9, .until_days = 30};
    const struct verdict_case by_middle = {
        .issuer = BY_INTERMEDIATE, .purposes = PKI_SERVER, .from_days = -9, .until_days = 30};
    char *stray = NULL, *chain = NULL;
    size_t len = 0;
    struct fault fault;

    mint(&by_lab);
    check_int(file_read_all(lab.chain_file, 1 << 20, &stray, &len, &fault), 0);
    mint(&by_middle);
    check_int(file_read_all(lab.chain_file, 1 << 20, &chain, &len, &fault), 0);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    check(manager != NULL);
    const char *second = strstr(chain + 1, "-----BEGIN");
    char *mixed = mem_printf("%.*s%s%s", (int)(second - chain), chain, stray, second);
    char *key = NULL;
    check_int(file_read_all(lab.key_file, 1 << 20, &key, &len, &fault), 0);
    const gnutls_datum_t chain_pem = {(unsigned char *)mixed, (unsigned)strlen(mixed)};
    const gnutls_datum_t key_pem = {(unsigned char *)key, (unsigned)len};
    gnutls_certificate_credentials_t cred = NULL;
    gnutls_pcert_st pcerts[4];
    unsigned count = 4;
    gnutls_privkey_t privkey = NULL;
    check_int(gnutls_pcert_list_import_x509_raw(pcerts, &count, &chain_pem, GNUTLS_X509_FMT_PEM, 0),
              0);
    check_int(count, 3);
    check_int(gnutls_privkey_init(&privkey), 0);
    check_int(gnutls_privkey_import_x509_raw(privkey, &key_pem, GNUTLS_X509_FMT_PEM, NULL, 0), 0);
    check_int(gnutls_certificate_allocate_credentials(&cred), 0);
    check_int(gnutls_certificate_set_key(cred, NULL, 0, pcerts, (int)count, privkey), 0);
    struct hand hand;
    serve_by_hand(&hand, cred, manager);
    check_int(hand.pair.client.progress, TLS_DONE); /* GnuTLS puts it in order, and so do we */
    tls_pair_deinit(&hand.pair);
    lab.clock.now_s = TLS_LAB_NOW_S + 6 * TLS_LAB_DAY_S;
    serve_by_hand(&hand, cred, manager);
    lab.clock.now_s = TLS_LAB_NOW_S;
    check_int(hand.pair.client.progress, TLS_FAILED);
    check(strstr(hand.pair.client.fault.text, "expired") != NULL);
    check(strstr(hand.pair.client.fault.text, "CN=Middle") != NULL);
    tls_pair_deinit(&hand.pair);
    gnutls_certificate_free_credentials(cred);
    tls_manager_free(&manager);
    mem_free(stray), mem_free(chain), mem_free(mixed), mem_free(key);
}

/* Our own server would not load such a key. */
TEST(test_a_weak_key_of_another_server)
{
    static const char *const profiles[] = {
        "modern", "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-RSA:+AEAD:+COMP-NULL:+CTYPE-X509:"
                  "+GROUP-X25519:+SIGN-RSA-SHA256:+SIGN-RSA-PSS-RSAE-SHA256"};
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_REQUIRED};
    struct pki_request request = tls_lab_request();
    struct settings_tls settings = lab.settings;
    struct fault fault;

    request.quirks = PKI_WEAK_KEY;
    tls_lab_mint(&lab, NULL, &request);
    settings.pair_count = 0;
    for (size_t i = 0; i < sizeof profiles / sizeof *profiles; i++) {
        struct tls_foreign server;
        struct tls_pair pair;
        settings.client_profile = profiles[i];
        struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, NULL, manager, &policy);
        tls_foreign_init(&server, &pair, lab.chain_file, lab.key_file, NULL);
        tls_foreign_run(&server);
        check_int(pair.client.progress, TLS_FAILED);
        check(strstr(pair.client.fault.text, pki_check_sentence(PKI_CHECK_WEAK)) != NULL);
        check_int(server.ret, GNUTLS_E_FATAL_ALERT_RECEIVED);
        check_int(gnutls_alert_get(server.gnutls), GNUTLS_A_BAD_CERTIFICATE);
        tls_foreign_deinit(&server);
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_a_weak_key_of_another_server", test_a_weak_key_of_another_server},
        {"test_each_verdict_in_tls13", test_each_verdict_in_tls13},
        {"test_each_verdict_in_tls12", test_each_verdict_in_tls12},
        {"test_expiry_of_an_intermediate",
         test_expiry_of_an_intermediate_counts_and_of_the_root_does_not},
        {"test_an_expired_intermediate_out_of_order_counts",
         test_an_expired_intermediate_out_of_order_counts},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    struct fault fault;

    tls_lab_init(&lab);
    stranger = pki_authority_create("Stranger", TLS_LAB_NOW_S - TLS_LAB_DAY_S,
                                    TLS_LAB_NOW_S + TLS_LAB_DAY_S, &fault);
    middle = pki_authority_delegate(lab.authority, "Middle", TLS_LAB_NOW_S - 5 * TLS_LAB_DAY_S,
                                    TLS_LAB_NOW_S + 5 * TLS_LAB_DAY_S, &fault);
    int status = run_all(argc, argv);
    pki_authority_free(&middle);
    pki_authority_free(&stranger);
    tls_lab_deinit(&lab);
    return status;
}
