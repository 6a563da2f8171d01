/*
 * A TLS server in front of peers that mean no good or no TLS: foreign protocols, garbage,
 * plaintext, records too long, renegotiation, records without data, and tickets. The peer is GnuTLS
 * itself, driven here by hand where our own client would not do such things.
 */
#include <errno.h>
#include <gnutls/gnutls.h>

#include "check.h"
#include "tests/fake/tls_lab.h"

static struct tls_lab lab;
static struct tls_manager *manager;

/* --- ALPN --- */

static const struct alpn_case {
    const char *offered; /* NULL: none */
    enum tls_progress server, client;
    const char *alpn, *server_fault, *client_fault;
} alpns[] = {
    {"smtp", TLS_DONE, TLS_DONE, "smtp", "", ""},
    {NULL, TLS_DONE, TLS_DONE, "", "", ""},
    {"http/1.1", TLS_FAILED, TLS_FAILED, "", "only other protocols than \"smtp\"",
     "No supported application protocol"},
    {"smt", TLS_FAILED, TLS_FAILED, "", "only other protocols than \"smtp\"",
     "No supported application protocol"},
};

TEST(test_alpn_serves_ours_or_none_and_refuses_foreign)
{
    for (size_t i = 0; i < sizeof alpns / sizeof *alpns; i++) {
        const struct tls_client_policy policy = {.verify = TLS_VERIFY_REQUIRED,
                                                 .alpn = alpns[i].offered};
        struct tls_pair pair;
        check_case = alpns[i].offered != NULL ? alpns[i].offered : "none";
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, manager, manager, &policy);
        tls_pair_run(&pair);
        check_int(pair.server.progress, alpns[i].server);
        check(pair.client.progress == alpns[i].client || pair.client.err == ERR_TLS);
        check(strstr(pair.server.fault.text, alpns[i].server_fault) != NULL);
        check(strstr(pair.client.fault.text, alpns[i].client_fault) != NULL);
        check_text(tls_session_facts(pair.server.session)->alpn, alpns[i].alpn);
        tls_pair_deinit(&pair);
    }
}

/* --- no TLS at all --- */

static const struct input_case {
    const char *name;
    struct span bytes;
    const char *wanted;
} inputs[] = {
    {"http", {"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 27}, "first byte is 0x47; is it a plaintext"},
    {"smtp", {"EHLO there\r\nQUIT\r\n", 18}, "first byte is 0x45; is it a plaintext"},
    {"zeroes", {"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 16}, "first byte is 0x00"},
    {"high bytes", {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 10}, "first byte is 0xff"},
    {"record too long", {"\x16\x03\x01\xff\xff\x01\x00\x00\x00", 9}, "TLS handshake:"},
    {"not a hello", {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9}, "TLS handshake:"},
    {"empty hello", {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9}, "TLS handshake:"},
    {"data before the handshake", {"\x17\x03\x03\x00\x04text", 9}, "first byte is 0x17"},
    {"fatal alert", {"\x15\x03\x03\x00\x02\x02\x28", 7}, "alert \"Handshake failed\""},
};

static void feed(const struct input_case *row, size_t cut)
{
    struct tls_pair pair;

    tls_pair_init(&pair, cut);
    tls_pair_start(&pair, manager, NULL, NULL);
    buf_put(&pair.client.out, row->bytes);
    tls_pair_run(&pair);
    check_int(pair.server.progress, TLS_FAILED);
    if (strstr(pair.server.fault.text, row->wanted) == NULL)
        CHECK_FAILED("wanted \"%s\", got \"%s\"", row->wanted, pair.server.fault.text);
    char byte;
    check_int(tls_session_read(pair.server.session, &byte, 1, NULL), ERR_TLS);
    const struct span part = span_of("x");
    check_int(tls_session_write(pair.server.session, &part, 1), ERR_TLS);
    tls_session_bye(pair.server.session);
    tls_pair_deinit(&pair);
}

TEST(test_what_is_not_tls_is_named)
{
    for (size_t i = 0; i < sizeof inputs / sizeof *inputs; i++) {
        check_case = inputs[i].name;
        feed(&inputs[i], 0);
        feed(&inputs[i], 1);
    }
}

/* A message that is announced with 16 MiB and comes record by record, as if from afar. */
static unsigned records_taken(bool is_server)
{
    const struct tls_client_policy policy = {.verify = TLS_VERIFY_REQUIRED};
    static const char start[] = "\x16\x03\x03\x10\x00\x01\xff\xff\xff";
    static char record[5 + 4096] = "\x16\x03\x03\x10\x00";
    struct tls_pair pair;
    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, is_server ? manager : NULL, is_server ? NULL : manager, &policy);
    struct tls_end *end = is_server ? &pair.server : &pair.client;
    memcpy(record, start, sizeof start - 1);
    record[5] = is_server ? 1 : 2; /* ClientHello, ServerHello */
    unsigned count = 0;
    for (; count < 1000 && end->progress != TLS_FAILED; count++) {
        buf_put(&end->peer->out, span_make(record, sizeof record));
        tls_pair_run(&pair);
        memset(record + 5, 0, 4096);
    }
    check(strstr(end->fault.text, "handshake is longer than") != NULL);
    tls_pair_deinit(&pair);
    return count;
}

TEST(test_an_endless_handshake_message_is_not_collected)
{
    check_int(records_taken(true), 8);
    check_int(records_taken(false), 64);
}

TEST(test_garbage_inside_a_session_ends_it)
{
    const struct tls_client_policy policy = {.verify = TLS_VERIFY_OFF};
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &policy);
    tls_pair_run(&pair);
    buf_put(&pair.client.out, span_make("\x17\x03\x03\x00\x20 forged forged forged forged!!!", 37));
    tls_pair_run(&pair);
    check_int(pair.server.err, ERR_TLS);
    check(strstr(pair.client.fault.text, "alert") != NULL);
    tls_pair_deinit(&pair);
    tls_pair_init(&pair, 1);
    tls_pair_start(&pair, manager, manager, &policy);
    tls_pair_run(&pair);
    buf_put(&pair.client.out, span_make("\x17\x03\x03\xff\xff", 5));
    tls_pair_run(&pair);
    check_int(pair.server.err, ERR_TLS);
    tls_pair_deinit(&pair);
}

/* --- a client by hand --- */

struct hand {
    gnutls_session_t gnutls;
    gnutls_certificate_credentials_t cred;
    struct tls_pair pair;
};

static ssize_t hand_pull(gnutls_transport_ptr_t ptr, void *out, size_t size)
{
    struct hand *hand = ptr;
    struct span have = span_first(buf_span(&hand->pair.client.in), size);

    if (have.len == 0) {
        gnutls_transport_set_errno(hand->gnutls, EAGAIN);
        return -1;
    }
    memcpy(out, have.ptr, have.len);
    buf_consume(&hand->pair.client.in, have.len);
    return (ssize_t)have.len;
}

static ssize_t hand_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
    struct hand *hand = ptr;
    buf_put(&hand->pair.client.out, span_make(bytes, size));
    return (ssize_t)size;
}

static void hand_begin(struct hand *hand, const char *priority)
{
    tls_pair_init(&hand->pair, 0);
    tls_pair_start(&hand->pair, manager, NULL, NULL);
    check_int(gnutls_certificate_allocate_credentials(&hand->cred), 0);
    check_int(gnutls_init(&hand->gnutls, GNUTLS_CLIENT | GNUTLS_NONBLOCK), 0);
    check_int(gnutls_priority_set_direct(hand->gnutls, priority, NULL), 0);
    check_int(gnutls_credentials_set(hand->gnutls, GNUTLS_CRD_CERTIFICATE, hand->cred), 0);
    gnutls_transport_set_ptr(hand->gnutls, hand);
    gnutls_transport_set_pull_function(hand->gnutls, hand_pull);
    gnutls_transport_set_push_function(hand->gnutls, hand_push);
}

static int hand_shake(struct hand *hand)
{
    int ret = GNUTLS_E_AGAIN;

    for (int i = 0; i < 10 && ret == GNUTLS_E_AGAIN; i++) {
        ret = gnutls_handshake(hand->gnutls);
        tls_pair_run(&hand->pair);
    }
    return ret;
}

static void hand_end(struct hand *hand)
{
    gnutls_deinit(hand->gnutls);
    gnutls_certificate_free_credentials(hand->cred);
    tls_pair_deinit(&hand->pair);
}

static const char *const versions[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
                                       "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

static void resume(const char *priority)
{
    struct hand hand;
    gnutls_datum_t ticket = {NULL, 0};
    struct pki_request request = tls_lab_request();
    struct fault fault;
    char byte;

    hand_begin(&hand, priority);
    check_int(hand_shake(&hand), 0);
    check(!tls_session_facts(hand.pair.server.session)->is_resumed);
    tls_end_say(&hand.pair.server, "x");
    tls_pair_run(&hand.pair);
    while (gnutls_record_recv(hand.gnutls, &byte, 1) == GNUTLS_E_AGAIN &&
           hand.pair.client.in.len > 0)
        continue;
    check_int(gnutls_session_get_data2(hand.gnutls, &ticket), 0);
    hand_end(&hand);
    /* A reload, here with another certificate, keeps the ticket key. */
    tls_lab_mint(&lab, NULL, &request);
    check_int(tls_manager_reload(manager, &lab.settings, &fault), 0);
    hand_begin(&hand, priority);
    check_int(gnutls_session_set_data(hand.gnutls, ticket.data, ticket.size), 0);
    check_int(hand_shake(&hand), 0);
    check(gnutls_session_is_resumed(hand.gnutls) != 0);
    check(tls_session_facts(hand.pair.server.session)->is_resumed);
    check(tls_session_facts(hand.pair.server.session)->has_exporter);
    gnutls_free(ticket.data);
    hand_end(&hand);
}

TEST(test_tickets_resume_also_over_a_reload)
{
    for (size_t v = 0; v < sizeof versions / sizeof *versions; v++) {
        check_case = versions[v];
        resume(versions[v]);
    }
}

TEST(test_old_versions_and_weak_suites_are_refused)
{
    static const char *const weak[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.1:%PROFILE_LOW",
                                       "NORMAL:-VERS-ALL:+VERS-TLS1.0:%PROFILE_LOW",
                                       "NORMAL:-VERS-ALL:+VERS-TLS1.2:-CIPHER-ALL:+AES-128-CBC",
                                       "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+RSA:+DHE-RSA"};

    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++) {
        struct hand hand;
        check_case = weak[i];
        hand_begin(&hand, weak[i]);
        check(hand_shake(&hand) != 0);
        check_int(hand.pair.server.progress, TLS_FAILED);
        hand_end(&hand);
    }
}

TEST(test_renegotiation_is_refused)
{
    struct hand hand;

    hand_begin(&hand, versions[1]);
    check_int(hand_shake(&hand), 0);
    (void)gnutls_handshake(hand.gnutls);
    tls_pair_run(&hand.pair);
    check_int(hand.pair.server.err, ERR_TLS);
    check_text(hand.pair.server.fault.text, "the peer asked for renegotiation, which is refused");
    hand_end(&hand);
}

TEST(test_data_behind_a_key_update_is_not_left_lying)
{
    struct hand hand;

    hand_begin(&hand, versions[0]);
    check_int(hand_shake(&hand), 0);
    check_int(gnutls_session_key_update(hand.gnutls, 0), 0);
    check_int(gnutls_record_send(hand.gnutls, "one", 3), 3);
    check_int(gnutls_session_key_update(hand.gnutls, GNUTLS_KU_PEER), 0);
    check_int(gnutls_record_send(hand.gnutls, "two", 3), 3);
    tls_pair_run(&hand.pair);
    check_span(buf_span(&hand.pair.server.clear), "onetwo");
    hand_end(&hand);
}

TEST(test_key_updates_without_end_are_cut_off)
{
    struct hand hand;

    hand_begin(&hand, versions[0]);
    check_int(hand_shake(&hand), 0);
    for (int i = 0; i < 500; i++)
        if (gnutls_session_key_update(hand.gnutls, 0) != 0)
            break;
    tls_pair_run(&hand.pair);
    check_int(hand.pair.server.err, ERR_TLS);
    hand_end(&hand);
}

/* GnuTLS itself refuses what is no host name; what passes is escaped all the same. */
TEST(test_a_hostile_server_name_is_refused)
{
    struct hand hand;

    hand_begin(&hand, versions[0]);
    check_int(gnutls_server_name_set(hand.gnutls, GNUTLS_NAME_DNS, "a\"b\\c.example", 13), 0);
    check(hand_shake(&hand) != 0);
    check_int(hand.pair.server.progress, TLS_FAILED);
    check_text(tls_session_facts(hand.pair.server.session)->server_name, "");
    hand_end(&hand);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_alpn_serves_ours_or_none", test_alpn_serves_ours_or_none_and_refuses_foreign},
        {"test_what_is_not_tls_is_named", test_what_is_not_tls_is_named},
        {"test_an_endless_handshake_message", test_an_endless_handshake_message_is_not_collected},
        {"test_garbage_inside_a_session_ends_it", test_garbage_inside_a_session_ends_it},
        {"test_tickets_resume_also_over_a_reload", test_tickets_resume_also_over_a_reload},
        {"test_old_versions_and_weak_suites_are_refused",
         test_old_versions_and_weak_suites_are_refused},
        {"test_renegotiation_is_refused", test_renegotiation_is_refused},
        {"test_data_behind_a_key_update", test_data_behind_a_key_update_is_not_left_lying},
        {"test_key_updates_without_end", test_key_updates_without_end_are_cut_off},
        {"test_a_hostile_server_name_is_refused", test_a_hostile_server_name_is_refused},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    struct fault fault;

    tls_lab_init(&lab);
    manager = tls_manager_create(&lab.settings, &lab.clock.clock, NULL, &fault);
    int status = run_all(argc, argv);
    tls_manager_free(&manager);
    tls_lab_deinit(&lab);
    return status;
}
