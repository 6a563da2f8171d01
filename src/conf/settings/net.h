/* Settings of net: limits of connections and buffers. Sizes in bytes, times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_NET_H
#define POSTERN_CONF_SETTINGS_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings_net {
    /* In all. A further one hears, on a plaintext listener, "421 4.3.2 Too many connections", "*
     * BYE [UNAVAILABLE]" or "-ERR [SYS/TEMP]" and is closed; under implicit TLS it is closed
     * without a word. The control socket is not counted: a flood must not lock the administrator
     * out. */
    unsigned connections_max;
    unsigned connections_per_address_max; /* the same for one address; IPv6 by /64 */
    unsigned connections_per_network_max; /* the same for one network; 0: no limit */
    /* New connections of an address, and of a network, a minute; 0: no limit. A further one hears
     * "421 4.7.0 ...", "* BYE [UNAVAILABLE]" or "-ERR [SYS/TEMP]". */
    unsigned connection_rate_max, connection_rate_per_network_max;
    unsigned network_prefix_ipv4, network_prefix_ipv6; /* bits of what is one network */
    const char **trusted_networks; /* not bound by limits of networks and rates */
    size_t trusted_network_count;
    /* TLS handshakes of clients under way, in all and of one address. At STARTTLS a further one
     * hears that TLS is not available now, under implicit TLS it is closed without a word. */
    unsigned handshakes_max;
    unsigned handshakes_per_address_max;
    uint64_t output_mark;         /* a session stops when so much waits to be written */
    int64_t handshake_timeout_ms; /* TLS handshake of a client as a whole */
    /* Where a session names none, and how long a peer may take nothing of a long answer. */
    int64_t session_timeout_ms;
    int64_t last_words_timeout_ms; /* for a peer to read the last reply */
    int64_t close_timeout_ms;      /* how long input is discarded after our end */
    int64_t drain_timeout_ms;      /* after SIGTERM: how long running commands may take */
    unsigned backlog;
    const char **proxy_networks; /* from which listeners with `proxy` take connections */
    size_t proxy_network_count;
    bool refuse_early_talkers; /* under implicit TLS and in smtp.greeting_delay, docs/THREATS.md */
};

#endif
