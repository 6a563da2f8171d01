/*
 * server: one running Postern: what `postern serve` does. Wiring only: it opens the store, the TLS
 * manager, the loops and their listeners in the right order, reloads, drains and stops.
 */
#ifndef POSTERN_SERVER_H
#define POSTERN_SERVER_H

/* Runs in the foreground until SIGTERM or SIGINT. conf_file: absolute or relative path. Returns an
 * exit status; what went wrong has been logged. */
int server_run(const char *conf_file);

#endif
