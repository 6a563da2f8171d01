/*
 * What conn.c, deadline.c, close.c, pump.c, upgrade.c and dial.c share: the connection itself. One
 * state at a time, one timer, one session. Callbacks of transport, loop and jobs enter by functions
 * that test conn->closing first and leave by conn_settle().
 */
#ifndef POSTERN_NET_CONN_INTERNAL_H
#define POSTERN_NET_CONN_INTERNAL_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/reader.h"
#include "tls/session.h"

enum {
    /* So much input may wait, unwanted, before the transport's reading is stopped: enough for a
     * pipelining client's next commands, little enough for ten thousand idle ones. */
    CONN_WAITING_MAX = 4096,
    CONN_HANDSHAKE_WAITING_MAX = 32768, /* the same, sealed: more than one record */
    CONN_WRITE_MAX = 65536,             /* handed to a plain transport at once */
    CONN_RECORD_MAX = 16384,            /* RFC 8446 5.1: what one TLS record holds */
    CONN_DISCARD_MAX = 65536,           /* input thrown away after our end; more closes at once */
    CONN_WIRE_MAX = 256 * 1024,         /* sealed input: one record and one read of the transport */
    CONN_LOGIN_MAX = 256
};

enum conn_state {
    CONN_CONNECTING,  /* outbound, no answer yet */
    CONN_PREAMBLE,    /* accepted; the PROXY header is being read */
    CONN_DOORSTEP,    /* the greeting waits */
    CONN_SESSION,     /* a session is open and verdict is what it wants */
    CONN_GOING_AHEAD, /* the upgrade's go-ahead is being written; nothing is read */
    CONN_HANDSHAKE,   /* no session */
    CONN_CLOSING,     /* no session; last words are being written */
    CONN_LINGERING    /* our direction has ended; input is discarded */
};

/* What the one timer waits for. */
enum conn_reason {
    CONN_REASON_NONE,
    CONN_REASON_CONNECT,
    CONN_REASON_HANDSHAKE,
    CONN_REASON_GREETING,
    CONN_REASON_COMMAND, /* WANT_LINE */
    CONN_REASON_DATA,    /* WANT_BYTES */
    CONN_REASON_OUTPUT,  /* WANT_DRAIN: the peer takes nothing */
    CONN_REASON_LAST_WORDS,
    CONN_REASON_LINGER
};

enum conn_input_end { CONN_INPUT_OPEN, CONN_INPUT_CLEAN, CONN_INPUT_CUT };

#define CONN_NEVER_MS INT64_MAX

struct conn {
    struct list_node node; /* env->conns */
    struct conn_env *env;
    struct tap *tap;   /* NULL: nobody looks */
    struct tell *tell; /* tell.c only */
    struct host host;
    struct transport *transport;
    enum conn_state state;
    bool closing; /* transport_close() was called: only on_closed is still of interest */

    /* Who and what. */
    const struct conn_role *role; /* NULL: outbound */
    const struct session_type *type;
    void *service;
    void (*service_unref)(void *service);   /* NULL: borrowed */
    void *session;                          /* in CONN_SESSION and CONN_GOING_AHEAD */
    const struct conn_owner_events *events; /* outbound, else NULL */
    void *owner;
    const struct tls_client_policy *policy; /* outbound */
    enum conn_security security;
    enum conn_phase phase;
    enum session_start start_mode; /* of the session behind the handshake */
    bool refuses_early_talkers;
    bool holds_handshake; /* a place in env->handshakes */
    char *login;
    struct fault *fault;       /* NULL: none; the first one stays */
    struct doorstep *doorstep; /* doorstep.c only; NULL: it did not wait */
    const char *why;           /* it ended, for the log; NULL: it lives */

    /* Bytes. */
    struct tls_session *tls; /* NULL in plaintext */
    struct buf wire;         /* sealed input */
    struct buf flight;       /* sealed output of one step of the handshake: leaves as one */
    bool holds_flight;       /* it is being put together */
    struct reader reader;    /* clear input */
    struct out out;
    uint64_t bytes_in, bytes_out; /* of the transport */
    size_t discarded;
    bool is_reading;     /* what the transport was told last */
    bool has_wire_input; /* tls_session_read() has not said ERR_AGAIN since the last bytes */
    bool has_transport_end;
    bool is_broken; /* nothing can be written any more */
    bool has_said_bye;
    enum conn_input_end input_end; /* of the clear bytes, behind what the reader holds */

    /* The pump. */
    struct verdict verdict;
    struct job *job;    /* under way */
    struct job *answer; /* came, not given to the session yet */
    size_t data_taken;  /* by WANT_BYTES since the deadline was set */
    struct post post;
    bool is_posted;
    bool is_yielded; /* the post goes on where the pump left off */
    bool is_running;
    bool is_woken;
    bool is_draining;
    bool has_end; /* conn_end() was called: the session is to hear end_why */
    enum ending end_why;

    /* Time. */
    struct timer *timer;
    enum conn_reason reason;
    int64_t deadline_ms;       /* of reason */
    int64_t force_deadline_ms; /* of the drain */
    int64_t timer_due_ms;      /* when the timer will fire; CONN_NEVER_MS: stopped */
    int64_t handshake_timeout_ms, session_timeout_ms, last_words_timeout_ms, close_timeout_ms;
    int64_t born_ms;
    unsigned also_count; /* further addresses that are dialled */
};

/* conn.c */
struct conn *conn_create(struct conn_env *env, const struct session_type *type);
void conn_take_transport(struct conn *conn, struct transport *transport);
/* Transport and session are there: implicit TLS or the first session. */
void conn_begin(struct conn *conn);
extern const struct transport_events conn_transport_events;
void conn_set_reading(struct conn *conn, bool is_wanted);
/* The last step of every entry: reading, memory, timer. */
void conn_settle(struct conn *conn);
void conn_post(struct conn *conn); /* runs it in the loop's next round */
/* Writes what is in out while the transport takes it. */
void conn_write(struct conn *conn);
/* For a TLS session's wire. */
void conn_push(void *conn, const struct span *parts, size_t count);
void conn_keep_fault(struct conn *conn, const struct fault *fault); /* keeps the first one */

/* Bytes that our kernel has not got yet; none where nothing can be sent any more, whatever the
 * transport still counts. */
static inline size_t conn_unsent(const struct conn *conn)
{
    return conn->is_broken ? 0 : conn->out.len + transport_pending(conn->transport);
}

/* tell.c: an event without a direction. */
void conn_tap(struct conn *conn, enum tap_kind kind, int code, struct span detail);

#endif
