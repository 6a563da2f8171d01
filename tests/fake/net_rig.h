/*
 * net_rig: for tests of the connection engine: one connection over the simulator, a raw peer that
 * records what it reads, and a session type that obeys a small protocol and writes down what it is
 * fed.
 *
 * Its commands: "echo X", "data N" (takes N bytes), "some N" (the same, one byte a time taken),
 * "job X", "big N" (N bytes in one reply), "list N" (N blocks of 1 KiB, with WANT_DRAIN),
 * "starttls", "wakeme", "twice" (two wakes from inside), "none" (takes no byte), "quit". Timeouts:
 * 10 s a line, 20 s data.
 */
#ifndef POSTERN_TESTS_FAKE_NET_RIG_H
#define POSTERN_TESTS_FAKE_NET_RIG_H

#include <stdlib.h>

#include "base/mem.h"
#include "base/require.h"
#include "net/conn_internal.h"
#include "net/job.h"
#include "tests/sim/sim.h"

enum { RIG_MARK = 8192, RIG_LINE_MAX = 64, RIG_LINE_MS = 10000, RIG_DATA_MS = 20000 };

struct rig {
    struct sim *sim;
    struct jobs *jobs;
    struct conn_env env;
    struct settings_net settings;
    struct conn_role role;
    struct conn *conn;      /* the one accepted last; dangles when it is gone */
    struct sim_end peer;    /* transport NULL: closed */
    struct buf heard, said; /* by the peer: read; by the session: what it was fed */
    bool has_peer_end, is_deaf;
    int peer_end_err;
    unsigned opened, freed, jobs_freed, idle_count;
    struct rig_session *session;      /* open now */
    void (*on_line)(struct rig *rig); /* called inside the session's line function */
};

extern const struct session_type rig_type;
/* Of the raw peer; owner is the rig. */
extern const struct transport_events rig_peer_events;

void rig_init(struct rig *rig, uint64_t seed);
/* Ends all; requires that connections, sessions and jobs are gone then. */
void rig_deinit(struct rig *rig);
/* A raw peer connects. */
void rig_connect(struct rig *rig);
/* The peer sends; rig_send() also runs the simulator. */
void rig_send_bytes(struct rig *rig, struct span bytes);
void rig_send(struct rig *rig, const char *text);
void rig_hang_up(struct rig *rig);
/* The last connection made. */
struct conn *rig_last_conn(struct rig *rig);
/* Makes `transport` the raw peer's, for a listener of the simulator; owner is the rig. */
void rig_accept_raw(void *owner, struct transport *transport);

/* What has been said or heard since the last look is as wanted; then forgotten. */
#define rig_said(rig, wanted)                                                                      \
    do {                                                                                           \
        check_span(buf_span(&(rig)->said), wanted);                                                \
        buf_clear(&(rig)->said);                                                                   \
    } while (0)
#define rig_heard(rig, wanted)                                                                     \
    do {                                                                                           \
        check_span(buf_span(&(rig)->heard), wanted);                                               \
        buf_clear(&(rig)->heard);                                                                  \
    } while (0)

#endif
