/*
 * hello: see hello.h. One pass, no allocation, every length checked against what is left; the first
 * fault ends it. Tests: test_tls_hello.c, fuzz_tls_hello.c.
 */
#include "tls/hello.h"

enum { RANDOM_SIZE = 32, SESSION_ID_SIZE_MAX = 32, HOST_NAME = 0 };

enum {
    SUITE_CHACHA20_POLY1305_SHA256 = 0x1303,
    SUITE_ECDHE_RSA_CHACHA20 = 0xcca8,
    SUITE_ECDHE_ECDSA_CHACHA20 = 0xcca9,
    SUITE_EMPTY_RENEGOTIATION_INFO = 0x00ff, /* signals; no suites (RFC 5746, RFC 7507) */
    SUITE_FALLBACK = 0x5600
};

static bool take_bytes(struct span *from, size_t len, struct span *out)
{
    if (len > from->len)
        return false;
    *out = span_first(*from, len);
    *from = span_from(*from, len);
    return true;
}

/* A big-endian number of one or two bytes. */
static bool take_number(struct span *from, size_t size, unsigned *out)
{
    struct span bytes;

    if (!take_bytes(from, size, &bytes))
        return false;
    *out = (unsigned char)bytes.ptr[0];
    if (size == 2)
        *out = *out << 8 | (unsigned char)bytes.ptr[1];
    return true;
}

/* A vector: its length in length_size bytes, then that much. */
static bool take_vector(struct span *from, size_t length_size, struct span *out)
{
    unsigned len = 0;

    return take_number(from, length_size, &len) && take_bytes(from, len, out);
}

/* --- elements of lists --- */

bool tls_hello_next_number(struct span *list, unsigned *number_out)
{
    return take_number(list, 2, number_out);
}

bool tls_hello_next_extension(struct span *list, unsigned *type_out, struct span *body_out)
{
    return take_number(list, 2, type_out) && take_vector(list, 2, body_out);
}

bool tls_hello_next_alpn(struct span *list, struct span *name_out)
{
    return take_vector(list, 1, name_out);
}

bool tls_hello_next_share(struct span *list, unsigned *group_out, struct span *key_out)
{
    return take_number(list, 2, group_out) && take_vector(list, 2, key_out);
}

/* --- bodies of extensions: each says what is wrong, or NULL --- */

/* The body is one vector and nothing behind it. */
static bool is_one_vector(struct span body, size_t length_size, struct span *out)
{
    return take_vector(&body, length_size, out) && body.len == 0;
}

/* RFC 6066 3. */
static const char *read_server_name(struct span body, struct tls_hello *hello)
{
    struct span list, name;
    unsigned type = 0;

    if (!is_one_vector(body, 2, &list))
        return "the list of server names does not fit its extension";
    while (list.len > 0) {
        if (!take_number(&list, 1, &type) || !take_vector(&list, 2, &name))
            return "a server name does not fit its list";
        if (type == HOST_NAME && hello->server_name.ptr == NULL)
            hello->server_name = name;
    }
    return NULL;
}

/* RFC 7301 3.1. */
static const char *read_alpn(struct span body, struct tls_hello *hello)
{
    struct span list, name;

    if (!is_one_vector(body, 2, &list))
        return "the list of application protocols does not fit its extension";
    hello->alpn = list;
    while (list.len > 0)
        if (!tls_hello_next_alpn(&list, &name) || name.len == 0)
            return "an application protocol does not fit its list";
    return NULL;
}

static const char *read_numbers(struct span body, size_t length_size, struct span *out)
{
    struct span list;

    if (!is_one_vector(body, length_size, &list) || list.len % 2 != 0)
        return "a list of numbers does not fit its extension";
    *out = list;
    return NULL;
}

/* RFC 8446 4.2.8. */
static const char *read_key_shares(struct span body, struct tls_hello *hello)
{
    struct span list, key;
    unsigned group = 0;

    if (!is_one_vector(body, 2, &list))
        return "the list of key shares does not fit its extension";
    hello->key_shares = list;
    while (list.len > 0)
        if (!tls_hello_next_share(&list, &group, &key) || key.len == 0)
            return "a key share does not fit its list";
    return NULL;
}

static const char *read_extension(unsigned type, struct span body, struct tls_hello *hello)
{
    switch (type) {
    case TLS_EXTENSION_SERVER_NAME:
        return read_server_name(body, hello);
    case TLS_EXTENSION_GROUPS:
        return read_numbers(body, 2, &hello->groups);
    case TLS_EXTENSION_SIGNATURES:
        return read_numbers(body, 2, &hello->signatures);
    case TLS_EXTENSION_ALPN:
        return read_alpn(body, hello);
    case TLS_EXTENSION_VERSIONS:
        return read_numbers(body, 1, &hello->versions);
    case TLS_EXTENSION_KEY_SHARE:
        return read_key_shares(body, hello);
    default:
        return NULL;
    }
}

/* --- the whole --- */

static const char *read_extensions(struct span *at, struct tls_hello *hello)
{
    unsigned types[TLS_HELLO_EXTENSIONS_MAX];
    struct span body;
    size_t count = 0;

    *at = hello->extensions;
    while (at->len > 0) {
        struct span rest = *at;
        unsigned type = 0;
        if (!tls_hello_next_extension(&rest, &type, &body))
            return "an extension does not fit the list of extensions";
        for (size_t i = 0; i < count; i++)
            if (types[i] == type)
                return "an extension comes twice"; /* RFC 8446 4.2 */
        if (count == TLS_HELLO_EXTENSIONS_MAX)
            return "there are too many extensions";
        types[count++] = type;
        const char *why = read_extension(type, body, hello);
        if (why != NULL)
            return why;
        *at = rest;
    }
    return NULL;
}

static const char *read_hello(struct span *at, struct tls_hello *hello)
{
    if (!take_number(at, 2, &hello->legacy_version) || !take_bytes(at, RANDOM_SIZE, &hello->random))
        return "it ends before the session id";
    if (!take_vector(at, 1, &hello->session_id) || hello->session_id.len > SESSION_ID_SIZE_MAX)
        return "the session id does not fit";
    if (!take_vector(at, 2, &hello->suites) || hello->suites.len % 2 != 0)
        return "the list of cipher suites does not fit";
    if (!take_vector(at, 1, &hello->compressions))
        return "the list of compression methods does not fit";
    if (at->len == 0)
        return NULL; /* TLS 1.2 may do without extensions */
    struct span rest = *at;
    if (!take_vector(&rest, 2, &hello->extensions) || rest.len != 0)
        return "the list of extensions does not fit";
    return read_extensions(at, hello);
}

int tls_hello_parse(struct span body, struct tls_hello *hello_out)
{
    struct span at = body;

    *hello_out = (struct tls_hello){0};
    hello_out->why = read_hello(&at, hello_out);
    if (hello_out->why == NULL)
        return 0;
    hello_out->at = at.ptr != NULL ? (size_t)(at.ptr - body.ptr) : 0;
    return ERR_SYNTAX;
}

bool tls_hello_prefers_chacha20(const struct tls_hello *hello)
{
    struct span suites = hello->suites;
    unsigned suite = 0;

    while (tls_hello_next_number(&suites, &suite)) {
        bool is_signal = suite == SUITE_EMPTY_RENEGOTIATION_INFO || suite == SUITE_FALLBACK;
        if (!is_signal && !tls_hello_is_grease(suite))
            return suite == SUITE_CHACHA20_POLY1305_SHA256 || suite == SUITE_ECDHE_RSA_CHACHA20 ||
                   suite == SUITE_ECDHE_ECDSA_CHACHA20;
    }
    return false;
}
