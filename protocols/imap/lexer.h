/*
 * lexer: collects one command, line by line and literal by literal, into one bounded run of bytes
 * (RFC 3501 4.3, RFC 7888). It sees literal announcements and nothing else of the grammar; the
 * arguments are read by args.h from what is collected here.
 *
 * The collected text is as it was on the wire: "{5}" CRLF and the literal's bytes follow in place;
 * the last line's CRLF is left out. Whether an announced literal is asked for is the owner's
 * decision, taken before a byte of it has come.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_LEXER_H
#define POSTERN_PROTOCOLS_IMAP_LEXER_H

#include "base/buf.h"

struct imap_lexer {
    struct buf command;
    uint64_t literal_left; /* bytes of an accepted literal that are still to come */
};

struct imap_literal {
    uint64_t size; /* UINT64_MAX: more digits than any number has */
    bool is_sync;  /* the client waits for "+" */
};

/* size_max: command_size_max, the limit of all lines and literals together. */
void imap_lexer_init(struct imap_lexer *lexer, uint64_t size_max);
/* Empties it for the next command, gives the memory back, and wipes it: a LOGIN was in it. */
void imap_lexer_reset(struct imap_lexer *lexer);

enum imap_lexed {
    IMAP_LEXED_COMMAND, /* the command is complete */
    IMAP_LEXED_LITERAL, /* the line announces a literal: accept it or refuse the command */
    IMAP_LEXED_TOO_BIG  /* the line does not fit any more */
};

/* Appends a line (without CRLF). literal_out is set with IMAP_LEXED_LITERAL. */
enum imap_lexed imap_lexer_line(struct imap_lexer *lexer, struct span line,
                                struct imap_literal *literal_out);
/* Whether a line announces a literal at its end, "{5}" or "{5+}". */
bool imap_literal_announced(struct span line, struct imap_literal *out);

/* Expects the announced literal: 0, or ERR_LIMIT when the command would exceed its size. */
int imap_lexer_accept(struct imap_lexer *lexer, uint64_t size) __attribute__((warn_unused_result));
/* Takes bytes of the literal; returns how many. The next line follows at literal_left 0. */
size_t imap_lexer_bytes(struct imap_lexer *lexer, struct span bytes);

static inline struct span imap_lexer_text(const struct imap_lexer *lexer)
{
    return buf_span(&lexer->command);
}

#endif
