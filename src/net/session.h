/*
 * session: the contract between the pump (net/pump.c) and a protocol engine, server or client.
 *
 * A session never sees a socket, a loop's timer, a thread or TLS. It is given what it asked for and
 * returns a verdict: what it wants next, and which of its functions takes it (`then`). The pump
 * keeps these promises:
 *  1. One request (WANT_ANSWER) at a time, and nothing is fed while it runs: pipelined commands are
 *     in order by construction.
 *  2. Nothing is fed while output is above its mark; replies leave in one write when the input is
 *     used up.
 *  3. `wake` is a level, not a queue: delivered at WANT_LINE, no input waiting, output drained.
 *  4. End of input comes after the last buffered line; shutdown at the next WANT_LINE, by force at
 *     the drain deadline.
 *  5. After 64 events or 256 KiB the pump yields to the loop.
 *  6. A deadline runs from the want; single bytes do not prolong it, 16 KiB of WANT_BYTES do.
 *  7. WANT_CLOSE: what is in out is written, TLS says close_notify, then shutdown; input is
 *     discarded for a second or 64 KiB; then close.
 *
 * The upgrade is an offer: a session returns WANT_UPGRADE with its texts and is freed before the
 * handshake; a new session is opened on the secure side with SESSION_UPGRADED. Nothing survives.
 */
#ifndef POSTERN_NET_SESSION_H
#define POSTERN_NET_SESSION_H

#include "base/span.h"
#include "net/host.h"

struct job;
struct verdict;

enum line_fault {
    LINE_OK,
    LINE_TOO_LONG, /* the pump has skipped it up to its CRLF; the line is its first KiB or less */
    LINE_BARE_CR,
    LINE_BARE_LF, /* told at once; the rest, up to the next CRLF, comes with this fault too */
    LINE_NUL
};

/* name, text for the log */
#define ENDING_LIST(X)                                                                             \
    X(ENDING_CLEAN, "closed by peer") /* end of input; under TLS with close_notify */              \
    X(ENDING_CUT, "connection broke") /* reset, or TLS ended without close_notify */               \
    X(ENDING_TIMEOUT, "timeout")      /* the deadline of the last want passed */                   \
    X(ENDING_SHUTDOWN, "server stops")                                                             \
    X(ENDING_LIMIT, "limit") /* the server's owner ends this one to save others */

enum ending {
#define ENDING_ENUM(name, text) name,
    ENDING_LIST(ENDING_ENUM)
#undef ENDING_ENUM
};

/* A line without its CRLF. With a fault the line holds what there is, cut. Borrowed. */
typedef struct verdict session_line_fn(void *session, enum line_fault fault, struct span line);
/* At least one byte, at most max. The session sets *taken_out; what it did not take is fed to its
 * next want, whichever kind that is. Who wants bytes again must have taken at least one. */
typedef struct verdict session_bytes_fn(void *session, struct span bytes, size_t *taken_out);
/* The job that WANT_ANSWER submitted, finished. Its results are borrowed: the pump frees it after
 * this returns. */
typedef struct verdict session_answer_fn(void *session, struct job *job);
/* Output is below a quarter of its mark, or there was nothing to drain. */
typedef struct verdict session_drain_fn(void *session);

enum want { WANT_LINE, WANT_BYTES, WANT_ANSWER, WANT_DRAIN, WANT_UPGRADE, WANT_CLOSE };

/* Made with the want_... functions below. */
struct verdict {
    enum want want;
    size_t max;
    bool is_secret;     /* LINE: it holds a password or what proves one; never shown to a tap */
    int64_t timeout_ms; /* LINE, BYTES: until ENDING_TIMEOUT; 0: net.session_timeout */
    union {
        session_line_fn *line;
        session_bytes_fn *bytes;
        session_answer_fn *answer;
        session_drain_fn *drain;
    } then;
    struct job *job; /* ANSWER */
    /* UPGRADE: the session's memory; copied before the session is freed (IMAP's carry the tag). */
    struct span go_ahead; /* sent when the upgrade goes on */
    struct span refusal;  /* sent, then closed, when plaintext waits behind the command */
    struct span crowded;  /* the same when too many handshakes are under way already */
};

/* max: longest line, without CRLF. */
static inline struct verdict want_line(size_t max, int64_t timeout_ms, session_line_fn *then)
{
    return (struct verdict){
        .want = WANT_LINE, .max = max, .timeout_ms = timeout_ms, .then.line = then};
}

static inline struct verdict want_bytes(size_t max, int64_t timeout_ms, session_bytes_fn *then)
{
    return (struct verdict){
        .want = WANT_BYTES, .max = max, .timeout_ms = timeout_ms, .then.bytes = then};
}

/* Takes the job: the pump submits it, cancels it when the connection dies, frees it. */
static inline struct verdict want_answer(struct job *job, session_answer_fn *then)
{
    return (struct verdict){.want = WANT_ANSWER, .job = job, .then.answer = then};
}

static inline struct verdict want_drain(session_drain_fn *then)
{
    return (struct verdict){.want = WANT_DRAIN, .then.drain = then};
}

/* A client has nothing to say: its texts are empty. */
static inline struct verdict want_upgrade(struct span go_ahead, struct span refusal,
                                          struct span crowded)
{
    return (struct verdict){
        .want = WANT_UPGRADE, .go_ahead = go_ahead, .refusal = refusal, .crowded = crowded};
}

static inline struct verdict want_close(void)
{
    return (struct verdict){.want = WANT_CLOSE};
}

enum session_start {
    SESSION_FRESH,   /* first on its connection: a server greets, a client waits for the greeting */
    SESSION_UPGRADED /* opened by the upgrade: no greeting */
};

/* One protocol engine in one role. */
struct session_type {
    const char *name; /* "smtp", "imap", "pop3", "smtp-client" */
    /* host outlives the session. service is what the listener row or the dialler names: the
     * protocol's shared state, or the owner that gives a client its work. Owned by the pump. */
    void *(*open)(void *service, struct host *host, enum session_start start);
    /* The first verdict; puts the greeting into out when there is one. */
    struct verdict (*start)(void *session);
    /* At WANT_LINE only: something it watches changed, or its owner has work. It may return the
     * same want again. */
    struct verdict (*wake)(void *session);
    /* Last words: may put a text into out (written for TIMEOUT, SHUTDOWN, LIMIT), returns nothing:
     * close follows. */
    void (*ending)(void *session, enum ending why);
    void (*free)(void *session);
    /* What a plaintext listener says to connections that get no session: over the quota, of a peer
     * that comes too often, and of one that spoke before the greeting (NULL: is let pass). */
    const char *crowded, *hasty, *early;
    /* How much of a line that came in plaintext a tap may be shown: of one that holds a secret at
     * most what is before it. NULL: neither its lines nor those it puts out. */
    size_t (*shown)(struct span line);
};

#endif
