/*
 * connect: one look at a live server, from the first word to the last, and everything that it
 * showed as a record, for the reports of `postern connect` and `postern cert check HOST`. One
 * thread, one loop that ends with the look.
 */
#ifndef POSTERN_CLI_CONNECT_H
#define POSTERN_CLI_CONNECT_H

#include "base/arena.h"
#include "base/err.h"
#include "base/tap.h"
#include "lens/text.h"
#include "net/conn.h"
#include "protocols/probe.h"
#include "tls/facts.h"

struct ink;
struct pki_portrait;

enum {
    CONNECT_EVENTS_MAX = 4096,           /* kept of one look; further ones are counted */
    CONNECT_BYTES_MAX = 4 * 1024 * 1024, /* the same, of all that they hold */
    CONNECT_PASSWORD_MAX = 1024,
    CONNECT_CHAIN_MAX = 16,
    CONNECT_CHECKS_MAX = 16,
    CONNECT_STATUS_RED = 3 /* exit status: connected, and a check is not good */
};

/* Borrowed texts: the command line's. */
struct connect_options {
    char *host;                /* owned */
    uint16_t port, other_port; /* other: of --compare */
    enum probe_protocol protocol;
    enum conn_security security; /* CONN_PLAIN: with STARTTLS */
    const char *name;            /* to send and to check */
    const char *authorities, *revocations, *certificate, *key;
    const char *user;
    char password[CONNECT_PASSWORD_MAX]; /* wiped by connect_options_deinit() */
    const char *keylog;
    const char *profile; /* of TLS: a priority string */
    int64_t timeout_ms;
    enum lens_show show;
    bool is_json, is_compare, may_login_unchecked, has_protocol, has_security;
    /* For who wants the certificate alone: the look ends with the handshake, and no protocol is
     * offered to a port that may be of any. */
    bool is_handshake_only;
};

/* Parses argv of `postern connect`. CLI_OK to go on; else print nothing more, exit with
 * *status_out. options are to be deinited in any case. */
int connect_options_parse(int argc, char **argv, struct connect_options *options, int *status_out);
/* HOST[:PORT], "[::1]:25"; "::1" is an address without a port. 0, or complains. */
int connect_options_target(struct connect_options *options, const char *target);
/* Fills in the usual port, protocol and style where they were not given. 0, or complains. */
int connect_options_complete(struct connect_options *options, const char *command);
void connect_options_deinit(struct connect_options *options);
/* The usual port; 0: there is none. */
uint16_t connect_usual_port(enum probe_protocol protocol, enum conn_security security);
bool connect_is_usual_port(uint16_t port);
const char *connect_style_text(enum conn_security security);

/* What was said, heard or done: an event of the tap, or a line of the probe as TAP_LINE. */
struct connect_event {
    struct tap_event event; /* all that it points to lies in the record's arena */
    bool is_secure;         /* under TLS */
};

struct connect_check {
    const char *step; /* of pki/judge.h */
    enum pki_check verdict;
    const char *sentence;
};

/* Everything that one look showed. Texts lie in the arena. */
struct connect_record {
    struct arena arena;
    struct connect_event *events;
    size_t count, capacity, left_out;
    const struct connect_options *options;
    struct buf misses; /* addresses that took no connection, a sentence each, '\n' */
    char address[ENDPOINT_TEXT_SIZE];
    struct tls_facts facts;                   /* has_facts: the handshake was done */
    struct fault fault;                       /* empty: none */
    const char *words;                        /* the server's, where it refused */
    const char *offers_plain, *offers_secure; /* by '\n'; NULL: none were told */
    const char *mechanism;                    /* of the login that worked */
    struct connect_check checks[CONNECT_CHECKS_MAX];
    size_t check_count;
    enum conn_phase phase;
    enum probe_result result;
    enum probe_step step;
    bool has_facts, has_result;
    /* Cost. A round trip: we have spoken (or connected) and wait for the answer. */
    bool is_waiting;
    unsigned trips_plain, trips_tls, trips_secure; /* until the first secure command; TCP: 1 more */
    uint64_t bytes_in, bytes_out;                  /* of the whole */
    uint64_t secure_bytes_in, secure_bytes_out;    /* when the handshake was done */
    int64_t began_us, opened_us, hello_us, secure_us, command_us, ended_us; /* 0: never */
};

void connect_record_init(struct connect_record *record, const struct connect_options *options);
void connect_record_deinit(struct connect_record *record);
/* Copies. */
void connect_record_event(struct connect_record *record, const struct tap_event *event,
                          bool is_secure);
const char *connect_record_text(struct connect_record *record, struct span text);
/* 0, 1 or CONNECT_STATUS_RED. */
int connect_record_status(const struct connect_record *record);
/* The chain as the server sent it, leaf first, and its staple (empty: none): spans into the
 * record's events. How many certificates. */
size_t connect_record_chain(const struct connect_record *record,
                            struct span chain_out[CONNECT_CHAIN_MAX], struct span *staple_out);
/* What the server's own certificate says; owned, pki_portrait_free(). NULL: none that can be read.
 */
struct pki_portrait *connect_record_leaf(const struct connect_record *record);
/* From the look on; -1: it is over. */
int64_t connect_days_left(const struct connect_record *record, int64_t until_s);
/* Until the first secure command, the TCP connection's included. */
unsigned connect_record_trips(const struct connect_record *record);
/* The chain out of the body of one Certificate message. */
size_t connect_chain_parse(struct span body, struct span chain_out[CONNECT_CHAIN_MAX],
                           struct span *staple_out);

/* Looks once. 0: the record tells what came of it; else nothing was tried and fault says why. */
int connect_run(const struct connect_options *options, struct connect_record *record,
                struct fault *fault) __attribute__((warn_unused_result));

/* Reports: each appends. */
void connect_report(struct ink *ink, const struct connect_record *record);
void connect_report_checks(struct ink *ink, const struct connect_record *record);
void connect_report_agreed(struct ink *ink, const struct connect_record *record);
void connect_report_seen(struct ink *ink, const struct connect_record *record);
void connect_report_cost(struct ink *ink, const struct connect_record *record);
void connect_report_trouble(struct ink *ink, const struct connect_record *record);
void connect_report_compare(struct ink *ink, const struct connect_record *upgraded,
                            const struct connect_record *implicit);
void connect_json(struct buf *out, const struct connect_record *record);
void connect_json_compare(struct buf *out, const struct connect_record *upgraded,
                          const struct connect_record *implicit);

#endif
