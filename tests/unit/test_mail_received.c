#include "mail/received.h"

#include "check.h"
#include "mail/header.h"

static const struct {
    const char *name;
    struct received received;
    const char *text;
} cases[] = {
    {"plain",
     {.helo = {"client.example", 14},
      .peer = {"[192.0.2.1]", 11},
      .by = {"mx.example.org", 14},
      .with = {"ESMTP", 5},
      .id = {"4f2a", 4},
      .at_s = 1795256527},
     "Received: from client.example ([192.0.2.1]) by mx.example.org with ESMTP id\r\n"
     " 4f2a; Sat, 21 Nov 2026 10:22:07 +0000\r\n"},
    {"tls by its registered name",
     {.helo = {"c", 1},
      .peer = {"[192.0.2.1]", 11},
      .by = {"m", 1},
      .with = {"ESMTPSA", 7},
      .tls_version = {"TLSv1.3", 7},
      .tls_cipher = {"TLS_AES_128_GCM_SHA256", 22},
      .id = {"1", 1},
      .for_address = {"a@b", 3},
      .at_s = 0},
     "Received: from c ([192.0.2.1]) by m with ESMTPSA id 1 for <a@b> tls\r\n"
     " TLS_AES_128_GCM_SHA256 (TLSv1.3); Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
    {"tls by another name",
     {.helo = {"c", 1},
      .by = {"m", 1},
      .with = {"ESMTPS", 6},
      .tls_version = {"TLSv1.2", 7},
      .tls_cipher = {"ECDHE-X25519", 12},
      .id = {"1", 1}},
     "Received: from c by m with ESMTPS id 1 (TLSv1.2 ECDHE-X25519); Thu, 1 Jan 1970\r\n"
     " 00:00:00 +0000\r\n"},
    {"hostile bytes",
     {.helo = {"a\r\nX: y \xff\0", 10},
      .by = {"m", 1},
      .with = {"ESMTP", 5},
      .id = {"1", 1},
      .for_address = {"\"a b\"@c", 7}},
     "Received: from a??X:?y??? by m with ESMTP id 1 for <\"a b\"@c>; Thu, 1 Jan 1970\r\n"
     " 00:00:00 +0000\r\n"},
    {"a confirmed name",
     {.helo = {"c", 1},
      .peer_name = {"mail.example", 12},
      .peer = {"[192.0.2.1]", 11},
      .by = {"m", 1},
      .with = {"ESMTP", 5},
      .id = {"1", 1}},
     "Received: from c (mail.example [192.0.2.1]) by m with ESMTP id 1; Thu, 1 Jan\r\n"
     " 1970 00:00:00 +0000\r\n"},
    {"a name that would break out",
     {.helo = {"c", 1},
      .peer_name = {"a\r\nX: b", 7},
      .peer = {"[192.0.2.1]", 11},
      .by = {"m", 1},
      .with = {"ESMTP", 5},
      .id = {"1", 1}},
     "Received: from c (a??X:?b [192.0.2.1]) by m with ESMTP id 1; Thu, 1 Jan 1970\r\n"
     " 00:00:00 +0000\r\n"},
    {"a name without an address",
     {.helo = {"c", 1},
      .peer_name = {"mail.example", 12},
      .by = {"m", 1},
      .with = {"ESMTP", 5},
      .id = {"1", 1}},
     "Received: from c by m with ESMTP id 1; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
    {"UTF-8 only where it is said",
     {.helo = {"b\xc3\xbc", 3},
      .by = {"m", 1},
      .with = {"UTF8SMTP", 8},
      .id = {"1", 1},
      .for_address = {"\xc3\xb6@c", 4}},
     "Received: from b\xc3\xbc by m with UTF8SMTP id 1 for <\xc3\xb6@c>; Thu, 1 Jan 1970\r\n"
     " 00:00:00 +0000\r\n"},
    {"UTF-8 elsewhere",
     {.helo = {"b\xc3\xbc", 3}, .by = {"m", 1}, .with = {"ESMTP", 5}, .id = {"1", 1}},
     "Received: from b?? by m with ESMTP id 1; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
    {"no helo",
     {.by = {"m", 1}, .with = {"SMTP", 4}, .id = {"1", 1}},
     "Received: from unknown by m with SMTP id 1; Thu, 1 Jan 1970 00:00:00 +0000\r\n"},
};

TEST(test_trace_fields)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        struct header_field field;
        size_t offset = 0;
        buf_init(&out, 0);
        check_case = cases[i].name;
        received_put(&cases[i].received, &out);
        check_span(buf_span(&out), cases[i].text);
        check(header_next(buf_span(&out), &offset, &field));
        check_int(field.whole.len, out.len);
        buf_release(&out);
    }
}

TEST(test_long_names_are_cut)
{
    static char name[5000];
    struct buf out;
    struct received received = {
        .helo = {name, sizeof name}, .by = {"m", 1}, .with = {"ESMTP", 5}, .id = {"1", 1}};

    memset(name, 'a', sizeof name);
    buf_init(&out, 0);
    received_put(&received, &out);
    check(out.len < 700);
    buf_release(&out);
}

TEST(test_with_keywords)
{
    check_text(received_with(RECEIVED_SMTP, false, false, false), "SMTP");
    check_text(received_with(RECEIVED_ESMTP, false, false, false), "ESMTP");
    check_text(received_with(RECEIVED_ESMTP, true, false, false), "ESMTPS");
    check_text(received_with(RECEIVED_ESMTP, false, true, false), "ESMTPA");
    check_text(received_with(RECEIVED_ESMTP, true, true, false), "ESMTPSA");
    check_text(received_with(RECEIVED_ESMTP, false, false, true), "UTF8SMTP");
    check_text(received_with(RECEIVED_ESMTP, true, false, true), "UTF8SMTPS");
    check_text(received_with(RECEIVED_LMTP, false, false, false), "LMTP");
    check_text(received_with(RECEIVED_LMTP, true, false, false), "LMTPS");
    check_text(received_with(RECEIVED_LMTP, true, false, true), "UTF8LMTPS");
    check_text(received_with(RECEIVED_ESMTP, false, true, true), "UTF8SMTPA");
    check_text(received_with(RECEIVED_ESMTP, true, true, true), "UTF8SMTPSA");
}

CHECK_MAIN({"test_trace_fields", test_trace_fields},
           {"test_long_names_are_cut", test_long_names_are_cut},
           {"test_with_keywords", test_with_keywords})
