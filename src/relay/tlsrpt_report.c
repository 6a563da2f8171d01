/*
 * tlsrpt_report.c: the JSON of a TLS report. Keys, their order and the form of times are those of
 * RFC 8460 4.4, with "mx-host" as an array (erratum 6241: a policy has several patterns). The mail
 * around it is tlsrpt_mail.c's. Tests: tests/unit/test_relay_tlsrpt_report.c,
 * tests/clients/test_tlsrpt.py.
 */
#include "relay/tlsrpt_report.h"

#include <inttypes.h>

#include "base/utf8.h"
#include "mail/date.h"

static void put_code_point(struct buf *out, uint32_t code_point)
{
    bool is_control = code_point < ' ' || (code_point >= 127 && code_point < 160);
    if (code_point == '"' || code_point == '\\')
        buf_put_byte(out, '\\');
    if (is_control)
        buf_printf(out, "\\u%04x", (unsigned)code_point);
    else
        utf8_put(out, code_point);
}

/* Bytes that are no UTF-8 become U+FFFD. */
static void put_string(struct buf *out, struct span text)
{
    buf_put_byte(out, '"');
    for (size_t at = 0; at < text.len;)
        put_code_point(out, utf8_next(text, &at));
    buf_put_byte(out, '"');
}

static void put_member(struct buf *out, const char *name, struct span text)
{
    buf_printf(out, "\"%s\":", name);
    put_string(out, text);
}

/* Of a failure: what is not known is left out. */
static void put_detail_member(struct buf *out, const char *name, struct span text)
{
    if (text.len == 0)
        return;
    put_member(out, name, text);
    buf_put_byte(out, ',');
}

/* Lines as an array of strings; an empty text has none. */
static void put_lines(struct buf *out, const char *name, struct span text)
{
    struct span rest = text;
    const char *between = "";
    buf_printf(out, ",\"%s\":[", name);
    while (rest.len > 0) {
        buf_puts(out, between);
        put_string(out, span_cut(&rest, '\n'));
        between = ",";
    }
    buf_put_byte(out, ']');
}

static bool is_same_policy(const struct store_tls_result *a, const struct store_tls_result *b)
{
    return span_equal(a->policy, b->policy) && span_equal(a->policy_domain, b->policy_domain) &&
           span_equal(a->policy_text, b->policy_text) && span_equal(a->mx_patterns, b->mx_patterns);
}

static void put_policy(const struct store_tls_result *result, struct buf *out)
{
    buf_puts(out, "\"policy\":{");
    put_member(out, "policy-type", result->policy);
    if (result->policy_text.len > 0)
        put_lines(out, "policy-string", result->policy_text);
    buf_put_byte(out, ',');
    put_member(out, "policy-domain", result->policy_domain);
    if (result->mx_patterns.len > 0)
        put_lines(out, "mx-host", result->mx_patterns);
    buf_put_byte(out, '}');
}

static void put_summary(const struct store_tls_result *results, size_t count, struct buf *out)
{
    uint64_t good = 0, bad = 0;
    for (size_t i = 0; i < count; i++) {
        good += results[i].result.len == 0 ? results[i].sessions : 0;
        bad += results[i].result.len == 0 ? 0 : results[i].sessions;
    }
    buf_printf(out,
               ",\"summary\":{\"total-successful-session-count\":%" PRIu64
               ",\"total-failure-session-count\":%" PRIu64 "}",
               good, bad);
}

static void put_detail(const struct store_tls_result *result, struct buf *out)
{
    buf_put_byte(out, '{');
    put_detail_member(out, "result-type", result->result);
    put_detail_member(out, "sending-mta-ip", result->sending_ip);
    put_detail_member(out, "receiving-mx-hostname", result->mx_host);
    put_detail_member(out, "receiving-ip", result->receiving_ip);
    buf_printf(out, "\"failed-session-count\":%" PRIu64, result->sessions);
    if (result->reason.len > 0) {
        buf_put_byte(out, ',');
        put_member(out, "failure-reason-code", result->reason);
    }
    buf_put_byte(out, '}');
}

static void put_details(const struct store_tls_result *results, size_t count, struct buf *out)
{
    const char *between = ",\"failure-details\":[";
    for (size_t i = 0; i < count; i++) {
        if (results[i].result.len == 0)
            continue;
        buf_puts(out, between);
        put_detail(&results[i], out);
        between = ",";
    }
    if (between[1] == '\0')
        buf_put_byte(out, ']');
}

/* How many results, from the first on, are of one policy. */
static size_t run_length(const struct store_tls_result *results, size_t count)
{
    size_t len = 1;
    while (len < count && is_same_policy(&results[0], &results[len]))
        len++;
    return len;
}

void tlsrpt_report_json(const struct tlsrpt_report *report, struct buf *out)
{
    char begin[DATE_TEXT_SIZE], end[DATE_TEXT_SIZE];
    int64_t midnight_s = report->results[0].day * TLSRPT_DAY_S;
    date_rfc3339(midnight_s, begin);
    date_rfc3339(midnight_s + TLSRPT_DAY_S - 1, end);
    buf_put_byte(out, '{');
    put_member(out, "organization-name", report->submitter);
    buf_printf(out, ",\"date-range\":{\"start-datetime\":\"%s\",\"end-datetime\":\"%s\"},", begin,
               end);
    put_member(out, "contact-info", report->contact);
    buf_put_byte(out, ',');
    put_member(out, "report-id", span_of(report->id));
    buf_puts(out, ",\"policies\":[");
    for (size_t at = 0; at < report->count;) {
        const struct store_tls_result *first = &report->results[at];
        size_t len = run_length(first, report->count - at);
        buf_puts(out, at > 0 ? ",{" : "{");
        put_policy(first, out);
        put_summary(first, len, out);
        put_details(first, len, out);
        buf_put_byte(out, '}');
        at += len;
    }
    buf_puts(out, "]}");
}
