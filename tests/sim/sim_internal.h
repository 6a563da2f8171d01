/* What sim_loop.c and sim_transport.c share. */
#ifndef POSTERN_TESTS_SIM_INTERNAL_H
#define POSTERN_TESTS_SIM_INTERNAL_H

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

/* sim_transport.c */
void sim_net_init(struct sim *sim);
void sim_net_deinit(struct sim *sim);
void sim_maker_init(struct sim_maker *maker, struct sim_loop *loop);
/* At most one event for each transport; whether there was any. */
bool sim_net_round(struct sim *sim);

#endif
