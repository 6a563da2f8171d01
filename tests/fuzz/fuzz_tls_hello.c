/*
 * Any bytes as a ClientHello: every span lies inside the body, walks end, and a refusal says why
 * and where.
 */
#include "base/require.h"
#include "tls/hello.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void inside(struct span part, struct span whole)
{
    require(part.len == 0 ||
            (part.ptr >= whole.ptr && part.ptr + part.len <= whole.ptr + whole.len));
}

static void walk(const struct tls_hello *hello)
{
    struct span list = hello->extensions, body;
    unsigned number = 0, count = 0;

    while (tls_hello_next_extension(&list, &number, &body)) {
        inside(body, hello->extensions);
        require(++count <= TLS_HELLO_EXTENSIONS_MAX);
    }
    for (list = hello->key_shares; tls_hello_next_share(&list, &number, &body);)
        inside(body, hello->key_shares);
    for (list = hello->alpn; tls_hello_next_alpn(&list, &body);)
        inside(body, hello->alpn);
    require(list.len == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    struct span body = span_make((const char *)bytes, size);
    struct tls_hello hello;
    int err = tls_hello_parse(body, &hello);
    const struct span parts[] = {hello.random,     hello.session_id,  hello.suites,
                                 hello.extensions, hello.server_name, hello.alpn,
                                 hello.groups,     hello.signatures,  hello.versions,
                                 hello.key_shares, hello.compressions};

    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        inside(parts[i], body);
    require((err == 0) == (hello.why == NULL) && hello.at <= size);
    (void)tls_hello_prefers_chacha20(&hello);
    if (err == 0)
        walk(&hello);
    return 0;
}
