/* Settings of the server as a whole, and its listeners. */
#ifndef POSTERN_CONF_SETTINGS_SERVER_H
#define POSTERN_CONF_SETTINGS_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct settings_server {
    const char *hostname; /* in greetings, EHLO, Received, Message-ID */
    const char **domains; /* local ones; the first is the default for login names */
    size_t domain_count;
    const char *user;     /* to become after binding; "": stay */
    const char *data_dir; /* absolute: store, control socket */
    unsigned loops;       /* 0: one per core */
    const char *log_level;
    const char *trace_file;   /* absolute: what listeners and relay with `trace` do */
    const char *trace_format; /* "json" (a line an event) or "text" */
};

enum listener_protocol {
    LISTENER_SMTP,       /* port 25: mail for local domains from anyone */
    LISTENER_SUBMISSION, /* 587, 465: only after a login */
    LISTENER_IMAP,
    LISTENER_POP3,
    LISTENER_LMTP /* mail for local domains from another mail server */
};

enum listener_tls { LISTENER_STARTTLS, LISTENER_IMPLICIT, LISTENER_NO_TLS };

struct settings_listener {
    const char *name; /* "submission" */
    enum listener_protocol protocol;
    enum listener_tls tls;
    const char **addresses; /* numeric: "0.0.0.0", "::"; or paths of unix sockets */
    size_t address_count;
    uint16_t port;            /* port_offset is added already; 0: paths only */
    const char *socket_mode;  /* "0600", "0660", "0666" */
    const char *socket_group; /* "": that of the server's user */
    bool trace;               /* its connections are written to trace_file */
    bool proxy;               /* each connection begins with a PROXY header */
};

#endif
