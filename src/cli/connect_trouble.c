/*
 * connect_trouble.c: what went wrong in a look besides the checks of the certificate, and what to
 * do about it. Tests: tests/clients/test_connect.py.
 */
#include "cli/connect.h"
#include "cli/ink.h"

#define ASKED_IN_VAIN "the server asked for a certificate of ours: give one with --cert and --key"

/* What an alert of the server's asks for (RFC 8446 6.2). */
static const struct {
    const char *alert, *advice;
} advices[] = {
    {"protocol_version", "it does not take this version of TLS: try another with --tls 1.2 or 1.3"},
    {"handshake_failure",
     "it takes none of the suites, groups or signatures offered; --show fields lists them, --tls "
     "offers others"},
    {"insufficient_security", "it wants stronger suites than those offered; see --tls"},
    {"no_application_protocol", "another protocol is spoken at this port: look at --protocol"},
    {"unrecognized_name", "it has no certificate for that name: look at --name"},
    {"certificate_required", ASKED_IN_VAIN},
    {"bad_certificate", "it does not take our certificate: look at --cert"},
    {"unsupported_certificate", "it does not take our certificate: it must be one for clients"},
    {"certificate_expired", "our certificate has expired: renew it"},
    {"certificate_revoked", "our certificate is revoked: get a new one"},
    {"certificate_unknown", "it does not take our certificate: look at --cert"},
    {"unknown_ca", "it does not trust the authority of our certificate, or --cert lacks the "
                   "intermediates"},
    {"internal_error", "look at the server's log: the fault is there"},
};

static const char *alert_advice(const struct connect_record *record)
{
    for (size_t i = 0; i < record->count; i++) {
        const struct tap_event *event = &record->events[i].event;
        if (event->kind != TAP_ALERT || event->way != TAP_IN || event->name == NULL)
            continue;
        for (size_t row = 0; row < sizeof advices / sizeof *advices; row++)
            if (strcmp(event->name, advices[row].alert) == 0)
                return advices[row].advice;
    }
    return NULL;
}

static void put_advice(struct ink *ink, const char *advice)
{
    ink_put(ink, INK_STRONG, "         what to do: ");
    ink_words(ink, INK_PLAIN, span_of(advice), 21);
    ink_end(ink);
}

/* Whether it wanted a certificate of ours and got none: a likely reason for it to hang up, which
 * in TLS 1.3 comes only after the handshake. */
static bool has_asked_in_vain(const struct connect_record *record)
{
    if (record->options->certificate != NULL)
        return false;
    for (size_t i = 0; i < record->count; i++) {
        const struct tap_event *event = &record->events[i].event;
        if (event->kind == TAP_HANDSHAKE && event->name != NULL &&
            strcmp(event->name, "CertificateRequest") == 0)
            return true;
    }
    return false;
}

static const char *fault_advice(const struct connect_record *record)
{
    const char *advice = alert_advice(record);

    if (has_asked_in_vain(record)) /* whatever alert it chose to say so */
        return ASKED_IN_VAIN;
    if (advice != NULL)
        return advice;
    if (record->phase != CONN_PHASE_HANDSHAKE)
        return "look at the server's log";
    if (record->options->security == CONN_IMPLICIT)
        return "if the port begins in plaintext, try --starttls; else look at the server's log";
    return "look at the server's log; --tls tries other versions";
}

/* What went wrong besides the checks, and what to do. */
void connect_report_trouble(struct ink *ink, const struct connect_record *record)
{
    bool is_refused = record->has_result && record->result != PROBE_DONE;

    if (record->opened_us == 0 || (!is_refused && record->fault.text[0] == '\0'))
        return;
    if (!is_refused && record->has_result)
        return;
    ink_heading(ink, "WHAT WENT WRONG", "");
    ink_put(ink, INK_BAD, "  [FAIL] ");
    if (!is_refused) {
        ink_words(ink, INK_PLAIN, span_of(record->fault.text), 9);
        ink_end(ink);
        put_advice(ink, fault_advice(record));
        return;
    }
    ink_printf(ink, INK_PLAIN, "%s: ", probe_step_name(record->step));
    ink_words(ink, INK_PLAIN, span_of(probe_result_sentence(record->result)), 9);
    ink_end(ink);
    if (record->words[0] != '\0') {
        ink_put(ink, INK_FAINT, "         its words: ");
        ink_words(ink, INK_PLAIN, span_of(record->words), 20);
        ink_end(ink);
    }
    bool is_ended = record->result == PROBE_ENDED;
    put_advice(ink, is_ended && has_asked_in_vain(record) ? ASKED_IN_VAIN
                                                          : probe_result_advice(record->result));
}
