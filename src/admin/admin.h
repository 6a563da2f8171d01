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

enum { ADMIN_WORDS_MAX = 16, ADMIN_LINE_MAX = 4096 };

struct admin_row;

/* One call under way. Lives in its caller. */
struct admin_call {
    struct store *store;
    struct arena arena;
    struct span words[ADMIN_WORDS_MAX];
    size_t word_count;
    const struct admin_row *row;
    struct buf text; /* the answer, lines ending in '\n' */
    int status;      /* 0 or 1, an exit status */
    /* Told of a queue entry that was deleted; may be NULL. */
    void (*on_deleted)(void *owner, uint64_t id);
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

/* The control socket's session; service: struct admin_service. Only who may open the socket (mode
 * 0600 in the data directory) speaks it. Each answer line is "|text", the last one "done STATUS".
 */
struct admin_service {
    struct store *store;
    /* A queue entry was deleted: who has it in hand is to drop it. May be NULL. */
    void (*on_deleted)(void *owner, uint64_t id);
    void *owner;
};
extern const struct session_type admin_session_type;

#endif
