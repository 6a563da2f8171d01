/*
 * The ClientHello parser: a hello of each kind, every cut of it, lengths that lie, limits at n - 1,
 * n and n + 1, and whose suites say ChaCha20.
 */
#include "base/buf.h"
#include "check.h"
#include "tls/hello.h"

static void put_number(struct buf *out, size_t size, size_t number)
{
    const char bytes[2] = {(char)(number >> 8), (char)number};

    buf_put(out, span_make(bytes + 2 - size, size));
}

static void put_vector(struct buf *out, size_t length_size, struct span bytes)
{
    put_number(out, length_size, bytes.len);
    buf_put(out, bytes);
}

static void put_head(struct buf *out, struct span suites)
{
    buf_init(out, 0);
    put_number(out, 2, 0x0303);
    buf_puts(out, "0123456789abcdef0123456789abcdef");
    put_vector(out, 1, span_of("session"));
    put_vector(out, 2, suites);
    put_vector(out, 1, span_make("\0", 1));
}

#define BYTES(text) span_make(text, sizeof text - 1)
#define CONSTANT(text)                                                                             \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }

static const struct extension {
    unsigned type;
    struct span body;
} extensions[] = {
    {0x2a2a, CONSTANT("")}, /* GREASE */
    {TLS_EXTENSION_SERVER_NAME, CONSTANT("\0\x0a\0\0\7mx.test")},
    {TLS_EXTENSION_GROUPS, CONSTANT("\0\4\0\x1d\0\x17")},
    {TLS_EXTENSION_SIGNATURES, CONSTANT("\0\2\4\3")},
    {TLS_EXTENSION_ALPN, CONSTANT("\0\5\4smtp")},
    {TLS_EXTENSION_VERSIONS, CONSTANT("\4\3\4\3\3")},
    {TLS_EXTENSION_KEY_SHARE, CONSTANT("\0\7\0\x1d\0\3key")},
};

static void put_hello(struct buf *out, const struct extension *rows, size_t count)
{
    struct buf list;

    buf_init(&list, 0);
    for (size_t i = 0; i < count; i++) {
        put_number(&list, 2, rows[i].type);
        put_vector(&list, 2, rows[i].body);
    }
    put_head(out, BYTES("\x13\1\x13\3"));
    put_vector(out, 2, buf_span(&list));
    buf_release(&list);
}

static void put_usual(struct buf *out)
{
    put_hello(out, extensions, sizeof extensions / sizeof *extensions);
}

TEST(test_a_whole_hello)
{
    struct buf bytes;
    struct tls_hello hello;
    struct span key, name;
    unsigned number = 0;

    put_usual(&bytes);
    check_int(tls_hello_parse(buf_span(&bytes), &hello), 0);
    check_int(hello.legacy_version, 0x0303);
    check_span(hello.random, "0123456789abcdef0123456789abcdef");
    check_span(hello.session_id, "session");
    check_span(hello.server_name, "mx.test");
    check(tls_hello_next_number(&hello.suites, &number) && number == 0x1301);
    check(tls_hello_next_number(&hello.suites, &number) && number == 0x1303);
    check(!tls_hello_next_number(&hello.suites, &number));
    check(tls_hello_next_number(&hello.groups, &number) && number == 0x1d);
    check(tls_hello_next_number(&hello.signatures, &number) && number == 0x0403);
    check(tls_hello_next_number(&hello.versions, &number) && number == 0x0304);
    check(tls_hello_next_alpn(&hello.alpn, &name));
    check_span(name, "smtp");
    check(tls_hello_next_share(&hello.key_shares, &number, &key) && number == 0x1d);
    check_span(key, "key");
    buf_release(&bytes);
}

TEST(test_no_extensions_are_a_hello)
{
    struct buf bytes;
    struct tls_hello hello;

    put_head(&bytes, BYTES("\xc0\x2b"));
    check_int(tls_hello_parse(buf_span(&bytes), &hello), 0);
    check_int(hello.extensions.len, 0);
    check(hello.server_name.ptr == NULL);
    buf_release(&bytes);
}

TEST(test_every_cut_is_refused_and_says_where)
{
    struct buf bytes;
    struct tls_hello hello;

    put_usual(&bytes);
    size_t whole = bytes.len, accepted = 0;
    for (size_t len = 0; len < whole; len++) {
        int err = tls_hello_parse(span_first(buf_span(&bytes), len), &hello);
        accepted += err == 0;
        check(err == 0 || (hello.why != NULL && hello.at <= len));
    }
    check_int(accepted, 1); /* the one cut before the list of extensions */
    buf_put(&bytes, BYTES("x"));
    check_int(tls_hello_parse(buf_span(&bytes), &hello), ERR_SYNTAX);
    buf_release(&bytes);
}

static const struct lie {
    struct extension extension;
    const char *why;
} lies[] = {
    {{TLS_EXTENSION_SERVER_NAME, CONSTANT("")}, "list of server names"},
    {{TLS_EXTENSION_SERVER_NAME, CONSTANT("\0\4\0\0\2a")}, "a server name"},
    {{TLS_EXTENSION_SERVER_NAME, CONSTANT("\0\3\0\0\7a")}, "list of server names"},
    {{TLS_EXTENSION_GROUPS, CONSTANT("\0\3\0\x1d\0")}, "a list of numbers"},
    {{TLS_EXTENSION_SIGNATURES, CONSTANT("\xff\xff\4\3")}, "a list of numbers"},
    {{TLS_EXTENSION_VERSIONS, CONSTANT("\4\3\4\3")}, "a list of numbers"},
    {{TLS_EXTENSION_ALPN, CONSTANT("\0\1\0")}, "an application protocol"},
    {{TLS_EXTENSION_ALPN, CONSTANT("\0\2\7s")}, "an application protocol"},
    {{TLS_EXTENSION_KEY_SHARE, CONSTANT("\0\5\0\x1d\0\3k")}, "a key share"},
    {{TLS_EXTENSION_KEY_SHARE, CONSTANT("\0\4\0\x1d\0\0")}, "a key share"},
    {{TLS_EXTENSION_KEY_SHARE, CONSTANT("\1")}, "list of key shares"},
};

TEST(test_lengths_that_lie)
{
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
        struct buf bytes;
        struct tls_hello hello;
        check_case = lies[i].why;
        put_hello(&bytes, &lies[i].extension, 1);
        check_int(tls_hello_parse(buf_span(&bytes), &hello), ERR_SYNTAX);
        check(hello.why != NULL && strstr(hello.why, lies[i].why) != NULL);
        buf_release(&bytes);
    }
}

TEST(test_limits)
{
    struct extension many[TLS_HELLO_EXTENSIONS_MAX + 1];
    const struct extension twice[] = {extensions[1], extensions[1]};
    struct tls_hello hello;
    struct buf bytes;

    for (unsigned i = 0; i <= TLS_HELLO_EXTENSIONS_MAX; i++)
        many[i] = (struct extension){1000 + i, BYTES("")};
    for (size_t count = TLS_HELLO_EXTENSIONS_MAX - 1; count <= TLS_HELLO_EXTENSIONS_MAX + 1;
         count++) {
        put_hello(&bytes, many, count);
        check_int(tls_hello_parse(buf_span(&bytes), &hello),
                  count > TLS_HELLO_EXTENSIONS_MAX ? ERR_SYNTAX : 0);
        buf_release(&bytes);
    }
    put_hello(&bytes, twice, 2);
    check_int(tls_hello_parse(buf_span(&bytes), &hello), ERR_SYNTAX);
    check_text(hello.why, "an extension comes twice");
    buf_release(&bytes);
}

static const struct preference {
    struct span suites;
    bool wanted;
} preferences[] = {
    {CONSTANT("\x13\3\x13\1"), true},         {CONSTANT("\x13\1\x13\3"), false},
    {CONSTANT("\xcc\xa8\xc0\x2b"), true},     {CONSTANT("\xcc\xa9"), true},
    {CONSTANT("\x1a\x1a\x13\3\x13\1"), true}, {CONSTANT("\x1a\x1a\x13\1\x13\3"), false},
    {CONSTANT("\0\xff\x56\0\xcc\xa9"), true}, {CONSTANT(""), false},
    {CONSTANT("\x1a\x2a\x13\3"), false},      {CONSTANT("\xfa\xfa"), false},
};

TEST(test_who_prefers_chacha20)
{
    for (size_t i = 0; i < sizeof preferences / sizeof *preferences; i++) {
        const struct tls_hello hello = {.suites = preferences[i].suites};
        if (tls_hello_prefers_chacha20(&hello) != preferences[i].wanted)
            CHECK_FAILED("row %zu", i);
    }
}

CHECK_MAIN({"test_a_whole_hello", test_a_whole_hello},
           {"test_no_extensions_are_a_hello", test_no_extensions_are_a_hello},
           {"test_every_cut_is_refused_and_says_where", test_every_cut_is_refused_and_says_where},
           {"test_lengths_that_lie", test_lengths_that_lie}, {"test_limits", test_limits},
           {"test_who_prefers_chacha20", test_who_prefers_chacha20})
