/*
 * The TLS report's text: JSON compared with what RFC 8460 4.4 has it to be, and the mail around it.
 * tests/clients/test_tlsrpt.py reads one with Python's own parsers.
 */
#include "base/codec.h"
#include "check.h"
#include "relay/tlsrpt_report.h"

#define S(text)                                                                                    \
    {                                                                                              \
        text, sizeof(text) - 1                                                                     \
    }

/* 2026-11-21 is day 20778. */
static const struct store_tls_result results[] = {
    {20778, S("b.test"), S("b.test"), S("no-policy-found"), S(""), S(""), S(""), S(""), S(""),
     S(""), S(""), 7},
    {20778, S("b.test"), S("b.test"), S("sts"), S("version: STSv1\nmode: testing"),
     S("*.b.test\nmx.b.test"), S(""), S(""), S(""), S(""), S(""), 5},
    {20778, S("b.test"), S("b.test"), S("sts"), S("version: STSv1\nmode: testing"),
     S("*.b.test\nmx.b.test"), S("certificate-expired"), S("2001:db8::1"), S("mx.b.test"),
     S("192.0.2.25"), S("expired"), 3},
    {20778, S("b.test"), S("b.test"), S("sts"), S("version: STSv1\nmode: testing"),
     S("*.b.test\nmx.b.test"), S("starttls-not-supported"), S(""), S(""), S(""),
     S("\"\\\n\xff\x7f\xc3\xa4"), 2},
    {20778, S("b.test"), S("mx.b.test"), S("tlsa"), S("3 1 1 abcd"), S(""), S("tlsa-invalid"),
     S(""), S("mx.b.test"), S(""), S(""), 1},
};

static struct tlsrpt_report make(void)
{
    return (struct tlsrpt_report){.submitter = span_of("mail.a.test"),
                                  .from = span_of("tls@a.test"),
                                  .contact = span_of("help@a.test"),
                                  .to = span_of("<r@b.test>"),
                                  .id = "20778.00ff",
                                  .now_s = 1795307000,
                                  .results = results,
                                  .count = sizeof results / sizeof *results};
}

static const char json[] =
    "{\"organization-name\":\"mail.a.test\",\"date-range\":{\"start-datetime\":"
    "\"2026-11-21T00:00:00Z\",\"end-datetime\":\"2026-11-21T23:59:59Z\"},"
    "\"contact-info\":\"help@a.test\",\"report-id\":\"20778.00ff\",\"policies\":["
    "{\"policy\":{\"policy-type\":\"no-policy-found\",\"policy-domain\":\"b.test\"},"
    "\"summary\":{\"total-successful-session-count\":7,\"total-failure-session-count\":0}},"
    "{\"policy\":{\"policy-type\":\"sts\",\"policy-string\":[\"version: STSv1\",\"mode: testing\"],"
    "\"policy-domain\":\"b.test\",\"mx-host\":[\"*.b.test\",\"mx.b.test\"]},"
    "\"summary\":{\"total-successful-session-count\":5,\"total-failure-session-count\":5},"
    "\"failure-details\":["
    "{\"result-type\":\"certificate-expired\",\"sending-mta-ip\":\"2001:db8::1\","
    "\"receiving-mx-hostname\":\"mx.b.test\",\"receiving-ip\":\"192.0.2.25\","
    "\"failed-session-count\":3,\"failure-reason-code\":\"expired\"},"
    "{\"result-type\":\"starttls-not-supported\",\"failed-session-count\":2,"
    "\"failure-reason-code\":\"\\\"\\\\\\u000a\xef\xbf\xbd\\u007f\xc3\xa4\"}]},"
    "{\"policy\":{\"policy-type\":\"tlsa\",\"policy-string\":[\"3 1 1 abcd\"],"
    "\"policy-domain\":\"mx.b.test\"},"
    "\"summary\":{\"total-successful-session-count\":0,\"total-failure-session-count\":1},"
    "\"failure-details\":[{\"result-type\":\"tlsa-invalid\","
    "\"receiving-mx-hostname\":\"mx.b.test\",\"failed-session-count\":1}]}]}";

TEST(the_json_is_that_of_the_rfc)
{
    const struct tlsrpt_report report = make();
    struct buf text;
    buf_init(&text, 0);
    tlsrpt_report_json(&report, &text);
    check_span(buf_span(&text), json);
    buf_release(&text);
}

static const char head[] =
    "Date: Sun, 22 Nov 2026 00:23:20 +0000\r\n"
    "From: <tls@a.test>\r\n"
    "To: <r@b.test>\r\n"
    "Subject: Report Domain: b.test\r\n"
    " Submitter: mail.a.test\r\n"
    " Report-ID: <20778.00ff@mail.a.test>\r\n"
    "Message-ID: <20778.00ff@mail.a.test>\r\n"
    "TLS-Report-Domain: b.test\r\n"
    "TLS-Report-Submitter: mail.a.test\r\n"
    "TLS-Required: No\r\n"
    "Auto-Submitted: auto-generated\r\n"
    "MIME-Version: 1.0\r\n"
    "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
    " boundary=\"=_tlsrpt_20778.00ff\"\r\n"
    "\r\n"
    "--=_tlsrpt_20778.00ff\r\n"
    "Content-Type: text/plain; charset=us-ascii\r\n"
    "\r\n"
    "This is an aggregate TLS report (RFC 8460) from mail.a.test\r\n"
    "about mail to b.test on 2026-11-21 (UTC):\r\n"
    "\r\n"
    "  12 sessions came about as they should,\r\n"
    "  6 did not.\r\n"
    "\r\n"
    "The file in this mail has the details. Questions about it: help@a.test\r\n"
    "\r\n"
    "--=_tlsrpt_20778.00ff\r\n"
    "Content-Type: application/tlsrpt+gzip\r\n"
    "Content-Transfer-Encoding: base64\r\n"
    "Content-Disposition: attachment;\r\n"
    " filename=\"mail.a.test!b.test!1795219200!1795305599.json.gz\"\r\n"
    "\r\n";

static const char tail[] = "--=_tlsrpt_20778.00ff--\r\n";

TEST(the_mail_is_that_of_the_rfc)
{
    const struct tlsrpt_report report = make();
    struct buf text, packed;
    buf_init(&text, 0);
    buf_init(&packed, 0);
    tlsrpt_report_mail(&report, &text);
    struct span all = buf_span(&text);
    check_span(span_first(all, sizeof head - 1), head);
    check(span_ends_nocase(all, span_of(tail)));
    struct span body =
        span_make(all.ptr + sizeof head - 1, all.len - (sizeof head - 1) - (sizeof tail - 1));
    check_int(codec_base64_decode_loose(body, &packed), 0);
    check(packed.len > 18 && span_starts(buf_span(&packed), span_make("\x1f\x8b\x08", 3)));
    for (struct span rest = body; rest.len > 0;)
        check(span_cut(&rest, '\n').len <= 77);
    buf_release(&text);
    buf_release(&packed);
}

/* A domain that is none: nothing of it begins a line or ends the file's name. */
TEST(a_domain_cannot_write_header_fields)
{
    struct store_tls_result evil = results[0];
    struct tlsrpt_report report = make();
    struct buf text;
    evil.domain = span_of("x\r\nBcc: y\"z/..");
    report.results = &evil;
    report.count = 1;
    buf_init(&text, 0);
    tlsrpt_report_mail(&report, &text);
    check(span_find(buf_span(&text), span_of("\nBcc")) < 0);
    check(span_find(buf_span(&text), span_of("!x__Bcc:_y_z_..!")) > 0);
    buf_release(&text);
}

CHECK_MAIN({"the_json_is_that_of_the_rfc", the_json_is_that_of_the_rfc},
           {"the_mail_is_that_of_the_rfc", the_mail_is_that_of_the_rfc},
           {"a_domain_cannot_write_header_fields", a_domain_cannot_write_header_fields})
