/*
 * trust: the authorities that a check believes in, and the lists of what they have revoked. Made
 * from files once, immutable then: any thread may judge with it.
 */
#ifndef POSTERN_PKI_TRUST_H
#define POSTERN_PKI_TRUST_H

#include <stdbool.h>

#include "base/err.h"

struct pki_trust;

/* The system's bundle, as Debian has it. A file and not the PKCS#11 trust module, which is not safe
 * to share between threads (GnuTLS issue 1212). */
#define PKI_SYSTEM_AUTHORITIES "/etc/ssl/certs/ca-certificates.crt"

/* authorities: PEM file of authorities; "" is PKI_SYSTEM_AUTHORITIES, which may be missing: then
 * nothing is trusted, and *is_empty_out says so. revocations: PEM file of certificate revocation
 * lists (RFC 5280 5), "" for none; one that is out of date still counts what it lists. NULL with
 * the reason in fault, naming the file. Owned. */
struct pki_trust *pki_trust_create(const char *authorities, const char *revocations,
                                   bool *is_empty_out, struct fault *fault);
void pki_trust_free(struct pki_trust **trust);

#endif
