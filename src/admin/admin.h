/*
 * admin: what an administrator may do to a store: users, aliases, the queue. The same rows serve
 * the control socket of a running server (admin/control.c) and a subcommand that holds the store
 * itself (cli/channel.c), so both always can do the same.
 *
 * A call is a list of words ("user", "add", "alice@example.org", verifier). It is answered at once
 * or by one job of the store; either way the result is text for a human and an exit status.
 */
#ifndef POSTERN_ADMIN_ADMIN_H
#define POSTERN_ADMIN_ADMIN_H

#include "base/arena.h"
#include "base/buf.h"
#include "net/job.h"
#include "net/session.h"
#include "store/store.h"

enum {
    ADMIN_WORDS_MAX = 20,
    ADMIN_QUEUE_PAGE = 1000,   /* entries of one call */
    ADMIN_QUEUE_WORDS = 10,    /* of a line that is an entry */
    ADMIN_LINE_MAX = 32 * 1024 /* the ids of a page */
};

/* What relays must know of a change of the queue: they may have the entry in hand and are to leave
 * it alone (deleted, held), or all destinations are to be tried at once (id 0). */
enum admin_queue_change { ADMIN_QUEUE_TAKEN_AWAY, ADMIN_QUEUE_RETRY };
typedef void admin_queue_fn(void *owner, enum admin_queue_change change, uint64_t id);

struct admin_row;

/* One call under way. Lives in its caller. */
struct admin_call {
    struct store *store;
    struct arena arena;
    struct span words[ADMIN_WORDS_MAX];
    size_t word_count;
    const struct admin_row *row;
    struct buf text;          /* the answer, lines ending in '\n' */
    int status;               /* 0 or 1, an exit status */
    admin_queue_fn *on_queue; /* may be NULL */
    void *owner;
};

void admin_call_init(struct admin_call *call, struct store *store);
void admin_call_deinit(struct admin_call *call);

/* A line of the control protocol: words separated by one space, bytes outside printable ASCII, '%'
 * and space written as %XX. Appends; 0 or ERR_LIMIT. */
int admin_line_write(const struct span *words, size_t count, struct buf *line_out)
    __attribute__((warn_unused_result));
/* Reads it into the call's words: 0, ERR_SYNTAX or ERR_LIMIT. */
int admin_line_read(struct admin_call *call, struct span line) __attribute__((warn_unused_result));

/* Begins: NULL when text and status are there already, else a job to run; then admin_finish(). */
struct job *admin_start(struct admin_call *call);
void admin_finish(struct admin_call *call, struct job *job);

/* A line of `queue rows`, which answers how many entries there are (0 but at the first page: that
 * is the one AFTER 0) and then a page of them by number. */
struct admin_queue_row {
    uint64_t id, size;
    struct span message; /* 16 hexadecimal digits */
    unsigned attempts;
    int64_t created_us, due_us;
    bool is_held;
    struct span reverse_path, recipient, last_status; /* as others wrote them: for no terminal */
};
/* Texts are the call's. false: it is no such line. */
bool admin_queue_row_read(struct admin_call *call, struct span line, struct admin_queue_row *out);

/* The control socket's session; service: struct admin_service. Only who may open the socket (mode
 * 0600 in the data directory) speaks it. Each answer line is "|text", the last one "done STATUS".
 */
struct admin_service {
    struct store *store;
    admin_queue_fn *on_queue; /* may be NULL */
    void *owner;
};
extern const struct session_type admin_session_type;

#endif
