/*
 * dial.c: outbound connections: asks the loop's maker for a transport and waits; what follows is
 * conn.c's. Name look-ups and the order of addresses are the caller's. Tests:
 * tests/unit/test_net_dial.c.
 */
#include "net/dial.h"

#include "base/require.h"
#include "net/deadline.h"
#include "net/race.h"
#include "net/tell.h"

static struct transport *connect_to(struct conn_env *env, const struct dial *dial,
                                    struct conn *conn)
{
    struct endpoint all[RACE_MAX] = {dial->to};
    const struct race_field field = {.to = all,
                                     .count = 1 + dial->also_count,
                                     .source = dial->source,
                                     .stagger_ms = dial->stagger_ms};
    if (dial->also_count == 0)
        return env->maker->connect(env->maker, &dial->to, dial->source, &conn_transport_events,
                                   conn);
    require(dial->also_count < RACE_MAX);
    memcpy(all + 1, dial->also, dial->also_count * sizeof *dial->also);
    return race_start(env->loop, env->maker, &field, &conn_transport_events, conn);
}

struct conn *dial_start(struct conn_env *env, const struct dial *dial)
{
    require(dial->events != NULL && dial->connect_timeout_ms > 0);
    struct conn *conn = conn_create(env, dial->type);
    tell_begin(conn, dial->is_traced);
    conn->state = CONN_CONNECTING;
    conn->phase = CONN_PHASE_CONNECT;
    conn->service = conn->owner = dial->owner;
    conn->events = dial->events;
    conn->policy = dial->tls;
    conn->security = dial->security;
    if (dial->handshake_timeout_ms > 0)
        conn->handshake_timeout_ms = dial->handshake_timeout_ms;
    conn->also_count = (unsigned)dial->also_count;
    conn->transport = connect_to(env, dial, conn);
    conn->host.peer = dial->to;
    conn_set_deadline(conn, CONN_REASON_CONNECT, dial->connect_timeout_ms);
    conn_settle(conn);
    return conn;
}
