/*
 * connect_compare.c: STARTTLS and implicit TLS side by side, so that a reader sees what the upgrade
 * costs and what it shows. Tests: tests/clients/test_connect.py.
 */
#include <stdarg.h>
#include <stdio.h>

#include "cli/connect.h"
#include "cli/ink.h"

enum { LEFT_COLUMN = 36, RIGHT_COLUMN = 68, CELL_SIZE = 128, US_PER_MS = 1000 };

/* Fills one cell. */
typedef void cell_fn(const struct connect_record *record, char cell[CELL_SIZE]);

static void say(char cell[CELL_SIZE], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char cell[CELL_SIZE], const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(cell, CELL_SIZE, format, arguments);
    va_end(arguments);
}

static void cell_outcome(const struct connect_record *record, char cell[CELL_SIZE])
{
    int status = connect_record_status(record);

    say(cell, "%s",
        status == 0         ? "all is good"
        : status != 1       ? "a check is not good"
        : record->has_facts ? "secure, then refused"
                            : "no secure connection");
}

static void cell_trips(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->command_us != 0)
        say(cell, "%u", connect_record_trips(record));
}

static void cell_sent(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%llu", (unsigned long long)record->secure_bytes_out);
}

static void cell_received(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%llu", (unsigned long long)record->secure_bytes_in);
}

static void cell_time(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->command_us != 0)
        say(cell, "%.1f ms", (double)(record->command_us - record->began_us) / US_PER_MS);
}

static void cell_handshake(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%.1f ms", (double)record->facts.handshake_us / US_PER_MS);
}

static void cell_version(const struct connect_record *record, char cell[CELL_SIZE])
{
    say(cell, "%s", record->facts.version);
}

static void cell_suite(const struct connect_record *record, char cell[CELL_SIZE])
{
    say(cell, "%s", record->facts.cipher);
}

static void cell_alpn(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%s", record->facts.alpn[0] != '\0' ? record->facts.alpn : "none");
}

static void cell_plaintext(const struct connect_record *record, char cell[CELL_SIZE])
{
    size_t lines = 0, bytes = 0;

    for (size_t i = 0; i < record->count; i++) {
        const struct connect_event *kept = &record->events[i];
        if (kept->event.kind != TAP_LINE || kept->is_secure)
            continue;
        lines++;
        bytes += kept->event.size;
    }
    if (lines > 0)
        say(cell, "%zu lines, %zu bytes", lines, bytes);
    else
        say(cell, "nothing");
}

static void cell_certificate_seen(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%s", strcmp(record->facts.version, "TLSv1.3") == 0 ? "sealed" : "visible");
}

static void cell_stripping(const struct connect_record *record, char cell[CELL_SIZE])
{
    say(cell, "%s",
        record->options->security == CONN_IMPLICIT ? "no: nothing to take out"
                                                   : "yes, from a lax client");
}

static void cell_check(const struct connect_record *record, char cell[CELL_SIZE])
{
    if (record->has_facts)
        say(cell, "%s", pki_check_name(record->facts.check));
}

static const struct {
    const char *label;
    cell_fn *cell;
} rows[] = {
    {"outcome", cell_outcome},
    {"round trips to 1st secure command", cell_trips},
    {"time until then", cell_time},
    {"  of it the handshake", cell_handshake},
    {"bytes sent until secure", cell_sent},
    {"bytes received until secure", cell_received},
    {"said in plaintext", cell_plaintext},
    {"certificate on the wire", cell_certificate_seen},
    {"can the upgrade be stripped?", cell_stripping},
    {"version", cell_version},
    {"cipher suite", cell_suite},
    {"ALPN", cell_alpn},
    {"verdict on the certificate", cell_check},
};

static void put_row(struct ink *ink, enum ink_colour colour, const char *label, const char *left,
                    const char *right)
{
    ink_put(ink, INK_PLAIN, "  ");
    ink_put(ink, colour == INK_STRONG ? INK_STRONG : INK_FAINT, label);
    ink_to(ink, LEFT_COLUMN);
    ink_put(ink, colour, left[0] != '\0' ? left : "-");
    /* The long names of TLS 1.2's suites have no room side by side, and hardly ever differ. */
    if (ink->column < RIGHT_COLUMN || strcmp(left, right) != 0) {
        ink_to(ink, RIGHT_COLUMN);
        ink_put(ink, colour, right[0] != '\0' ? right : "-");
    }
    ink_end(ink);
}

static void put_same(struct ink *ink, const struct connect_record *upgraded,
                     const struct connect_record *implicit)
{
    if (!upgraded->facts.has_peer_fingerprint || !implicit->facts.has_peer_fingerprint)
        return;
    bool is_same = memcmp(upgraded->facts.peer_fingerprint, implicit->facts.peer_fingerprint,
                          sizeof upgraded->facts.peer_fingerprint) == 0;
    put_row(ink, is_same ? INK_PLAIN : INK_BAD, "same certificate", is_same ? "yes" : "NO",
            is_same ? "yes" : "NO");
}

static void put_moral(struct ink *ink, const struct connect_record *upgraded,
                      const struct connect_record *implicit)
{
    unsigned more = connect_record_trips(upgraded), less = connect_record_trips(implicit);

    if (upgraded->command_us == 0 || implicit->command_us == 0)
        return;
    ink_end(ink);
    ink_put(ink, INK_PLAIN, "  ");
    if (more > less) {
        ink_printf(ink, INK_STRONG, "The upgrade costs %u round trips more ", more - less);
        ink_words(
            ink, INK_PLAIN,
            span_of(" and shows its first words to everybody; behind the handshake both are "
                    "equally secure. RFC 8314 prefers implicit TLS for mail programs; servers "
                    "among themselves have only STARTTLS, on port 25."),
            2);
    } else {
        ink_put(ink, INK_STRONG, "Both need the same number of round trips here.");
    }
    ink_end(ink);
}

static void put_trouble(struct ink *ink, const struct connect_record *record)
{
    const char *why = record->fault.text;

    if (connect_record_status(record) == 0)
        return;
    if (record->has_result && record->result != PROBE_DONE)
        why = probe_result_sentence(record->result);
    else if (record->has_facts && record->facts.check != PKI_CHECK_GOOD)
        why = pki_check_sentence(record->facts.check);
    ink_end(ink);
    ink_printf(ink, INK_BAD, "  %s: ", connect_style_text(record->options->security));
    ink_words(ink, INK_PLAIN, span_of(why), 4);
}

void connect_report_compare(struct ink *ink, const struct connect_record *upgraded,
                            const struct connect_record *implicit)
{
    char left[CELL_SIZE], right[CELL_SIZE];

    ink_bytes(ink, INK_STRONG, span_of(upgraded->options->host));
    ink_printf(ink, INK_STRONG, ", %s, both ways",
               probe_protocol_name(upgraded->options->protocol));
    ink_end(ink);
    ink_end(ink);
    say(left, "STARTTLS, port %u", upgraded->options->port);
    say(right, "implicit TLS, port %u", implicit->options->port);
    put_row(ink, INK_STRONG, "", left, right);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        left[0] = right[0] = '\0';
        rows[i].cell(upgraded, left);
        rows[i].cell(implicit, right);
        put_row(ink, INK_PLAIN, rows[i].label, left, right);
    }
    put_same(ink, upgraded, implicit);
    put_moral(ink, upgraded, implicit);
    put_trouble(ink, upgraded);
    put_trouble(ink, implicit);
    if (connect_record_status(upgraded) != 0 || connect_record_status(implicit) != 0)
        ink_end(ink);
}
