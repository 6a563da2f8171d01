/*
 * doorstep.c: waits for the delay and for what is looked up, whichever is later, then opens the
 * door. It decides about nobody but early talkers: what was found out is for the session to judge.
 * Tests: tests/unit/test_net_doorstep.c, tests/clients/test_limits.py.
 */
#include "net/doorstep.h"

#include "base/mem.h"
#include "net/close.h"
#include "net/deadline.h"
#include "net/preamble.h"
#include "net/vetting.h"

struct doorstep {
    struct vetter *vetter;
    struct vetting *vetting; /* NULL: answered, or nothing was asked */
    bool is_delayed;
    struct peer_facts facts;
};

static void on_facts(void *owner, const struct peer_facts *facts);

static bool is_known(const struct conn_role *role, const struct endpoint *peer)
{
    return peer->address.ss_family == AF_UNIX ||
           networks_have(role->trusted_networks, role->trusted_network_count, peer) ||
           networks_have(role->known_networks, role->known_network_count, peer);
}

bool doorstep_begin(struct conn *conn)
{
    const struct conn_role *role = conn->role;
    if (role == NULL || (role->greeting_delay_ms == 0 && role->vetter == NULL) ||
        is_known(role, &conn->host.peer))
        return false;
    struct doorstep *doorstep = mem_new(struct doorstep);
    conn->doorstep = doorstep;
    doorstep->vetter = role->vetter;
    /* Under implicit TLS the first bytes are the handshake's; who talks early shows behind it. */
    doorstep->is_delayed = role->greeting_delay_ms > 0 && conn->security == CONN_PLAIN;
    if (role->vetter != NULL)
        doorstep->vetting = vetting_begin(role->vetter, &conn->host.peer, on_facts, conn);
    if (!doorstep->is_delayed && doorstep->vetting == NULL)
        return false;
    conn->state = CONN_DOORSTEP;
    if (doorstep->is_delayed)
        conn_set_deadline(conn, CONN_REASON_GREETING, role->greeting_delay_ms);
    return true;
}

bool doorstep_listens(const struct conn *conn)
{
    return conn->security == CONN_PLAIN && conn->refuses_early_talkers && conn->type->early != NULL;
}

void doorstep_take(struct conn *conn, struct span bytes)
{
    if (!doorstep_listens(conn)) {
        buf_put(&conn->wire, bytes); /* one read at most, that of the PROXY header */
        return;
    }
    conn->env->early_talkers++;
    conn_complain(conn, LOG_INFO, "early-talker", NULL);
    out_puts(&conn->out, conn->type->early);
    conn_close(conn, "spoke before the greeting");
}

/* Opens the door when nothing is waited for any more. */
static void look(struct conn *conn)
{
    struct buf came = conn->wire;
    if (conn->doorstep->is_delayed || conn->doorstep->vetting != NULL)
        return;
    buf_init(&conn->wire, CONN_WIRE_MAX);
    conn_set_deadline(conn, CONN_REASON_NONE, 0);
    conn_open(conn);
    if (!conn->closing && came.len > 0)
        conn_take_bytes(conn, buf_span(&came));
    buf_release(&came);
}

void doorstep_on_time(struct conn *conn)
{
    conn_set_deadline(conn, CONN_REASON_NONE, 0);
    conn->doorstep->is_delayed = false;
    look(conn);
}

static void on_facts(void *owner, const struct peer_facts *facts)
{
    struct conn *conn = owner;
    struct doorstep *doorstep = conn->doorstep;
    doorstep->vetting = NULL;
    doorstep->facts = *facts;
    conn->host.facts = &doorstep->facts;
    look(conn);
    conn_settle(conn);
}

void doorstep_leave(struct conn *conn)
{
    if (conn->doorstep != NULL && conn->doorstep->vetting != NULL)
        vetting_cancel(conn->doorstep->vetter, &conn->doorstep->vetting);
}

void doorstep_free(struct conn *conn)
{
    mem_free(conn->doorstep);
    conn->doorstep = NULL;
    conn->host.facts = NULL;
}
