/*
 * tlsrpt_mail.c: the mail that carries a TLS report (RFC 8460 5.3): a multipart/report of a text
 * for people and the JSON in gzip. It says TLS-Required: No (RFC 8689 5): RFC 8460 3 demands that
 * reports arrive despite the trouble that they tell of. Tests:
 * tests/unit/test_relay_tlsrpt_report.c, tests/clients/test_tlsrpt.py.
 */
#include <inttypes.h>
#include <zlib.h>

#include "base/codec.h"
#include "base/mem.h"
#include "base/require.h"
#include "mail/date.h"
#include "relay/tlsrpt_report.h"

enum { BASE64_LINE = 57, GZIP_WINDOW = 15 + 16, GZIP_MEMORY = 8 };

/* What stands in a header field or a file name: a domain of the queue is clean already. */
static void put_clean(struct buf *out, struct span text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char code = (unsigned char)text.ptr[i];
        bool is_unsafe = code <= ' ' || code >= 127 || code == '"' || code == '\\' || code == '/';
        buf_put_byte(out, is_unsafe ? '_' : text.ptr[i]);
    }
}

/* RFC 8460 5.1: sender!policy-domain!begin!end.json.gz */
static void put_file_name(const struct tlsrpt_report *report, struct buf *out)
{
    int64_t begin_s = report->results[0].day * TLSRPT_DAY_S;
    put_clean(out, report->submitter);
    buf_put_byte(out, '!');
    put_clean(out, report->results[0].domain);
    buf_printf(out, "!%" PRId64 "!%" PRId64 ".json.gz", begin_s, begin_s + TLSRPT_DAY_S - 1);
}

static void put_header(const struct tlsrpt_report *report, struct buf *out)
{
    struct span domain = report->results[0].domain;
    char date[DATE_TEXT_SIZE];
    date_rfc5322(report->now_s, date);
    buf_printf(out, "Date: %s\r\nFrom: <", date);
    put_clean(out, report->from);
    buf_puts(out, ">\r\nTo: ");
    buf_put(out, report->to);
    buf_puts(out, "\r\nSubject: Report Domain: ");
    put_clean(out, domain);
    buf_puts(out, "\r\n Submitter: ");
    put_clean(out, report->submitter);
    buf_printf(out, "\r\n Report-ID: <%s@", report->id);
    put_clean(out, report->submitter);
    buf_printf(out, ">\r\nMessage-ID: <%s@", report->id);
    put_clean(out, report->submitter);
    buf_puts(out, ">\r\nTLS-Report-Domain: ");
    put_clean(out, domain);
    buf_puts(out, "\r\nTLS-Report-Submitter: ");
    put_clean(out, report->submitter);
    buf_printf(out,
               "\r\nTLS-Required: No\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
               "Content-Type: multipart/report; report-type=\"tlsrpt\";\r\n"
               " boundary=\"=_tlsrpt_%s\"\r\n\r\n",
               report->id);
}

static void put_text(const struct tlsrpt_report *report, struct buf *out)
{
    char begin[DATE_TEXT_SIZE];
    uint64_t good = 0, bad = 0;
    for (size_t i = 0; i < report->count; i++) {
        good += report->results[i].result.len == 0 ? report->results[i].sessions : 0;
        bad += report->results[i].result.len == 0 ? 0 : report->results[i].sessions;
    }
    date_rfc3339(report->results[0].day * TLSRPT_DAY_S, begin);
    buf_printf(out,
               "--=_tlsrpt_%s\r\nContent-Type: text/plain; charset=us-ascii\r\n\r\n"
               "This is an aggregate TLS report (RFC 8460) from ",
               report->id);
    put_clean(out, report->submitter);
    buf_puts(out, "\r\nabout mail to ");
    put_clean(out, report->results[0].domain);
    buf_printf(out,
               " on %.10s (UTC):\r\n\r\n  %" PRIu64 " sessions came about as they should,\r\n  "
               "%" PRIu64 " did not.\r\n\r\nThe file in this mail has the details. Questions "
               "about it: ",
               begin, good, bad);
    put_clean(out, report->contact);
    buf_puts(out, "\r\n\r\n");
}

static void compress_into(struct span text, struct buf *out)
{
    z_stream stream = {0};
    require(deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, GZIP_WINDOW, GZIP_MEMORY,
                         Z_DEFAULT_STRATEGY) == Z_OK);
    uLong bound = deflateBound(&stream, text.len);
    char *room = buf_reserve(out, bound);
    require(room != NULL && text.len <= UINT32_MAX && bound <= UINT32_MAX);
    unsigned char *copy = mem_alloc(text.len + 1); /* next_in is not const */
    memcpy(copy, text.ptr, text.len);
    stream.next_in = copy;
    stream.avail_in = (uInt)text.len;
    stream.next_out = (unsigned char *)room;
    stream.avail_out = (uInt)bound;
    require(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    buf_add_len(out, stream.total_out);
    (void)deflateEnd(&stream);
    mem_free(copy);
}

static void put_file(const struct tlsrpt_report *report, struct buf *out)
{
    struct buf json, packed;
    buf_init(&json, 0);
    buf_init(&packed, 0);
    tlsrpt_report_json(report, &json);
    compress_into(buf_span(&json), &packed);
    buf_printf(out,
               "--=_tlsrpt_%s\r\nContent-Type: application/tlsrpt+gzip\r\n"
               "Content-Transfer-Encoding: base64\r\n"
               "Content-Disposition: attachment;\r\n filename=\"",
               report->id);
    put_file_name(report, out);
    buf_puts(out, "\"\r\n\r\n");
    for (struct span rest = buf_span(&packed); rest.len > 0; rest = span_from(rest, BASE64_LINE)) {
        codec_base64_put(span_first(rest, BASE64_LINE), out);
        buf_puts(out, "\r\n");
    }
    buf_release(&json);
    buf_release(&packed);
}

void tlsrpt_report_mail(const struct tlsrpt_report *report, struct buf *out)
{
    put_header(report, out);
    put_text(report, out);
    put_file(report, out);
    buf_printf(out, "--=_tlsrpt_%s--\r\n", report->id);
}
