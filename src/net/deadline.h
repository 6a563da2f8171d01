/*
 * deadline: the one timer of a connection. Exactly one thing is waited for at a time.
 */
#ifndef POSTERN_NET_DEADLINE_H
#define POSTERN_NET_DEADLINE_H

#include "net/conn_internal.h"

/* From now on this is waited for, so long; CONN_REASON_NONE: nothing is. */
void conn_set_deadline(struct conn *conn, enum conn_reason reason, int64_t delay_ms);
/* Moves the timer where that is due; conn_settle()'s last step. */
void conn_arm_timer(struct conn *conn);
/* For loop_timer_create(). */
void conn_on_timer(void *conn);

#endif
