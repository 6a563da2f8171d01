#include "mail/dsn.h"

#include <stdio.h>

#include "check.h"
#include "mail/header.h"
#include "mail/mime.h"

static struct span literal(const char *text)
{
    return span_of(text);
}

static struct dsn make(const struct dsn_recipient *recipients, size_t count, const char *original)
{
    return (struct dsn){.hostname = literal("mx.example.org"),
                        .to = literal("alice@example.com"),
                        .message_id = literal("1.2@mx.example.org"),
                        .arrival_s = 1795256000,
                        .now_s = 1795256527,
                        .recipients = recipients,
                        .recipient_count = count,
                        .original = literal(original)};
}

/* The part's bytes, or an empty span. */
static struct span find(struct span message, const char *section, struct mime_part *part)
{
    struct mime_scan *scan = mime_scan_create(100);
    struct mime_result result;
    struct span body = {"", 0};

    mime_scan_feed(scan, message);
    mime_scan_finish(scan, &result);
    if (mime_part_find(result.parts, span_of(section), false, part))
        body = span_make(message.ptr + part->body_offset, (size_t)part->body_len);
    mime_scan_free(&scan);
    return body;
}

TEST(test_report_of_a_failure)
{
    const struct dsn_recipient recipient = {.final_recipient = literal("bob@example.net"),
                                            .original_recipient =
                                                literal("rfc822;bob+2Bx@example.net"),
                                            .action = DSN_FAILED,
                                            .status = literal("5.1.1"),
                                            .diagnostic = literal("550 5.1.1 no such user"),
                                            .remote_mta = literal("mx.example.net"),
                                            .last_attempt_s = 1795256500};
    struct dsn dsn = make(&recipient, 1, "Subject: original\r\nFrom: x\r\n");
    struct mime_part part;
    struct header_field field;
    struct buf out;

    dsn.envelope_id = literal("QQ+3D1");
    buf_init(&out, 0);
    dsn_write(&dsn, &out);
    struct span report = buf_span(&out);
    check(header_find(report, "To", &field));
    check_span(field.value, " <alice@example.com>");
    check(header_find(report, "From", &field));
    check_span(field.value, " Mail Delivery System <mailer-daemon@mx.example.org>");
    check(header_find(report, "Auto-Submitted", &field));
    check(header_find(report, "Content-Type", &field));
    check(span_find(field.value, span_of("multipart/report; report-type=delivery-status")) >= 0);
    check(!header_find(report, "Content-Transfer-Encoding", &field));

    check(span_find(find(report, "1", &part), span_of("<bob@example.net>\r\n    at mx.example.net"
                                                      "\r\n    550 5.1.1 no such user\r\n")) > 0);
    check_span(find(report, "2", &part), "Original-Envelope-Id: QQ=1\r\n"
                                         "Reporting-MTA: dns; mx.example.org\r\n"
                                         "Arrival-Date: Sat, 21 Nov 2026 10:13:20 +0000\r\n"
                                         "\r\n"
                                         "Original-Recipient: rfc822;bob+x@example.net\r\n"
                                         "Final-Recipient: rfc822; bob@example.net\r\n"
                                         "Action: failed\r\n"
                                         "Status: 5.1.1\r\n"
                                         "Remote-MTA: dns; mx.example.net\r\n"
                                         "Diagnostic-Code: smtp; 550 5.1.1 no such user\r\n"
                                         "Last-Attempt-Date: Sat, 21 Nov 2026 10:21:40 +0000\r\n");
    check_span(find(report, "3", &part), "Subject: original\r\nFrom: x\r\n");
    check(part.is_text);
    (void)find(report, "4", &part);
    buf_release(&out);
}

TEST(test_report_of_a_delay_with_the_whole_message)
{
    const struct dsn_recipient recipients[] = {
        {.final_recipient = literal("a@b"),
         .action = DSN_DELAYED,
         .status = literal("4.4.1"),
         .retry_until_s = 1795300000},
        {.final_recipient = literal("c@d"), .action = DSN_FAILED, .status = literal("5.0.0")}};
    struct dsn dsn = make(recipients, 2, "Subject: \xf6\r\n\r\nbody\r\n");
    struct mime_part part;
    struct header_field field;
    struct buf out;

    dsn.is_whole = true;
    buf_init(&out, 0);
    dsn_write(&dsn, &out);
    struct span report = buf_span(&out);
    check(header_find(report, "Content-Transfer-Encoding", &field));
    check_span(field.value, " 8bit");
    check_span(find(report, "3", &part), "Subject: \xf6\r\n\r\nbody\r\n");
    check(part.is_message);
    check_span(find(report, "3.1", &part), "body\r\n");
    struct span status = find(report, "2", &part);
    check(span_find(status, span_of("Will-Retry-Until: Sat, 21 Nov 2026 22:26:40 +0000")) > 0);
    check(span_find(status, span_of("\r\n\r\nFinal-Recipient: rfc822; c@d\r\nAction: failed")) > 0);
    buf_release(&out);
}

TEST(test_a_peers_bytes_forge_no_fields)
{
    static char reply[3000];
    const struct dsn_recipient recipient = {
        .final_recipient = literal("\"a\r\nAction: delivered\"@b"),
        .original_recipient = literal("rfc822;x+0D+0AAction: relayed"),
        .action = DSN_FAILED,
        .status = literal("5.0.0\r\nX: y"),
        .diagnostic = {reply, sizeof reply},
        .remote_mta = literal("m\r\nAction: delayed")};
    struct mime_part part;
    struct buf out;

    memset(reply, 'x', sizeof reply);
    memcpy(reply, "550-a\r\nAction: b\xff\r\n\r\n--", 23);
    struct dsn dsn = make(&recipient, 1, "Subject: --=_report_\r\n");
    buf_init(&out, 0);
    dsn_write(&dsn, &out);
    struct span status = find(buf_span(&out), "2", &part);
    struct header_field field;
    size_t offset = 0, actions = 0;
    while (header_next(status, &offset, &field))
        check(!span_is(field.name, "Action"));
    offset += 2; /* the empty line between message and recipient */
    while (header_next(status, &offset, &field))
        actions += span_is(field.name, "Action") || span_is(field.name, "X");
    check_int(actions, 1);
    check_int(offset, status.len);
    for (struct span rest = buf_span(&out); rest.len > 0;)
        check(span_cut(&rest, '\n').len < 999);
    buf_release(&out);
}

TEST(test_addresses_beyond_ascii_make_a_global_report)
{
    const struct dsn_recipient recipient = {.final_recipient = literal("\xc3\xb6@b"),
                                            .action = DSN_DELIVERED,
                                            .status = literal("2.0.0")};
    struct dsn dsn = make(&recipient, 1, "Subject: x\r\n");
    struct mime_part part;
    struct buf out;

    buf_init(&out, 0);
    dsn_write(&dsn, &out);
    check(span_find(find(buf_span(&out), "2", &part),
                    span_of("Final-Recipient: utf-8; \xc3\xb6@b\r\nAction: delivered")) > 0);
    check(span_find(buf_span(&out), span_of("message/global-delivery-status")) > 0);
    buf_release(&out);
}

/* RFC 3464 2.3.3: each action, alone and behind others: the subject is of the worst. */
TEST(test_every_action_and_the_subject)
{
    static const struct {
        enum dsn_action action;
        const char *name, *subject;
    } cases[] = {
        {DSN_EXPANDED, "expanded", "Subject: Expanded mail"},
        {DSN_RELAYED, "relayed", "Subject: Relayed mail"},
        {DSN_DELIVERED, "delivered", "Subject: Delivered mail"},
        {DSN_DELAYED, "delayed", "Subject: Delayed mail"},
        {DSN_FAILED, "failed", "Subject: Undelivered mail"},
    };
    enum { COUNT = sizeof cases / sizeof *cases };
    struct dsn_recipient recipients[COUNT];

    for (size_t i = 0; i < COUNT; i++) {
        struct mime_part part;
        struct buf out;
        char action[40];
        recipients[i] = (struct dsn_recipient){.final_recipient = literal("a@b"),
                                               .action = cases[i].action,
                                               .status = literal("2.0.0")};
        struct dsn dsn = make(recipients, i + 1, "Subject: x\r\n");
        check_case = cases[i].name;
        buf_init(&out, 0);
        dsn_write(&dsn, &out);
        check(span_find(buf_span(&out), span_of(cases[i].subject)) > 0);
        (void)snprintf(action, sizeof action, "Action: %s\r\n", dsn_action_name(cases[i].action));
        check(span_find(find(buf_span(&out), "2", &part), span_of(action)) > 0);
        check_text(dsn_action_name(cases[i].action), cases[i].name);
        buf_release(&out);
    }
}

/* RFC 3461 9.2: only what a server replied is "smtp". */
TEST(test_diagnostics_say_whose_they_are)
{
    static const struct {
        const char *text, *field;
    } cases[] = {
        {"550 5.1.1 no", "Diagnostic-Code: smtp; 550 5.1.1 no\r\n"},
        {"the domain x does not exist", "Diagnostic-Code: x-postern; the domain x does not exist"},
        {"55 x", "Diagnostic-Code: x-postern; 55 x\r\n"},
        {"550", "Diagnostic-Code: x-postern; 550\r\n"},
        {"5500 x", "Diagnostic-Code: x-postern; 5500 x\r\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dsn_recipient recipient = {.final_recipient = literal("a@b"),
                                                .status = literal("5.0.0"),
                                                .diagnostic = literal(cases[i].text)};
        struct dsn dsn = make(&recipient, 1, "");
        struct buf out;
        check_case = cases[i].text;
        buf_init(&out, 0);
        dsn_write(&dsn, &out);
        check(span_find(buf_span(&out), span_of(cases[i].field)) > 0);
        buf_release(&out);
    }
}

/* RFC 6533: what came with SMTPUTF8 is returned as global. */
TEST(test_the_originals_type)
{
    static const char *const types[2][2] = {
        {"Content-Type: text/rfc822-headers\r\n", "Content-Type: message/rfc822\r\n"},
        {"Content-Type: message/global-headers\r\n", "Content-Type: message/global\r\n"}};
    const struct dsn_recipient recipient = {.final_recipient = literal("a@b"),
                                            .status = literal("5.0.0")};
    for (int is_utf8 = 0; is_utf8 < 2; is_utf8++) {
        for (int is_whole = 0; is_whole < 2; is_whole++) {
            struct dsn dsn = make(&recipient, 1, "Subject: \xc3\xb6\r\n");
            struct buf out;
            dsn.is_utf8 = is_utf8;
            dsn.is_whole = is_whole;
            buf_init(&out, 0);
            dsn_write(&dsn, &out);
            check(span_find(buf_span(&out), span_of(types[is_utf8][is_whole])) > 0);
            buf_release(&out);
        }
    }
}

CHECK_MAIN({"test_report_of_a_failure", test_report_of_a_failure},
           {"test_report_of_a_delay_with_the_whole_message",
            test_report_of_a_delay_with_the_whole_message},
           {"test_a_peers_bytes_forge_no_fields", test_a_peers_bytes_forge_no_fields},
           {"test_addresses_beyond_ascii_make_a_global_report",
            test_addresses_beyond_ascii_make_a_global_report},
           {"test_every_action_and_the_subject", test_every_action_and_the_subject},
           {"test_diagnostics_say_whose_they_are", test_diagnostics_say_whose_they_are},
           {"test_the_originals_type", test_the_originals_type})
