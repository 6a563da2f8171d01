/*
 * Addresses as values: text to address and back, literals for SMTP, networks. No name is looked up
 * here (src/dns does that) and no socket is made. Tested by tests/unit/test_net_endpoint.c.
 */
#include "net/endpoint.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>

#include "base/err.h"

enum { ADDRESS_TEXT_MAX = 107, IPV4_BITS = 32, IPV6_BITS = 128 };

static const struct sockaddr_in *as_in(const struct endpoint *endpoint)
{
    return (const struct sockaddr_in *)(const void *)&endpoint->address;
}

static const struct sockaddr_in6 *as_in6(const struct endpoint *endpoint)
{
    return (const struct sockaddr_in6 *)(const void *)&endpoint->address;
}

static int parse_unix(struct span path, struct endpoint *out)
{
    struct sockaddr_un *un = (struct sockaddr_un *)(void *)&out->address;
    if (path.len >= sizeof un->sun_path)
        return ERR_SYNTAX;
    un->sun_family = AF_UNIX;
    memcpy(un->sun_path, path.ptr, path.len);
    out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + path.len + 1);
    return 0;
}

/* text: NUL-terminated, an address and nothing else. */
static int parse_numeric(const char *text, uint16_t port, struct endpoint *out)
{
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&out->address;
    if (inet_pton(AF_INET, text, &in->sin_addr) == 1) {
        in->sin_family = AF_INET;
        in->sin_port = htons(port);
        out->len = sizeof *in;
        return 0;
    }
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)(void *)&out->address;
    memset(in6, 0, sizeof *in6);
    if (inet_pton(AF_INET6, text, &in6->sin6_addr) == 1) {
        in6->sin6_family = AF_INET6;
        in6->sin6_port = htons(port);
        out->len = sizeof *in6;
        return 0;
    }
    return ERR_SYNTAX;
}

int endpoint_parse(struct span text, uint16_t port, struct endpoint *out)
{
    *out = (struct endpoint){0};
    if (span_starts(text, span_of("unix:")))
        text = span_from(text, strlen("unix:"));
    if (text.len == 0 || text.len > ADDRESS_TEXT_MAX || span_has_nul(text))
        return ERR_SYNTAX;
    if (text.ptr[0] == '/')
        return parse_unix(text, out);
    if (text.len > 2 && text.ptr[0] == '[' && text.ptr[text.len - 1] == ']')
        text = span_make(text.ptr + 1, text.len - 2);

    char copy[ADDRESS_TEXT_MAX + 1];
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    int err = parse_numeric(copy, port, out);
    if (err != 0)
        *out = (struct endpoint){0};
    return err;
}

void endpoint_host(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE])
{
    (void)snprintf(out, ENDPOINT_TEXT_SIZE, "unknown");
    if (endpoint->len == 0)
        return;
    if (endpoint->address.ss_family == AF_INET) {
        (void)inet_ntop(AF_INET, &as_in(endpoint)->sin_addr, out, ENDPOINT_TEXT_SIZE);
    } else if (endpoint->address.ss_family == AF_INET6) {
        (void)inet_ntop(AF_INET6, &as_in6(endpoint)->sin6_addr, out, ENDPOINT_TEXT_SIZE);
    } else if (endpoint->address.ss_family == AF_UNIX) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&endpoint->address;
        /* An accepted unix peer usually has no name: its length ends before the path. */
        bool has_path = endpoint->len > offsetof(struct sockaddr_un, sun_path);
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "%.*s", (int)sizeof un->sun_path,
                       has_path && un->sun_path[0] != '\0' ? un->sun_path : "local");
    }
}

void endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE])
{
    char host[ENDPOINT_TEXT_SIZE];
    endpoint_host(endpoint, host);
    int host_max = ENDPOINT_TEXT_SIZE - 10; /* room for "[]:65535" or "unix:" */
    if (endpoint->len != 0 && endpoint->address.ss_family == AF_INET)
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "%.*s:%u", host_max, host, endpoint_port(endpoint));
    else if (endpoint->len != 0 && endpoint->address.ss_family == AF_INET6)
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "[%.*s]:%u", host_max, host,
                       endpoint_port(endpoint));
    else if (endpoint->len != 0 && endpoint->address.ss_family == AF_UNIX)
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "unix:%.*s", host_max, host);
    else
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "unknown");
}

void endpoint_literal(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE])
{
    char host[ENDPOINT_TEXT_SIZE];
    endpoint_host(endpoint, host);
    int host_max = ENDPOINT_TEXT_SIZE - 10;
    bool is_ipv6 = endpoint->len != 0 && endpoint->address.ss_family == AF_INET6;
    if (is_ipv6 && IN6_IS_ADDR_V4MAPPED(&as_in6(endpoint)->sin6_addr))
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "[%.*s]", host_max, strrchr(host, ':') + 1);
    else
        (void)snprintf(out, ENDPOINT_TEXT_SIZE, "[%s%.*s]", is_ipv6 ? "IPv6:" : "", host_max, host);
}

uint16_t endpoint_port(const struct endpoint *endpoint)
{
    if (endpoint->len != 0 && endpoint->address.ss_family == AF_INET)
        return ntohs(as_in(endpoint)->sin_port);
    if (endpoint->len != 0 && endpoint->address.ss_family == AF_INET6)
        return ntohs(as_in6(endpoint)->sin6_port);
    return 0;
}

void endpoint_set_port(struct endpoint *endpoint, uint16_t port)
{
    if (endpoint->len == 0)
        return;
    if (endpoint->address.ss_family == AF_INET)
        ((struct sockaddr_in *)(void *)&endpoint->address)->sin_port = htons(port);
    else if (endpoint->address.ss_family == AF_INET6)
        ((struct sockaddr_in6 *)(void *)&endpoint->address)->sin6_port = htons(port);
}

int network_parse(struct span text, struct network *out)
{
    *out = (struct network){0};
    struct span rest = text;
    struct span address = span_cut(&rest, '/');
    struct endpoint endpoint;
    if (endpoint_parse(address, 0, &endpoint) != 0 || endpoint.address.ss_family == AF_UNIX)
        return ERR_SYNTAX;

    bool is_ipv4 = endpoint.address.ss_family == AF_INET;
    uint64_t bits = is_ipv4 ? IPV4_BITS : IPV6_BITS;
    if (rest.ptr != NULL && !span_to_u64(rest, bits, &bits))
        return ERR_SYNTAX;
    out->family = endpoint.address.ss_family;
    out->prefix_len = (unsigned)bits;
    if (is_ipv4)
        memcpy(out->bytes, &as_in(&endpoint)->sin_addr, 4);
    else
        memcpy(out->bytes, &as_in6(&endpoint)->sin6_addr, sizeof out->bytes);
    return 0;
}

/* The address's bytes, an IPv4-mapped one as IPv4; the family, or 0 for what has no network. */
static int address_bytes(const struct endpoint *endpoint, const unsigned char **bytes_out)
{
    if (endpoint->len == 0)
        return 0;
    if (endpoint->address.ss_family == AF_INET) {
        *bytes_out = (const unsigned char *)&as_in(endpoint)->sin_addr;
        return AF_INET;
    }
    if (endpoint->address.ss_family != AF_INET6)
        return 0;
    const struct in6_addr *in6 = &as_in6(endpoint)->sin6_addr;
    bool is_mapped = IN6_IS_ADDR_V4MAPPED(in6);
    *bytes_out = in6->s6_addr + (is_mapped ? 12 : 0);
    return is_mapped ? AF_INET : AF_INET6;
}

size_t endpoint_key(const struct endpoint *endpoint, char key_out[ENDPOINT_KEY_SIZE])
{
    const unsigned char *bytes = NULL;
    int family = address_bytes(endpoint, &bytes);
    if (family == 0)
        return 0;
    size_t len = family == AF_INET ? 4 : 8;
    key_out[0] = family == AF_INET ? '4' : '6';
    memcpy(key_out + 1, bytes, len);
    return 1 + len;
}

bool network_has(const struct network *network, const struct endpoint *endpoint)
{
    const unsigned char *bytes = NULL;
    int family = address_bytes(endpoint, &bytes);
    if (family == 0 || family != network->family)
        return false;
    size_t whole = network->prefix_len / 8;
    if (memcmp(bytes, network->bytes, whole) != 0)
        return false;
    unsigned left = network->prefix_len % 8;
    if (left == 0)
        return true;
    unsigned mask = (0xffU << (8 - left)) & 0xffU;
    return (bytes[whole] & mask) == (network->bytes[whole] & mask);
}

bool networks_have(const struct network *networks, size_t count, const struct endpoint *endpoint)
{
    for (size_t i = 0; i < count; i++)
        if (network_has(&networks[i], endpoint))
            return true;
    return false;
}

size_t endpoint_network_key(const struct endpoint *endpoint, unsigned ipv4_len, unsigned ipv6_len,
                            char key_out[ENDPOINT_NETWORK_KEY_SIZE])
{
    const unsigned char *bytes = NULL;
    int family = address_bytes(endpoint, &bytes);
    if (family == 0)
        return 0;
    unsigned bits = family == AF_INET ? ipv4_len : ipv6_len;
    size_t len = (bits + 7) / 8;
    key_out[0] = family == AF_INET ? 'a' : 'b'; /* never one of endpoint_key() */
    memcpy(key_out + 1, bytes, len);
    if (bits % 8 != 0)
        key_out[len] = (char)(bytes[len - 1] & (0xffU << (8 - bits % 8)));
    return 1 + len;
}
