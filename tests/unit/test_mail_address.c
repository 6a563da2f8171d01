#include "mail/address.h"

#include "base/err.h"
#include "check.h"

#define X60 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff"

struct path_case {
    const char *text;
    enum address_kind kind;
    const char *local, *domain, *rest; /* local NULL: refused */
    bool is_quoted, is_literal, is_utf8;
};

static const struct path_case paths[] = {
    {"<a@b>", ADDRESS_FORWARD, "a", "b", "", false, false, false},
    {"<a@b> SIZE=1", ADDRESS_REVERSE, "a", "b", " SIZE=1", false, false, false},
    {"<>", ADDRESS_REVERSE, "", "", "", false, false, false},
    {"<>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<postmaster>", ADDRESS_FORWARD, "postmaster", "", "", false, false, false},
    {"<PostMaster>", ADDRESS_FORWARD, "PostMaster", "", "", false, false, false},
    {"<postmaster>", ADDRESS_REVERSE, NULL, "", "", false, false, false},
    {"<alice>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a.b+c=d@x-y.example>", ADDRESS_FORWARD, "a.b+c=d", "x-y.example", "", false, false, false},
    {"<\"a b\"@c>", ADDRESS_FORWARD, "\"a b\"", "c", "", true, false, false},
    {"<\"a>\\\"@\"@c>x", ADDRESS_FORWARD, "\"a>\\\"@\"", "c", "x", true, false, false},
    {"<\"\"@c>", ADDRESS_FORWARD, "\"\"", "c", "", true, false, false},
    {"<\"a\x01\"@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<\"a\\\x01\"@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<\"a\r\n\"@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<\"a@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<\"a\\", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<\"a\"b@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[192.0.2.1]>", ADDRESS_FORWARD, "a", "[192.0.2.1]", "", false, true, false},
    {"<a@[IPv6:2001:db8::1]>", ADDRESS_FORWARD, "a", "[IPv6:2001:db8::1]", "", false, true, false},
    {"<a@[ipv6:::1]> x", ADDRESS_FORWARD, "a", "[ipv6:::1]", " x", false, true, false},
    {"<a@[192.0.2.256]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[192.0.2]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[IPv6:1::2::3]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[::1]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[tag:x]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[]>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@[192.0.2.1>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<@x,@y:a@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<@x:a@b>", ADDRESS_REVERSE, NULL, "", "", false, false, false},
    {"a@b", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {" <a@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<.a@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a.@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a..b@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a b@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b@c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b..c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b.>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@-b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b->", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b c>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b\r\n>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a\x7f@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<j\xc3\xb6rg@b\xc3\xbc.example>", ADDRESS_FORWARD, "j\xc3\xb6rg", "b\xc3\xbc.example", "",
     false, false, true},
    {"<a@b\xc3\xbc.example>", ADDRESS_FORWARD, "a", "b\xc3\xbc.example", "", false, false, true},
    {"<j\xf6rg@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@b\xfc>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<" X60 "1234@b>", ADDRESS_FORWARD, X60 "1234", "b", "", false, false, false},
    {"<" X60 "12345@b>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    {"<a@" X60 "123>", ADDRESS_FORWARD, "a", X60 "123", "", false, false, false},
    {"<a@" X60 "1234>", ADDRESS_FORWARD, NULL, "", "", false, false, false},
    /* 254 and 255 octets in all */
    {"<aa@" X60 "." X60 "." X60 "." X60 ".1234567>", ADDRESS_FORWARD, "aa",
     X60 "." X60 "." X60 "." X60 ".1234567", "", false, false, false},
    {"<aaa@" X60 "." X60 "." X60 "." X60 ".1234567>", ADDRESS_FORWARD, NULL, "", "", false, false,
     false},
};

TEST(test_paths_of_commands)
{
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        const struct path_case *c = &paths[i];
        struct address address;
        struct span rest;
        const char *reason = NULL;
        check_case = c->text;
        int status = address_parse_path(span_of(c->text), c->kind, &address, &rest, &reason);
        check_int(status, c->local == NULL ? ERR_SYNTAX : 0);
        if (c->local == NULL) {
            check(reason != NULL && reason[0] != '\0');
            continue;
        }
        if (status != 0)
            continue;
        check_span(address.local, c->local);
        check_span(address.domain, c->domain);
        check_span(rest, c->rest);
        check_int(address.is_quoted, c->is_quoted);
        check_int(address.is_literal, c->is_literal);
        check_int(address.is_utf8, c->is_utf8);
    }
}

TEST(test_nul_is_refused)
{
    struct address address;
    struct span rest;
    const char *reason;
    check_int(
        address_parse_path(span_make("<a\0b@c>", 7), ADDRESS_FORWARD, &address, &rest, &reason),
        ERR_SYNTAX);
    check_int(
        address_parse_path(span_make("<\"\0\"@c>", 7), ADDRESS_FORWARD, &address, &rest, &reason),
        ERR_SYNTAX);
    check_int(address_parse(span_make("a@[1.2.3.4\0]", 12), &address, &reason), ERR_SYNTAX);
}

TEST(test_bare_addresses)
{
    static const struct {
        const char *text;
        bool is_good;
    } cases[] = {{"a@b", true},     {"a", false},           {"", false},   {"a@b>", false},
                 {"<a@b>", false},  {"a@b c", false},       {"@b", false}, {"a@[1.2.3.4]", true},
                 {"\"a\"@b", true}, {"a@[1.2.3.4]x", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        const char *reason;
        check_case = cases[i].text;
        check_int(address_parse(span_of(cases[i].text), &address, &reason),
                  cases[i].is_good ? 0 : ERR_SYNTAX);
    }
}

TEST(test_keys_are_lower_case_without_needless_quotes)
{
    static const struct {
        const char *text, *key;
    } cases[] = {
        {"Alice@Example.ORG", "alice@example.org"},
        {"\"Alice\"@example.org", "alice@example.org"},
        {"\"a\\l\\i\"@b", "ali@b"},
        {"\"a b\"@c", "\"a b\"@c"},
        {"\"A\\\"\\ \\\\\"@c", "\"a\\\" \\\\\"@c"},
        {"\"a..b\"@c", "\"a..b\"@c"},
        {"\"\"@c", "\"\"@c"},
        {"J\xc3\x96rg@B", "j\xc3\x96rg@b"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct address address;
        const char *reason;
        struct buf key;
        buf_init(&key, 0);
        check_case = cases[i].text;
        check_int(address_parse(span_of(cases[i].text), &address, &reason), 0);
        address_key(&address, &key);
        check_span(buf_span(&key), cases[i].key);
        buf_release(&key);
    }
}

TEST(test_domains_of_ehlo)
{
    static const struct {
        const char *text;
        bool is_domain;
    } cases[] = {{"mail.example.org", true},
                 {"localhost", true},
                 {"[192.0.2.1]", true},
                 {"[IPv6:::1]", true},
                 {"a_b", false},
                 {"", false},
                 {".", false},
                 {"a.", false},
                 {"-a", false},
                 {"a b", false},
                 {"[1.2.3.4", false},
                 {"192.0.2.1", true},
                 {"b\xc3\xbc"
                  "cher",
                  true},
                 {"a\r\nb", false},
                 {"a(b)", false}};

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].text;
        check_int(address_is_domain(span_of(cases[i].text)), cases[i].is_domain);
    }
}

CHECK_MAIN({"test_paths_of_commands", test_paths_of_commands},
           {"test_nul_is_refused", test_nul_is_refused},
           {"test_bare_addresses", test_bare_addresses},
           {"test_keys_are_lower_case_without_needless_quotes",
            test_keys_are_lower_case_without_needless_quotes},
           {"test_domains_of_ehlo", test_domains_of_ehlo})
