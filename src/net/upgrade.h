/*
 * upgrade: the one place where a connection becomes secure, server and client, by STARTTLS or from
 * the first byte. docs/UPGRADE.md tells the path and why each step is there.
 */
#ifndef POSTERN_NET_UPGRADE_H
#define POSTERN_NET_UPGRADE_H

struct conn;

/* The session returned WANT_UPGRADE: refuses when plaintext waits, else begins with the go-ahead.
 */
void upgrade_begin(struct conn *conn);
/* In CONN_GOING_AHEAD, when something was written: goes on once all is. */
void upgrade_go_on(struct conn *conn);
/* TLS from the first byte: the second half alone. */
void upgrade_begin_implicit(struct conn *conn);
/* In CONN_HANDSHAKE: as far as the input reaches; opens the secure session when done. */
void upgrade_handshake(struct conn *conn);
/* Gives back the place among the handshakes, if conn has one: it is done, or conn ends. */
void upgrade_leave(struct conn *conn);
/* In CONN_HANDSHAKE: the peer went away (err as on_end has it) or took too long (ERR_TIMEOUT). */
void upgrade_give_up(struct conn *conn, int err);

#endif
