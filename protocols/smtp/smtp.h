/*
 * smtp: the SMTP server (RFC 5321) for port 25 and for submission (RFC 6409), and the LMTP server
 * (RFC 2033), as sessions.
 */
#ifndef POSTERN_PROTOCOLS_SMTP_SMTP_H
#define POSTERN_PROTOCOLS_SMTP_SMTP_H

#include "auth/auth.h"
#include "conf/settings/relay.h"
#include "conf/settings/smtp.h"
#include "net/session.h"
#include "store/store.h"

enum smtp_role {
    SMTP_MX, /* mail for local domains from anyone; relay only for relay_networks or logins */
    SMTP_SUBMISSION, /* MAIL only after a login */
    SMTP_LMTP        /* mail for local domains from another mail server, which is trusted */
};

/* Immutable; one per listener role and generation of settings. All borrowed. */
struct smtp_service {
    enum smtp_role role;
    bool offers_starttls; /* false on implicit and no-TLS listeners */
    const struct settings_smtp *settings;
    const struct network *relay_networks; /* parsed from the settings */
    size_t relay_network_count;
    const char *hostname;
    const char *const *domains;
    size_t domain_count;
    const struct settings_relay *relay; /* its routes may refuse a domain; NULL: nothing relays */
    struct store *store;
    struct auth *auth;
    struct smtp_pace *pace; /* of logins; NULL: they have no limits */
    unsigned auth_failures_max;
};

/* service: struct smtp_service. */
extern const struct session_type smtp_session_type;
/* The same for SMTP_LMTP. */
extern const struct session_type lmtp_session_type;

#endif
