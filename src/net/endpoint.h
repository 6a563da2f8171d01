/*
 * endpoint: an address to listen on, to connect to, or that a peer has: IPv4, IPv6 or a unix
 * socket, with its port. A value: copied freely.
 */
#ifndef POSTERN_NET_ENDPOINT_H
#define POSTERN_NET_ENDPOINT_H

#include <sys/socket.h>
#include <sys/un.h>

#include "base/span.h"

struct endpoint {
    socklen_t len; /* 0: none */
    struct sockaddr_storage address;
};

enum { ENDPOINT_TEXT_SIZE = 128, ENDPOINT_KEY_SIZE = 9, ENDPOINT_NETWORK_KEY_SIZE = 18 };

/* Numeric text ("192.0.2.1", "::1", "/run/x.sock" with port ignored); no name look-up.
 * 0 or ERR_SYNTAX. */
int endpoint_parse(struct span text, uint16_t port, struct endpoint *out)
    __attribute__((warn_unused_result));
/* "192.0.2.1:25", "[::1]:25", "unix:/path". */
void endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE]);
/* The address without the port: "192.0.2.1", "::1". */
void endpoint_host(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE]);
/* As an RFC 5321 4.1.3 literal: "[192.0.2.1]", "[IPv6:::1]". */
void endpoint_literal(const struct endpoint *endpoint, char out[ENDPOINT_TEXT_SIZE]);
uint16_t endpoint_port(const struct endpoint *endpoint);
void endpoint_set_port(struct endpoint *endpoint, uint16_t port);

/* What counts as one peer, as a key; its length. IPv4 whole, also when mapped into IPv6; IPv6 by
 * /64, because a host commands that many. 0: a unix peer, which is nobody in particular. */
size_t endpoint_key(const struct endpoint *endpoint, char key_out[ENDPOINT_KEY_SIZE]);

/* A network: "192.0.2.0/24", "::1", "10.0.0.0/8". IPv4-mapped IPv6 addresses match IPv4 networks.
 */
struct network {
    int family;
    unsigned char bytes[16];
    unsigned prefix_len;
};
int network_parse(struct span text, struct network *out) __attribute__((warn_unused_result));
bool network_has(const struct network *network, const struct endpoint *endpoint);
/* Whether one of them has it. */
bool networks_have(const struct network *networks, size_t count, const struct endpoint *endpoint);
/* What counts as one network, as a key; its length: so many first bits of IPv4 (mapped into IPv6 or
 * not) and of IPv6. 0: a unix peer. */
size_t endpoint_network_key(const struct endpoint *endpoint, unsigned ipv4_len, unsigned ipv6_len,
                            char key_out[ENDPOINT_NETWORK_KEY_SIZE]);

#endif
