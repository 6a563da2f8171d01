/*
 * accept: a message into local mailboxes and the queue, in one durable transaction. See store.h.
 */
#ifndef POSTERN_STORE_ACCEPT_H
#define POSTERN_STORE_ACCEPT_H

#include "store/body.h"
#include "store/store.h"

enum store_mail_flags {
    STORE_MAIL_8BIT = 1,
    STORE_MAIL_UTF8 = 2,
    STORE_MAIL_REQUIRETLS = 8, /* only over verified TLS, to servers that keep to it (RFC 8689) */
    STORE_MAIL_TLS_OPTIONAL = 16, /* its header says TLS-Required: No */
    STORE_MAIL_WISHES = STORE_MAIL_REQUIRETLS | STORE_MAIL_TLS_OPTIONAL /* of the way it goes */
};
enum store_notify {
    STORE_NOTIFY_DEFAULT = 0,
    STORE_NOTIFY_NEVER = 1,
    STORE_NOTIFY_SUCCESS = 2,
    STORE_NOTIFY_FAILURE = 4,
    STORE_NOTIFY_DELAY = 8,
    /* Kept in the same number, never from a peer. A row that owes a report waits for that and is
     * delivered nowhere: what it tells of has happened. */
    STORE_OWES_DELIVERED = 16, /* the message is in a local mailbox */
    STORE_OWES_RELAYED = 32,   /* a peer that does not notify has it */
    STORE_OWES_EXPANDED = 64,  /* it went on to the targets of an alias */
    STORE_OWES_ANY = 16 | 32 | 64,
    STORE_NOTIFY_DELAY_TOLD = 128, /* the sender was told of the delay */
    STORE_CAME_BACK = 256 /* its forwarder forwarded it before: it goes nowhere and is reported */
};

struct store_recipient {
    uint64_t account;     /* local: into this account's INBOX; 0: into the queue */
    struct span address;  /* where it goes */
    struct span original; /* ORCPT, or empty */
    /* The address of ours, in key form, whose alias leads it out of here; else empty. It travels in
     * front of the message as Delivered-To (RFC 9228), by which it is known if it comes back. */
    struct span forwarder;
    unsigned notify;
    int status; /* out: 0, or ERR_NOT_FOUND: the account is gone since; all else fails the whole */
};

/* Where a message came from; empty texts: in plaintext, without a login. An empty listener: it was
 * made here, as reports are. */
struct store_origin {
    struct span client, listener, tls_version, tls_suite, login;
};

struct store_envelope {
    struct span reverse_path; /* empty: null */
    struct span envelope_id;  /* ENVID, or empty */
    struct span return_kind;  /* RET: "FULL", "HDRS" or empty */
    unsigned mail_flags;
    struct store_origin origin; /* for the history of mail that goes on */
};

struct store_accept {
    struct job job;
    int status;
    struct fault fault;
    uint64_t message;
    struct store_recipient *recipients; /* copies of what was given, with status */
    size_t recipient_count;
};
/* A local recipient with STORE_NOTIFY_SUCCESS gets a queue row that owes the report, in the same
 * transaction: it is neither lost nor made twice. None for a null reverse-path.
 *
 * Takes the body (when the job is freed, whatever came of it). Everything else is copied. Expiry of
 * queue entries is settings of the relay: expires_us 0 lets the relay decide. */
struct store_accept *store_accept_create(struct store *store, struct store_body *body,
                                         const struct store_envelope *envelope,
                                         const struct store_recipient *recipients, size_t count);

#endif
