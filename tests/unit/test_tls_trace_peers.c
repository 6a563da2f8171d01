/*
 * What the trace tells of sessions with other programs, here GnuTLS as others use it: resumption
 * without what opens a session again, and requests for a certificate.
 */
#include <errno.h>
#include <gnutls/gnutls.h>

#include "check.h"
#include "tests/fake/trace_stage.h"
#include "tls/hello.h"
#include "tls/trace_internal.h"

static struct tls_lab lab;
static const struct tls_client_policy required = {
    .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = "smtp"};

static const char *const priorities[] = {"NORMAL:-VERS-ALL:+VERS-TLS1.3",
                                         "NORMAL:-VERS-ALL:+VERS-TLS1.2"};

static void check_field(const struct tap_event *event, const char *field, const char *wanted)
{
    check(event != NULL);
    check_span(tap_book_field(event, field), wanted);
}

/* --- a peer by hand: GnuTLS as others use it --- */

struct hand {
    gnutls_session_t gnutls;
    gnutls_certificate_credentials_t cred;
    struct stage stage;
    struct tls_end *end; /* its own */
};

static ssize_t hand_pull(gnutls_transport_ptr_t ptr, void *out, size_t size)
{
    struct hand *hand = ptr;
    struct span have = span_first(buf_span(&hand->end->in), size);

    if (have.len == 0) {
        gnutls_transport_set_errno(hand->gnutls, EAGAIN);
        return -1;
    }
    memcpy(out, have.ptr, have.len);
    buf_consume(&hand->end->in, have.len);
    return (ssize_t)have.len;
}

static ssize_t hand_push(gnutls_transport_ptr_t ptr, const void *bytes, size_t size)
{
    struct hand *hand = ptr;
    buf_put(&hand->end->out, span_make(bytes, size));
    return (ssize_t)size;
}

/* role: GNUTLS_CLIENT or GNUTLS_SERVER; the stage's manager is there already. */
static void hand_begin(struct hand *hand, unsigned role, const char *priority)
{
    hand->end = role == GNUTLS_CLIENT ? &hand->stage.pair.client : &hand->stage.pair.server;
    check_int(gnutls_certificate_allocate_credentials(&hand->cred), 0);
    check_int(gnutls_init(&hand->gnutls, role | GNUTLS_NONBLOCK), 0);
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
        tls_pair_run(&hand->stage.pair);
        ret = gnutls_handshake(hand->gnutls);
        tls_pair_run(&hand->stage.pair);
    }
    return ret;
}

static void hand_end(struct hand *hand)
{
    gnutls_deinit(hand->gnutls);
    gnutls_certificate_free_credentials(hand->cred);
    stage_close(&hand->stage);
}

/* A client; the server's side is traced. */
static void hand_visit(struct hand *hand, const char *priority, const gnutls_datum_t *ticket)
{
    stage_open(&hand->stage, &lab, "intermediate", "intermediate");
    stage_accept(&hand->stage, hand->stage.manager);
    hand_begin(hand, GNUTLS_CLIENT, priority);
    if (ticket != NULL)
        check_int(gnutls_session_set_data(hand->gnutls, ticket->data, ticket->size), 0);
    check_int(hand_shake(hand), 0);
}

/* The bytes of an extension of the traced ClientHello are there, and all overwritten. */
static void check_hidden(struct span hello_bytes, unsigned type)
{
    struct tls_hello hello;
    struct span body = {"", 0};
    size_t zeroes = 0;
    check_int(tls_hello_parse(hello_bytes, &hello), 0);
    check(trace_find_extension(hello.extensions, type, &body));
    while (zeroes < body.len && body.ptr[zeroes] == 0)
        zeroes++;
    check(body.len > 100);
    check_int(zeroes, body.len);
}

static void fetch_ticket(struct hand *hand, gnutls_datum_t *ticket_out)
{
    char byte;
    tls_end_say(&hand->stage.pair.server, "x");
    tls_pair_run(&hand->stage.pair);
    while (gnutls_record_recv(hand->gnutls, &byte, 1) == GNUTLS_E_AGAIN && hand->end->in.len > 0)
        continue;
    check_int(gnutls_session_get_data2(hand->gnutls, ticket_out), 0);
}

TEST(test_resumption_is_told_but_what_opens_it_is_not)
{
    static const struct {
        const char *priority, *field, *offered;
        unsigned extension;
    } cases[] = {
        {"NORMAL:-VERS-ALL:+VERS-TLS1.3", "psk", "offered, identity of ", TRACE_EXT_PSK},
        {"NORMAL:-VERS-ALL:+VERS-TLS1.2", "session ticket", "offered: ", TRACE_EXT_SESSION_TICKET},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct hand first, second;
        gnutls_datum_t ticket = {NULL, 0};
        check_case = cases[i].priority;
        hand_visit(&first, cases[i].priority, NULL);
        fetch_ticket(&first, &ticket);
        const struct tap_event *given =
            tap_book_find(&first.stage.server, TAP_HANDSHAKE, TAP_OUT, "NewSessionTicket", 0);
        check(given != NULL && given->bytes.len > 100);
        check(span_find(tap_book_field(given, "lifetime"), span_of(" s")) > 0);
        /* Two hundred bytes of zeroes: no ticket looks like that. */
        static const char zeroes[150];
        check(span_find(given->bytes, span_make(zeroes, sizeof zeroes)) >= 0);

        /* The same manager: its ticket key is what makes the ticket good. */
        struct tls_manager *manager = first.stage.manager;
        tls_pair_deinit(&first.stage.pair);
        stage_open(&second.stage, &lab, "intermediate", "intermediate");
        stage_accept(&second.stage, manager);
        hand_begin(&second, GNUTLS_CLIENT, cases[i].priority);
        check_int(gnutls_session_set_data(second.gnutls, ticket.data, ticket.size), 0);
        check_int(hand_shake(&second), 0);
        const struct tap_book *book = &second.stage.server;
        const struct tap_event *hello =
            tap_book_find(book, TAP_HANDSHAKE, TAP_IN, "ClientHello", 0);
        check(span_starts(tap_book_field(hello, cases[i].field), span_of(cases[i].offered)));
        check_hidden(hello->bytes, cases[i].extension);
        check_field(tap_book_find(book, TAP_SECURE, TAP_NO_WAY, NULL, 0), "resumed", "yes");
        check(tap_book_find(book, TAP_HANDSHAKE, TAP_OUT, "Certificate", 0) == NULL);
        gnutls_free(ticket.data);
        hand_end(&second);
        tls_pair_init(&first.stage.pair, 0);
        hand_end(&first);
    }
}

/* A server that asks; the client's side is traced. */
static void hand_ask(struct hand *hand, const char *priority, const struct tls_lab *as)
{
    stage_open(&hand->stage, as, "intermediate", "intermediate");
    stage_connect(&hand->stage, &required);
    hand_begin(hand, GNUTLS_SERVER, priority);
    check_int(gnutls_certificate_set_x509_key_file(hand->cred, lab.chain_file, lab.key_file,
                                                   GNUTLS_X509_FMT_PEM),
              0);
    check(gnutls_certificate_set_x509_trust_file(hand->cred, lab.ca_file, GNUTLS_X509_FMT_PEM) > 0);
    gnutls_certificate_server_set_request(hand->gnutls, GNUTLS_CERT_REQUEST);
    check_int(hand_shake(hand), 0);
}

TEST(test_a_request_for_a_certificate_is_told_and_its_answer)
{
    for (size_t i = 0; i < 4; i++) {
        struct tls_lab as = lab;
        struct hand hand;
        bool has_certificate = i >= 2;
        check_case = priorities[i % 2];
        if (has_certificate) {
            as.settings.client_certificate = lab.chain_file;
            as.settings.client_key = lab.key_file;
        }
        hand_ask(&hand, priorities[i % 2], &as);
        const struct tap_book *book = &hand.stage.client;
        const struct tap_event *asked =
            tap_book_find(book, TAP_HANDSHAKE, TAP_IN, "CertificateRequest", 0);
        check_field(asked, "authorities", "CN=Lab Authority");
        check(tap_book_field(asked, "signature schemes").len > 0);
        const struct tap_event *answer =
            tap_book_find(book, TAP_HANDSHAKE, TAP_OUT, "Certificate", 0);
        check_field(answer, "certificates", has_certificate ? "1" : "0");
        check(span_starts(tap_book_field(answer, "certificate 0"),
                          span_of("subject CN=mx.example.org")) == has_certificate);
        const struct tap_event *proof =
            tap_book_find(book, TAP_HANDSHAKE, TAP_OUT, "CertificateVerify", 0);
        check((proof != NULL) == has_certificate);
        check(!has_certificate ||
              span_is(tap_book_field(proof, "signature scheme"), "ecdsa_secp256r1_sha256"));
        hand_end(&hand);
    }
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_resumption_is_told_but_what_opens_it_is_not",
         test_resumption_is_told_but_what_opens_it_is_not},
        {"test_a_request_for_a_certificate_is_told_and_its_answer",
         test_a_request_for_a_certificate_is_told_and_its_answer},
    };
    tls_lab_init(&lab);
    int status = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    tls_lab_deinit(&lab);
    return status;
}
