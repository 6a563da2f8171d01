/*
 * lex: the tokens that all structured header fields share (RFC 5322 3.2): folding white space,
 * comments, quoted strings; and words folded into lines again. Every call moves forward only, so
 * parsers built on it are linear; comments nest by a counter, not by calls.
 */
#ifndef POSTERN_MAIL_LEX_INTERNAL_H
#define POSTERN_MAIL_LEX_INTERNAL_H

#include "base/buf.h"

static inline bool lex_is_space(char byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

static inline char lex_lower(char byte)
{
    return byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
}

/* atext of RFC 5322 3.2.3 or a byte above 127 (RFC 6532). */
bool lex_is_atext(char byte);

/* Takes count bytes off the front; there are as many. */
static inline void lex_advance(struct span *rest, size_t count)
{
    rest->ptr += count;
    rest->len -= count;
}

/* Takes white space and comments off the front. */
void lex_skip_cfws(struct span *rest);
/* *rest stands at '(': takes the comment off and returns what is between the outer parentheses. An
 * unterminated one lasts to the end. */
struct span lex_comment(struct span *rest);
/* *rest stands at '"': takes the quoted string off and returns what is between the quotes, escapes
 * and folding still in it. An unterminated one lasts to the end. */
struct span lex_quoted(struct span *rest);
/* Writes raw without the backslashes of its quoted pairs and without CR and LF; out holds raw.len
 * bytes. Returns how many were written. */
size_t lex_unescape(struct span raw, char *out);
/* Without leading and trailing space, tab, CR and LF. */
struct span lex_trim(struct span text);

/* Writes words into lines of at most 78 characters where words allow it. */
struct lex_fold {
    struct buf *out;
    size_t column; /* of the line under way */
};

/* A word, with a space or a fold before it. */
void lex_fold_word(struct lex_fold *fold, struct span word);
void lex_fold_text(struct lex_fold *fold, const char *word);
/* The words of a text; controls separate them, and bytes above 127 become '?'. */
void lex_fold_words(struct lex_fold *fold, struct span text);

/* Appends, or leaves it when out has a maximum that is reached: readers of hostile headers cut. */
static inline void lex_put(struct buf *out, struct span bytes)
{
    (void)!buf_append(out, bytes);
}

#endif
