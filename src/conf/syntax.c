/*
 * syntax: looks at the texts of single keys: host names, addresses, networks. Each returns NULL or
 * the rest of a sentence that begins with the key and its text. Tests: test_conf_load.c.
 */
#include "conf/syntax.h"

#include <arpa/inet.h>
#include <ctype.h>

#include "base/span.h"
#include "dns/list_rule.h"

enum {
    HOSTNAME_LEN_MAX = 253,
    LABEL_LEN_MAX = 63,
    NAME_LEN_MAX = 32,
    REPLY_LEN_MAX = 200,
    SOCKET_PATH_LEN_MAX = 107
};

static bool label_is_fit(struct span label)
{
    if (label.len == 0 || label.len > LABEL_LEN_MAX || label.ptr[0] == '-' ||
        label.ptr[label.len - 1] == '-')
        return false;
    for (size_t i = 0; i < label.len; i++)
        if (!isalnum((unsigned char)label.ptr[i]) && label.ptr[i] != '-')
            return false;
    return true;
}

static bool hostname_is_fit(const char *text)
{
    struct span rest = span_of(text);

    if (rest.len == 0 || rest.len > HOSTNAME_LEN_MAX)
        return false;
    while (rest.ptr != NULL)
        if (!label_is_fit(span_cut(&rest, '.')))
            return false;
    return true;
}

static bool address_is_fit(const char *text)
{
    unsigned char bytes[16];

    return inet_pton(AF_INET, text, bytes) == 1 || inet_pton(AF_INET6, text, bytes) == 1;
}

const char *conf_syntax_hostname(const char *text)
{
    /* RFC 1123 2.1; an address is no host name, and would be one by the letters alone. */
    return hostname_is_fit(text) && !address_is_fit(text)
               ? NULL
               : "is not a host name: write letters, digits and '-' in labels joined by '.', such "
                 "as \"mail.example.org\" (international names in their xn-- form)";
}

/* An absolute path that fits into sockaddr_un (unix(7)). */
static bool socket_path_is_fit(const char *text)
{
    return text[0] == '/' && text[1] != '\0' && strlen(text) <= SOCKET_PATH_LEN_MAX;
}

const char *conf_syntax_host(const char *text)
{
    return text[0] == '\0' || hostname_is_fit(text) || address_is_fit(text) ||
                   socket_path_is_fit(text)
               ? NULL
               : "is neither a host name nor an address: write such as \"smtp.example.org\" or "
                 "\"192.0.2.1\", without a port, or a socket's whole path of up to 107 bytes";
}

const char *conf_syntax_address(const char *text)
{
    return address_is_fit(text) ? NULL
                                : "is not a numeric address: write such as \"0.0.0.0\" (all of "
                                  "IPv4), \"::\" (all of IPv6) or \"192.0.2.1\"";
}

const char *conf_syntax_listen(const char *text)
{
    if (text[0] != '/')
        return conf_syntax_address(text);
    return socket_path_is_fit(text)
               ? NULL
               : "is not a socket's path: write a whole one of up to 107 bytes, such as "
                 "\"/run/postern/lmtp.sock\"";
}

const char *conf_syntax_network(const char *text)
{
    char address[INET6_ADDRSTRLEN];
    struct span rest = span_of(text);
    uint64_t prefix_len = 0;

    struct span host = span_cut(&rest, '/');
    bool is_fit = host.len < sizeof address;
    if (is_fit) {
        memcpy(address, host.ptr, host.len);
        address[host.len] = '\0';
        is_fit = address_is_fit(address);
    }
    uint64_t max = span_find_byte(host, 0, ':') >= 0 ? 128 : 32;
    if (is_fit && (rest.ptr == NULL || span_to_u64(rest, max, &prefix_len)))
        return NULL;
    return "is not a network: write such as \"192.0.2.0/24\", \"2001:db8::/32\" or one address";
}

const char *conf_syntax_resolver(const char *text)
{
    char host[INET6_ADDRSTRLEN + 2];
    struct span all = span_of(text), address = all;
    uint64_t port = 53;
    bool is_fit = true;

    if (all.len == 0 || address_is_fit(text))
        return NULL;
    ptrdiff_t close = span_find_byte(all, 0, ']');
    ptrdiff_t colon = span_find_byte(all, close > 0 ? (size_t)close : 0, ':');
    if (colon >= 0) {
        address = span_first(all, (size_t)colon);
        is_fit = span_to_u64(span_from(all, (size_t)colon + 1), 65535, &port) && port > 0;
    }
    if (close > 0 && all.ptr[0] == '[' && address.len == (size_t)close + 1)
        address = span_make(all.ptr + 1, (size_t)close - 1);
    if (is_fit && address.len < sizeof host) {
        memcpy(host, address.ptr, address.len);
        host[address.len] = '\0';
        if (address_is_fit(host))
            return NULL;
    }
    return "is not a resolver's address: write such as \"127.0.0.1\", \"127.0.0.1:5353\" or "
           "\"[::1]:53\"";
}

const char *conf_syntax_separator(const char *text)
{
    return text[0] == '\0' || (strchr("+-_=.~#", text[0]) != NULL && text[1] == '\0')
               ? NULL
               : "is no separator: write one of +, -, _, =, ., ~ and #, or nothing";
}

const char *conf_syntax_route_domain(const char *text)
{
    const char *name = text[0] == '.' ? text + 1 : text;

    return strcmp(text, "*") == 0 || conf_syntax_hostname(name) == NULL
               ? NULL
               : "is no domain of a route: write \"example.org\", \".example.org\" (all below it) "
                 "or \"*\" (all others)";
}

const char *conf_syntax_dns_list(const char *text)
{
    struct dns_list_rule rule;

    return dns_list_rule_parse(span_of(text), &rule)
               ? NULL
               : "is no DNS list: write \"zen.example.org\" or, with the answers that count, "
                 "\"zen.example.org=127.0.0.2-11\"; behind either \" as NAME\" if replies are to "
                 "call it so";
}

const char *conf_syntax_reply(const char *text)
{
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i++)
        if (text[i] < ' ' || text[i] > '~')
            return "does not fit a reply: write one line of ASCII";
    return len <= REPLY_LEN_MAX ? NULL : "is too long for a reply: write up to 200 characters";
}

const char *conf_syntax_name(const char *text)
{
    size_t len = strlen(text);

    if (len > 0 && len <= NAME_LEN_MAX &&
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-_") == len)
        return NULL;
    return "is not a name: write up to 32 of a-z, 0-9, '-' and '_'";
}

const char *conf_syntax_mailbox(const char *text)
{
    static const char marks[] = "!#$%&'*+-/=?^_`{|}~.";
    const char *at = strrchr(text, '@');
    bool is_fit = at != NULL && at > text && at - text <= 64 && hostname_is_fit(at + 1);

    for (const char *local = text; is_fit && local < at; local++)
        is_fit = isalnum((unsigned char)*local) || strchr(marks, *local) != NULL;
    return text[0] == '\0' || is_fit
               ? NULL
               : "is no address: write such as \"postmaster@example.org\", without a name";
}
