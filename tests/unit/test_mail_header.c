#include "mail/header.h"

#include "check.h"
#include "mail/charset.h"

TEST(test_fields_are_found_one_by_one)
{
    struct span header = span_of("From: a\r\n"
                                 "garbage without colon\r\n continued garbage: x\r\n"
                                 "Subject : one\r\n\ttwo\r\n three\r\n"
                                 "Empty:\r\n"
                                 " \r\n"
                                 ": no name\r\n"
                                 "Bad name: x\r\n"
                                 "Lf: bare\n"
                                 "\r\n"
                                 "Body: no\r\n");
    struct header_field field;
    size_t offset = 0;

    check(header_next(header, &offset, &field));
    check_span(field.name, "From");
    check_span(field.value, " a");
    check_span(field.whole, "From: a\r\n");
    check(header_next(header, &offset, &field));
    check_span(field.name, "Subject");
    check_span(field.value, " one\r\n\ttwo\r\n three");
    check(header_next(header, &offset, &field));
    check_span(field.name, "Empty");
    check_span(field.value, "\r\n ");
    check(header_next(header, &offset, &field));
    check_span(field.name, "Lf");
    check_span(field.whole, "Lf: bare\n");
    check(!header_next(header, &offset, &field));
    check_span(span_from(header, offset), "\r\nBody: no\r\n");
    check(!header_next(header, &offset, &field));
    check(header_find(header, "sUBJECT", &field));
    check(!header_find(header, "Body", &field));
}

TEST(test_header_may_end_anywhere)
{
    static const char *const cases[] = {"",         "A",  "A:", "A: b", "A: b\r",
                                        "A: b\r\n", "\n", "\r", " x"};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct header_field field;
        size_t offset = 0;
        check_case = cases[i];
        bool has_field = header_next(span_of(cases[i]), &offset, &field);
        check_int(has_field, cases[i][0] == 'A' && cases[i][1] == ':');
        check(offset <= strlen(cases[i]));
    }
}

TEST(test_values_are_decoded)
{
    static const struct {
        const char *raw, *decoded;
    } cases[] = {
        {" plain text ", "plain text"},
        {" folded\r\n text", "folded text"},
        {"=?iso-8859-1?Q?J=F6rg?=", "J\xc3\xb6rg"},
        {"=?ISO-8859-1*de?q?J=f6rg_B?= x", "J\xc3\xb6rg B x"},
        {"=?utf-8?B?SsO2cmc=?=", "J\xc3\xb6rg"},
        {"=?utf-8?B?SsO2cmc?=", "J\xc3\xb6rg"},
        {"=?iso-8859-15?Q?=A4?=", "\xe2\x82\xac"},
        {"=?windows-1252?Q?=80?=", "\xe2\x82\xac"},
        {"=?windows-1251?Q?=CF?=", "\xd0\x9f"},
        {"=?koi8-r?B?8NLJ18XU?=", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82"},
        {"=?shift_jis?B?k/qWew==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"=?iso-2022-jp?B?GyRCRnxLXBsoQg==?=", "\xe6\x97\xa5\xe6\x9c\xac"},
        {"=?x-unknown?Q?a?= b", "=?x-unknown?Q?a?= b"},
        {"=?../../x?Q?a?=", "=?../../x?Q?a?="},
        {"a =?utf-8?Q?b?= =?utf-8?Q?c?= d", "a bc d"},
        {"=?utf-8?Q?b?=\r\n =?utf-8?Q?c?=", "bc"},
        {"=?utf-8?Q?b?= =?iso-8859-1?Q?=E4?=", "b\xc3\xa4"},
        {"=?utf-8?Q?b?= x =?utf-8?Q?c?=", "b x c"},
        {"=?utf-8?Q?b?= =?x-unknown?Q?c?=", "b =?x-unknown?Q?c?="},
        /* a character cut in two between words */
        {"=?utf-8?Q?=C3?= =?utf-8?Q?=B6?=", "\xc3\xb6"},
        {"=?utf-8?B?w7Y=?= =?utf-8?B?w7Y=?=", "\xc3\xb6\xc3\xb6"},
        {"=?utf-8?Q?=C3?=", "\xef\xbf\xbd"},
        {"=?utf-8?Q?=ZZ=4?=", "=ZZ=4"},
        {"=?utf-8?Q?a b?=", "a b"},
        {"=?utf-8?X?a?=", "=?utf-8?X?a?="},
        {"=?utf-8?Q?a?", "=?utf-8?Q?a?"},
        {"=?utf-8?Q?a", "=?utf-8?Q?a"},
        {"=?=?=?", "=?=?=?"},
        {"=?", "=?"},
        {"=", "="},
        {"=?"
         "?Q?a?=",
         "=?"
         "?Q?a?="},
        {"=?utf-8?Q?"
         "?=",
         ""},
        {"(=?utf-8?Q?a?=)", "(a)"},
        {"raw \xc3\xb6", "raw \xc3\xb6"},
        {"raw \xf6", "raw \xef\xbf\xbd"},
        {"", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct buf out;
        buf_init(&out, 0);
        check_case = cases[i].raw;
        header_decode(span_of(cases[i].raw), &out);
        check_span(buf_span(&out), cases[i].decoded);
        buf_release(&out);
    }
}

TEST(test_hostile_values_are_decoded_in_bounds)
{
    static char text[300000];
    struct buf out;

    for (size_t i = 0; i + 2 <= sizeof text; i += 2)
        memcpy(text + i, "=?", 2);
    buf_init(&out, 100);
    header_decode(span_make(text, sizeof text), &out);
    check(out.len <= 100);
    buf_release(&out);

    memset(text, '(', sizeof text);
    buf_init(&out, 0);
    header_decode(span_make(text, sizeof text), &out);
    check_int(out.len, sizeof text);
    buf_release(&out);
}

TEST(test_unfolding_trims_and_drops_line_ends)
{
    struct buf out;
    buf_init(&out, 0);
    header_unfold(span_of(" a\r\n  b\r\n\tc \r\n "), &out);
    check_span(buf_span(&out), "a  b\tc");
    buf_release(&out);
}

TEST(test_charsets_convert_what_is_invalid_to_a_mark)
{
    struct buf out;
    buf_init(&out, 0);
    check(charset_to_utf8(span_of("gb2312"), span_of("\xc4\xe3\xff"), &out));
    check_span(buf_span(&out), "\xe4\xbd\xa0\xef\xbf\xbd");
    check(!charset_to_utf8(span_of("UTF-7"), span_of("a"), &out));
    check(charset_is_known(span_of("")));
    check(!charset_is_known(span_of("utf-8//TRANSLIT")));
    buf_release(&out);
}

/* Each address as kind, name, local and domain: "M name|local|domain", "G name", "E". */
static void render(struct span value, char *out, size_t size)
{
    struct header_address list[32];
    struct arena arena;
    size_t len = 0;

    arena_init(&arena);
    size_t count = header_addresses(value, &arena, list, 32);
    out[0] = '\0';
    for (size_t i = 0; i < count && len < size; i++) {
        const struct header_address *a = &list[i];
        const char *separator = i > 0 ? ", " : "";
        int n;
        if (a->kind == HEADER_MAILBOX)
            n = snprintf(out + len, size - len, "%sM %.*s|%.*s|%.*s", separator,
                         (int)a->display_name.len, a->display_name.ptr, (int)a->local.len,
                         a->local.ptr, (int)a->domain.len, a->domain.ptr);
        else if (a->kind == HEADER_GROUP_START)
            n = snprintf(out + len, size - len, "%sG %.*s", separator, (int)a->local.len,
                         a->local.ptr);
        else
            n = snprintf(out + len, size - len, "%sE", separator);
        len += (size_t)n;
    }
    arena_reset(&arena);
}

TEST(test_address_lists_of_all_kinds)
{
    static const struct {
        const char *value, *wanted;
    } cases[] = {
        {" a@b", "M |a|b"},
        {"a@b, c@d", "M |a|b, M |c|d"},
        {"Alice <a@b>", "M Alice|a|b"},
        {"\"Alice, B.\" <a@b>", "M Alice, B.|a|b"},
        {"\"A \\\"x\\\" B\" <a@b>", "M A \"x\" B|a|b"},
        {"John Q. Public <j@p>", "M John Q. Public|j|p"},
        {"=?utf-8?Q?J=C3=B6rg?= <j@b>", "M =?utf-8?Q?J=C3=B6rg?=|j|b"},
        {"a@b (Alice)", "M Alice|a|b"},
        {"<a@b> (Alice)", "M Alice|a|b"},
        {"Name <a@b> (Alice)", "M Name|a|b"},
        {"(c1) a (c2) @ (c3) b (c4 (nested) \\) x)", "M c4 (nested) ) x|a|b"},
        {"a . b @ c . d", "M |a.b|c.d"},
        {"\"a b\"@c", "M |a b|c"},
        {"<\"a@b\"@c>", "M |a@b|c"},
        {"a@[192.0.2.1]", "M |a|[192.0.2.1]"},
        {"a@[IPv6:2001:db8::1]", "M |a|[IPv6:2001:db8::1]"},
        {"<@x,@y:a@b>", "M |a|b"},
        {"Name <@x:a@b>, c@d", "M Name|a|b, M |c|d"},
        {"undisclosed-recipients:;", "G undisclosed-recipients, E"},
        {"A Group: a@b, Bob <c@d>;, e@f", "G A Group, M |a|b, M Bob|c|d, E, M |e|f"},
        {"\"q g\": a@b;", "G q g, M |a|b, E"},
        {"G: a@b", "G G, M |a|b, E"},
        {"G1: a@b; G2: ;", "G G1, M |a|b, E, G G2, E"},
        {"a@b <c@d>", "M a@b|c|d"},
        {"a@b,, ,c@d,", "M |a|b, M |c|d"},
        {"alice", "M |alice|"},
        {"alice, bob@x", "M |alice|, M |bob|x"},
        {"<>", "M ||"},
        {"Name <alice>", "M Name|alice|"},
        {"a@", "M |a|"},
        {"@b", "M ||b"},
        {"<a@b", "M |a|b"},
        {"\"unterminated <a@b>", "M |unterminated <a@b>|"},
        {"(unterminated", ""},
        {"a@b; c@d", "M |a|b, M |c|d"},
        {"> a@b", "M |>a|b"},
        {"folded\r\n name\r\n <a@b>", "M folded name|a|b"},
        {"\xf6 <a@b>", "M \xf6|a|b"},
        {"", ""},
        {" ", ""},
        {":", "G , E"},
        {";;", ""},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[1024];
        check_case = cases[i].value;
        render(span_of(cases[i].value), text, sizeof text);
        check_text(text, cases[i].wanted);
    }
}

TEST(test_address_lists_stop_at_the_maximum)
{
    static char text[200000];
    struct header_address list[3];
    struct arena arena;

    arena_init(&arena);
    check_int(header_addresses(span_of("a@b,c@d,e@f,g@h"), &arena, list, 3), 3);
    check_span(list[2].local, "e");
    check_int(header_addresses(span_of("a@b"), &arena, list, 0), 0);
    static const char fill[] = "(<,:;@\"\\";
    for (size_t i = 0; i + 1 < sizeof fill; i++) {
        memset(text, fill[i], sizeof text);
        check(header_addresses(span_make(text, sizeof text), &arena, list, 3) <= 3);
    }
    arena_reset(&arena);
}

CHECK_MAIN({"test_fields_are_found_one_by_one", test_fields_are_found_one_by_one},
           {"test_header_may_end_anywhere", test_header_may_end_anywhere},
           {"test_values_are_decoded", test_values_are_decoded},
           {"test_hostile_values_are_decoded_in_bounds", test_hostile_values_are_decoded_in_bounds},
           {"test_unfolding_trims_and_drops_line_ends", test_unfolding_trims_and_drops_line_ends},
           {"test_charsets_convert_what_is_invalid_to_a_mark",
            test_charsets_convert_what_is_invalid_to_a_mark},
           {"test_address_lists_of_all_kinds", test_address_lists_of_all_kinds},
           {"test_address_lists_stop_at_the_maximum", test_address_lists_stop_at_the_maximum})
