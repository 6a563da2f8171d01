/* Settings of the POP3 server. Times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_POP3_H
#define POSTERN_CONF_SETTINGS_POP3_H

#include <stdint.h>

struct settings_pop3 {
    unsigned errors_max;      /* -ERR answers to bad commands per connection, then close */
    int64_t login_timeout_ms; /* from the greeting or upgrade to the login */
    int64_t idle_timeout_ms;  /* RFC 1939 3: at least 10 minutes */
};

#endif
