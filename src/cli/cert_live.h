/*
 * cert_live: what postern cert check says of a live server: the chain and staple that it shows in
 * its handshake, judged and printed as those of a file are.
 */
#ifndef POSTERN_CLI_CERT_LIVE_H
#define POSTERN_CLI_CERT_LIVE_H

#include "pki/trust.h"

/* Borrowed. */
struct cert_live {
    const char *target; /* HOST[:PORT] */
    const char
        *starttls;    /* smtp, imap, pop3, lmtp; NULL: by the port, else TLS from the first byte */
    const char *name; /* to send and to check; NULL: the target's host */
    const char *authorities, *revocations; /* files of trust; "": the system's, none */
    const struct pki_trust *trust;
};

/* Looks, judges, prints; an exit status as of cert check. */
int cert_live_check(const struct cert_live *live);

#endif
