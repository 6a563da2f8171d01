/*
 * TLS sessions between both of our roles in memory: handshakes at all cuts and versions, facts,
 * records, ends.
 */
#include "base/mem.h"
#include "check.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;
static const struct tls_client_policy required = {
    .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = "smtp"};

static struct tls_manager *manager_with(const char *server_profile, const char *client_profile)
{
    struct settings_tls settings = lab.settings;
    struct fault fault;

    fault_clear(&fault);
    settings.server_profile = server_profile;
    settings.client_profile = client_profile;
    struct tls_manager *manager = tls_manager_create(&settings, &lab.clock.clock, NULL, &fault);
    check_text(fault.text, "");
    return manager;
}

static const char tls12[] = "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:"
                            "+CTYPE-X509:+GROUP-X25519:+SIGN-ECDSA-SHA256:%PROFILE_MEDIUM";

static const struct version_case {
    const char *name, *client_profile, *version, *cipher;
} versions[] = {
    {"1.3", "modern", "TLSv1.3", "TLS_AES_128_GCM_SHA256"},
    {"1.2", tls12, "TLSv1.2", "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
};
static const size_t cuts[] = {0, 1, 7, 300};

static void echo_at_cut(struct tls_manager *manager, const struct version_case *version, size_t cut)
{
    struct tls_pair pair;

    tls_pair_init(&pair, cut);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    check_int(pair.client.progress, TLS_DONE);
    check_int(pair.server.progress, TLS_DONE);
    tls_end_say(&pair.client, "EHLO me\r\n");
    tls_end_say(&pair.server, "250 you\r\n");
    tls_pair_run(&pair);
    check_span(buf_span(&pair.server.clear), "EHLO me\r\n");
    check_span(buf_span(&pair.client.clear), "250 you\r\n");
    check_text(tls_session_facts(pair.server.session)->version, version->version);
    check_text(tls_session_facts(pair.client.session)->cipher, version->cipher);
    tls_pair_deinit(&pair);
}

TEST(test_handshake_and_echo_at_any_cut)
{
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        struct tls_manager *manager = manager_with("intermediate", versions[v].client_profile);
        check_case = versions[v].name;
        for (size_t c = 0; c < sizeof cuts / sizeof *cuts; c++)
            echo_at_cut(manager, &versions[v], cuts[c]);
        tls_manager_free(&manager);
    }
}

TEST(test_facts_of_both_ends_agree)
{
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        struct tls_manager *manager = manager_with("intermediate", versions[v].client_profile);
        struct tls_pair pair;
        check_case = versions[v].name;
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, manager, manager, &required);
        tls_pair_run(&pair);
        const struct tls_facts *server = tls_session_facts(pair.server.session);
        const struct tls_facts *client = tls_session_facts(pair.client.session);
        check_text(server->group, "X25519");
        check_text(server->alpn, "smtp");
        check_text(client->alpn, "smtp");
        check_text(server->server_name, "mx.example.org");
        check_text(client->server_name, "mx.example.org");
        check(strstr(client->signature, "ECDSA") != NULL);
        check_int(server->bits, 128);
        check(!server->is_resumed);
        check_int(client->check, PKI_CHECK_GOOD);
        check_int(server->check, PKI_CHECK_NOT_DONE);
        check(client->has_peer_fingerprint);
        check(!server->has_peer_fingerprint);
        check(client->has_exporter && server->has_exporter);
        check(memcmp(client->exporter, server->exporter, sizeof client->exporter) == 0);
        check_int(client->server_end_point_len, 32);
        check_int(server->server_end_point_len, 32);
        check(memcmp(client->server_end_point, server->server_end_point, 32) == 0);
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
}

TEST(test_many_parts_share_a_record)
{
    struct tls_manager *manager = manager_with("intermediate", "intermediate");
    struct tls_pair pair;
    struct span parts[100];

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    for (size_t i = 0; i < 100; i++)
        parts[i] = i % 3 == 0 ? span_of("") : span_of("abc");
    unsigned before = pair.server.push_count;
    check_int(tls_session_write(pair.server.session, parts, 100), 198);
    check_int(pair.server.push_count - before, 1);
    check(pair.server.out.len < 198 + 64);
    tls_pair_run(&pair);
    check_int(pair.client.clear.len, 198);
    check_int(tls_session_write(pair.server.session, parts, 1), 0);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

TEST(test_large_writes_go_record_by_record)
{
    enum { SIZE = 100000 };
    struct tls_manager *manager = manager_with("intermediate", "intermediate");
    struct tls_pair pair;
    char *bytes = mem_alloc(SIZE);

    memset(bytes, 'x', SIZE);
    tls_pair_init(&pair, 5000);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    const struct span parts[] = {span_make(bytes, 10000), span_make(bytes, 10000)};
    check_int(tls_session_write(pair.server.session, parts, 2), 16384);
    struct span rest = span_make(bytes, SIZE);
    while (rest.len > 0) {
        int64_t taken = tls_session_write(pair.server.session, &rest, 1);
        check(taken > 0 && taken <= 16384);
        rest = span_from(rest, (size_t)taken);
    }
    tls_pair_run(&pair);
    check_int(pair.client.clear.len, SIZE + 16384);
    mem_free(bytes);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

TEST(test_close_notify_is_told_from_a_cut)
{
    struct tls_manager *manager = manager_with("intermediate", "intermediate");
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    tls_end_say(&pair.client, "QUIT\r\n");
    tls_pair_run(&pair);
    check_int(pair.server.err, ERR_AGAIN); /* a cut now: the caller knows that no end was told */
    tls_session_bye(pair.client.session);
    tls_pair_run(&pair);
    check_span(buf_span(&pair.server.clear), "QUIT\r\n");
    check_int(pair.server.err, ERR_CLOSED);
    tls_end_say(&pair.server, "221 bye\r\n"); /* the other direction still works */
    tls_pair_run(&pair);
    check_span(buf_span(&pair.client.clear), "221 bye\r\n");
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

TEST(test_data_behind_the_handshake_is_kept)
{
    struct tls_manager *manager = manager_with("intermediate", "intermediate");
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &required);
    tls_end_react(&pair.client);
    buf_put(&pair.server.in, buf_span(&pair.client.out));
    buf_clear(&pair.client.out);
    tls_end_react(&pair.server);
    buf_put(&pair.client.in, buf_span(&pair.server.out));
    buf_clear(&pair.server.out);
    tls_end_react(&pair.client);
    check_int(pair.client.progress, TLS_DONE);
    tls_end_say(&pair.client, "EHLO early\r\n"); /* same segment as the Finished */
    tls_pair_run(&pair);
    check_span(buf_span(&pair.server.clear), "EHLO early\r\n");
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

struct seen {
    struct tap tap; /* first */
    unsigned counts[TAP_CLOSE + 1];
    bool has_hello;
};

static void on_event(struct tap *tap, const struct tap_event *event)
{
    struct seen *seen = (struct seen *)(void *)tap;
    seen->counts[event->kind]++;
    seen->has_hello = seen->has_hello || (event->kind == TAP_HANDSHAKE && event->code == 1);
    check_int(event->conn_id, 7);
}

TEST(test_the_lens_sees_messages_records_and_the_end_of_the_handshake)
{
    struct tls_manager *manager = manager_with("intermediate", "intermediate");
    struct seen seen = {.tap = {.on_event = on_event}};
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    const struct tls_wire wire = tls_end_wire(&pair.server);
    pair.server.session = tls_session_accept(manager, &wire, "smtp", &seen.tap, 7);
    tls_pair_start(&pair, NULL, manager, &required);
    tls_pair_run(&pair);
    check(seen.has_hello);
    check(seen.counts[TAP_HANDSHAKE] >= 6);
    check(seen.counts[TAP_RECORD] >= 2);
    check_int(seen.counts[TAP_SECURE], 1);
    tls_pair_deinit(&pair);
    tls_manager_free(&manager);
}

struct judge {
    unsigned asked, wait_for;
    enum pki_check says;
};

static int on_judge(void *owner, struct span der, enum pki_check *verdict)
{
    struct judge *judge = owner;
    check(der.len > 0);
    if (judge->asked++ < judge->wait_for)
        return ERR_AGAIN;
    *verdict = judge->says;
    return 0;
}

TEST(test_a_pending_verdict_pauses_the_handshake)
{
    for (size_t v = 0; v < 2 * (sizeof versions / sizeof *versions); v++) {
        struct judge judge = {.wait_for = 2,
                              .says = v % 2 == 0 ? PKI_CHECK_GOOD : PKI_CHECK_REVOKED};
        struct tls_client_policy policy = required;
        struct tls_manager *manager = manager_with("intermediate", versions[v / 2].client_profile);
        struct tls_pair pair;
        check_case = versions[v / 2].name;
        policy.judge = (struct tls_judge){.judge = on_judge, .owner = &judge};
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, manager, manager, &policy);
        tls_pair_run(&pair);
        check_int(pair.client.progress, TLS_WAITING);
        tls_end_react(&pair.client);
        check_int(judge.asked, 2);
        check_int(pair.client.progress, TLS_WAITING);
        tls_pair_run(&pair);
        check_int(judge.asked, 3);
        check_int(pair.client.progress, v % 2 == 0 ? TLS_DONE : TLS_FAILED);
        if (v % 2 == 1)
            check_text(pair.client.fault.text, "the certificate is revoked");
        tls_pair_deinit(&pair);
        tls_manager_free(&manager);
    }
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_handshake_and_echo_at_any_cut", test_handshake_and_echo_at_any_cut},
        {"test_facts_of_both_ends_agree", test_facts_of_both_ends_agree},
        {"test_many_parts_share_a_record", test_many_parts_share_a_record},
        {"test_large_writes_go_record_by_record", test_large_writes_go_record_by_record},
        {"test_close_notify_is_told_from_a_cut", test_close_notify_is_told_from_a_cut},
        {"test_data_behind_the_handshake_is_kept", test_data_behind_the_handshake_is_kept},
        {"test_the_lens_sees", test_the_lens_sees_messages_records_and_the_end_of_the_handshake},
        {"test_a_pending_verdict_pauses_the_handshake",
         test_a_pending_verdict_pauses_the_handshake},
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
