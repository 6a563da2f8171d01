/*
 * signer_cap: a signer in front of another that lets through so many RSA signatures a second: one
 * holds a loop for 2 ms and more (FACTS 1), so a few hundred clients a second that only begin
 * handshakes would have the machine to themselves. ECDSA and Ed25519 pass freely.
 */
#ifndef POSTERN_TLS_SIGNER_CAP_H
#define POSTERN_TLS_SIGNER_CAP_H

#include "base/clock.h"
#include "tls/signer.h"

/* signer and clock are borrowed and outlive it. rate: signatures a second, also as many at once; 0:
 * no limit. Above it sign() is ERR_LIMIT, which is logged once a second. Owned: tls_signer_free().
 */
struct tls_signer *tls_signer_cap_create(struct tls_signer *signer, const struct clock *clock,
                                         unsigned rate);
/* Any thread: another rate from now on. cap: of the function above. */
void tls_signer_cap_set(struct tls_signer *cap, unsigned rate);

#endif
