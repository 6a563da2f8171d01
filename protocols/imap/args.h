/*
 * args: reads the arguments of a collected command (lexer.h) from left to right, by the grammar of
 * RFC 3501 section 9. A pull parser: each call reads one thing or leaves a reason in `error` and
 * returns false; nothing here recurses or allocates but for quoted strings with escapes (arena).
 */
#ifndef POSTERN_PROTOCOLS_IMAP_ARGS_H
#define POSTERN_PROTOCOLS_IMAP_ARGS_H

#include "base/arena.h"
#include "base/span.h"

struct imap_args {
    struct span text; /* the collected command */
    size_t at;
    struct arena *arena; /* the command's */
    const char *error;   /* what was expected; NULL: no fault so far */
    const char *refusal; /* set: the grammar is right but what is named cannot be: NO [refusal] */
};

static inline void imap_args_init(struct imap_args *args, struct span text, struct arena *arena)
{
    *args = (struct imap_args){.text = text, .arena = arena};
}

/* Sets the reason (the first one stays) and returns false. */
bool imap_args_fail(struct imap_args *args, const char *error);

/* The same for what is well written but cannot be: the answer is NO with that code. */
bool imap_args_refuse(struct imap_args *args, const char *code, const char *error);

/* Looking only. */
bool imap_args_at_end(const struct imap_args *args);
/* The next byte, '\0' at the end (a NUL never gets into a command's lines). */
char imap_args_peek(const struct imap_args *args);
static inline struct span imap_args_rest(const struct imap_args *args)
{
    return span_from(args->text, args->at);
}

/* Takes that byte if it is next. Never sets an error. */
bool imap_args_skip(struct imap_args *args, char byte);

/* Each sets an error when it is not so. */
bool imap_args_end(struct imap_args *args);
bool imap_args_space(struct imap_args *args);
bool imap_args_open(struct imap_args *args);  /* "(" */
bool imap_args_close(struct imap_args *args); /* ")" */
/* 1*ATOM-CHAR */
bool imap_args_atom(struct imap_args *args, struct span *out);
/* The atom goes on to the next space, bracket or parenthesis: item names such as BODY.PEEK. */
bool imap_args_word(struct imap_args *args, struct span *out);
/* quoted or literal. No NUL in it (RFC 3501: CHAR8 is not NUL). */
bool imap_args_string(struct imap_args *args, struct span *out);
bool imap_args_astring(struct imap_args *args, struct span *out);
/* As in LIST: wildcards are allowed outside quotes. */
bool imap_args_list_mailbox(struct imap_args *args, struct span *out);
/* NIL gives a span with a NULL ptr. */
bool imap_args_nstring(struct imap_args *args, struct span *out);
bool imap_args_number(struct imap_args *args, uint32_t *out);
bool imap_args_nonzero(struct imap_args *args, uint32_t *out);
/* The characters of a sequence set, unparsed: for seqset.h. */
bool imap_args_sequence_set(struct imap_args *args, struct span *out);
/* "(" flags ")" or, where is_list_needed is not set, flags with spaces between. Calls each for one
 * flag; it returns false with an error set to stop. */
bool imap_args_flags(struct imap_args *args, bool is_list_needed,
                     bool (*each)(void *owner, struct imap_args *args, struct span flag),
                     void *owner);

bool imap_is_atom_char(char c);
/* 1*tag-char, RFC 3501's tag. */
bool imap_is_tag_char(char c);

#endif
