/*
 * stuff: a message's stored bytes as the body of a multi-line reply (RFC 1939 3): dots doubled at
 * line starts, the last line completed, the end marked; for TOP cut after so many lines. Fed in
 * pieces of any size.
 */
#ifndef POSTERN_PROTOCOLS_POP3_STUFF_H
#define POSTERN_PROTOCOLS_POP3_STUFF_H

#include "net/out.h"

/* Embedded; read-only for users. */
struct pop3_stuffer {
    bool is_limited; /* TOP */
    bool is_in_body; /* past the empty line; only kept when limited */
    bool is_done;    /* the limit is reached: nothing more is taken */
    bool has_crlf;   /* what was put ends with CRLF, or nothing was put */
    bool has_cr;     /* ... ends with CR */
    uint64_t lines_left;
    uint64_t line_len; /* of the line under way, so far */
};

void pop3_stuffer_init(struct pop3_stuffer *stuffer);
/* TOP: the header, the empty line and so many lines of the body. */
void pop3_stuffer_init_top(struct pop3_stuffer *stuffer, uint64_t body_lines);
void pop3_stuffer_put(struct pop3_stuffer *stuffer, struct span bytes, struct out *out);
/* The line end that is missing, if so, and the final dot. */
void pop3_stuffer_finish(struct pop3_stuffer *stuffer, struct out *out);

#endif
