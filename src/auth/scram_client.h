/*
 * scram_client: the client's side of SCRAM-SHA-256 without channel binding (RFC 5802, RFC 7677),
 * for logins at other servers. Sans I/O: messages are decoded; base64 belongs to the protocol.
 */
#ifndef POSTERN_AUTH_SCRAM_CLIENT_H
#define POSTERN_AUTH_SCRAM_CLIENT_H

#include "base/buf.h"
#include "base/entropy.h"
#include "net/job.h"

enum {
    SCRAM_CLIENT_ITERATIONS_MIN = 4096,   /* RFC 7677 4: fewer would make guessing cheap */
    SCRAM_CLIENT_ITERATIONS_MAX = 1000000 /* more would be an attack on our processor */
};

struct scram_client;

/* user and password are copied. Owned. */
struct scram_client *scram_client_create(struct span user, struct span password,
                                         const struct entropy *entropy);
/* Wipes. Accepts a pointer to NULL. */
void scram_client_free(struct scram_client **client);

/* Appends client-first. */
void scram_client_first(struct scram_client *client, struct buf *out);
/* Takes server-first: the job that salts the password (hash lane), or NULL when the message is
 * malformed, does not continue our nonce, or its iteration count is out of bounds. */
struct job *scram_client_salt(struct scram_client *client, struct span server_first);
/* That job is done: appends client-final. */
void scram_client_final(struct scram_client *client, const struct job *job, struct buf *out);
/* Whether server-final shows that the server knows the password's verifier. */
bool scram_client_is_proved(const struct scram_client *client, struct span server_final);

#endif
