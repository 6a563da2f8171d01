/*
 * log: one line an event, logfmt, to standard error: time level area event key=value ...
 *
 *   2026-11-21T10:22:07.123Z info smtp accepted conn=4f2a msg=9c01... size=4096
 *
 * Values are quoted when they need it; a peer's bytes are escaped and cut at LOG_VALUE_MAX. A
 * secret has no formatter here. Lines go into a bounded ring that a writer thread empties, so a
 * stuck terminal blocks no loop; lines that find it full are dropped and counted. Thread-safe.
 * Event and key names are stable and documented in docs/LOGS.md.
 */
#ifndef POSTERN_BASE_LOG_H
#define POSTERN_BASE_LOG_H

#include "base/span.h"

enum log_level {
    LOG_DEBUG, /* for us */
    LOG_INFO,  /* one line per mail, login, TLS session */
    LOG_WARN,  /* look today */
    LOG_ERROR, /* act now */
    LOG_NONE
};

enum { LOG_LINE_MAX = 2048, LOG_VALUE_MAX = 256 };

/* A line being built, on the stack. Read-only for users. */
struct log_line {
    enum log_level level;
    size_t len;
    char text[LOG_LINE_MAX];
};

/* Starts the writer thread on fd; before that (and after log_stop) lines are written at once. */
void log_start(int fd);
/* Writes out what is waiting and ends the thread. */
void log_stop(void);
void log_set_level(enum log_level level);
bool log_is_on(enum log_level level);

/* area: a directory or protocol ("smtp", "tls"); event: one or two words ("accepted"). */
void log_begin(struct log_line *line, enum log_level level, const char *area, const char *event);
void log_text(struct log_line *line, const char *key, const char *value); /* value may be NULL */
void log_span(struct log_line *line, const char *key, struct span value);
void log_int(struct log_line *line, const char *key, int64_t value);
void log_hex(struct log_line *line, const char *key, uint64_t value);
/* An id that is also seen elsewhere (a message's: in the 250 reply, the Received field, `postern
 * queue`): always sixteen hexadecimal digits, so that one search finds all. */
void log_id(struct log_line *line, const char *key, uint64_t id);
/* Sends the line. A line below the level was never built: begin and these do nothing then. */
void log_end(struct log_line *line);

/* A line with one text value, for rare events: log_event(LOG_WARN, "store", "slow", "why", text) */
void log_event(enum log_level level, const char *area, const char *event, const char *key,
               const char *value);

#endif
