/*
 * json: a tap event (base/tap.h) as one line of JSON, for programs. The keys are stable and stand
 * in docs/TRACE.md. Whatever a peer sent, the line is valid UTF-8 and valid JSON (RFC 8259): bytes
 * that are no UTF-8 become U+FFFD, and what steers a terminal \u escapes: people look at it too.
 * Pure function, any thread.
 */
#ifndef POSTERN_LENS_JSON_H
#define POSTERN_LENS_JSON_H

#include "base/buf.h"
#include "base/tap.h"

/* Appends {...} and LF. began_us: when the connection began, in the event's clock; "us" is counted
 * from there. out has no maximum, or room by construction: the event's own bounds hold. */
void lens_put_json(struct buf *out, const struct tap_event *event, int64_t began_us);
/* Appends any bytes as a JSON string, with its quotes, as lens_put_json() writes its own. */
void lens_json_string(struct buf *out, struct span text);

#endif
