/*
 * pop3: the POP3 server (RFC 1939, 2449, 2595, 5034) as sessions.
 */
#ifndef POSTERN_PROTOCOLS_POP3_POP3_H
#define POSTERN_PROTOCOLS_POP3_POP3_H

#include "auth/auth.h"
#include "conf/settings/pop3.h"
#include "net/session.h"
#include "store/store.h"

/* Which maildrops are locked, over all loops (RFC 1939 4). */
struct pop3_locks;
struct pop3_locks *pop3_locks_create(void);
void pop3_locks_free(struct pop3_locks **locks);

/* Immutable; one per listener role and generation of settings. All borrowed. */
struct pop3_service {
    bool offers_stls;
    bool auth_without_tls;
    const struct settings_pop3 *settings;
    const char *hostname;
    struct store *store;
    struct auth *auth;
    struct pop3_locks *locks;
    unsigned auth_failures_max;
};

/* service: struct pop3_service. */
extern const struct session_type pop3_session_type;

#endif
