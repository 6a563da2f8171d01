/*
 * What the trace tells of TLS sessions: every message of both directions with its fields, records
 * however they are cut, alerts and ends; and what it makes of bytes that are no message.
 */
#include "base/mem.h"
#include "check.h"
#include "tests/fake/trace_stage.h"
#include "tls/trace_internal.h"

static struct tls_lab lab;
static const struct tls_client_policy required = {
    .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = "smtp"};

/* --- both of our roles --- */

struct message {
    enum tap_way way; /* as the server sees it */
    const char *name;
};

static const struct message full13[] = {
    {TAP_IN, "ClientHello"},
    {TAP_OUT, "ServerHello"},
    {TAP_OUT, "EncryptedExtensions"},
    {TAP_OUT, "Certificate"},
    {TAP_OUT, "CertificateVerify"},
    {TAP_OUT, "Finished"},
    {TAP_OUT, "NewSessionTicket"},
    {TAP_OUT, "NewSessionTicket"},
    {TAP_IN, "Finished"},
    {TAP_NO_WAY, NULL},
};
static const struct message full12[] = {
    {TAP_IN, "ClientHello"},        {TAP_OUT, "ServerHello"},     {TAP_OUT, "Certificate"},
    {TAP_OUT, "ServerKeyExchange"}, {TAP_OUT, "ServerHelloDone"}, {TAP_IN, "ClientKeyExchange"},
    {TAP_IN, "Finished"},           {TAP_OUT, "Finished"},        {TAP_NO_WAY, NULL},
};

static const struct version_case {
    const char *name, *client_profile;
    const struct message *messages;
    const char *suite, *signature_field_of;
} versions[] = {
    {"1.3", "modern", full13, "TLS_AES_128_GCM_SHA256", "CertificateVerify"},
    {"1.2", TRACE_STAGE_TLS12, full12, "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
     "ServerKeyExchange"},
};
enum { VERSION_COUNT = 2 };

static void check_order(const struct tap_book *book, const struct message *wanted)
{
    for (size_t i = 0; i < book->count; i++) {
        const struct tap_event *event = &book->pages[i]->event;
        if (event->kind != TAP_HANDSHAKE)
            continue;
        check_text(event->name, wanted->name != NULL ? wanted->name : "(no further message)");
        if (wanted->name == NULL)
            return;
        check_int(event->way, wanted->way);
        check_int(event->size, event->bytes.len + 4);
        wanted++;
    }
    check(wanted->name == NULL);
}

/* Every message of one end is seen by the other with the same name, size and fields. */
static void check_mirrored(const struct tap_book *from, const struct tap_book *to)
{
    size_t seen = 0;
    for (size_t i = 0; i < from->count; i++) {
        const struct tap_event *sent = &from->pages[i]->event;
        if (sent->kind != TAP_HANDSHAKE || sent->way != TAP_OUT)
            continue;
        const struct tap_event *got = tap_book_find(to, TAP_HANDSHAKE, TAP_IN, NULL, seen++);
        check(got != NULL && strcmp(got->name, sent->name) == 0 && got->size == sent->size &&
              got->field_count == sent->field_count && span_equal(got->bytes, sent->bytes));
    }
    check(seen > 1);
}

TEST(test_every_message_is_told_in_order_at_any_cut)
{
    static const size_t cuts[] = {0, 1, 7, 300};
    for (size_t i = 0; i < 4UL * VERSION_COUNT; i++) {
        const struct version_case *version = &versions[i % VERSION_COUNT];
        struct stage stage;
        check_case = version->name;
        stage_open(&stage, &lab, "intermediate", version->client_profile);
        stage_start(&stage, &required, cuts[i / VERSION_COUNT]);
        check_order(&stage.server, version->messages);
        check_mirrored(&stage.server, &stage.client);
        check_mirrored(&stage.client, &stage.server);
        stage_close(&stage);
    }
}

static void check_field(const struct tap_event *event, const char *field, const char *wanted)
{
    check(event != NULL);
    check_span(tap_book_field(event, field), wanted);
}

static void check_agreed(const struct tap_book *book, const struct version_case *version)
{
    const struct tap_event *secure = tap_book_find(book, TAP_SECURE, TAP_NO_WAY, NULL, 0);
    check_field(secure, "cipher suite", version->suite);
    check_field(secure, "group", "x25519");
    check_field(secure, "signature", "ecdsa_secp256r1_sha256");
    check_field(secure, "alpn", "smtp");
    check_field(secure, "server name", "mx.example.org");
    check_field(secure, "resumed", "no");
    check(tap_book_find(book, TAP_SECURE, TAP_NO_WAY, NULL, 1) == NULL);
}

TEST(test_fields_tell_what_is_offered_and_chosen)
{
    for (size_t v = 0; v < VERSION_COUNT; v++) {
        const struct version_case *version = &versions[v];
        struct stage stage;
        check_case = version->name;
        stage_open(&stage, &lab, "intermediate", version->client_profile);
        stage_start(&stage, &required, 0);
        const struct tap_event *hello =
            tap_book_find(&stage.server, TAP_HANDSHAKE, TAP_IN, "ClientHello", 0);
        check_field(hello, "server name", "mx.example.org");
        check_field(hello, "alpn", "smtp");
        check_field(hello, "compression", "null");
        check_field(hello, "early data", "absent");
        check(span_starts(tap_book_field(hello, "cipher suites"), span_of(version->suite)));
        check(span_starts(tap_book_field(hello, "groups"), span_of("x25519")));
        check_field(hello, "versions", v == 0 ? "TLSv1.3" : "");
        check_field(hello, "key share", v == 0 ? "x25519 (32 bytes), secp256r1 (65 bytes)" : "");
        const struct tap_event *answer =
            tap_book_find(&stage.client, TAP_HANDSHAKE, TAP_IN, "ServerHello", 0);
        check_field(answer, "version", v == 0 ? "TLSv1.3" : "TLSv1.2");
        check_field(answer, "cipher suite", version->suite);
        check_field(
            tap_book_find(&stage.client, TAP_HANDSHAKE, TAP_IN, version->signature_field_of, 0),
            "signature scheme", "ecdsa_secp256r1_sha256");
        struct span leaf = tap_book_field(
            tap_book_find(&stage.client, TAP_HANDSHAKE, TAP_IN, "Certificate", 0), "certificate 0");
        check(span_find(leaf, span_of("subject CN=mx.example.org; names dns:mx.example.org "
                                      "dns:*.wild.example.org ip:127.0.0.1; issuer CN=Lab "
                                      "Authority; not after 2027-01-16T08:00:00Z; key")) == 0);
        check_agreed(&stage.server, version);
        check_agreed(&stage.client, version);
        stage_close(&stage);
    }
}

static size_t record_bytes(const struct tap_book *book, enum tap_way way)
{
    const struct tap_event *event = NULL;
    size_t sum = 0;
    for (size_t n = 0; (event = tap_book_find(book, TAP_RECORD, way, NULL, n)) != NULL; n++)
        sum += event->size;
    return sum;
}

TEST(test_records_of_both_directions_are_told_to_the_byte)
{
    for (size_t i = 0; i < 2UL * VERSION_COUNT; i++) {
        const struct version_case *version = &versions[i % VERSION_COUNT];
        struct stage stage;
        check_case = version->name;
        stage_open(&stage, &lab, "intermediate", version->client_profile);
        stage_start(&stage, &required, i / VERSION_COUNT);
        tls_end_say(&stage.pair.client, "EHLO me\r\n");
        tls_pair_run(&stage.pair);
        tls_session_bye(stage.pair.client.session);
        tls_pair_run(&stage.pair);
        size_t sent = record_bytes(&stage.client, TAP_OUT);
        check(sent > 200);
        check_int(record_bytes(&stage.server, TAP_IN), sent);
        check_int(record_bytes(&stage.client, TAP_IN), record_bytes(&stage.server, TAP_OUT));
        check(tap_book_find(&stage.server, TAP_CHANGE_CIPHER, TAP_IN, NULL, 0) != NULL);
        check(tap_book_find(&stage.server, TAP_CHANGE_CIPHER, TAP_OUT, NULL, 0) != NULL);
        check(!tap_book_holds(&stage.server, span_of("EHLO me")));
        const struct tap_event *bye =
            tap_book_find(&stage.server, TAP_ALERT, TAP_IN, "close_notify", 0);
        check_field(bye, "level", "warning");
        check(tap_book_find(&stage.client, TAP_ALERT, TAP_OUT, "close_notify", 0) != NULL);
        stage_close(&stage);
    }
}

TEST(test_a_retry_is_told_from_a_hello)
{
    static const char first_384[] =
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:+CTYPE-X509:"
        "+GROUP-SECP384R1:+GROUP-SECP256R1:+SIGN-ECDSA-SECP256R1-SHA256:%PROFILE_MEDIUM";
    static const char only_256[] =
        "NONE:+VERS-TLS1.3:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:+CTYPE-X509:"
        "+GROUP-SECP256R1:+SIGN-ECDSA-SECP256R1-SHA256:%PROFILE_MEDIUM";
    static const struct message wanted[] = {{TAP_IN, "ClientHello"},
                                            {TAP_OUT, "HelloRetryRequest"},
                                            {TAP_IN, "ClientHello"},
                                            {TAP_OUT, "ServerHello"},
                                            {TAP_OUT, "EncryptedExtensions"},
                                            {TAP_OUT, "Certificate"},
                                            {TAP_OUT, "CertificateVerify"},
                                            {TAP_OUT, "Finished"},
                                            {TAP_OUT, "NewSessionTicket"},
                                            {TAP_OUT, "NewSessionTicket"},
                                            {TAP_IN, "Finished"},
                                            {TAP_NO_WAY, NULL}};
    struct stage stage;
    stage_open(&stage, &lab, only_256, first_384);
    stage_start(&stage, &required, 0);
    check_order(&stage.server, wanted);
    check_mirrored(&stage.server, &stage.client);
    check_mirrored(&stage.client, &stage.server);
    check_field(tap_book_find(&stage.client, TAP_HANDSHAKE, TAP_IN, "HelloRetryRequest", 0),
                "key share", "wanted: secp256r1");
    check_field(tap_book_find(&stage.server, TAP_SECURE, TAP_NO_WAY, NULL, 0), "group",
                "secp256r1");
    stage_close(&stage);
}

TEST(test_a_refusal_is_told_on_both_sides)
{
    for (size_t v = 0; v < VERSION_COUNT; v++) {
        const struct tls_client_policy policy = {.server_name = "other.example.org",
                                                 .verify = TLS_VERIFY_REQUIRED};
        struct stage stage;
        check_case = versions[v].name;
        stage_open(&stage, &lab, "intermediate", versions[v].client_profile);
        stage_start(&stage, &policy, 0);
        const struct tap_event *alert =
            tap_book_find(&stage.client, TAP_ALERT, TAP_OUT, "bad_certificate", 0);
        check_field(alert, "level", "fatal");
        check(alert != NULL && alert->code == 42);
        check(tap_book_find(&stage.server, TAP_ALERT, TAP_IN, "bad_certificate", 0) != NULL);
        const struct tap_event *failed =
            tap_book_find(&stage.client, TAP_FAILED, TAP_NO_WAY, NULL, 0);
        check(failed != NULL && span_find(failed->detail, span_of("another name")) >= 0);
        check(tap_book_find(&stage.server, TAP_FAILED, TAP_NO_WAY, NULL, 0) != NULL);
        check(tap_book_find(&stage.client, TAP_SECURE, TAP_NO_WAY, NULL, 0) == NULL);
        stage_close(&stage);
    }
}

TEST(test_plaintext_on_a_tls_port_is_told)
{
    struct stage stage;
    stage_open(&stage, &lab, "intermediate", "modern");
    stage_accept(&stage, stage.manager);
    buf_puts(&stage.pair.client.out, "EHLO in.the.clear.example.org\r\n");
    tls_pair_run(&stage.pair);
    const struct tap_event *failed = tap_book_find(&stage.server, TAP_FAILED, TAP_NO_WAY, NULL, 0);
    check(failed != NULL && span_find(failed->detail, span_of("does not speak TLS")) >= 0);
    check(!tap_book_holds(&stage.server, span_of("in.the.clear")));
    stage_close(&stage);
}

/* --- hostile bytes --- */

TEST(test_a_cut_message_is_malformed_and_shows_no_bytes)
{
    for (size_t v = 0; v < VERSION_COUNT; v++) {
        struct trace_note *note = mem_new(struct trace_note);
        struct trace_state state = {.version = v == 0 ? 0x0304 : 0x0303, .suite = 0xc02b};
        struct stage stage;
        stage_open(&stage, &lab, "intermediate", versions[v].client_profile);
        stage_start(&stage, &required, 0);
        for (size_t i = 0; i < stage.server.count; i++) {
            const struct tap_event *event = &stage.server.pages[i]->event;
            bool is_plain = event->kind != TAP_HANDSHAKE || event->field_count == 0;
            for (size_t len = 0; !is_plain && len < event->bytes.len; len++) {
                struct trace_state before = state;
                check_case = event->name;
                (void)trace_decode(note, &before, (unsigned)event->code,
                                   span_first(event->bytes, len));
                /* A TLS 1.2 hello may end before its extensions. */
                bool is_hello = event->code == 1 || event->code == 2;
                check(note->is_malformed || is_hello);
            }
        }
        stage_close(&stage);
        mem_free(note);
    }
}

TEST(test_made_up_values_are_named_as_such)
{
    static const char hello[] = "\x03\x03"
                                "0123456789abcdef0123456789abcdef"
                                "\x00"
                                "\x00\x08\x0a\x0a\x13\x01\xab\xcd\x00\xff"
                                "\x01\x00"
                                "\x00\x29"
                                "\x1a\x1a\x00\x01\x00"
                                "\x00\x00\x00\x10\x00\x0e\x00\x00\x0b"
                                "bad\r\nname\x1b"
                                "!"
                                "\x00\x0a\x00\x06\x00\x04\x2a\x2a\x00\x1d"
                                "\x00\x10\x00\x02\x00\x00";
    struct trace_note *note = mem_new(struct trace_note);
    struct trace_state state = {0};
    struct tap_event event = {0};
    check_text(trace_decode(note, &state, 1, span_make(hello, sizeof hello - 1)), "ClientHello");
    event.fields = note->fields;
    event.field_count = note->field_count;
    check_span(tap_book_field(&event, "cipher suites"),
               "GREASE(0x0a0a), TLS_AES_128_GCM_SHA256, 0xabcd, TLS_EMPTY_RENEGOTIATION_INFO_SCSV");
    check_span(tap_book_field(&event, "groups"), "GREASE(0x2a2a), x25519");
    check_span(tap_book_field(&event, "server name"), "bad\\x0d\\x0aname\\x1b!");
    check(
        span_starts(tap_book_field(&event, "extensions"), span_of("GREASE(0x1a1a), server_name")));
    mem_free(note);
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_every_message_is_told_in_order_at_any_cut",
         test_every_message_is_told_in_order_at_any_cut},
        {"test_fields_tell_what_is_offered_and_chosen",
         test_fields_tell_what_is_offered_and_chosen},
        {"test_records_of_both_directions_are_told_to_the_byte",
         test_records_of_both_directions_are_told_to_the_byte},
        {"test_a_retry_is_told_from_a_hello", test_a_retry_is_told_from_a_hello},
        {"test_a_refusal_is_told_on_both_sides", test_a_refusal_is_told_on_both_sides},
        {"test_plaintext_on_a_tls_port_is_told", test_plaintext_on_a_tls_port_is_told},
        {"test_a_cut_message_is_malformed_and_shows_no_bytes",
         test_a_cut_message_is_malformed_and_shows_no_bytes},
        {"test_made_up_values_are_named_as_such", test_made_up_values_are_named_as_such},
    };
    tls_lab_init(&lab);
    int status = check_run(argc, argv, tests, sizeof tests / sizeof *tests);
    tls_lab_deinit(&lab);
    return status;
}
