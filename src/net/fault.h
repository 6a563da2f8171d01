/*
 * fault: a transport around another one that spoils it on purpose, after a plan: for the lab's
 * endpoints and for tests. A plan is a table of rows; each row acts once, when so much has passed
 * in its direction. It knows no TLS but the five bytes of a record's header.
 *
 * (The sentence for humans is struct fault in base/err.h; here only the file has that name.)
 */
#ifndef POSTERN_NET_FAULT_H
#define POSTERN_NET_FAULT_H

#include "net/transport.h"

enum spoil_way {
    SPOIL_IN, /* what the peer sends to us */
    SPOIL_OUT /* what we send to the peer */
};

enum spoil_unit {
    SPOIL_BYTES,  /* since the transport was wrapped */
    SPOIL_RECORDS /* whole TLS records, from the first byte 0x16 on: no text protocol sends it */
};

enum spoil_deed {
    SPOIL_PACE,   /* from here on piece_len bytes each interval_ms */
    SPOIL_HOLD,   /* nothing passes for interval_ms; 0: never again */
    SPOIL_CUT,    /* the stream ends here in an orderly way; what follows is swallowed */
    SPOIL_RESET,  /* both ends hear a reset */
    SPOIL_INJECT, /* bytes are put into the stream here */
    SPOIL_ANSWER  /* bytes go back raw to whoever sent what has passed */
};

struct spoil_row {
    enum spoil_way way;
    enum spoil_unit unit;
    uint64_t after; /* bytes or records that pass unspoilt; rows of one way act in their order */
    enum spoil_deed deed;
    size_t piece_len;
    int64_t interval_ms;
    struct span bytes; /* lives as long as the plan */
};

struct spoil_plan {
    const char *name;
    const struct spoil_row *rows;
    size_t row_count;
};

/* Takes the transport, its events and its owner: use the result in its place. plan is borrowed for
 * as long as the result lives. */
struct transport *fault_wrap_transport(struct loop *loop, struct transport *inner,
                                       const struct spoil_plan *plan);

/* A maker whose transports are wrapped. inner and plan are borrowed; owned, freed after the last
 * of its transports. */
struct transport_maker *fault_maker_create(struct loop *loop, struct transport_maker *inner,
                                           const struct spoil_plan *plan);
void fault_maker_free(struct transport_maker **maker);

#endif
