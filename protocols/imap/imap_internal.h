/*
 * imap_internal: what the files of the IMAP server share: the session, the command under way, and
 * how a command ends. Only protocols/imap includes it.
 *
 * The life of a command: input.c collects it and asks the gate; its row's handler runs and returns
 * verdicts; imap_ok(), imap_no() or imap_bad() end it: its memory goes, what changed in the mailbox
 * is told (update.c), the tagged reply follows.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_INTERNAL_H
#define POSTERN_PROTOCOLS_IMAP_INTERNAL_H

#include "base/log.h"
#include "protocols/command.h"
#include "protocols/imap/args.h"
#include "protocols/imap/imap.h"
#include "protocols/imap/lexer.h"
#include "store/entry.h"
#include "store/mailbox.h"

enum imap_state { IMAP_NOT_AUTHENTICATED = 1, IMAP_AUTHENTICATED = 2, IMAP_SELECTED = 4 };

struct imap;
typedef struct verdict imap_handler_fn(struct imap *imap);

enum imap_traits {
    IMAP_BY_UID = 1,         /* a UID command: sets hold UIDs, FETCH responses carry the UID */
    IMAP_KEEPS_NUMBERS = 2,  /* no EXPUNGE may be sent (RFC 3501 7.4.1) */
    IMAP_TAKES_MESSAGE = 4,  /* APPEND: its last literal goes to the store, not into memory */
    IMAP_NEEDS_WRITABLE = 8, /* refused in a mailbox opened by EXAMINE */
    IMAP_IS_UPGRADE = 16     /* there only when the listener offers it */
};

struct imap_command {
    struct command base;
    imap_handler_fn *run;
    unsigned traits;
};

/* By name ("UID FETCH" is one name); NULL: unknown. */
const struct imap_command *imap_command_find(struct span name);

/* What is still to be told of deltas. Owned. */
struct imap_update {
    struct store_flags_row *rows;
    size_t row_count, row_at;
    struct uid_range *vanished; /* told from the end on */
    size_t vanished_count;
    imap_handler_fn *then;
};

enum imap_reply_kind { IMAP_OK, IMAP_NO, IMAP_BAD };

/* Longer tags are refused. */
enum { IMAP_TAG_MAX = 128 };

struct imap {
    struct host *host;
    const struct imap_service *service;
    enum imap_state state;
    unsigned error_count, auth_failure_count;
    int64_t login_deadline_ms; /* monotonic */
    session_line_fn *line_then;
    bool line_is_secret;
    size_t line_max;

    /* The command under way; empty between commands. */
    struct imap_lexer lexer;
    struct arena arena;
    struct imap_args args;
    const struct imap_command *command;
    size_t args_at; /* where the arguments begin in the collected text */
    char tag[IMAP_TAG_MAX + 1];
    struct {
        enum imap_reply_kind kind;
        const char *code, *text; /* text NULL: not refused */
    } refusal;
    uint64_t skip_left; /* of a refused literal that comes anyway */
    struct buf tail;    /* the tagged reply */
    struct buf scratch; /* for building output; empty between commands */
    void *work;         /* what the handler keeps between events; owned */
    void (*work_free)(void *work);
    bool is_streaming; /* inside a response: last words would garble it */
    bool is_closing;   /* after this command */
    bool is_lost;      /* nobody knows where the next command begins: BYE */
    bool is_idling;
    bool is_greeted; /* the upgrade greets no second time */

    uint64_t account;
    char *login;                    /* owned; NULL before login */
    struct imap_selected *selected; /* update.h; NULL: none */
    struct imap_update update;
    char upgrade_text[IMAP_TAG_MAX + 64];
    char refusal_text[IMAP_TAG_MAX + 64];
    char crowded_text[IMAP_TAG_MAX + 64];
};

/* input.c: the first and the next verdict of the command cycle. */
struct verdict imap_next_command(struct imap *imap);
/* The last such verdict once more. */
struct verdict imap_want_again(struct imap *imap);
/* A line that holds a password, or may: of AUTHENTICATE, or behind a literal. */
struct verdict imap_want_secret(struct imap *imap, size_t max, session_line_fn *then);
size_t imap_shown(struct span line); /* shown.c */
struct verdict imap_want_line(struct imap *imap, size_t max, session_line_fn *then);
int64_t imap_timeout_ms(const struct imap *imap);
/* Ends a command whose literal will not be taken: at once, or behind its bytes when they come
 * unasked (RFC 7888). imap->refusal is set. */
struct verdict imap_refuse_literal(struct imap *imap, const struct imap_literal *literal);
void imap_refuse(struct imap *imap, enum imap_reply_kind kind, const char *code, const char *text);

/* server.c: the end of a command. code: without brackets, NULL: none. imap_bad_args() says the
 * parser's reason; imap_no_status() is for a job ("open the mailbox") and logs what is our fault.
 */
struct verdict imap_ok(struct imap *imap, const char *code, const char *text);
struct verdict imap_no(struct imap *imap, const char *code, const char *text);
struct verdict imap_bad(struct imap *imap, const char *text);
/* BAD to a line with a fault; BYE behind it when the line may have announced a LITERAL+. */
struct verdict imap_bad_line(struct imap *imap, enum line_fault fault, struct span line);
struct verdict imap_bad_args(struct imap *imap);
struct verdict imap_reply(struct imap *imap, enum imap_reply_kind kind, struct span code,
                          const char *text);
struct verdict imap_no_status(struct imap *imap, int status, const struct fault *fault,
                              const char *what);
/* "* BYE text", then close. */
struct verdict imap_bye(struct imap *imap, const char *text);
void imap_log_begin(const struct imap *imap, struct log_line *line, enum log_level level,
                    const char *event);
/* Sends what is in scratch and empties it. */
void imap_flush(struct imap *imap);
/* Keeps state between the events of a command; freed at its end. */
void imap_set_work(struct imap *imap, void *work, void (*work_free)(void *work));

/* cmd_any.c: the capabilities of this moment, into scratch, without "CAPABILITY". */
void imap_put_capabilities(struct imap *imap);

/* cmd_append.c: an announced literal of APPEND. True: *out is how it goes on; false: it is an
 * argument like any other, or the command was refused. */
bool imap_append_literal(struct imap *imap, const struct imap_literal *literal,
                         struct verdict *out);

/* The rows' handlers. */
imap_handler_fn imap_cmd_capability, imap_cmd_noop, imap_cmd_logout, imap_cmd_id, imap_cmd_starttls,
    imap_cmd_authenticate, imap_cmd_login, imap_cmd_select, imap_cmd_examine, imap_cmd_create,
    imap_cmd_delete, imap_cmd_rename, imap_cmd_subscribe, imap_cmd_unsubscribe, imap_cmd_list,
    imap_cmd_lsub, imap_cmd_namespace, imap_cmd_status, imap_cmd_append, imap_cmd_idle,
    imap_cmd_close, imap_cmd_unselect, imap_cmd_expunge, imap_cmd_search, imap_cmd_fetch,
    imap_cmd_store, imap_cmd_copy, imap_cmd_move;

#endif
