/*
 * client: the outbound SMTP or LMTP session. It pulls transactions from its owner (the relay's
 * attempt) by the functions below, so it knows neither queue nor route.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_CLIENT_H
#define POSTERN_PROTOCOLS_SMTP_CLIENT_H

#include "base/entropy.h"
#include "net/session.h"
#include "store/body.h"

/* A reply of the peer (RFC 5321 4.2), multi-line texts joined by '\n', cut at SMTP_REPLY_MAX. */
enum { SMTP_REPLY_MAX = 2048, SMTP_CLIENT_PIPELINE_MAX = 50 };
struct smtp_reply {
    unsigned code;      /* 0: none came */
    struct span status; /* "5.1.1", empty: none */
    struct span text;
};

enum smtp_client_step {
    SMTP_STEP_GREETING,
    SMTP_STEP_EHLO,
    SMTP_STEP_STARTTLS,
    SMTP_STEP_AUTH,
    SMTP_STEP_MAIL,
    SMTP_STEP_RCPT,
    SMTP_STEP_DATA,
    SMTP_STEP_MESSAGE, /* after the final dot */
    SMTP_STEP_IDLE
};

/* LMTP (RFC 2033): LHLO, and behind the final dot one reply for each recipient that RCPT took. */
enum smtp_client_role { SMTP_CLIENT_SMTP, SMTP_CLIENT_LMTP };

enum smtp_client_tls { SMTP_CLIENT_TLS_DEMANDED, SMTP_CLIENT_TLS_MAY, SMTP_CLIENT_TLS_OFF };

struct smtp_transaction_recipient {
    struct span address, original;
    unsigned notify;
};

/* Lives at the owner until on_result of its message. */
struct smtp_transaction {
    struct span reverse_path, envelope_id, return_kind;
    unsigned mail_flags;
    const struct smtp_transaction_recipient *recipients;
    size_t recipient_count;
    struct span forwarder; /* as store_recipient's: goes in front of the message; or empty */
    struct store_blob blob;
};

struct smtp_client_owner {
    /* Greeting or EHLO, STARTTLS, AUTH did not work; close follows. reply is borrowed, its code 0
     * when `sentence` is ours ("the server does not offer STARTTLS"). */
    void (*on_unusable)(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence);
    /* The next transaction, or NULL: none now (the session waits for wake), asked again after it.
     */
    const struct smtp_transaction *(*next)(void *owner);
    /* A recipient was answered (2xx: the message follows for it). */
    void (*on_recipient)(void *owner, size_t index, const struct smtp_reply *reply);
    /* LMTP only: what became of a recipient, said behind the final dot (2xx: the peer has it). It
     * is the last that is said of it: what follows, a broken connection too, is about the others.
     */
    void (*on_delivery)(void *owner, size_t index, const struct smtp_reply *reply);
    /* The whole transaction's end, exactly once: 2xx at SMTP_STEP_MESSAGE means the peer has it.
     * Recipients that on_recipient did not refuse, and on_delivery did not name, share this reply.
     * When `sentence` is ours the
     * reply's code is 0 (temporary) or 5xx with a status (the message needs what the peer does not
     * offer: it will never go there). */
    void (*on_result)(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                      const char *sentence);
    /* The peer went away or was silent for too long: during a transaction on_result was called
     * before, with code 0. Not called after on_unusable, nor after our own QUIT. */
    void (*on_ending)(void *owner, enum ending why);
};

/* What the session's service points to (first member of the owner's struct). */
struct smtp_client_service {
    const struct smtp_client_owner *owner;
    void *owner_arg;
    const char *hostname; /* for EHLO */
    enum smtp_client_role role;
    enum smtp_client_tls tls;
    bool may_chunk;    /* BDAT where CHUNKING is offered (RFC 3030), else DATA */
    bool requires_tls; /* each MAIL says REQUIRETLS (RFC 8689): only under TLS, where it is offered;
                          else unusable, with the status 5.7.30 */
    const char *user, *password;   /* NULL: no AUTH; only ever sent under TLS */
    const struct entropy *entropy; /* for SCRAM; NULL: PLAIN only */
    struct store *store;           /* to read bodies */
    int64_t reply_timeout_ms, data_reply_timeout_ms, keep_ms;
    bool is_stopping; /* QUIT instead of waiting for more work */
    /* Told by the session before it asks for work: the peer offers DSN, so it takes over who hears
     * what of the mail that it accepts (RFC 3461 5.2.1). */
    bool peer_notifies;
};

/* service: struct smtp_client_service. */
extern const struct session_type smtp_client_type;

#endif
