/*
 * tls_foreign: for tests: a server that is not ours, straight on GnuTLS, at the server's end of a
 * tls_pair: for what our own server would never do, such as showing a weak certificate or asking
 * for the client's.
 */
#ifndef POSTERN_TESTS_FAKE_TLS_FOREIGN_H
#define POSTERN_TESTS_FAKE_TLS_FOREIGN_H

#include <gnutls/gnutls.h>

#include "tests/fake/tls_lab.h"

struct tls_foreign {
    gnutls_session_t gnutls;
    gnutls_certificate_credentials_t cred;
    struct tls_end *end;
    int ret; /* of the last gnutls_handshake() */
};

/* asks_for: PEM file of the authorities whose client certificates it asks for; NULL: it does not.
 * The pair was started without a server's manager. */
void tls_foreign_init(struct tls_foreign *foreign, struct tls_pair *pair, const char *chain_file,
                      const char *key_file, const char *asks_for);
void tls_foreign_deinit(struct tls_foreign *foreign);
/* Until nothing moves. */
void tls_foreign_run(struct tls_foreign *foreign);

#endif
