/*
 * The transparency of DATA: every form of a false end of data, at every cut; the way out; and the
 * watch over headers.
 */
#include "base/buf.h"
#include "check.h"
#include "net/out.h"
#include "protocols/smtp/dot.h"
#include "protocols/smtp/watch.h"

static const struct dot_case {
    const char *name;
    const char *wire;   /* NUL is written as '@' */
    const char *wanted; /* NULL: refused */
    unsigned faults;
    const char *rest; /* what stands behind the end; NULL: no end */
} cases[] = {
    {"empty message", ".\r\n", "", 0, ""},
    {"one line", "hello\r\n.\r\n", "hello\r\n", 0, ""},
    {"command behind", "hello\r\n.\r\nRSET\r\n", "hello\r\n", 0, "RSET\r\n"},
    {"stuffed dot", "..\r\n.\r\n", ".\r\n", 0, ""},
    {"stuffed dots in line", "..a..\r\n.\r\n", ".a..\r\n", 0, ""},
    {"unstuffed dot is taken off", ".a\r\n.\r\n", "a\r\n", 0, ""},
    {"dot inside a line", "a.\r\n.b\r\n.\r\n", "a.\r\nb\r\n", 0, ""},
    {"empty lines", "\r\n\r\n.\r\n", "\r\n\r\n", 0, ""},
    {"no end yet", "hello\r\n", "hello\r\n", 0, NULL},
    {"no end without CRLF before the dot", "hello.\r\n", "hello.\r\n", 0, NULL},
    {"LF dot CRLF", "a\n.\r\nMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_LF, ""},
    {"LF dot LF", "a\n.\nMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_LF, ""},
    {"CRLF dot LF", "a\r\n.\nMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_LF, ""},
    {"CR dot CR", "a\r.\rMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_CR, ""},
    {"CR dot CRLF", "a\r.\r\nMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_CR, ""},
    {"CRLF dot CR", "a\r\n.\rMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_CR, ""},
    {"CRLF dot CR CRLF", "a\r\n.\r\r\nMAIL\r\n.\r\n", NULL, SMTP_DOT_BARE_CR, ""},
    {"CRLF NUL dot CRLF", "a\r\n@.\r\nMAIL\r\n.\r\n", NULL, SMTP_DOT_NUL, ""},
    {"CRLF dot NUL CRLF", "a\r\n.@\r\nMAIL\r\n.\r\n", NULL, SMTP_DOT_NUL, ""},
    {"CR NUL LF dot", "a\r@\n.\r\n\r\n.\r\n", NULL,
     SMTP_DOT_BARE_CR | SMTP_DOT_BARE_LF | SMTP_DOT_NUL, ""},
    {"LF CR dot", "a\n\r.\r\n\r\n.\r\n", NULL, SMTP_DOT_BARE_CR | SMTP_DOT_BARE_LF, ""},
    {"CR CR LF dot CRLF ends, refused", "a\r\r\n.\r\n", NULL, SMTP_DOT_BARE_CR, ""},
    {"first byte LF", "\n.\r\n\r\n.\r\n", NULL, SMTP_DOT_BARE_LF, ""},
    {"NUL in text", "a@b\r\n.\r\n", NULL, SMTP_DOT_NUL, ""},
};

static void keep(void *owner, struct span bytes)
{
    buf_put(owner, bytes);
}

/* Feeds text in two pieces, cut at `cut`; returns how many bytes were used. */
static size_t feed_cut(struct smtp_dot *dot, struct span text, size_t cut, struct buf *out)
{
    size_t used = smtp_dot_feed(dot, span_first(text, cut), keep, out);

    if (used == cut && !dot->is_done)
        used += smtp_dot_feed(dot, span_from(text, cut), keep, out);
    return used;
}

static void check_cut(const struct dot_case *row, struct span text, size_t cut)
{
    struct smtp_dot dot;
    struct buf out;

    buf_init(&out, 0);
    smtp_dot_init(&dot, SMTP_DOT_STUFFED);
    size_t used = feed_cut(&dot, text, cut, &out);
    check_int(dot.faults, row->faults);
    check_int(dot.is_done, row->rest != NULL);
    check_int(text.len - used, row->rest == NULL ? 0 : strlen(row->rest));
    /* A CR that waits at the end is not passed on; no case ends with one. */
    if (row->wanted != NULL)
        check_span(buf_span(&out), row->wanted);
    buf_release(&out);
}

TEST(test_only_crlf_dot_crlf_ends_a_message)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[128];
        size_t len = strlen(cases[i].wire);
        memcpy(text, cases[i].wire, len);
        for (size_t at = 0; at < len; at++)
            if (text[at] == '@')
                text[at] = '\0';
        check_case = cases[i].name;
        for (size_t cut = 0; cut <= len; cut++)
            check_cut(&cases[i], span_make(text, len), cut);
    }
}

TEST(test_nothing_is_passed_on_after_a_fault)
{
    struct smtp_dot dot;
    struct buf out;

    buf_init(&out, 0);
    smtp_dot_init(&dot, SMTP_DOT_STUFFED);
    (void)smtp_dot_feed(&dot, span_of("a\r\n"), keep, &out);
    (void)smtp_dot_feed(&dot, span_of("b\nc\r\nd\r\n"), keep, &out);
    check_span(buf_span(&out), "a\r\n");
    buf_release(&out);
}

TEST(test_counted_chunks_know_no_dots_but_line_ends)
{
    struct smtp_dot dot;
    struct buf out;

    buf_init(&out, 0);
    smtp_dot_init(&dot, SMTP_DOT_COUNTED);
    check_int(smtp_dot_feed(&dot, span_of("a\r\n.\r\n..b\r"), keep, &out), 10);
    check_int(smtp_dot_feed(&dot, span_of("\nc"), keep, &out), 2);
    smtp_dot_finish(&dot);
    check_int(dot.faults, 0);
    check_span(buf_span(&out), "a\r\n.\r\n..b\r\nc");
    smtp_dot_init(&dot, SMTP_DOT_COUNTED);
    (void)smtp_dot_feed(&dot, span_of("a\r"), keep, &out);
    smtp_dot_finish(&dot);
    check_int(dot.faults, SMTP_DOT_BARE_CR);
    buf_release(&out);
}

static const struct stuff_case {
    const char *stored, *wire;
} stuffs[] = {
    {"", ".\r\n"},
    {"a\r\n", "a\r\n.\r\n"},
    {"a", "a\r\n.\r\n"},
    {".\r\n", "..\r\n.\r\n"},
    {".a\r\n..\r\n", "..a\r\n...\r\n.\r\n"},
    {"a.b\r\n", "a.b\r\n.\r\n"},
    {"a\n.\nb", "a\r\n..\r\nb\r\n.\r\n"},
    {"a\r.\rb\r\n", "a\r\n..\r\nb\r\n.\r\n"},
    {"a\r\r\n", "a\r\n\r\n.\r\n"},
    {"\n\n", "\r\n\r\n.\r\n"},
};

TEST(test_stuffing_never_sends_a_false_end)
{
    for (size_t i = 0; i < sizeof stuffs / sizeof *stuffs; i++) {
        struct span text = span_of(stuffs[i].stored);
        check_case = stuffs[i].stored;
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct smtp_stuff stuff = {0};
            struct span parts[16];
            struct buf all;
            struct out out;
            out_init(&out, 1000);
            smtp_stuff_put(&stuff, span_first(text, cut), &out);
            smtp_stuff_put(&stuff, span_from(text, cut), &out);
            smtp_stuff_finish(&stuff, &out);
            buf_init(&all, 0);
            size_t count = out_peek(&out, parts, 16, 1000);
            for (size_t p = 0; p < count; p++)
                buf_put(&all, parts[p]);
            check_span(buf_span(&all), stuffs[i].wire);
            buf_release(&all);
            out_deinit(&out);
        }
    }
}

static const char header[] = "Received: a\r\n\tReceived: b\r\nRECEIVED: c\r\nX-Received: d\r\n"
                             "Date: x\r\nMessage-Id: <y>\r\n\r\nReceived: body\r\n";

TEST(test_watch_counts_fields_of_the_header_only)
{
    struct span text = span_of(header);
    size_t wanted = (size_t)span_find(text, span_of("\r\n\r\n")) + 4;

    for (size_t cut = 0; cut <= text.len; cut++) {
        struct smtp_watch watch;
        smtp_watch_init(&watch);
        size_t used = smtp_watch_feed(&watch, span_first(text, cut));
        used += smtp_watch_feed(&watch, span_from(text, used));
        check_int(used, wanted);
        check_int(watch.received_count, 2);
        check(watch.is_over && watch.has_date && watch.has_message_id);
    }
}

static void count_delivered(void *owner, struct span value)
{
    check_span(value, "a@b");
    ++*(unsigned *)owner;
}

/* At n-1, n and n+1: each is compared with all recipients, so a header of them must not cost much.
 */
TEST(test_watch_looks_at_so_many_deliveries)
{
    for (unsigned count = SMTP_WATCH_DELIVERED_MAX - 1; count <= SMTP_WATCH_DELIVERED_MAX + 1;
         count++) {
        unsigned told = 0;
        struct smtp_watch watch;
        smtp_watch_init(&watch);
        watch.on_delivered = count_delivered;
        watch.owner = &told;
        for (unsigned i = 0; i < count; i++)
            (void)smtp_watch_feed(&watch, span_of("Delivered-To: a@b\r\n"));
        (void)smtp_watch_feed(&watch, span_of("\r\nDelivered-To: a@b\r\n"));
        check_int(told, count < SMTP_WATCH_DELIVERED_MAX ? count : SMTP_WATCH_DELIVERED_MAX);
    }
}

static const struct waiver_case {
    const char *header;
    bool is_waived;
} waivers[] = {
    {"TLS-Required: No\r\n\r\n", true},
    {"Subject: x\r\ntls-required:no\r\nTo: y\r\n\r\n", true},
    {"TLS-Required :\tNO \r\n\r\n", true},
    {"TLS-Required: Yes\r\n\r\n", false},
    {"TLS-Required: Nono\r\n\r\n", false},
    {"TLS-Required: No no\r\n\r\n", false},
    {"TLS-Required:\r\n\r\n", false},
    {"TLS-Required\r\n: No\r\n\r\n", false},
    {"X-TLS-Required: No\r\n\r\n", false},
    {"TLS-Requiredx: No\r\n\r\n", false},
    {"Subject: x\r\n TLS-Required: No\r\n\r\n", false},
    {"Subject: x\r\n\r\nTLS-Required: No\r\n", false},
};

TEST(test_watch_knows_who_waives_tls)
{
    for (size_t i = 0; i < sizeof waivers / sizeof *waivers; i++) {
        struct span text = span_of(waivers[i].header);
        check_case = waivers[i].header;
        for (size_t cut = 0; cut <= text.len; cut++) {
            struct smtp_watch watch;
            smtp_watch_init(&watch);
            size_t used = smtp_watch_feed(&watch, span_first(text, cut));
            (void)smtp_watch_feed(&watch, span_from(text, used));
            check_int(watch.is_tls_optional, waivers[i].is_waived);
            check(watch.is_over);
        }
    }
}

CHECK_MAIN({"test_only_crlf_dot_crlf_ends_a_message", test_only_crlf_dot_crlf_ends_a_message},
           {"test_nothing_is_passed_on_after_a_fault", test_nothing_is_passed_on_after_a_fault},
           {"test_counted_chunks_know_no_dots_but_line_ends",
            test_counted_chunks_know_no_dots_but_line_ends},
           {"test_stuffing_never_sends_a_false_end", test_stuffing_never_sends_a_false_end},
           {"test_watch_counts_fields_of_the_header_only",
            test_watch_counts_fields_of_the_header_only},
           {"test_watch_looks_at_so_many_deliveries", test_watch_looks_at_so_many_deliveries},
           {"test_watch_knows_who_waives_tls", test_watch_knows_who_waives_tls})
