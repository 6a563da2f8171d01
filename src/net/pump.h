/*
 * pump: feeds a connection's session what it wants, by the seven rules of net/session.h.
 */
#ifndef POSTERN_NET_PUMP_H
#define POSTERN_NET_PUMP_H

#include "net/conn_internal.h"

void pump_host_init(struct conn *conn);
/* Opens the session and takes its first verdict. pump_run() is to follow. */
void pump_open(struct conn *conn, enum session_start start);
/* Feeds the session until it has to wait. In CONN_SESSION only. */
void pump_run(struct conn *conn);
/* Cancels the job under way, frees the session. */
void pump_free_session(struct conn *conn);

#endif
