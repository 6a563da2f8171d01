/*
 * TLS reports: any bytes as the RDATA of a TXT record, and as the texts of a result in a report.
 * What an address of the record holds may stand in a header field; the report's JSON has no byte
 * below the blank, and its mail no line that the report did not begin.
 */
#include "base/require.h"
#include "base/utf8.h"
#include "relay/tlsrpt_record.h"
#include "relay/tlsrpt_report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_report(struct span text)
{
    struct span rest = text;
    const struct store_tls_result result = {
        .day = 20778,
        .domain = span_cut(&rest, ' '),
        .policy_domain = span_first(text, 20),
        .policy = span_of("sts"),
        .policy_text = text,
        .mx_patterns = text,
        .result = span_of("validation-failure"),
        .mx_host = text,
        .reason = text,
        .sessions = 1,
    };
    const struct tlsrpt_report report = {.submitter = span_of("a.test"),
                                         .from = span_of("r@a.test"),
                                         .contact = span_of("r@a.test"),
                                         .to = span_of("<r@b.test>"),
                                         .id = "1",
                                         .results = &result,
                                         .count = 1};
    struct buf out;
    buf_init(&out, 0);
    tlsrpt_report_json(&report, &out);
    require(utf8_is_valid(buf_span(&out)));
    for (size_t i = 0; i < out.len; i++)
        require((unsigned char)out.data[out.start + i] >= ' ');
    buf_clear(&out);
    tlsrpt_report_mail(&report, &out);
    require(span_find(buf_span(&out), span_of("\r\nTLS-Required: No\r\n")) > 0);
    buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct span text = span_make((const char *)data, size);
    struct tlsrpt_record record;
    struct fault fault;
    if (tlsrpt_record_find(&text, 1, &record, &fault) == 0)
        for (size_t i = 0; i < record.place_count; i++)
            require(span_find_byte(span_of(record.places[i].text), 0, '\n') < 0);
    check_report(text);
    return 0;
}
