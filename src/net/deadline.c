/*
 * deadline.c: the one timer of a connection: what it waits for and what happens when it fires. How
 * long is for the session (its verdicts), the dialler or the settings to say. Tests:
 * tests/unit/test_net_pump.c, test_net_upgrade.c, test_net_dial.c.
 */
#include "net/deadline.h"

#include <stdio.h>

#include "net/close.h"
#include "net/doorstep.h"
#include "net/preamble.h"
#include "net/upgrade.h"

/* The timer is moved only when it would fire too late; firing too early it is started again. A
 * busy connection thus touches its timer once in a timeout, not once a line. */
void conn_arm_timer(struct conn *conn)
{
    int64_t due_ms =
        conn->deadline_ms < conn->force_deadline_ms ? conn->deadline_ms : conn->force_deadline_ms;
    if (due_ms >= conn->timer_due_ms)
        return;
    int64_t delay_ms = due_ms - loop_now_ms(conn->env->loop);
    conn->timer_due_ms = due_ms;
    loop_timer_start(conn->timer, delay_ms > 0 ? delay_ms : 0);
}

void conn_set_deadline(struct conn *conn, enum conn_reason reason, int64_t delay_ms)
{
    conn->reason = reason;
    conn->deadline_ms =
        reason == CONN_REASON_NONE ? CONN_NEVER_MS : loop_now_ms(conn->env->loop) + delay_ms;
}

static void on_connect_timeout(struct conn *conn)
{
    struct fault fault;
    char peer[ENDPOINT_TEXT_SIZE], also[48] = "";
    endpoint_text(&conn->host.peer, peer);
    if (conn->also_count > 0)
        (void)snprintf(also, sizeof also, " and %u further %s", conn->also_count,
                       conn->also_count == 1 ? "address" : "addresses");
    (void)fault_set(&fault, ERR_TIMEOUT, "could not connect to %s%s: no answer within %lld ms",
                    peer, also, (long long)(loop_now_ms(conn->env->loop) - conn->born_ms));
    conn_keep_fault(conn, &fault);
    conn_drop(conn, "connect timeout");
}

static void on_deadline(struct conn *conn)
{
    switch (conn->reason) {
    case CONN_REASON_CONNECT:
        on_connect_timeout(conn);
        break;
    case CONN_REASON_HANDSHAKE:
        if (conn->state == CONN_HANDSHAKE)
            upgrade_give_up(conn, ERR_TIMEOUT);
        else if (conn->state == CONN_PREAMBLE)
            preamble_give_up(conn, "it did not come in time: does this proxy send one?");
        else
            conn_force(conn, ENDING_TIMEOUT);
        break;
    case CONN_REASON_GREETING:
        doorstep_on_time(conn);
        break;
    case CONN_REASON_COMMAND:
    case CONN_REASON_DATA:
    case CONN_REASON_OUTPUT:
        conn_finish(conn, ENDING_TIMEOUT);
        break;
    case CONN_REASON_LAST_WORDS:
    case CONN_REASON_LINGER:
        conn_drop(conn, conn->why);
        break;
    case CONN_REASON_NONE:
        break;
    }
}

void conn_on_timer(void *owner)
{
    struct conn *conn = owner;
    if (conn->closing)
        return;
    conn->timer_due_ms = CONN_NEVER_MS;
    int64_t now_ms = loop_now_ms(conn->env->loop);
    if (now_ms >= conn->force_deadline_ms)
        conn_force(conn, ENDING_SHUTDOWN);
    else if (now_ms >= conn->deadline_ms)
        on_deadline(conn);
    conn_settle(conn);
}
