/*
 * connect_json.c: a look for a program: its events as src/lens/json.h writes them, then a summary.
 * The keys are stable; docs/man/postern.1 lists the summary's. Tests:
 * tests/clients/test_connect.py.
 */
#include <inttypes.h>

#include "cli/cli.h"
#include "cli/connect.h"
#include "lens/json.h"
#include "pki/portrait.h"

static void put_key(struct buf *out, const char *key)
{
    buf_puts(out, ",\"");
    buf_puts(out, key);
    buf_puts(out, "\":");
}

static void put_text(struct buf *out, const char *key, const char *text)
{
    put_key(out, key);
    lens_json_string(out, span_of(text));
}

static void put_number(struct buf *out, const char *key, int64_t number)
{
    put_key(out, key);
    buf_printf(out, "%" PRId64, number);
}

static void put_yes(struct buf *out, const char *key, bool is_so)
{
    put_key(out, key);
    buf_puts(out, is_so ? "true" : "false");
}

/* Offers; null where none were told. */
static void put_offers(struct buf *out, const char *key, const char *offers)
{
    struct span rest = span_of(offers != NULL ? offers : "");

    put_key(out, key);
    buf_puts(out, offers == NULL ? "null" : "[");
    for (bool is_first = true; rest.len > 0; is_first = false) {
        buf_puts(out, is_first ? "" : ",");
        lens_json_string(out, span_cut(&rest, '\n'));
    }
    buf_puts(out, offers == NULL ? "" : "]");
}

static void put_checks(struct buf *out, const struct connect_record *record)
{
    put_key(out, "checks");
    buf_puts(out, "{");
    for (size_t i = 0; i < record->check_count; i++) {
        const struct connect_check *check = &record->checks[i];
        buf_puts(out, i > 0 ? "," : "");
        lens_json_string(out, span_of(check->step));
        buf_puts(out, ":{\"verdict\":");
        lens_json_string(out, span_of(pki_check_name(check->verdict)));
        put_text(out, "sentence", check->sentence);
        buf_puts(out, "}");
    }
    buf_puts(out, "}");
}

static void put_facts(struct buf *out, const struct connect_record *record)
{
    const struct tls_facts *facts = &record->facts;

    put_text(out, "version", facts->version);
    put_text(out, "cipher", facts->cipher);
    put_text(out, "group", facts->group);
    put_text(out, "signature", facts->signature);
    put_text(out, "alpn", facts->alpn);
    put_yes(out, "resumed", facts->is_resumed);
    put_text(out, "verdict", pki_check_name(facts->check));
    put_number(out, "handshake_us", facts->handshake_us);
    put_number(out, "secure_us", record->secure_us - record->began_us);
    put_number(out, "secure_bytes_sent", (int64_t)record->secure_bytes_out);
    put_number(out, "secure_bytes_received", (int64_t)record->secure_bytes_in);
}

static void put_certificate(struct buf *out, const struct connect_record *record)
{
    struct pki_portrait *leaf = connect_record_leaf(record);

    if (leaf == NULL)
        return;
    put_key(out, "certificate");
    buf_puts(out, "{\"subject\":");
    lens_json_string(out, span_of(leaf->subject));
    put_key(out, "names");
    buf_puts(out, "[");
    for (size_t i = 0; i < leaf->name_count; i++) {
        buf_puts(out, i > 0 ? "," : "");
        lens_json_string(out, span_of(leaf->names[i]));
    }
    buf_puts(out, "]");
    put_number(out, "until_s", leaf->until_s);
    put_number(out, "days_left", connect_days_left(record, leaf->until_s));
    put_text(out, "sha256", leaf->sha256);
    buf_puts(out, "}");
    pki_portrait_free(&leaf);
}

static void put_whom(struct buf *out, const struct connect_record *record)
{
    const struct connect_options *options = record->options;

    put_text(out, "host", options->host);
    put_number(out, "port", options->port);
    put_text(out, "address", record->address);
    put_text(out, "name", options->name);
    put_text(out, "protocol", probe_protocol_name(options->protocol));
    put_text(out, "style", options->security == CONN_IMPLICIT ? "implicit" : "starttls");
}

static void put_outcome(struct buf *out, const struct connect_record *record)
{
    put_number(out, "status", connect_record_status(record));
    put_yes(out, "secure", record->has_facts);
    if (record->has_result) {
        put_text(out, "result", probe_result_name(record->result));
        put_text(out, "step", probe_step_name(record->step));
        put_text(out, "sentence", probe_result_sentence(record->result));
        put_text(out, "words", record->words);
    }
    if (record->fault.text[0] != '\0')
        put_text(out, "fault", record->fault.text);
    if (record->mechanism != NULL)
        put_text(out, "login", record->mechanism);
}

static void put_summary(struct buf *out, const struct connect_record *record)
{
    buf_puts(out, "{\"event\":\"summary\"");
    put_whom(out, record);
    put_outcome(out, record);
    put_checks(out, record);
    if (record->has_facts)
        put_facts(out, record);
    put_certificate(out, record);
    put_offers(out, "offers_plaintext", record->offers_plain);
    put_offers(out, "offers_secure", record->offers_secure);
    if (record->command_us != 0)
        put_number(out, "round_trips", connect_record_trips(record));
    put_number(out, "bytes_sent", (int64_t)record->bytes_out);
    put_number(out, "bytes_received", (int64_t)record->bytes_in);
    put_number(out, "total_us", record->ended_us - record->began_us);
    put_number(out, "events_left_out", (int64_t)record->left_out);
    buf_puts(out, "}\n");
}

void connect_json(struct buf *out, const struct connect_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        struct tap_event event = record->events[i].event;
        if (record->options->show != LENS_BYTES)
            event.bytes = span_of("");
        lens_put_json(out, &event, record->began_us);
    }
    put_summary(out, record);
}

void connect_json_compare(struct buf *out, const struct connect_record *upgraded,
                          const struct connect_record *implicit)
{
    bool are_both = upgraded->facts.has_peer_fingerprint && implicit->facts.has_peer_fingerprint;
    bool is_same =
        are_both && memcmp(upgraded->facts.peer_fingerprint, implicit->facts.peer_fingerprint,
                           sizeof upgraded->facts.peer_fingerprint) == 0;

    connect_json(out, upgraded);
    connect_json(out, implicit);
    buf_puts(out, "{\"event\":\"comparison\"");
    put_yes(out, "both_secure", upgraded->has_facts && implicit->has_facts);
    put_yes(out, "same_certificate", is_same);
    buf_puts(out, "}\n");
}
