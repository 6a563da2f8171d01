/* attempt_internal: one connection to a destination, shared by the files of relay/ only. */
#ifndef POSTERN_RELAY_ATTEMPT_INTERNAL_H
#define POSTERN_RELAY_ATTEMPT_INTERNAL_H

#include "protocols/smtp/client.h"
#include "relay/relay_internal.h"
#include "tls/facts.h"

/* One connection, over all addresses that are tried for it. */
struct attempt {
    struct smtp_client_service service; /* first: the session's service */
    struct list_node node;              /* in its destination */
    struct relay *relay;                /* NULL: the relay is gone, only clean up */
    struct destination *destination;
    struct conn *conn;
    char *hostname, *user, *password; /* copies: the settings may go before the attempt does */
    size_t host;                      /* which is being tried */
    struct endpoint to;               /* the address of it, with its port */
    unsigned tries;
    struct tls_client_policy tls_policy;
    struct mx_host target; /* copies: the destination may look up anew */
    struct relay_security security;
    int64_t hosts_ms;    /* when they were looked up */
    bool is_usable;      /* a session came as far as asking for work */
    bool is_resting;     /* waits for work on a kept connection */
    bool is_without_tls; /* the handshake did not work here, and TLS is not demanded */
    unsigned message_count;
    /* For the history: when it began, and TLS in parts, empty in plaintext. */
    int64_t began_ms;
    char tls_version[TLS_FACTS_NAME_SIZE], tls_suite[TLS_FACTS_NAME_SIZE];
    const char *check;
    char check_text[256];
    /* What was demanded of the address and each check of its certificate, as store_attempt has it;
     * cut when there is more. */
    char checks[RELAY_CHECKS_SIZE];
    char tls_text[160];             /* for the log: version, cipher, verdict */
    char reason[RELAY_REASON_SIZE]; /* why the last address did not work */
    /* The same of the address that got furthest: that ::1 does not listen must not hide that
     * 127.0.0.1 showed a wrong certificate. */
    char told[RELAY_REASON_SIZE];
    char told_host[MX_NAME_SIZE];
    enum conn_phase told_phase;
    /* RFC 8689 4.2.1: where TLS is required, what only its lack hinders is no matter of time. */
    const char *hard_status; /* why the address under way will not do, "5.7.30"; NULL: may change */
    const char *told_status; /* of the last one that will not do */
    bool is_host_hard;       /* an address of the host under way will not do */
    bool is_soft;            /* a host before it, or that was not tried, may work later */
    /* For the TLS report: what came of TLS on this connection. */
    enum pki_check seen_check; /* of the certificate, also of one that ended the handshake */
    bool is_starttls_missing;  /* not offered, or refused */
    bool is_tls_noted;
    /* The transaction under way. */
    struct smtp_transaction transaction;
    struct smtp_transaction_recipient *recipients;
    struct entry **entries;
    size_t entry_count;
    struct settlement *group; /* its outcomes that cause a report */
};

/* attempt.c */
void relay_attempt_start(struct destination *destination);
void relay_attempt_free(struct attempt *attempt);
/* Its transaction is its last: a connection without one ends. */
void relay_attempt_stop(struct attempt *attempt);
/* Why the address under way did not work. */
void relay_attempt_blame(struct attempt *attempt, struct span text);

/* tlsrpt_session.c: counts what came of TLS, once a connection. */
void relay_attempt_note_secure(struct attempt *attempt);
/* It is used in plaintext. */
void relay_attempt_note_plain(struct attempt *attempt);
/* It ended before mail could be sent. */
void relay_attempt_note_failure(struct attempt *attempt, enum conn_phase phase);

/* dialing.c */
/* Of the addresses that were dialled one is connected: it is where the attempt goes to. */
void relay_attempt_see_peer(struct attempt *attempt);
/* The host of its destination to be tried from now on. */
void relay_attempt_take_host(struct attempt *attempt, size_t host);
void relay_attempt_dial(struct attempt *attempt);
/* The relay goes: the connection ends by itself. */
void relay_attempt_orphan(struct attempt *attempt);

#endif
