/*
 * What the files of the POP3 server share: the session, its maildrop, replies.
 *
 * Files: server.c (session type, lines, the gate), commands.c (the table), cmd_auth.c (USER, PASS,
 * AUTH), cmd_session.c (CAPA, STLS, NOOP, QUIT), cmd_transaction.c (STAT, LIST, UIDL, DELE, RSET),
 * retrieve.c (RETR, TOP), maildrop.c (opening, marks, deleting), locks.c, reply.c, stuff.c.
 */
#ifndef POSTERN_PROTOCOLS_POP3_POP3_INTERNAL_H
#define POSTERN_PROTOCOLS_POP3_POP3_INTERNAL_H

#include "base/buf.h"
#include "base/log.h"
#include "protocols/command.h"
#include "protocols/pop3/pop3.h"
#include "protocols/pop3/stuff.h"
#include "store/entry.h"
#include "store/mailbox.h"

enum {
    /* RFC 2449 4 says 255 octets; PASS may bring a password of 256, AUTH one in base64. A longer
     * line is skipped and costs an error. */
    POP3_LINE_MAX = 1024,
    /* RFC 5034 4: lines of an exchange, without CRLF; auth refuses what decodes to more. */
    POP3_RESPONSE_LINE_MAX = 12286,
    POP3_LOGIN_MAX = 320,
    /* A maildrop shows the newest so many messages: 16 bytes each is what a session may hold. Older
     * ones appear when newer ones are gone; mail is never lost by it. */
    POP3_MESSAGES_MAX = 100000,
    /* Places of bodies looked up at once: clients retrieve in order. */
    POP3_WINDOW = 32,
    /* Places are asked for again after so long: bodies of messages that another session expunged
     * stay for minutes only, and bodies move when segments are cleaned. */
    POP3_WINDOW_AGE_MS = 30000
};

enum pop3_state { POP3_AUTHORIZATION = 1, POP3_TRANSACTION = 2, POP3_ANY = 3 };

struct pop3_message {
    uint32_t uid;
    bool is_deleted; /* marked: goes at QUIT */
    uint64_t size;
};

struct pop3_maildrop {
    uint64_t account; /* whose lock is held; 0: none */
    uint64_t mailbox;
    uint32_t uidvalidity, uidnext;
    uint64_t modseq;
    struct store_view *view;       /* while opening */
    struct pop3_message *messages; /* ascending by UID; message n is messages[n - 1] */
    uint32_t count, capacity;
    uint64_t size;          /* of all messages */
    uint32_t deleted_count; /* marked ones */
    uint64_t deleted_size;
};

/* Where the bodies of messages first .. first + count - 1 (as indices) lie. */
struct pop3_window {
    uint32_t first, count;
    int64_t as_of_ms;
    bool is_there[POP3_WINDOW];
    struct store_blob blobs[POP3_WINDOW];
};

/* The message that is being sent. */
struct pop3_transfer {
    uint32_t index;
    uint64_t offset;
    bool is_announced; /* +OK was said: from here on only the whole message or a close */
    struct pop3_stuffer stuffer;
};

enum pop3_listing { POP3_LIST, POP3_UIDL };

struct pop3_session {
    struct pop3_service *service;
    struct host *host;
    enum pop3_state state;
    struct verdict waiting;    /* the last WANT_LINE */
    int64_t login_deadline_ms; /* monotonic */
    bool greets, is_quit;
    bool is_busy; /* inside a multi-line reply: no other text may be said */
    unsigned errors, auth_failures;
    struct buf user; /* of USER; empty: PASS is out of order */
    struct auth_exchange *exchange;
    struct buf login; /* the account's address, after a login */
    struct pop3_maildrop maildrop;
    struct pop3_window window;
    struct pop3_transfer transfer;
    enum pop3_listing listing;
    uint32_t listing_index;
    enum ending why;
    uint64_t retrieved_count, retrieved_bytes, removed_count;
};

typedef struct verdict pop3_handler(struct pop3_session *session, struct span argument);

struct pop3_command {
    struct command base;
    pop3_handler *run;
};

/* commands.c */
extern const struct pop3_command pop3_commands[];
extern const size_t pop3_command_count;

/* cmd_*.c, retrieve.c */
pop3_handler pop3_user, pop3_pass, pop3_auth;
pop3_handler pop3_capa, pop3_stls, pop3_noop, pop3_quit;
pop3_handler pop3_stat, pop3_list, pop3_uidl, pop3_dele, pop3_rset;
pop3_handler pop3_retr, pop3_top;

/* server.c: the next command. */
struct verdict pop3_next(struct pop3_session *session);
size_t pop3_shown(struct span line); /* shown.c */
/* A line of an AUTH exchange; any further line of the command under way. */
struct verdict pop3_want_secret(struct pop3_session *session, session_line_fn *then);
struct verdict pop3_want_line(struct pop3_session *session, size_t max, session_line_fn *then);
/* Whether passwords may be sent on this connection. */
bool pop3_is_private(const struct pop3_session *session);

/* reply.c: each puts one line into out and returns the want that follows it. */
struct verdict pop3_ok(struct pop3_session *session, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A refusal that costs nothing; text begins with the response code (RFC 2449 8) if it has one. */
struct verdict pop3_refuse(struct pop3_session *session, const char *text);
/* A refusal that counts; the connection ends at errors_max. */
struct verdict pop3_bad(struct pop3_session *session, const char *text);
void pop3_log_begin(const struct pop3_session *session, struct log_line *line, enum log_level level,
                    const char *event);

/* maildrop.c: locks and opens the INBOX of the account that logged in; answers the login. */
struct verdict pop3_open_maildrop(struct pop3_session *session,
                                  const struct store_account *account);
/* Gives up lock and memory. */
void pop3_close_maildrop(struct pop3_session *session);
/* The index of message number text: 0, or ERR_SYNTAX, ERR_NOT_FOUND, or ERR_REFUSED when it is
 * marked. */
int pop3_find_message(const struct pop3_session *session, struct span text, uint32_t *index_out)
    __attribute__((warn_unused_result));
/* The reply that goes with such a code. */
struct verdict pop3_refuse_message(struct pop3_session *session, int err);
/* Removes what is marked (RFC 1939 6), says so and closes. */
struct verdict pop3_update(struct pop3_session *session);

/* locks.c: false when another session has the account's maildrop. Any thread. */
bool pop3_locks_take(struct pop3_locks *locks, uint64_t account);
void pop3_locks_give_back(struct pop3_locks *locks, uint64_t account);

#endif
