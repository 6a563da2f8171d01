/*
 * name: whom a certificate is for. Three forms are told apart by how they look: an e-mail address
 * has an '@', a numeric address is one, all else must be a DNS name. Pure functions.
 */
#ifndef POSTERN_PKI_NAME_H
#define POSTERN_PKI_NAME_H

#include "base/err.h"
#include "base/span.h"

enum pki_name_form { PKI_NAME_DNS, PKI_NAME_ADDRESS, PKI_NAME_EMAIL };

enum { PKI_NAME_SIZE = 256 }; /* with the NUL: no DNS name (253) or mailbox (254) is longer */

/* Looks only: for names that were checked before. */
enum pki_name_form pki_name_form(const char *name);

/* Refuses what no certificate should say: names that are not host names of letters, digits and
 * hyphens (RFC 5890 2.3.1; "*." is allowed in front of two labels or more), names that are not in
 * A-labels (RFC 9598 knows others, for mailboxes; hardly anything checks those), digits alone as
 * last label. 0, or ERR_SYNTAX with what would be right. */
int pki_name_check(struct span name, struct fault *fault) __attribute__((warn_unused_result));

#endif
