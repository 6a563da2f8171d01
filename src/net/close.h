/*
 * close: how a connection ends, from the session's last words to the last byte of memory.
 */
#ifndef POSTERN_NET_CLOSE_H
#define POSTERN_NET_CLOSE_H

#include "net/conn_internal.h"

const char *conn_ending_text(enum ending why);
/* The session hears it, then close; also where no session is open. */
void conn_finish(struct conn *conn, enum ending why);
/* The same without waiting for anything: one try to write last words. */
void conn_force(struct conn *conn, enum ending why);
/* Rule 7, from the start; why lives for ever. The session is freed. */
void conn_close(struct conn *conn, const char *why);
/* Rule 7, the next steps. */
void conn_close_on(struct conn *conn);
void conn_discard(struct conn *conn, size_t len);
/* Drops all and closes the transport now. */
void conn_drop(struct conn *conn, const char *why);
/* After on_closed: the owner is told, memory goes as soon as no post is under way. */
void conn_bury(struct conn *conn);

#endif
