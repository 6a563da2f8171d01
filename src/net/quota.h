/*
 * quota: how many of something peers hold, in all, per address and per network, and how often they
 * come, over all loops: connections (one instance), TLS handshakes under way (another).
 * Thread-safe. Its memory is bounded by the largest total_max and QUOTA_RATE_PLACES.
 */
#ifndef POSTERN_NET_QUOTA_H
#define POSTERN_NET_QUOTA_H

#include "net/endpoint.h"

enum {
    QUOTA_RATE_PERIOD_MS = 60 * 1000,
    /* Addresses, and networks, whose rates are told apart: 256 KiB each. A flood from more of them
     * than this makes the rates laxer, and the counts still hold (base/rate.h). */
    QUOTA_RATE_PLACES = 16384
};

struct quota;

struct quota_limits {
    unsigned total_max, per_address_max;
    unsigned per_network_max;                  /* 0: no limit */
    unsigned rate_max, rate_network_max;       /* takes in a period, each; 0: no limit */
    unsigned ipv4_prefix_len, ipv6_prefix_len; /* of a network */
};

/* Who holds a place. Trusted ones count in all and for their address, and nowhere else; none (len
 * 0) counts in all only. */
struct quota_holder {
    struct endpoint peer;
    bool is_trusted;
};

/* The limit that was reached; text for the log. */
#define QUOTA_LIST(X)                                                                              \
    X(QUOTA_FITS, "")                                                                              \
    X(QUOTA_TOTAL, "in all")                                                                       \
    X(QUOTA_ADDRESS, "address")                                                                    \
    X(QUOTA_NETWORK, "network")                                                                    \
    X(QUOTA_RATE, "rate of the address")                                                           \
    X(QUOTA_RATE_NETWORK, "rate of the network")

enum quota_answer {
#define QUOTA_ENUM(name, text) name,
    QUOTA_LIST(QUOTA_ENUM)
#undef QUOTA_ENUM
};

struct quota *quota_create(const struct quota_limits *limits);
void quota_free(struct quota **quota);
/* The prefix lengths stay as they were at first: places are held under them. */
void quota_set_limits(struct quota *quota, const struct quota_limits *limits);

/* A place taken, or why not. IPv6 addresses count by /64. now_ms is monotonic. */
enum quota_answer quota_take(struct quota *quota, const struct quota_holder *holder, int64_t now_ms)
    __attribute__((warn_unused_result));
/* The place of one becomes another's, or why not, and nothing changed. */
enum quota_answer quota_move(struct quota *quota, const struct quota_holder *from,
                             const struct quota_holder *to, int64_t now_ms)
    __attribute__((warn_unused_result));
void quota_give_back(struct quota *quota, const struct quota_holder *holder);

const char *quota_answer_text(enum quota_answer answer);

#endif
