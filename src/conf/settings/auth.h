/* Settings of auth. Times in milliseconds. */
#ifndef POSTERN_CONF_SETTINGS_AUTH_H
#define POSTERN_CONF_SETTINGS_AUTH_H

#include <stdint.h>

struct settings_auth {
    unsigned iteration_count; /* of new SCRAM verifiers; RFC 7677: at least 4096 */
    unsigned failures_max;    /* failed logins per connection, then close */
    unsigned throttle_count;  /* failed logins per address before answers slow down */
    int64_t throttle_ms;      /* how long a failure is remembered */
    int64_t cache_ms;         /* how long a verified password is remembered (keyed hash); 0: not */
    unsigned hash_threads;
};

#endif
