/*
 * race: a connect to one of several addresses of a host ("happy eyeballs", RFC 8305): the first is
 * tried at once, each further one when stagger_ms have passed or the one before it has failed; who
 * connects first wins, the others are closed. A transport like any other: its peer is the winner's
 * from on_connected on, and when nobody wins the fault tells of each.
 */
#ifndef POSTERN_NET_RACE_H
#define POSTERN_NET_RACE_H

#include "net/transport.h"

enum { RACE_MAX = 8 /* addresses; the caller has no more, or leaves them out */ };

struct race_field {
    const struct endpoint *to; /* with ports, in order of preference; at least 1 */
    size_t count;
    const struct endpoint *source; /* NULL: the kernel's choice */
    int64_t stagger_ms;            /* RFC 8305 5: 100 ms to 2 s, 250 ms recommended */
};

/* As transport_maker's connect; loop and maker outlive the transport. The field is copied. */
struct transport *race_start(struct loop *loop, struct transport_maker *maker,
                             const struct race_field *field, const struct transport_events *events,
                             void *owner);

#endif
