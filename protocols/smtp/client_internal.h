/* What the files of the SMTP client share. */
#ifndef POSTERN_PROTOCOLS_SMTP_CLIENT_INTERNAL_H
#define POSTERN_PROTOCOLS_SMTP_CLIENT_INTERNAL_H

#include "protocols/smtp/client.h"
#include "protocols/smtp/client_reply.h"
#include "protocols/smtp/dot.h"

enum smtp_client_offer {
    SMTP_OFFER_STARTTLS = 1,
    SMTP_OFFER_PIPELINING = 2,
    SMTP_OFFER_SIZE = 4,
    SMTP_OFFER_8BITMIME = 8,
    SMTP_OFFER_SMTPUTF8 = 16,
    SMTP_OFFER_DSN = 32,
    SMTP_OFFER_AUTH_PLAIN = 64,
    SMTP_OFFER_AUTH_SCRAM = 128,
    SMTP_OFFER_AUTH_LOGIN = 256,
    SMTP_OFFER_CHUNKING = 512,
    SMTP_OFFER_REQUIRETLS = 1024
};

struct smtp_client;
typedef struct verdict smtp_client_reply_fn(struct smtp_client *client,
                                            const struct smtp_reply *reply);

struct smtp_client {
    struct host *host;
    struct smtp_client_service *service;
    bool is_upgraded;
    bool is_ready;    /* greeting, EHLO, TLS and login are done */
    bool is_quitting; /* no news for the owner any more */
    enum smtp_client_step step;
    struct smtp_reply_parser parser;
    struct smtp_reply reply; /* the last whole one; points into the parser */
    smtp_client_reply_fn *on_reply;
    int64_t reply_deadline_ms; /* of the whole reply under way */
    unsigned offers;           /* of enum smtp_client_offer, from the last EHLO */
    uint64_t size_max;         /* 0: not told */
    struct scram_client *scram;
    /* The transaction. */
    const struct smtp_transaction *mail; /* NULL: none, or its result was told */
    size_t sent, answered, total;        /* commands: MAIL, then RCPT by RCPT */
    size_t accepted;                     /* recipients that RCPT took */
    size_t *taken;                       /* LMTP: which these are, in order */
    size_t told;                         /* LMTP: of how many of them the final reply came */
    bool needs_rset;                     /* the peer holds a transaction that came to nothing */
    bool is_chunked;                     /* the body goes by BDAT, as it is */
    struct smtp_stuff stuff;
    uint64_t offset; /* in the body */
};

/* What differs between the roles. */
struct smtp_client_manner {
    const char *hello; /* EHLO, LHLO */
    bool has_helo;     /* what is older may be asked */
    bool is_told_each; /* a reply for each recipient behind the final dot */
};

/* client.c */
const struct smtp_client_manner *smtp_client_manner(const struct smtp_client *client);
/* Waits for a reply to `step`. */
struct verdict smtp_client_expect(struct smtp_client *client, enum smtp_client_step step,
                                  int64_t timeout_ms, smtp_client_reply_fn *on_reply);
/* The peer does not keep to the protocol: tells the owner and closes. */
struct verdict smtp_client_give_up(struct smtp_client *client, const char *sentence);
/* The connection is of no use: tells the owner, says QUIT, closes. */
struct verdict smtp_client_unusable(struct smtp_client *client, enum smtp_client_step step,
                                    const struct smtp_reply *reply, const char *sentence);
struct verdict smtp_client_quit(struct smtp_client *client);
/* No transaction now: waits for wake. */
struct verdict smtp_client_idle(struct smtp_client *client);

/* client_auth.c */
struct verdict smtp_client_login(struct smtp_client *client);

/* client_mail.c */
/* Asks the owner for the next transaction and begins it. */
struct verdict smtp_client_next(struct smtp_client *client);
/* The transaction's end, if one is under way. */
void smtp_client_result(struct smtp_client *client, enum smtp_client_step step,
                        const struct smtp_reply *reply, const char *sentence);

#endif
