/*
 * reverse.c: addresses turned round, and names read strictly. Tests: tests/unit/test_dns_list.c,
 * tests/fuzz/fuzz_dns_reverse.c.
 */
#include "dns/reverse.h"

#include <stdio.h>

enum { NAME_MAX_LEN = 253, LABEL_MAX = 63, IPV4_LEN = 4, IPV6_LEN = 16 };

bool reverse_make(const struct endpoint *peer, const char *zone, char out[REVERSE_NAME_SIZE])
{
    char key[ENDPOINT_NETWORK_KEY_SIZE];
    size_t len = endpoint_network_key(peer, IPV4_LEN * 8, IPV6_LEN * 8, key);
    const unsigned char *bytes = (const unsigned char *)key + 1;
    size_t at = 0;

    if (len == 0)
        return false;
    bool is_ipv4 = --len == IPV4_LEN;
    for (size_t i = len; i-- > 0;)
        at += (size_t)(is_ipv4 ? snprintf(out + at, REVERSE_NAME_SIZE - at, "%u.", bytes[i])
                               : snprintf(out + at, REVERSE_NAME_SIZE - at, "%x.%x.",
                                          bytes[i] & 0xfU, bytes[i] >> 4));
    if (zone[0] == '\0')
        zone = is_ipv4 ? "in-addr.arpa" : "ip6.arpa";
    if (at + strlen(zone) > NAME_MAX_LEN)
        return false;
    (void)snprintf(out + at, REVERSE_NAME_SIZE - at, "%s", zone);
    return true;
}

static bool is_host_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_';
}

bool reverse_read(struct span record, char out[REVERSE_NAME_SIZE])
{
    size_t at = 0, len = 0;

    while (at < record.len && record.ptr[at] != '\0') {
        size_t label = (unsigned char)record.ptr[at++];
        if (label > LABEL_MAX || label > record.len - at || len + label + 1 > NAME_MAX_LEN)
            return false;
        if (len > 0)
            out[len++] = '.';
        for (size_t i = 0; i < label; i++, at++) {
            if (!is_host_char(record.ptr[at]))
                return false;
            out[len++] = record.ptr[at];
        }
    }
    out[len] = '\0';
    return len > 0 && at + 1 == record.len;
}
