/* The queue of replies: sharing of blocks, bodies by reference, peeking and consuming. */
#include "base/buf.h"
#include "check.h"
#include "net/out.h"

static unsigned releases;

static void on_release(void *arg)
{
    releases += *(unsigned *)arg;
}

/* All that waits, taken out step bytes at a time. */
static void check_content(struct out *out, const char *wanted, size_t step)
{
    struct buf got;
    struct span parts[3];
    buf_init(&got, 0);
    while (out->len > 0) {
        size_t count = out_peek(out, parts, 3, step), len = 0;
        check(count > 0);
        for (size_t i = 0; i < count; i++) {
            buf_put(&got, parts[i]);
            len += parts[i].len;
        }
        check(len <= step);
        out_consume(out, len);
    }
    check_span(buf_span(&got), wanted);
    check(out->first == NULL && out->last == NULL);
    buf_release(&got);
}

TEST(test_texts_and_bodies_leave_in_order)
{
    for (size_t step = 1; step < 40; step++) {
        struct out out;
        unsigned one = 1;
        releases = 0;
        out_init(&out, 100);
        out_puts(&out, "250-a\r\n");
        out_printf(&out, "250 %d\r\n", 42);
        out_refer(&out, span_of("body"), on_release, &one);
        out_refer(&out, span_of("for ever"), NULL, NULL);
        out_puts(&out, "\r\n.\r\n");
        check_int(out.len, 32);
        check_content(&out, "250-a\r\n250 42\r\nbodyfor ever\r\n.\r\n", step);
        check_int(releases, 1);
        out_deinit(&out);
    }
}

TEST(test_small_texts_share_a_part)
{
    struct out out;
    struct span parts[8];
    out_init(&out, 100);
    for (int i = 0; i < 50; i++)
        out_puts(&out, "* 1 EXISTS\r\n");
    check_int(out_peek(&out, parts, 8, 10000), 1);
    check_int(parts[0].len, 600);
    out_deinit(&out);
}

TEST(test_an_empty_out_holds_no_memory_and_is_usable_again)
{
    struct out out;
    out_init(&out, 4);
    out_put(&out, span_make("", 0));
    out_printf(&out, "%s", "");
    check(out.first == NULL && out.len == 0);
    out_puts(&out, "abc");
    check(!out_is_full(&out));
    out_puts(&out, "d");
    check(out_is_full(&out));
    check_content(&out, "abcd", 2);
    out_puts(&out, "again");
    check_content(&out, "again", 100);
}

TEST(test_long_texts_are_not_cut)
{
    static char text[20000], wanted[40003];
    for (size_t len = 900; len < 1100; len++) {
        struct out out;
        memset(text, 'x', len);
        text[len] = '\0';
        (void)snprintf(wanted, sizeof wanted, "%s|%s|", text, text);
        out_init(&out, 100);
        out_printf(&out, "%s|", text);
        out_puts(&out, text);
        out_puts(&out, "|");
        check_content(&out, wanted, 777);
    }
    struct out out;
    memset(text, 'y', sizeof text - 1);
    out_init(&out, 100);
    out_puts(&out, "1");
    out_puts(&out, text);
    check_int(out.len, sizeof text);
    out_deinit(&out);
    check(out.first == NULL && out.len == 0);
}

TEST(test_death_releases_what_was_referred)
{
    struct out out;
    unsigned one = 1, ten = 10;
    releases = 0;
    out_init(&out, 100);
    out_refer(&out, span_make("", 0), on_release, &ten);
    check_int(releases, 10);
    out_refer(&out, span_of("abc"), on_release, &one);
    out_refer(&out, span_of("def"), on_release, &one);
    out_consume(&out, 3);
    check_int(releases, 11);
    out_consume(&out, 1);
    check_int(releases, 11);
    out_deinit(&out);
    check_int(releases, 12);
}

static void on_run(void *owner, enum out_kind kind, struct span bytes)
{
    char *seen = owner;
    (void)snprintf(seen + strlen(seen), 64, "%c%.*s|", "TDS"[kind], (int)bytes.len, bytes.ptr);
}

TEST(test_kinds_are_told_apart_where_somebody_looks)
{
    static const struct {
        bool is_watched;
        const char *wanted;
    } cases[] = {{true, "TAUTH PLAIN |Ssecret|T\r\nne|"}, {false, "TAUTH PLAIN secret\r\nne|"}};
    for (size_t i = 0; i < 2; i++) {
        struct out out;
        char seen[256] = "";
        out_init(&out, 100);
        out.is_watched = cases[i].is_watched;
        out_puts(&out, "AUTH PLAIN ");
        out_set_kind(&out, OUT_SECRET);
        out_printf(&out, "%s", "secret");
        out_set_kind(&out, OUT_TEXT);
        out_puts(&out, "\r\nnext");
        out_look(&out, 21, on_run, seen);
        check_text(seen, cases[i].wanted);
        out_deinit(&out);
    }
}

CHECK_MAIN({"test_texts_and_bodies_leave_in_order", test_texts_and_bodies_leave_in_order},
           {"test_small_texts_share_a_part", test_small_texts_share_a_part},
           {"test_an_empty_out_holds_no_memory_and_is_usable_again",
            test_an_empty_out_holds_no_memory_and_is_usable_again},
           {"test_long_texts_are_not_cut", test_long_texts_are_not_cut},
           {"test_death_releases_what_was_referred", test_death_releases_what_was_referred},
           {"test_kinds_are_told_apart_where_somebody_looks",
            test_kinds_are_told_apart_where_somebody_looks})
