/*
 * scram: the server's messages and checks of SCRAM-SHA-256 without channel binding (RFC 5802, RFC
 * 7677). Parsers are strict and never log. Who the user is and where the verifier comes from is
 * sasl.c's business.
 */
#ifndef POSTERN_AUTH_SCRAM_H
#define POSTERN_AUTH_SCRAM_H

#include "auth/password.h"
#include "base/buf.h"

enum {
    SCRAM_MESSAGE_MAX = 2048, /* a client message; names and nonces are far shorter */
    SCRAM_NAME_MAX = 320,     /* decoded */
    SCRAM_NONCE_MAX = 256     /* the client's */
};

/* One exchange, embedded. Read-only for users but for the names. */
struct scram {
    struct buf gs2_header; /* as sent: "n,," or "y,a=..." */
    struct buf first_bare; /* client-first-message-bare */
    struct buf nonce;      /* the client's, then both */
    struct buf server_first;
    struct buf name;    /* decoded */
    struct buf authzid; /* decoded; empty: none */
};

void scram_init(struct scram *scram);
void scram_deinit(struct scram *scram);

/* Takes the client's first message. 0 or ERR_SYNTAX; then the exchange is over. */
int scram_take_first(struct scram *scram, struct span message) __attribute__((warn_unused_result));

/* Appends server-first. server_nonce: printable, no comma. */
void scram_challenge(struct scram *scram, const struct password_verifier *verifier,
                     struct span server_nonce, struct buf *challenge_out);

/* Takes the client's final message: 0, with server-final appended, when the proof is right;
 * ERR_REFUSED when it is not; ERR_SYNTAX. */
int scram_take_final(struct scram *scram, struct span message,
                     const struct password_verifier *verifier, struct buf *server_final_out)
    __attribute__((warn_unused_result));

#endif
