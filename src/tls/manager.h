/*
 * manager: the shared TLS session manager: one for all listeners, protocols, roles and loops. It
 * holds the current generation of credentials and policies; a session takes a reference on the
 * generation that it begins with and keeps it, so a reload disturbs nobody. Thread-safe.
 *
 * Generations are immutable: certificate chain and key, trust list, priority caches (one per
 * policy), ticket key. A reload builds a whole new one, checks it (key fits certificate, chain in
 * order, not expired) and only then swaps it in.
 */
#ifndef POSTERN_TLS_MANAGER_H
#define POSTERN_TLS_MANAGER_H

#include "base/clock.h"
#include "base/err.h"
#include "conf/settings/tls.h"

struct tls_manager;
struct tls_signer;

/* Loads all that the settings name. NULL with the reason in fault. Owned. An expired certificate
 * is loaded with a warning in the log: a server that does not start loses more than one that some
 * clients refuse. Without a certificate in the settings it serves outbound sessions only. clock
 * outlives the manager and its sessions; so does signer, which has the private keys (borrowed;
 * NULL: they are read into this process). */
struct tls_manager *tls_manager_create(const struct settings_tls *settings,
                                       const struct clock *clock, struct tls_signer *signer,
                                       struct fault *fault);
/* Builds and checks a new generation; on failure the old one goes on and fault says why. A
 * certificate outside its dates is refused here. */
int tls_manager_reload(struct tls_manager *manager, const struct settings_tls *settings,
                       struct fault *fault) __attribute__((warn_unused_result));
/* What a reload would say, for `postern check`. */
int tls_manager_check(const struct settings_tls *settings, const struct clock *clock,
                      struct fault *fault) __attribute__((warn_unused_result));
/* Sessions may outlive it: generations are counted. */
void tls_manager_free(struct tls_manager **manager);

#endif
