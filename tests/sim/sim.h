/*
 * sim: the world of a test: loops in virtual time, a clock, entropy and byte streams in memory, one
 * thread, everything from one seed, so a run repeats exactly. Fulfils net/loop.h and
 * net/transport.h; it knows no TLS, no protocol and no real socket.
 *
 * Time stands still unless sim_advance_ms() moves it. Callbacks happen only inside sim_run() and
 * sim_advance_ms(). A round gives each loop its posts, its due timers and each transport at most
 * one event.
 */
#ifndef POSTERN_TESTS_SIM_H
#define POSTERN_TESTS_SIM_H

#include "base/clock.h"
#include "base/entropy.h"
#include "net/transport.h"

struct sim;

/* Owned. The wall clock starts at SIM_WALL_START_S. */
struct sim *sim_create(uint64_t seed);
/* Runs what is due, then frees loops, makers and the transports that are left. Requires that the
 * timers and watches were freed: who forgot one hears it here. */
void sim_free(struct sim **sim);

enum { SIM_WALL_START_S = 1767225600 /* 2026-01-01T00:00:00Z */ };

/* Until nothing is due now. Requires an end within a million rounds: a livelock is a bug. */
void sim_run(struct sim *sim);
/* Runs, then turns the time from timer to timer, running at each, until ms have passed. */
void sim_advance_ms(struct sim *sim, int64_t ms);
int64_t sim_now_ms(const struct sim *sim);
/* The smallest step: one round, or, when nothing is due now, the time turned to the next timer, at
 * most to until_ms. False: it is until_ms and nothing is due. */
bool sim_step(struct sim *sim, int64_t until_ms);

/* Borrowed from the sim. Loop 0, or any index up to 7; made at the first call. */
struct loop *sim_loop(struct sim *sim);
struct loop *sim_loop_at(struct sim *sim, unsigned index);
/* From now on a timer of this loop takes so many times as long as it was started for: work that
 * comes round each second would fill the days that a test passes. */
void sim_set_pace(struct loop *loop, unsigned pace);
const struct clock *sim_clock(const struct sim *sim);
void sim_set_wall_us(struct sim *sim, int64_t wall_us);
const struct entropy *sim_entropy(const struct sim *sim);
/* Uniform in 0..below-1; below is at least 1. */
uint64_t sim_random(struct sim *sim, uint64_t below);

/* How bytes arrive at a transport. */
enum sim_cut {
    SIM_WHOLE, /* all that is there, at most 64 KiB */
    SIM_BYTES, /* one byte a read */
    SIM_CUTS   /* pieces of random size */
};

enum { SIM_CAPACITY_DEFAULT = 65536, SIM_READ_MAX = 65536 };

struct sim_policy {
    enum sim_cut cut;
    size_t capacity; /* bytes that may wait unread; more stay pending at the writer */
};

/* For all transports made from now on; at first SIM_WHOLE and SIM_CAPACITY_DEFAULT. */
void sim_set_policy(struct sim *sim, struct sim_policy policy);
/* For what arrives at this one. */
void sim_set_policy_of(struct transport *transport, struct sim_policy policy);

/* One end of a pair. events may be NULL for an end that somebody takes over before the next run,
 * as conn_accept() does: it sets transport->events and ->owner. */
struct sim_end {
    const struct transport_events *events;
    void *owner;
    struct transport *transport; /* filled in; closed by its owner */
};

/* Two connected transports on one loop; on_connected is not told. a is the one that connected. */
void sim_pair(struct sim *sim, struct loop *loop, struct sim_end *a, struct sim_end *b);

/* Connects to what listens in this sim; ERR_UNREACHABLE where nobody does. Borrowed. */
struct transport_maker *sim_maker(struct sim *sim, struct loop *loop);

typedef void sim_accept_fn(void *owner, struct transport *transport);

/* Accepted transports live on loop; on_accept takes them. Replaces what listened there before. */
void sim_listen(struct sim *sim, struct loop *loop, const struct endpoint *endpoint,
                sim_accept_fn *on_accept, void *owner);
/* Connects to it hang until they are given up. */
void sim_hang(struct sim *sim, const struct endpoint *endpoint);
/* Connects to it are refused again. */
void sim_unlisten(struct sim *sim, const struct endpoint *endpoint);

/* What befalls a connection, seen from the end that it is said of. */
enum sim_spoil {
    SIM_FIN,    /* the stream ends in an orderly way, whatever the peer still sends */
    SIM_RESET,  /* both ends hear a reset; what waits unread is lost */
    SIM_SILENCE /* nothing arrives any more, and nothing says so */
};

/* After after_len more bytes have arrived at this transport; 0: now. */
void sim_spoil_after(struct transport *transport, size_t after_len, enum sim_spoil spoil);

/* *fired becomes true when a spoil strikes this transport; it outlives it. */
void sim_mark_spoil(struct transport *transport, bool *fired);

/* What the peers hear when a machine is gone. */
enum sim_sever {
    SIM_SEVER_RESET, /* a reset at once: the process was killed */
    SIM_SEVER_SILENT /* nothing, until they write: it has no power. What is on its way arrives. */
};

/* All transports of a loop are dead to the world: nothing that they write goes anywhere, and
 * nothing is told to them. Their marks are set, and their peers'. */
void sim_sever_loop(struct sim *sim, struct loop *loop, enum sim_sever how);

/* For checks: calls of transport_write(), bytes written and bytes that wait unread. */
size_t sim_write_count(const struct transport *transport);
uint64_t sim_written_len(const struct transport *transport);
size_t sim_unread_len(const struct transport *transport);
/* Transports that are not closed yet, of the whole sim. */
size_t sim_open_count(const struct sim *sim);

#endif
