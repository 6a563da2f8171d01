/*
 * trace_stage: for tests of the trace: a server and a client session, each with its own tap_book,
 * on the certificates of one tls_lab.
 */
#ifndef POSTERN_TESTS_FAKE_TRACE_STAGE_H
#define POSTERN_TESTS_FAKE_TRACE_STAGE_H

#include "tests/fake/tap_book.h"
#include "tests/fake/tls_lab.h"

/* A policy for TLS 1.2 alone. */
#define TRACE_STAGE_TLS12                                                                          \
    "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+AEAD:+COMP-NULL:+CTYPE-X509:"                    \
    "+GROUP-X25519:+SIGN-ECDSA-SHA256:%PROFILE_MEDIUM"

struct stage {
    struct tls_manager *manager;
    struct tls_pair pair;
    struct tap_book server, client;
};

/* Requires that the policies are good. */
void stage_open(struct stage *stage, const struct tls_lab *lab, const char *server_profile,
                const char *client_profile);
/* Makes both sessions and runs them; cut: as in tls_pair_init(). */
void stage_start(struct stage *stage, const struct tls_client_policy *policy, size_t cut);
/* One session; the other end is the test's. */
void stage_accept(struct stage *stage, struct tls_manager *manager);
void stage_connect(struct stage *stage, const struct tls_client_policy *policy);
void stage_close(struct stage *stage);

#endif
