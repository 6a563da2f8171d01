/* What sim_loop.c and sim_transport.c share. */
#ifndef POSTERN_TESTS_SIM_INTERNAL_H
#define POSTERN_TESTS_SIM_INTERNAL_H

#include "base/buf.h"
#include "tests/sim/sim.h"

enum { SIM_LOOP_MAX = 8 };

struct sim_clock {
    struct clock base;
    const struct sim *sim;
};

struct sim_entropy {
    struct entropy base;
    uint64_t *state;
};

struct sim_maker {
    struct transport_maker base;
    struct sim_loop *loop;
};

struct sim_loop {
    struct loop base;
    struct sim *sim;
    struct list posts, timers, watches;
    unsigned pace;
    struct sim_maker maker;
};

struct sim {
    int64_t now_ms;
    int64_t wall_offset_us;
    uint64_t random_state;
    uint64_t sequence; /* of timer starts: equal due times fire in the order of their starts */
    struct sim_clock clock;
    struct sim_entropy entropy;
    struct sim_loop *loops[SIM_LOOP_MAX];
    struct sim_policy policy;
    struct list transports, listeners;
    unsigned port_next;
};

enum sim_phase { PHASE_CONNECTING, PHASE_CONNECTED, PHASE_OPEN, PHASE_CLOSING };

struct sim_transport {
    struct transport base;
    struct list_node node; /* in the sim's transports */
    struct sim_loop *loop;
    struct sim_transport *peer; /* NULL: never connected, or the peer's memory is gone */
    struct sim_policy policy;
    struct buf wire;    /* arrived here, not read yet */
    struct buf pending; /* written here, no room in the peer's wire yet */
    enum sim_phase phase;
    bool is_refused; /* nobody listened */
    bool is_reading;
    bool is_shut;      /* our direction ends after what is pending */
    bool owes_written; /* a write left something pending: on_written follows */
    bool has_end;      /* end_err is to be told once the wire is read */
    int end_err;
    bool is_end_told;
    bool is_dead; /* reset: nothing is written or told any more */
    bool has_spoil;
    bool is_silent;
    enum sim_spoil spoil;
    size_t spoil_after;
    bool *spoil_mark; /* or NULL */
    size_t write_count;
    uint64_t written_len;
};

/* sim_transport.c */
struct sim_transport *sim_transport_create(struct sim_loop *loop,
                                           const struct transport_events *events, void *owner);
void sim_transport_drop(struct sim_transport *transport);
/* At most one event for each transport; whether there was any. */
bool sim_transport_round(struct sim *sim);

/* sim_connect.c */
void sim_connect_init(struct sim *sim);
void sim_connect_deinit(struct sim *sim);
void sim_maker_init(struct sim_maker *maker, struct sim_loop *loop);
/* For a transport that is not open yet; whether anything happened. */
bool sim_connect_step(struct sim_transport *transport);

#endif
