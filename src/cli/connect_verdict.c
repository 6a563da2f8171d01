/*
 * connect_verdict.c: what a look amounts to: each check as a light, what was agreed, what an
 * eavesdropper saw, and what it cost. Tests: tests/clients/test_connect.py.
 */
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include "cli/connect.h"
#include "cli/ink.h"
#include "net/endpoint.h"
#include "pki/portrait.h"

enum { LABEL_COLUMN = 17, CHECK_COLUMN = 22, COST_COLUMN = 44, US_PER_MS = 1000, FEW_DAYS = 30 };

/* ---- Lights --------------------------------------------------------------------------------- */

/* What to do about a verdict. */
static const struct {
    enum pki_check verdict;
    const char *text;
} advices[] = {
    {PKI_CHECK_NONE, "give the server a certificate"},
    {PKI_CHECK_UNKNOWN_AUTHORITY, "if the authority is your own, name its certificate with --ca"},
    {PKI_CHECK_MISSING_INTERMEDIATE,
     "append the intermediate certificates to the file that the server shows"},
    {PKI_CHECK_SELF_SIGNED, "have an authority sign it, or name this very certificate with --ca"},
    {PKI_CHECK_EXPIRED, "renew it (postern cert renew), then reload the server"},
    {PKI_CHECK_NOT_YET_VALID, "look at the clocks of both machines"},
    {PKI_CHECK_WRONG_NAME, "connect by a name that it has, or have one made for this name"},
    {PKI_CHECK_NO_SAN,
     "have one made with subject alternative names: a common name counts no more"},
    {PKI_CHECK_WRONG_PURPOSE, "have one made for servers (extended key usage serverAuth)"},
    {PKI_CHECK_REVOKED, "do not trust it; the server needs a new key and certificate"},
    {PKI_CHECK_WEAK, "make a new key: ECDSA P-256, or RSA with 2048 bits, signed with SHA-256"},
    {PKI_CHECK_MISSING_STAPLE, "have the server fetch and show its authority's OCSP response"},
    {PKI_CHECK_OTHER, "ask whoever runs the server"},
};

static const char *advice_of(enum pki_check verdict)
{
    for (size_t i = 0; i < sizeof advices / sizeof *advices; i++)
        if (advices[i].verdict == verdict)
            return advices[i].text;
    return "";
}

static void put_light(struct ink *ink, const struct connect_check *check)
{
    bool is_good = check->verdict == PKI_CHECK_GOOD, is_done = check->verdict != PKI_CHECK_NOT_DONE;
    const char *advice = advice_of(check->verdict);

    ink_put(ink, INK_PLAIN, "  ");
    ink_put(ink,
            is_good   ? INK_GOOD
            : is_done ? INK_BAD
                      : INK_FAINT,
            is_good   ? "[ ok ]"
            : is_done ? "[FAIL]"
                      : "[ -- ]");
    ink_printf(ink, INK_PLAIN, " %s", check->step);
    ink_to(ink, CHECK_COLUMN);
    ink_words(ink, is_done ? INK_PLAIN : INK_FAINT, span_of(check->sentence), CHECK_COLUMN);
    ink_end(ink);
    if (advice[0] == '\0')
        return;
    ink_to(ink, CHECK_COLUMN);
    ink_put(ink, INK_STRONG, "what to do: ");
    ink_words(ink, INK_PLAIN, span_of(advice), CHECK_COLUMN + 2);
    ink_end(ink);
}

void connect_report_checks(struct ink *ink, const struct connect_record *record)
{
    if (record->check_count == 0)
        return;
    ink_heading(ink, "THE CHECKS", "is it the server that we wanted?");
    for (size_t i = 0; i < record->check_count; i++)
        put_light(ink, &record->checks[i]);
}

/* ---- What was agreed ------------------------------------------------------------------------ */

static void put_label(struct ink *ink, const char *label)
{
    ink_printf(ink, INK_PLAIN, "  %s", label);
    ink_to(ink, LABEL_COLUMN);
}

static void put_fact(struct ink *ink, const char *label, const char *text)
{
    put_label(ink, label);
    ink_words(ink, INK_PLAIN, span_of(text), LABEL_COLUMN);
    ink_end(ink);
}

/* The trace has the registered names, the facts GnuTLS's own. */
static struct span agreed(const struct connect_record *record, const char *field,
                          const char *otherwise)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct tap_event *event = &record->events[i].event;
        for (size_t f = 0; event->kind == TAP_SECURE && f < event->field_count; f++)
            if (strcmp(event->fields[f].name, field) == 0)
                return event->fields[f].value;
    }
    return span_of(otherwise);
}

static void put_certificate(struct ink *ink, const struct connect_record *record,
                            const struct pki_portrait *leaf)
{
    int64_t days_left = connect_days_left(record, leaf->until_s);
    time_t until = (time_t)leaf->until_s;
    char date[32];
    struct tm tm;

    (void)gmtime_r(&until, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    put_fact(ink, "certificate", leaf->subject[0] != '\0' ? leaf->subject : "without a subject");
    put_label(ink, "  names");
    for (size_t i = 0; i < leaf->name_count; i++) {
        if (i > 0 && ink->column + 2 + strlen(leaf->names[i]) > INK_WIDTH) {
            ink_put(ink, INK_PLAIN, ",");
            ink_end(ink);
            ink_to(ink, LABEL_COLUMN);
        } else if (i > 0) {
            ink_put(ink, INK_PLAIN, ", ");
        }
        ink_put(ink, INK_PLAIN, leaf->names[i]);
    }
    ink_put(ink, INK_PLAIN, leaf->names_left ? ", ..." : leaf->name_count == 0 ? "none" : "");
    ink_end(ink);
    put_label(ink, "  valid until");
    ink_put(ink, INK_PLAIN, date);
    if (days_left >= 0)
        ink_printf(ink, days_left <= FEW_DAYS ? INK_BAD : INK_PLAIN, ", %lld days left",
                   (long long)days_left);
    else
        ink_put(ink, INK_BAD, ", it is over");
    ink_end(ink);
    put_fact(ink, "  SHA-256", leaf->sha256);
}

void connect_report_agreed(struct ink *ink, const struct connect_record *record)
{
    const struct tls_facts *facts = &record->facts;

    if (!record->has_facts)
        return;
    struct span suite = agreed(record, "cipher suite", facts->cipher);
    struct span signature = agreed(record, "signature", facts->signature);
    struct span group = agreed(record, "group", facts->group);
    ink_heading(ink, "WHAT WAS AGREED", "");
    put_fact(ink, "version", facts->version);
    put_label(ink, "cipher suite");
    ink_bytes(ink, INK_PLAIN, suite);
    ink_printf(ink, INK_FAINT, ", a key of %u bits", facts->bits);
    ink_end(ink);
    put_label(ink, "key exchange");
    ink_bytes(ink, INK_PLAIN, group);
    ink_put(ink, INK_FAINT, ", fresh: a key that is stolen later opens nothing of today");
    ink_end(ink);
    put_label(ink, "signature");
    ink_bytes(ink, INK_PLAIN, signature);
    ink_end(ink);
    put_fact(ink, "ALPN",
             facts->alpn[0] != '\0' ? facts->alpn : "none: the server chose no protocol");
    put_fact(ink, "resumption",
             facts->is_resumed ? "yes, of an earlier session" : "no, a full handshake");
    struct pki_portrait *leaf = connect_record_leaf(record);
    if (leaf != NULL)
        put_certificate(ink, record, leaf);
    pki_portrait_free(&leaf);
}

/* ---- What an eavesdropper saw --------------------------------------------------------------- */

enum seen { SEEN, HIDDEN, DANGER };

static void put_seen(struct ink *ink, enum seen seen, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void put_seen(struct ink *ink, enum seen seen, const char *format, ...)
{
    static const char *const marks[] = {[SEEN] = "saw", [HIDDEN] = "hidden", [DANGER] = "danger"};
    static const enum ink_colour colours[] = {
        [SEEN] = INK_BAD, [HIDDEN] = INK_GOOD, [DANGER] = INK_BAD};
    char text[512];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    ink_put(ink, INK_PLAIN, "  ");
    ink_put(ink, colours[seen], marks[seen]);
    ink_to(ink, 10);
    ink_words(ink, INK_PLAIN, span_of(text), 10);
    ink_end(ink);
}

static bool is_numeric(const char *name)
{
    struct endpoint endpoint;

    return endpoint_parse(span_of(name), 0, &endpoint) == 0;
}

struct seen_counts {
    size_t plain_lines, plain_bytes, secure_lines, records;
    bool has_hello;
};

static struct seen_counts count_seen(const struct connect_record *record)
{
    struct seen_counts counts = {0};

    for (size_t i = 0; i < record->count; i++) {
        const struct connect_event *kept = &record->events[i];
        bool is_line = kept->event.kind == TAP_LINE;
        counts.plain_lines += is_line && !kept->is_secure;
        counts.plain_bytes += is_line && !kept->is_secure ? kept->event.size : 0;
        counts.secure_lines += is_line && kept->is_secure;
        counts.records += kept->event.kind == TAP_RECORD;
        counts.has_hello = counts.has_hello || kept->event.kind == TAP_HANDSHAKE;
    }
    return counts;
}

static void put_hello_seen(struct ink *ink, const struct connect_record *record)
{
    const char *alpn = probe_protocol_alpn(record->options->protocol);

    if (is_numeric(record->options->name))
        put_seen(ink, SEEN, "our ClientHello; it names no server, for we look for an address");
    else
        put_seen(ink, SEEN, "the name that we asked for, \"%s\" (SNI, in the ClientHello)",
                 record->options->name);
    if (alpn != NULL)
        put_seen(ink, SEEN, "the protocol that we offered, \"%s\" (ALPN), and all that we can do",
                 alpn);
}

static void put_secure_seen(struct ink *ink, const struct connect_record *record,
                            const struct seen_counts *counts)
{
    bool is_13 = strcmp(record->facts.version, "TLSv1.3") == 0;

    put_seen(ink, SEEN, "what the server chose: %s and its suite", record->facts.version);
    if (!is_13)
        put_seen(ink, SEEN, "the server's certificate with all its names: TLS 1.2 shows it");
    put_seen(ink, SEEN,
             "%zu TLS records: how long each is and when it came; sealed ones say no more",
             counts->records);
    if (is_13)
        put_seen(ink, HIDDEN, "the server's certificate: TLS 1.3 seals it");
    if (counts->secure_lines > 0)
        put_seen(ink, HIDDEN, "the %zu lines said under TLS%s", counts->secure_lines,
                 record->mechanism != NULL ? ", name and password among them" : "");
}

static void put_danger(struct ink *ink, const struct connect_record *record)
{
    if (record->offers_plain != NULL && record->options->security == CONN_PLAIN)
        put_seen(ink, DANGER,
                 "somebody on the way could have taken STARTTLS out of the answer: a client that "
                 "goes on "
                 "without TLS would not have noticed; one that insists, like this one, stops");
    if (record->has_facts && record->facts.check != PKI_CHECK_GOOD)
        put_seen(
            ink, DANGER,
            "a check is not good, so the other end could have been an attacker: then nothing was "
            "hidden from him");
}

void connect_report_seen(struct ink *ink, const struct connect_record *record)
{
    struct seen_counts counts = count_seen(record);

    ink_heading(ink, "WHAT AN EAVESDROPPER SAW", "");
    put_seen(ink, SEEN, "who talks to whom: %s; when, and how much", record->address);
    if (counts.plain_lines > 0)
        put_seen(ink, SEEN, "%zu lines in plaintext, %zu bytes, all that stand above",
                 counts.plain_lines, counts.plain_bytes);
    if (counts.has_hello)
        put_hello_seen(ink, record);
    if (record->has_facts)
        put_secure_seen(ink, record, &counts);
    put_danger(ink, record);
}

/* ---- What it cost --------------------------------------------------------------------------- */

static double ms_until(const struct connect_record *record, int64_t at_us)
{
    return (double)(at_us - record->began_us) / US_PER_MS;
}

static void put_trips(struct ink *ink, unsigned count, const char *of)
{
    if (count > 0)
        ink_printf(ink, INK_FAINT, " + %u %s", count, of);
}

void connect_report_cost(struct ink *ink, const struct connect_record *record)
{
    ink_heading(ink, "WHAT IT COST", "");
    if (record->command_us != 0) {
        ink_put(ink, INK_PLAIN, "  round trips until the first secure command");
        ink_to(ink, COST_COLUMN + 2);
        ink_printf(ink, INK_STRONG, "%u", connect_record_trips(record));
        ink_put(ink, INK_FAINT, " = 1 TCP");
        put_trips(ink, record->trips_plain, "plaintext");
        put_trips(ink, record->trips_tls, "TLS");
        put_trips(ink, record->trips_secure, "greeting");
        ink_end(ink);
        ink_put(ink, INK_PLAIN, "  time until then");
        ink_to(ink, COST_COLUMN + 2);
        ink_printf(ink, INK_PLAIN, "%.1f ms", ms_until(record, record->command_us));
        ink_printf(ink, INK_FAINT, ", the handshake %.1f ms of it",
                   (double)record->facts.handshake_us / US_PER_MS);
        ink_end(ink);
        ink_put(ink, INK_PLAIN, "  bytes when the handshake was done");
        ink_to(ink, COST_COLUMN + 2);
        ink_printf(ink, INK_PLAIN, "%llu sent, %llu received",
                   (unsigned long long)record->secure_bytes_out,
                   (unsigned long long)record->secure_bytes_in);
        ink_end(ink);
    }
    ink_put(ink, INK_PLAIN, "  all in all");
    ink_to(ink, COST_COLUMN + 2);
    ink_printf(ink, INK_PLAIN, "%.1f ms, %llu bytes sent, %llu received",
               ms_until(record, record->ended_us), (unsigned long long)record->bytes_out,
               (unsigned long long)record->bytes_in);
    ink_end(ink);
}
