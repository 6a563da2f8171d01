/*
 * connect_report.c: a look for a human, from top to bottom: who was met, what was said in
 * plaintext, the upgrade, the handshake, then what connect_verdict.c says of it, what was said
 * under TLS, and, by connect_trouble.c, what went wrong. Tests: tests/clients/test_connect.py.
 */
#include <time.h>

#include "cli/connect.h"
#include "cli/ink.h"

enum { TIME_WIDTH = 11, WHO_COLUMN = 13, TEXT_COLUMN = 16, MEANING_COLUMN = 53, NAME_WIDTH = 20 };

enum { US_PER_MS = 1000 };

static void put_time(struct ink *ink, const struct connect_record *record, int64_t at_us)
{
    double ms = (double)(at_us - record->began_us) / US_PER_MS;

    ink_printf(ink, INK_FAINT, "%*.1f ms", TIME_WIDTH - 3, ms > 0 ? ms : 0.0);
    ink_to(ink, WHO_COLUMN);
}

/* ---- Lines ---------------------------------------------------------------------------------- */

static void put_line(struct ink *ink, const struct connect_record *record,
                     const struct tap_event *event)
{
    bool is_ours = event->way == TAP_OUT;

    put_time(ink, record, event->at_us);
    ink_put(ink, is_ours ? INK_US : INK_THEM, is_ours ? "C:" : "S:");
    ink_to(ink, TEXT_COLUMN);
    if (event->detail.len > 0)
        ink_words(ink, INK_PLAIN, event->detail, TEXT_COLUMN + 2);
    else
        ink_put(ink, INK_FAINT, "(an empty line)");
    ink_end(ink);
}

static bool is_line(const struct connect_event *kept, bool is_secure)
{
    return kept->event.kind == TAP_LINE && kept->is_secure == is_secure;
}

static size_t count_lines(const struct connect_record *record, bool is_secure)
{
    size_t count = 0;

    for (size_t i = 0; i < record->count; i++)
        count += is_line(&record->events[i], is_secure);
    return count;
}

static void put_lines(struct ink *ink, const struct connect_record *record, bool is_secure)
{
    for (size_t i = 0; i < record->count; i++)
        if (is_line(&record->events[i], is_secure))
            put_line(ink, record, &record->events[i].event);
}

static bool has_offer(const char *offers, struct span offer)
{
    struct span rest = span_of(offers);

    while (rest.len > 0)
        if (span_equal_nocase(span_cut(&rest, '\n'), offer))
            return true;
    return false;
}

static void put_difference(struct ink *ink, const char *label, const char *of, const char *without)
{
    struct span rest = span_of(of);
    bool is_first = true;

    ink_put(ink, INK_PLAIN, "  ");
    ink_put(ink, INK_PLAIN, label);
    ink_to(ink, TEXT_COLUMN + 12);
    while (rest.len > 0) {
        struct span offer = span_cut(&rest, '\n');
        if (has_offer(without, offer))
            continue;
        if (!is_first)
            ink_put(ink, INK_PLAIN, ", ");
        if (ink->column + offer.len > INK_WIDTH) {
            ink_end(ink);
            ink_to(ink, TEXT_COLUMN + 12);
        }
        ink_bytes(ink, INK_PLAIN, offer);
        is_first = false;
    }
    ink_put(ink, INK_FAINT, is_first ? "nothing" : "");
    ink_end(ink);
}

/* What a client may believe is only what it heard behind the upgrade. */
static void put_offers(struct ink *ink, const struct connect_record *record)
{
    if (record->offers_plain == NULL || record->offers_secure == NULL)
        return;
    ink_heading(ink, "CAPABILITIES",
                "before and after: only those heard under TLS can be believed");
    put_difference(ink, "only in plaintext", record->offers_plain, record->offers_secure);
    put_difference(ink, "only under TLS", record->offers_secure, record->offers_plain);
}

/* ---- The upgrade ---------------------------------------------------------------------------- */

static const struct tap_event *find_event(const struct connect_record *record, enum tap_kind kind)
{
    for (size_t i = 0; i < record->count; i++)
        if (record->events[i].event.kind == kind)
            return &record->events[i].event;
    return NULL;
}

static void put_upgrade(struct ink *ink, const struct connect_record *record)
{
    const struct tap_event *offered = find_event(record, TAP_UPGRADE_OFFERED);
    const struct tap_event *refused = find_event(record, TAP_UPGRADE_REFUSED);

    if (offered == NULL)
        return;
    ink_heading(ink, "THE UPGRADE", "");
    put_time(ink, record, offered->at_us);
    if (refused == NULL)
        ink_words(ink, INK_PLAIN,
                  span_of("The server goes ahead, and no byte of plaintext came behind its words, "
                          "so nothing was slipped in. All that was said so far is forgotten: it "
                          "could have been anybody's."),
                  WHO_COLUMN);
    else
        ink_words(ink, INK_BAD, refused->detail, WHO_COLUMN);
    ink_end(ink);
}

/* ---- The handshake -------------------------------------------------------------------------- */

/* name, from the server, what it does. The first that fits counts. */
static const struct meaning {
    const char *name;
    enum tap_way way; /* TAP_NO_WAY: both */
    const char *version, *text;
} meanings[] = {
    {"ClientHello", TAP_OUT, NULL, "asks for TLS: what we can do, whom we want"},
    {"HelloRetryRequest", TAP_IN, NULL, "once more, please, with another key share"},
    {"ServerHello", TAP_IN, "TLSv1.3", "chooses, gives its key share: both have keys"},
    {"ServerHello", TAP_IN, NULL, "chooses version and suite"},
    {"EncryptedExtensions", TAP_IN, NULL, "further choices, the first sealed message"},
    {"CertificateRequest", TAP_IN, NULL, "asks who we are"},
    {"Certificate", TAP_IN, NULL, "shows its certificate and who vouches for it"},
    {"Certificate", TAP_OUT, NULL, "shows ours, or that we have none"},
    {"CertificateStatus", TAP_IN, NULL, "its authority's fresh word (OCSP staple)"},
    {"CertificateVerify", TAP_IN, NULL, "a signature: it has the certificate's key"},
    {"CertificateVerify", TAP_OUT, NULL, "a signature: we have our certificate's key"},
    {"ServerKeyExchange", TAP_IN, NULL, "its key share, signed with the certificate"},
    {"ServerHelloDone", TAP_IN, NULL, "over to us"},
    {"ClientKeyExchange", TAP_OUT, NULL, "our key share: both have keys"},
    {"Finished", TAP_NO_WAY, NULL, "a seal over all before: nothing was changed"},
    {"NewSessionTicket", TAP_IN, NULL, "a ticket that would shorten the next visit"},
    {"KeyUpdate", TAP_NO_WAY, NULL, "new keys from here on"},
};

static const char *meaning_of(const struct connect_record *record, const struct tap_event *event)
{
    if (event->name != NULL && strcmp(event->name, "ClientHello") == 0 &&
        event->at_us != record->hello_us)
        return "asks again, with the key share that is wanted";
    for (size_t i = 0; i < sizeof meanings / sizeof *meanings; i++) {
        const struct meaning *row = &meanings[i];
        if (event->name == NULL || strcmp(event->name, row->name) != 0)
            continue;
        bool is_way = row->way == TAP_NO_WAY || row->way == event->way;
        bool is_version = row->version == NULL || strcmp(row->version, record->facts.version) == 0;
        if (is_way && is_version)
            return row->text;
    }
    return "";
}

/* The lens knows fields and bytes; its own first line is left out for ours. */
static void put_decoded(struct ink *ink, const struct connect_record *record,
                        const struct tap_event *event)
{
    const struct lens_style style = {record->options->show, ink->has_colour};
    struct buf text;

    if (style.show == LENS_STEPS)
        return;
    buf_init(&text, 0);
    lens_put_text(&text, event, record->began_us, &style);
    struct span rest = buf_span(&text);
    (void)span_cut(&rest, '\n');
    while (rest.len > 0) {
        struct span line = span_cut(&rest, '\n');
        size_t indent = 0;
        while (indent < line.len && line.ptr[indent] == ' ')
            indent++;
        bool is_dump =
            line.len > indent + 4 && line.ptr[indent + 4] == ' ' && style.show == LENS_BYTES;
        ink_to(ink, TEXT_COLUMN + 2);
        if (is_dump) {
            buf_put(ink->out, span_from(line, indent));
        } else {
            ink_words(ink, INK_FAINT, span_from(line, indent), TEXT_COLUMN + 4);
        }
        ink_end(ink);
    }
    buf_release(&text);
}

static void put_message(struct ink *ink, const struct connect_record *record,
                        const struct tap_event *event)
{
    bool is_ours = event->way == TAP_OUT;

    put_time(ink, record, event->at_us);
    ink_put(ink, is_ours ? INK_US : INK_THEM, is_ours ? "C" : "S");
    ink_to(ink, TEXT_COLUMN);
    ink_put(ink, INK_PLAIN, event->name != NULL ? event->name : "message");
    ink_to(ink, TEXT_COLUMN + NAME_WIDTH);
    ink_printf(ink, INK_FAINT, "%8zu bytes", event->size);
    ink_to(ink, MEANING_COLUMN - 1);
    ink_words(ink, INK_PLAIN, span_of(meaning_of(record, event)), MEANING_COLUMN);
    ink_end(ink);
    put_decoded(ink, record, event);
}

static void put_other(struct ink *ink, const struct connect_record *record,
                      const struct tap_event *event, const char *what, enum ink_colour colour)
{
    put_time(ink, record, event->at_us);
    ink_put(ink, colour, event->way == TAP_OUT ? "C" : event->way == TAP_IN ? "S" : " ");
    ink_to(ink, TEXT_COLUMN);
    ink_put(ink, colour, what);
    if (event->name != NULL)
        ink_printf(ink, colour, " %s", event->name);
    if (event->size > 0)
        ink_printf(ink, colour, ", %zu bytes", event->size);
    if (event->detail.len > 0) {
        ink_put(ink, colour, ": ");
        ink_words(ink, colour, event->detail, TEXT_COLUMN + 2);
    }
    ink_end(ink);
}

static void put_sealed_mark(struct ink *ink)
{
    ink_to(ink, TEXT_COLUMN);
    ink_put(ink, INK_GOOD, "- - - from here on the wire shows sealed records only - - -");
    ink_end(ink);
}

/* TLS 1.3 seals all that follows ServerHello; TLS 1.2 what follows the first change of cipher. */
static bool begins_sealing(const struct connect_record *record, const struct tap_event *event)
{
    bool is_13 = strcmp(record->facts.version, "TLSv1.3") == 0;

    if (is_13)
        return event->name != NULL && strcmp(event->name, "ServerHello") == 0;
    return event->kind == TAP_CHANGE_CIPHER;
}

static void put_step(struct ink *ink, const struct connect_record *record,
                     const struct tap_event *event)
{
    switch (event->kind) {
    case TAP_HANDSHAKE:
        put_message(ink, record, event);
        break;
    case TAP_CHANGE_CIPHER:
        put_other(ink, record, event, "ChangeCipherSpec", INK_FAINT);
        break;
    case TAP_RECORD:
        if (record->options->show != LENS_STEPS)
            put_other(ink, record, event, "record:", INK_FAINT);
        break;
    case TAP_ALERT:
        put_other(ink, record, event, "alert", event->code == 0 ? INK_FAINT : INK_BAD);
        break;
    case TAP_FAILED:
        put_other(ink, record, event, "failed", INK_BAD);
        break;
    case TAP_OPEN:
    case TAP_LINE:
    case TAP_DATA:
    case TAP_UPGRADE_OFFERED:
    case TAP_UPGRADE_REFUSED:
    case TAP_CHECK:
    case TAP_SECURE:
    case TAP_CLOSE:
        break;
    }
}

static bool is_after(const struct connect_record *record, const struct tap_event *event)
{
    bool is_closing = event->kind == TAP_RECORD || (event->kind == TAP_ALERT && event->code == 0);

    return record->has_facts && is_closing && event->at_us > record->secure_us;
}

/* TLS is told of a message before the record that goes in front of it: our ChangeCipherSpec comes
 * after the Finished that it precedes on the wire. Its place, or the end. */
static size_t late_change(const struct connect_record *record, size_t at)
{
    const struct tap_event *event = &record->events[at].event;
    bool is_ours = event->kind == TAP_HANDSHAKE && event->way == TAP_OUT && event->name != NULL &&
                   strcmp(event->name, "Finished") == 0;

    for (size_t i = at + 1; is_ours && i < record->count; i++) {
        const struct tap_event *next = &record->events[i].event;
        if (next->kind == TAP_CHANGE_CIPHER && next->way == TAP_OUT)
            return i;
        if (next->kind != TAP_RECORD)
            break;
    }
    return record->count;
}

static void put_steps(struct ink *ink, const struct connect_record *record)
{
    size_t done = record->count; /* put before its turn */
    bool is_sealed = false;

    for (size_t i = 0; i < record->count; i++) {
        size_t late = late_change(record, i);
        const struct tap_event *event = &record->events[late < record->count ? late : i].event;
        if (i == done || is_after(record, event))
            continue; /* the latter: of the talk under TLS */
        put_step(ink, record, event);
        if (!is_sealed && record->has_facts && begins_sealing(record, event)) {
            put_sealed_mark(ink);
            is_sealed = true;
        }
        if (late == record->count)
            continue;
        done = late;
        put_step(ink, record, &record->events[i].event);
    }
}

static void put_handshake(struct ink *ink, const struct connect_record *record)
{
    if (record->hello_us == 0)
        return;
    ink_heading(ink, "THE HANDSHAKE", "C is us, S the server");
    put_steps(ink, record);
    if (record->left_out > 0)
        ink_printf(ink, INK_FAINT, "  %zu more events are not shown\n", record->left_out);
}

/* ---- The whole ------------------------------------------------------------------------------ */

static void put_misses(struct ink *ink, const struct connect_record *record)
{
    struct span rest = buf_span(&record->misses);

    while (rest.len > 0) {
        ink_put(ink, INK_BAD, "  no connection: ");
        ink_words(ink, INK_PLAIN, span_cut(&rest, '\n'), 4);
        ink_end(ink);
    }
    if (record->opened_us == 0) {
        ink_put(ink, INK_FAINT, "  what to do: ");
        ink_words(
            ink, INK_PLAIN,
            span_of("look whether the server runs, listens there, and no firewall is between"), 15);
        ink_end(ink);
    }
}

static void put_head(struct ink *ink, const struct connect_record *record)
{
    const struct connect_options *options = record->options;
    char date[32];
    time_t began = (time_t)(record->began_us / 1000000);
    struct tm tm;

    (void)gmtime_r(&began, &tm);
    (void)strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S UTC", &tm);
    ink_bytes(ink, INK_STRONG, span_of(options->host));
    ink_printf(ink, INK_STRONG, " port %u, %s, %s", options->port,
               probe_protocol_name(options->protocol), connect_style_text(options->security));
    ink_printf(ink, INK_FAINT, "   %s", date);
    ink_end(ink);
    put_misses(ink, record);
    if (record->opened_us == 0)
        return;
    put_time(ink, record, record->opened_us);
    ink_printf(ink, INK_PLAIN, "connected to %s", record->address);
    ink_end(ink);
}

static void put_conclusion(struct ink *ink, const struct connect_record *record)
{
    int status = connect_record_status(record);
    const char *text = status == 0         ? "All is good."
                       : status != 1       ? "Connected, but a check is not good: do not trust it."
                       : record->has_facts ? "Connected securely, but not all went well."
                                           : "No secure connection.";

    ink_end(ink);
    ink_put(ink, status == 0 ? INK_GOOD : INK_BAD, text);
    ink_end(ink);
}

void connect_report(struct ink *ink, const struct connect_record *record)
{
    put_head(ink, record);
    if (count_lines(record, false) > 0) {
        ink_heading(ink, "IN PLAINTEXT", "everybody on the way can read it, and change it");
        put_lines(ink, record, false);
    }
    put_upgrade(ink, record);
    put_handshake(ink, record);
    connect_report_checks(ink, record);
    connect_report_agreed(ink, record);
    if (count_lines(record, true) > 0) {
        ink_heading(ink, "UNDER TLS", "only the two ends can read it");
        put_lines(ink, record, true);
    }
    put_offers(ink, record);
    if (record->opened_us != 0) {
        connect_report_seen(ink, record);
        connect_report_cost(ink, record);
    }
    connect_report_trouble(ink, record);
    put_conclusion(ink, record);
}
