/*
 * tell: what a connection tells its tap (base/tap.h) of the bytes in plaintext: lines both ways,
 * and how many bytes of other things. Which part of a line may be shown the session's type says;
 * what is secret in the output its sessions mark (net/out.h). Under TLS only sizes are told. Only
 * conn.c, pump.c, close.c and upgrade.c include it.
 */
#ifndef POSTERN_NET_TELL_H
#define POSTERN_NET_TELL_H

#include "net/conn_internal.h"

enum { TELL_LINE_MAX = 1024 /* so much of a line is shown; its size tells the rest */ };

/* Chooses the connection's tap: env's, or the one for those that are traced. Before the first
 * event. */
void tell_begin(struct conn *conn, bool is_traced);
void tell_open(struct conn *conn);
void tell_end(struct conn *conn);
/* The session is about to be fed this line. */
void tell_line(struct conn *conn, enum line_fault fault, struct span line);
/* So many bytes came that are no lines, or are told as sizes only. */
void tell_bytes(struct conn *conn, enum tap_way way, size_t len);
/* The first len bytes of out have been handed over and are about to be consumed. */
void tell_written(struct conn *conn, size_t len);

#endif
