/*
 * doorstep: the time between accept and greeting, on listeners that have one: a short delay in
 * which a client that speaks shows that it is none (RFC 5321 4.3.1: wait for the greeting), and in
 * which the peer is looked up (net/vetting.h). Peers of trusted and known networks and of unix
 * sockets do not wait. Bounded by the delay and the vetter's time limit.
 */
#ifndef POSTERN_NET_DOORSTEP_H
#define POSTERN_NET_DOORSTEP_H

#include "net/conn_internal.h"

/* Whether the connection waits now; else it goes on. */
bool doorstep_begin(struct conn *conn);
/* In CONN_DOORSTEP: bytes came. Plaintext ends the connection where early talkers are refused; what
 * is let pass is kept for whoever is behind the door. */
void doorstep_take(struct conn *conn, struct span bytes);
/* In CONN_DOORSTEP: the delay is over. */
void doorstep_on_time(struct conn *conn);
/* Whether the transport is read meanwhile: only to catch who speaks. */
bool doorstep_listens(const struct conn *conn);
/* The connection ends: nothing is looked up any more. Also when it never waited. */
void doorstep_leave(struct conn *conn);
/* The memory, facts included. */
void doorstep_free(struct conn *conn);

/* conn.c: TLS or the first session. */
void conn_open(struct conn *conn);

#endif
