/*
 * command: the table look-up and the gate that all line protocols share. A command is a row; the
 * gate refuses before the handler runs, so no handler asks "are we on TLS?" or "is there a login?".
 */
#ifndef POSTERN_PROTOCOLS_COMMAND_H
#define POSTERN_PROTOCOLS_COMMAND_H

#include "base/span.h"

enum command_flags {
    COMMAND_PLAIN_OK = 0,
    COMMAND_TLS_ONLY = 1,       /* refused in plaintext (unless the settings allow it) */
    COMMAND_PLAINTEXT_ONLY = 2, /* the upgrade: refused under TLS */
    COMMAND_COUNTED = 4,        /* costs an error when it fails: against guessing */
    COMMAND_NO_ARGUMENT = 8,    /* an argument is a syntax error */
    COMMAND_IDLE = 16           /* brings no work on: so many in a row are enough */
};

/* First members of a protocol's row; handlers have the protocol's own type. */
struct command {
    const char *name; /* upper case */
    unsigned states;  /* bits of the protocol's states in which it is allowed */
    unsigned flags;   /* of enum command_flags */
    const char *rfc;  /* "RFC 5321 4.1.1.2" */
};

enum command_gate {
    COMMAND_ALLOWED,
    COMMAND_UNKNOWN,
    COMMAND_NEEDS_TLS,
    COMMAND_ALREADY_TLS,
    COMMAND_WRONG_STATE,
    COMMAND_HAS_ARGUMENT
};

/* Finds name (without case) in a table of rows, each row_size bytes, beginning with a struct
 * command; NULL: unknown. */
const struct command *command_find(const void *rows, size_t row_count, size_t row_size,
                                   struct span name);
enum command_gate command_check(const struct command *command, unsigned state, bool is_tls,
                                bool has_argument);

#endif
