/*
 * shown: how much of a line a tap may see (net/session.h: session_type.shown). Decided by the line
 * alone: what is not known is not shown at all, for a mistyped AUTH or a response that comes where
 * a command is due is as secret as a right one.
 */
#ifndef POSTERN_PROTOCOLS_SHOWN_H
#define POSTERN_PROTOCOLS_SHOWN_H

#include "base/span.h"

enum shown_part {
    SHOWN_ALL,
    SHOWN_NAME,     /* the command's name; not its argument */
    SHOWN_MECHANISM /* the name and, where it is a known one, the SASL mechanism behind it */
};

struct shown_row {
    const char *name; /* upper case */
    enum shown_part part;
};

/* Bytes of line, which begins with a command's name, that may be shown; 0 where no row has it. */
size_t shown_len(const struct shown_row *rows, size_t count, struct span line);
/* For lines of a server, which tells no secret of the client's: all. */
size_t shown_all(struct span line);

#endif
