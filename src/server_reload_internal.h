/*
 * server_reload_internal: reloads on request, of everything, and when TLS files change. Main thread
 * only, but for the last call.
 */
#ifndef POSTERN_SERVER_RELOAD_INTERNAL_H
#define POSTERN_SERVER_RELOAD_INTERNAL_H

struct server;
struct server_reload;

/* create: before the files are first read; start and stop: while the first loop has its port. */
struct server_reload *server_reload_create(struct server *server);
void server_reload_start(struct server_reload *reload);
void server_reload_request(struct server_reload *reload);
void server_reload_stop(struct server_reload *reload);
void server_reload_free(struct server_reload **reload);

/* Logs a mistake in the configuration; any thread. */
void server_conf_report(void *owner, const char *file, int line, const char *sentence);

#endif
