/* What the files of the SMTP server share: the session, the transaction, the commands' handlers. */
#ifndef POSTERN_PROTOCOLS_SMTP_SERVER_INTERNAL_H
#define POSTERN_PROTOCOLS_SMTP_SERVER_INTERNAL_H

#include "base/arena.h"
#include "base/log.h"
#include "base/map.h"
#include "mail/address.h"
#include "mail/unbinary.h"
#include "protocols/command.h"
#include "protocols/smtp/dot.h"
#include "protocols/smtp/reply.h"
#include "protocols/smtp/smtp.h"
#include "protocols/smtp/strip.h"
#include "protocols/smtp/watch.h"
#include "store/accept.h"
#include "store/account.h"

enum smtp_state {
    SMTP_STATE_START = 1, /* no HELO or EHLO yet */
    SMTP_STATE_READY = 2,
    SMTP_STATE_MAIL = 4,   /* a reverse-path, no recipient */
    SMTP_STATE_RCPT = 8,   /* at least one recipient */
    SMTP_STATE_CHUNKS = 16 /* BDAT has begun */
};

enum {
    SMTP_HELO_MAX = 255,
    SMTP_AUTH_LINE_MAX = 12288,       /* RFC 4954 4 */
    SMTP_BYTES_MAX = 64 * 1024,       /* of a message, taken at once */
    SMTP_HEADER_HOLD_MAX = 64 * 1024, /* submission: a longer header gets no missing fields */
    SMTP_SWALLOW_FACTOR = 4,     /* a refused message is read to its end up to so many times ... */
    SMTP_SWALLOW_BASE = 16 << 20 /* ... message_size_max and this; then the connection is closed */
};

/* The transaction (RFC 5321 3.3): from MAIL to the reply to its data, or RSET. */
struct smtp_mail {
    struct arena arena; /* what the spans below point into */
    struct span reverse_path, envelope_id, return_kind;
    unsigned flags; /* of enum store_mail_flags */
    struct store_recipient *recipients;
    size_t recipient_count, recipient_capacity;
    unsigned rcpt_count, refused_count; /* RCPT commands */
    struct span only_rcpt;              /* the first forward-path, for Received */
    bool has_local, has_remote;
    struct map targets; /* addresses that are recipients already: which, counted from 1 */
    struct smtp_forward *forwards, *last_forward; /* LMTP; in the arena */
    /* The message. */
    struct store_body *body;
    struct smtp_dot dot;
    struct smtp_watch watch;
    struct smtp_strip strip; /* submission: takes Bcc out */
    struct buf header;       /* submission: held back until its end is seen (smtp_prefix_...) */
    bool is_holding_header, is_binary; /* is_binary: BODY=BINARYMIME */
    struct unbinary *unbinary;         /* of such a message, while it comes: makes lines of it */
    uint64_t size;                     /* bytes of the message, without ours */
    uint64_t wire_size;                /* bytes that were read for it, refused ones included */
    enum smtp_server_reply broken;     /* why it will be refused; REPLY_NONE: it will not */
};

struct smtp_session;
typedef struct verdict smtp_then_fn(struct smtp_session *session);

struct smtp_session {
    struct host *host;
    const struct smtp_service *service;
    enum smtp_state state;
    bool is_esmtp, is_upgraded;
    bool has_refused_data; /* the command before was a DATA without 354 */
    bool is_last_chunk;
    unsigned error_count, idle_count, auth_failure_count, recipient_total;
    int64_t login_deadline_ms; /* SMTP_SUBMISSION, monotonic */
    char *helo;                /* as said; NULL: not yet */
    char *login;               /* address of the account; NULL: none */
    struct smtp_mail mail;
    uint64_t chunk_left;
    enum smtp_server_reply chunk_refusal; /* for a chunk that is skipped */
    struct auth_exchange *exchange;
    struct verdict last; /* the WANT_LINE that wake repeats */
    smtp_then_fn *then;  /* what follows the flush under way */
};

typedef struct verdict smtp_run_fn(struct smtp_session *session, struct span argument);

struct smtp_command {
    struct command command; /* first: command_find() */
    unsigned roles;         /* bits 1 << enum smtp_role that know it */
    smtp_run_fn *run;
};

/* commands.c */
const struct smtp_command *smtp_command_find(struct span name);
/* Appends the names that the role knows, for HELP. */
void smtp_commands_put_names(struct out *out, enum smtp_role role);

/* server.c: what handlers end with. */
struct verdict smtp_next(struct smtp_session *session);
struct verdict smtp_say(struct smtp_session *session, enum smtp_server_reply reply);
/* Says it and counts it as an error; at errors_max the connection ends. */
struct verdict smtp_refuse(struct smtp_session *session, enum smtp_server_reply reply,
                           const char *detail);
struct verdict smtp_say_and_close(struct smtp_session *session, enum smtp_server_reply reply);
/* Counts a command that brings no mail on. True: one too many, REPLY_TOO_IDLE is to end it. */
bool smtp_is_too_idle(struct smtp_session *session);
size_t smtp_shown(struct span line); /* shown.c */
struct verdict smtp_want_line(struct smtp_session *session, size_t max, session_line_fn *then);
/* The same for a line of an AUTH exchange. */
struct verdict smtp_want_secret(struct smtp_session *session, session_line_fn *then);
bool smtp_may_use_passwords(const struct smtp_session *session);
/* A line of the log about this connection. */
void smtp_log_begin(const struct smtp_session *session, struct log_line *line, enum log_level level,
                    const char *event);

/* sender.c: whether the login may send as that address (RFC 6409 6.1): its own one, or an alias
 * that leads to it; the null reverse-path, which notifications of a reader need (RFC 8098 3),
 * always. */
bool smtp_sender_is_allowed(const struct smtp_session *session, const struct address *address);
/* Refuses it, with the addresses that would be right. */
struct verdict smtp_sender_refuse(struct smtp_session *session, struct span path, bool is_utf8);

void smtp_mail_reset(struct smtp_session *session); /* cmd_mail.c */

/* accept.c: from the first byte of a message to the reply. */
void smtp_accept_begin(struct smtp_session *session, enum smtp_dot_framing framing);
void smtp_accept_bytes(void *session, struct span bytes); /* the sink of dot.c */
/* Behind each piece: goes on with `then`, after the flush when one is due. */
struct verdict smtp_accept_flush(struct smtp_session *session, smtp_then_fn *then);
/* Why the message will be refused, as far as it has come; REPLY_NONE: it will not. */
enum smtp_server_reply smtp_accept_fault(const struct smtp_session *session);
/* Whether a refused message has gone on for so long that the connection is to be closed. */
bool smtp_accept_is_endless(const struct smtp_session *session, uint64_t more);
/* All is there: checks, durability, transaction, reply. */
struct verdict smtp_accept_end(struct smtp_session *session);
/* Gives up what came so far; what still comes is read and dropped. */
void smtp_accept_break(struct smtp_session *session, enum smtp_server_reply why);

/* prefix.c: the fields that we put before a message. */
void smtp_prefix_begin(struct smtp_session *session);
/* Submission: holds a piece of the header back, until its end is seen. */
void smtp_prefix_hold(struct smtp_session *session, struct span bytes);
/* Adds the fields that RFC 6409 8.2 and 8.3 let us add and lets the header go. */
void smtp_prefix_end(struct smtp_session *session);

smtp_run_fn smtp_cmd_helo, smtp_cmd_ehlo, smtp_cmd_noop, smtp_cmd_rset, smtp_cmd_vrfy,
    smtp_cmd_help, smtp_cmd_quit, smtp_cmd_starttls, smtp_cmd_expn; /* cmd_hello.c */
smtp_run_fn smtp_cmd_mail, smtp_cmd_rcpt;                           /* cmd_mail.c */
smtp_run_fn smtp_cmd_data, smtp_cmd_bdat;                           /* cmd_data.c */
smtp_run_fn smtp_cmd_auth;                                          /* cmd_auth.c */

#endif
