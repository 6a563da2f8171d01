/*
 * server_trace: writes the events of one loop's traced connections to trace_file (docs/TRACE.md).
 * Loop thread only; the disk is waited for by jobs in the slow lane. Memory is bounded: what does
 * not fit is counted and told.
 */
#ifndef POSTERN_SERVER_TRACE_H
#define POSTERN_SERVER_TRACE_H

#include "base/tap.h"
#include "conf/settings/server.h"

struct job_port;
struct server_trace;

/* Owned. server_trace_set() comes before the first event. */
struct server_trace *server_trace_create(struct job_port *port);
/* Where connections send their events. Borrowed. */
struct tap *server_trace_tap(struct server_trace *trace);
/* File and format from now on; copied. */
void server_trace_set(struct server_trace *trace, const struct settings_server *settings);
/* Hands over what is left. Before the port is freed; the trace itself outlives the port. */
void server_trace_end(struct server_trace *trace);
void server_trace_free(struct server_trace **trace);

#endif
