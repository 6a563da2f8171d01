/*
 * reader: cuts what arrives into lines and chunks. It knows no transport, no TLS and no protocol:
 * bytes go in by reader_feed(), come out by reader_line() or reader_bytes(), in order, each once.
 * The result depends on the bytes alone, never on how they were cut on their way.
 *
 * No copy is made of what can be used where it lies; what is left at the end of a round is kept by
 * reader_keep(). Memory is at most the longest line and what one round left over; a reader that
 * waits for nothing holds none.
 */
#ifndef POSTERN_NET_READER_H
#define POSTERN_NET_READER_H

#include "base/buf.h"
#include "net/session.h"

enum {
    /* How much may be left over. The pump stops reading long before; reaching it ends the
     * connection. */
    READER_KEEP_MAX = 1024 * 1024,
    READER_LINE_MAX = 256 * 1024, /* the longest line that a session may ask for */
    READER_CUT_MAX = 1024,        /* so much is shown of a line that is too long */
    /* So much is dropped of it in the hope of its end: some clients put a list of a hundred
     * thousand numbers into one line. What is longer has none, and is a flood. */
    READER_SKIP_MAX = 1024 * 1024
};

struct reader {
    struct buf kept;     /* came earlier, not taken yet; goes before fresh */
    struct span fresh;   /* borrowed: what the round under way brought */
    struct buf cut;      /* the beginning of the line that is being skipped */
    size_t scanned;      /* so many bytes of kept hold no LF */
    size_t skipped;      /* so much was dropped of it */
    bool is_skipping;    /* a line was too long: up to its CRLF all is dropped */
    bool has_skipped_cr; /* the last byte dropped was CR */
    bool is_spoilt;      /* behind a bare LF, up to the next CRLF */
};

void reader_init(struct reader *reader);
/* Wipes what is kept: passwords pass through here. Usable again afterwards. */
void reader_deinit(struct reader *reader);

/* Borrowed until reader_keep(). What was fed before must have been used up or kept. */
void reader_feed(struct reader *reader, struct span fresh);
/* Copies what is left of the fresh bytes. 0, or ERR_LIMIT above READER_KEEP_MAX. */
int reader_keep(struct reader *reader) __attribute__((warn_unused_result));
/* Gives memory back that is not in use. */
void reader_relax(struct reader *reader);

/* Bytes not taken; a line being skipped counts as one. */
static inline size_t reader_waiting(const struct reader *reader)
{
    return reader->kept.len + reader->fresh.len + (reader->is_skipping ? 1 : 0);
}

/* The line under way is so long that it is not worth waiting for its end. */
static inline bool reader_is_flooded(const struct reader *reader)
{
    return reader->is_skipping && reader->skipped > READER_SKIP_MAX;
}

/*
 * The next line with its fault, without its end; false when it is not complete. Borrowed until the
 * next call. max: longest line without CRLF, 1 to READER_LINE_MAX.
 *
 * Only CRLF ends a line (RFC 5321 2.3.8). A bare LF is told at once, so that a person who types
 * into a plain socket is answered; but what follows it up to the next CRLF is the rest of a spoilt
 * line and comes as LINE_BARE_LF too, so that nothing smuggled in behind a LF is ever carried out.
 */
bool reader_line(struct reader *reader, size_t max, enum line_fault *fault_out,
                 struct span *line_out);

/* Up to max of the bytes that wait, empty when there are none; reader_take() takes them. */
struct span reader_bytes(const struct reader *reader, size_t max);
void reader_take(struct reader *reader, size_t len);

#endif
