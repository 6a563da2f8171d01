/*
 * preamble: the PROXY header that a listener may expect before anything else (net/proxy.h). Bounded
 * by PROXY_HEADER_MAX and net.handshake_timeout.
 */
#ifndef POSTERN_NET_PREAMBLE_H
#define POSTERN_NET_PREAMBLE_H

#include "base/log.h"
#include "net/conn_internal.h"

/* An accepted connection waits for its header. */
void preamble_begin(struct conn *conn);
/* In CONN_PREAMBLE: bytes came. The connection may have begun then, or ended. */
void preamble_take(struct conn *conn, struct span bytes);
/* In CONN_PREAMBLE: it will not come, or is not one. */
void preamble_give_up(struct conn *conn, const char *why);

/* A line about this peer, as far as net/complaint.h goes. why may be NULL. */
void conn_complain(struct conn *conn, enum log_level level, const char *event, const char *why);

/* conn.c: bytes of the transport, to whoever takes them in this state. */
void conn_take_bytes(struct conn *conn, struct span bytes);

#endif
