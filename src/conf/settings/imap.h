/* Settings of the IMAP server. Sizes in bytes, times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_IMAP_H
#define POSTERN_CONF_SETTINGS_IMAP_H

#include <stdbool.h>
#include <stdint.h>

struct settings_imap {
    unsigned command_line_max; /* one line of a command, without CRLF */
    uint64_t command_size_max; /* a whole command with its literals, APPEND's message apart */
    unsigned nesting_max;      /* parentheses and NOT/OR of SEARCH */
    unsigned errors_max;       /* BAD answers per connection, then BYE */
    int64_t login_timeout_ms;  /* before login */
    int64_t idle_timeout_ms;   /* RFC 3501 5.4: at least 30 minutes */
};

#endif
