/*
 * ink: text for people: headings, columns, wrapping, colour where it is wanted, and nothing of a
 * peer's bytes that could move a terminal. Appends to a buffer without a maximum.
 */
#ifndef POSTERN_CLI_INK_H
#define POSTERN_CLI_INK_H

#include "base/buf.h"

enum ink_colour { INK_PLAIN, INK_STRONG, INK_GOOD, INK_BAD, INK_FAINT, INK_US, INK_THEM };

enum { INK_WIDTH = 96 }; /* columns; longer words go over it rather than being cut */

struct ink {
    struct buf *out;
    bool has_colour;
    size_t column; /* of the line under way */
};

/* Whether a stream wants colour: a terminal, TERM is not "dumb", NO_COLOR is not set. */
bool ink_wants_colour(int fd);

void ink_put(struct ink *ink, enum ink_colour colour, const char *text);
void ink_printf(struct ink *ink, enum ink_colour colour, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A peer's bytes: what is not printable ASCII becomes \xNN. */
void ink_bytes(struct ink *ink, enum ink_colour colour, struct span bytes);
/* Words from here on, wrapped; further lines are indented. Bytes as ink_bytes() has them. */
void ink_words(struct ink *ink, enum ink_colour colour, struct span words, size_t indent);
/* Spaces up to the column; one at least where it is behind already. */
void ink_to(struct ink *ink, size_t column);
void ink_end(struct ink *ink); /* of the line */
/* An empty line, then the heading and, fainter, what it means. */
void ink_heading(struct ink *ink, const char *heading, const char *meaning);

#endif
