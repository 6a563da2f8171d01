/*
 * trace: what a TLS session does, as events for the lens (base/tap.h): handshake messages of both
 * sides, records, alerts, checks, what was agreed. Costs one comparison when nobody looks: memory
 * and hook are there for a tap only. What a message says is trace_message.c's. No secret passes:
 * handshake bodies hold public values and signatures; tickets, which open a session again, are
 * overwritten; record events hold lengths. Tests: test_tls_trace.c, fuzz_tls_trace.c.
 */
#include "base/mem.h"
#include "tls/tls_internal.h"
#include "tls/trace_internal.h"

enum {
    RECORD_HEADER_SIZE = 5,  /* type, version, length (RFC 8446 5.1) */
    MESSAGE_HEADER_SIZE = 4, /* type, length (RFC 8446 4) */
    RECORD_CHANGE_CIPHER_SPEC = 20
};

/* Finds the records in bytes that come in any pieces. */
struct record_finder {
    unsigned char header[RECORD_HEADER_SIZE];
    size_t header_len;
    size_t body_left;
};

struct tls_trace {
    struct record_finder records[TAP_OUT + 1]; /* by enum tap_way */
    struct trace_state state;
};

/* A note has 17 KiB, which a session that idles is not to hold: each message has its own. Owned. */
static struct trace_note *note_create(void)
{
    struct trace_note *note = mem_alloc(sizeof *note);

    trace_note_reset(note);
    return note;
}

/* Fills what every event of a session has. */
static void emit(struct tls_session *session, struct tap_event event)
{
    event.conn_id = session->conn_id;
    event.at_us = clock_wall_us(session->generation->clock);
    tap_emit(session->tap, &event);
}

void tls_trace_check(struct tls_session *session, const char *step, enum pki_check verdict,
                     const char *sentence)
{
    if (session->tap == NULL)
        return;
    emit(session,
         (struct tap_event){
             .kind = TAP_CHECK, .code = (int)verdict, .name = step, .detail = span_of(sentence)});
}

void tls_trace_alert(struct tls_session *session, enum tap_way way, unsigned number, bool is_fatal)
{
    if (session->tap == NULL)
        return;
    const struct tap_field level = {"level", span_of(is_fatal ? "fatal" : "warning")};
    emit(session, (struct tap_event){.kind = TAP_ALERT,
                                     .way = way,
                                     .code = (int)number,
                                     .name = trace_alert_name(number),
                                     .fields = &level,
                                     .field_count = 1});
}

void tls_trace_failed(struct tls_session *session, const char *why)
{
    if (session->tap != NULL)
        emit(session, (struct tap_event){.kind = TAP_FAILED, .detail = span_of(why)});
}

/* The facts have GnuTLS's names; where a message has told the number, IANA's stands for it. */
static void say_agreed(struct trace_note *note, const char *field, enum trace_names kind,
                       unsigned number, const char *fact)
{
    const char *name = number != 0 ? trace_name(kind, number) : NULL;
    name = name != NULL ? name : fact;
    if (name[0] != '\0')
        trace_say(note, field, name);
}

void tls_trace_secure(struct tls_session *session)
{
    const struct tls_facts *facts = &session->facts;

    if (session->tap == NULL)
        return;
    struct trace_note *note = note_create();
    const struct trace_state *state = &session->trace->state;
    trace_say(note, "version", facts->version);
    say_agreed(note, "cipher suite", TRACE_SUITE, state->suite, facts->cipher);
    say_agreed(note, "group", TRACE_GROUP, state->group, facts->group);
    say_agreed(note, "signature", TRACE_SIGNATURE, state->signature,
               facts->is_resumed ? "" : facts->signature);
    if (facts->alpn[0] != '\0')
        trace_say(note, "alpn", facts->alpn);
    if (facts->server_name[0] != '\0')
        trace_say(note, "server name", facts->server_name);
    trace_say(note, "resumed", facts->is_resumed ? "yes" : "no");
    trace_note_finish(note);
    emit(session, (struct tap_event){.kind = TAP_SECURE,
                                     .detail = span_of(facts->version),
                                     .fields = note->fields,
                                     .field_count = note->field_count});
    mem_free(note);
}

/* --- records --- */

static void on_record(struct tls_session *session, enum tap_way way,
                      const struct record_finder *record)
{
    const unsigned char *header = record->header;
    size_t size = RECORD_HEADER_SIZE + record->body_left;

    emit(session, (struct tap_event){.kind = TAP_RECORD,
                                     .way = way,
                                     .code = header[0],
                                     .name = trace_record_name(header[0]),
                                     .size = size});
    if (header[0] == RECORD_CHANGE_CIPHER_SPEC)
        emit(session, (struct tap_event){.kind = TAP_CHANGE_CIPHER, .way = way, .size = size});
}

/* Told when the header is complete: before the messages in it. */
void tls_trace_wire(struct tls_session *session, enum tap_way way, struct span bytes)
{
    if (session->tap == NULL)
        return;
    struct record_finder *record = &session->trace->records[way];
    while (bytes.len > 0) {
        if (record->body_left > 0) {
            size_t len = span_first(bytes, record->body_left).len;
            record->body_left -= len;
            bytes = span_from(bytes, len);
            continue;
        }
        record->header[record->header_len++] = (unsigned char)bytes.ptr[0];
        bytes = span_from(bytes, 1);
        if (record->header_len < RECORD_HEADER_SIZE)
            continue;
        record->header_len = 0;
        record->body_left = (size_t)record->header[3] << 8 | record->header[4];
        on_record(session, way, record);
    }
}

/* --- handshake messages --- */

/* A copy of the body in which nothing opens a session again. */
static char *copy_public(const struct trace_note *note, struct span body)
{
    char *copy = mem_alloc(body.len);
    memcpy(copy, body.ptr, body.len);
    for (size_t i = 0; i < note->hidden_count; i++)
        memset(copy + (note->hidden[i].ptr - body.ptr), 0, note->hidden[i].len);
    return copy;
}

void tls_trace_message(struct tls_session *session, enum tap_way way, unsigned type,
                       struct span body)
{
    if (session->tap == NULL)
        return;
    if (type == GNUTLS_HANDSHAKE_HELLO_RETRY_REQUEST) /* GnuTLS's own number */
        type = GNUTLS_HANDSHAKE_SERVER_HELLO;
    struct trace_note *note = note_create();
    const char *name = trace_decode(note, &session->trace->state, type, body);
    char *copy = NULL;

    /* Where a message breaks its grammar nobody knows where its ticket lies. */
    struct span bytes = note->is_malformed ? span_first(body, 0) : body;
    if (note->hidden_count > 0 && bytes.len > 0) {
        copy = copy_public(note, body);
        bytes.ptr = copy;
    }
    emit(session, (struct tap_event){.kind = TAP_HANDSHAKE,
                                     .way = way,
                                     .code = (int)type,
                                     .name = name,
                                     .size = body.len + MESSAGE_HEADER_SIZE,
                                     .fields = note->fields,
                                     .field_count = note->field_count,
                                     .bytes = bytes});
    mem_free(copy);
    mem_free(note);
}

void tls_trace_attach(struct tls_session *session)
{
    if (session->tap != NULL)
        session->trace = mem_new(struct tls_trace);
}

void tls_trace_detach(struct tls_session *session)
{
    mem_free(session->trace);
    session->trace = NULL;
}
