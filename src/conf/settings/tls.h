/* Settings of tls: files and policies. */
#ifndef POSTERN_CONF_SETTINGS_TLS_H
#define POSTERN_CONF_SETTINGS_TLS_H

struct settings_tls {
    const char *certificate;    /* PEM file: the server's chain, leaf first */
    const char *key;            /* PEM file */
    const char *trusted;        /* PEM file of authorities for outbound checks; "" : the system's */
    const char *server_profile; /* "modern", "intermediate" or a GnuTLS priority string */
    const char *client_profile;
};

#endif
