/*
 * trace_message: one row a handshake message: its name and its decoder; the short ones are decoded
 * here (RFC 8446 4.3 to 4.6, RFC 5246 7.4, RFC 8422 5.4, RFC 5077 3.3). Any bytes may come as any
 * message. Tests: tests/unit/test_tls_trace.c, tests/fuzz/fuzz_tls_trace.c.
 */
#include "tls/trace_internal.h"

enum { VERSION_TLS13 = 0x0304 };

typedef void message_fn(struct trace_note *note, struct trace_state *state, struct span body);

static void client_hello(struct trace_note *note, struct trace_state *state, struct span body)
{
    (void)state;
    trace_client_hello(note, body);
}

static void new_session_ticket(struct trace_note *note, struct trace_state *state, struct span body)
{
    struct cursor cursor = cursor_of(body);

    trace_field(note, "lifetime");
    trace_printf(note, "%u s", cursor_number(&cursor, 4));
    if (state->version == VERSION_TLS13) {
        (void)cursor_number(&cursor, 4); /* what blurs its age */
        struct span nonce = cursor_vector(&cursor, 1);
        trace_field(note, "nonce");
        trace_printf(note, "%zu bytes", nonce.len);
    }
    struct span ticket = cursor_vector(&cursor, 2);
    trace_field(note, "ticket");
    trace_printf(note, "%zu bytes", ticket.len);
    trace_hide(note, ticket);
    if (state->version == VERSION_TLS13)
        trace_extensions(note, cursor_vector(&cursor, 2), TRACE_IN_OTHER);
    note->is_malformed = note->is_malformed || cursor.is_bad || cursor.rest.len > 0;
}

static void encrypted_extensions(struct trace_note *note, struct trace_state *state,
                                 struct span body)
{
    struct cursor cursor = cursor_of(body);
    (void)state;
    trace_extensions(note, cursor_vector(&cursor, 2), TRACE_IN_OTHER);
    note->is_malformed = note->is_malformed || cursor.is_bad || cursor.rest.len > 0;
}

static void certificate(struct trace_note *note, struct trace_state *state, struct span body)
{
    trace_certificate(note, state, body);
}

static void certificate_request(struct trace_note *note, struct trace_state *state,
                                struct span body)
{
    trace_certificate_request(note, state, body);
}

static void certificate_status(struct trace_note *note, struct trace_state *state, struct span body)
{
    (void)state;
    trace_certificate_status(note, body);
}

static void put_signature(struct trace_note *note, struct trace_state *state, struct cursor *cursor)
{
    unsigned scheme = cursor_number(cursor, 2);
    trace_field(note, "signature scheme");
    trace_put_name(note, TRACE_SIGNATURE, scheme);
    struct span signature = cursor_vector(cursor, 2);
    trace_field(note, "signature");
    trace_printf(note, "%zu bytes", signature.len);
    /* The server's comes first. */
    if (state->signature == 0 && !cursor->is_bad)
        state->signature = scheme;
    note->is_malformed = note->is_malformed || cursor->is_bad || cursor->rest.len > 0;
}

static void certificate_verify(struct trace_note *note, struct trace_state *state, struct span body)
{
    struct cursor cursor = cursor_of(body);
    put_signature(note, state, &cursor);
}

static bool has_prefix(unsigned suite, const char *prefix)
{
    const char *name = trace_name(TRACE_SUITE, suite);
    return name != NULL && span_starts(span_of(name), span_of(prefix));
}

/* RFC 8422 5.4 and RFC 5246 7.4.3: what comes first depends on the suite. */
static void server_key_exchange(struct trace_note *note, struct trace_state *state,
                                struct span body)
{
    enum { NAMED_CURVE = 3 };
    struct cursor cursor = cursor_of(body);

    if (has_prefix(state->suite, "TLS_ECDHE_")) {
        unsigned type = cursor_number(&cursor, 1);
        unsigned group = cursor_number(&cursor, 2);
        (void)cursor_vector(&cursor, 1);
        trace_field(note, "group");
        if (type == NAMED_CURVE)
            trace_put_name(note, TRACE_GROUP, group);
        else
            trace_printf(note, "curve type %u", type);
        state->group = cursor.is_bad ? 0 : group;
    } else if (has_prefix(state->suite, "TLS_DHE_")) {
        struct span prime = cursor_vector(&cursor, 2);
        (void)cursor_vector(&cursor, 2);
        (void)cursor_vector(&cursor, 2);
        trace_field(note, "group");
        trace_printf(note, "finite field, %zu bits", 8 * prime.len);
    } else {
        trace_say(note, "group", "not known for this suite");
        return;
    }
    put_signature(note, state, &cursor);
}

static void key_update(struct trace_note *note, struct trace_state *state, struct span body)
{
    struct cursor cursor = cursor_of(body);
    unsigned wanted = cursor_number(&cursor, 1);
    (void)state;
    trace_say(note, "update requested", wanted == 1 ? "yes" : "no");
    note->is_malformed = note->is_malformed || cursor.is_bad || wanted > 1;
}

static const struct {
    unsigned type;
    const char *name;
    message_fn *decode; /* NULL: nothing in it that matters */
} messages[] = {
    {0, "HelloRequest", NULL},
    {1, "ClientHello", client_hello},
    {2, "ServerHello", trace_server_hello},
    {4, "NewSessionTicket", new_session_ticket},
    {5, "EndOfEarlyData", NULL},
    {8, "EncryptedExtensions", encrypted_extensions},
    {11, "Certificate", certificate},
    {12, "ServerKeyExchange", server_key_exchange},
    {13, "CertificateRequest", certificate_request},
    {14, "ServerHelloDone", NULL},
    {15, "CertificateVerify", certificate_verify},
    {16, "ClientKeyExchange", NULL},
    {20, "Finished", NULL},
    {22, "CertificateStatus", certificate_status},
    {23, "SupplementalData", NULL},
    {24, "KeyUpdate", key_update},
    {25, "CompressedCertificate", NULL},
};

const char *trace_decode(struct trace_note *note, struct trace_state *state, unsigned type,
                         struct span body)
{
    const char *name = "unknown";
    trace_note_reset(note);
    for (size_t i = 0; i < sizeof messages / sizeof *messages; i++) {
        if (messages[i].type != type)
            continue;
        name = messages[i].name;
        if (messages[i].decode != NULL)
            messages[i].decode(note, state, body);
    }
    trace_note_finish(note);
    return type == 2 && trace_is_retry(body) ? "HelloRetryRequest" : name;
}
