/*
 * complaint: how many log lines the misdeeds of peers are worth. A handshake that is begun costs a
 * peer one packet and us a line: ten thousand a second would fill a disk in a night and bury what
 * matters. Each address (IPv6: /64) may bring a handful of lines at once and then one every ten
 * seconds, all together some more; what is left out is counted, and the next line tells the count.
 *
 * One instance a loop, embedded; loop thread only. Fixed memory, whoever comes.
 */
#ifndef POSTERN_NET_COMPLAINT_H
#define POSTERN_NET_COMPLAINT_H

#include "net/endpoint.h"

enum {
    COMPLAINT_BURST = 10,         /* lines of one address at once */
    COMPLAINT_EVERY_MS = 10000,   /* and one more after so long */
    COMPLAINT_ALL_BURST = 100,    /* the same of all addresses together */
    COMPLAINT_ALL_EVERY_MS = 100, /* some 170 MB of log a day at the very most */
    COMPLAINT_ADDRESS_COUNT =
        1024 /* addresses told apart; two that share a place share its lines */
};

struct complaints {
    int64_t due_ms[COMPLAINT_ADDRESS_COUNT]; /* when the lines taken so far will be paid off */
    int64_t all_due_ms;
    unsigned left_out; /* since the last line */
};

void complaints_init(struct complaints *complaints);

/* Whether a line about this peer may be written now. Then *left_out_out is how many, of whatever
 * peer, were left out since the last one. Unix peers are bound by the sum only. */
bool complaints_take(struct complaints *complaints, const struct endpoint *peer, int64_t now_ms,
                     unsigned *left_out_out) __attribute__((warn_unused_result));

#endif
