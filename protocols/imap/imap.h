/*
 * imap: the IMAP4rev1 server (RFC 3501) as sessions.
 */
#ifndef POSTERN_PROTOCOLS_IMAP_IMAP_H
#define POSTERN_PROTOCOLS_IMAP_IMAP_H

#include "auth/auth.h"
#include "conf/settings/imap.h"
#include "net/session.h"
#include "store/store.h"

/* Immutable; one per listener role and generation of settings. All borrowed. */
struct imap_service {
    bool offers_starttls;
    bool auth_without_tls;
    const struct settings_imap *settings;
    uint64_t append_size_max; /* the SMTP message_size_max: APPENDLIMIT */
    const char *hostname;
    struct store *store;
    struct auth *auth;
    unsigned auth_failures_max;
};

/* service: struct imap_service. */
extern const struct session_type imap_session_type;

#endif
