/*
 * spy: a session type around another one that writes down all that its session is fed, what came in
 * plaintext and what came under TLS apart. The session inside does not notice.
 */
#ifndef POSTERN_TESTS_FAKE_SPY_H
#define POSTERN_TESTS_FAKE_SPY_H

#include "base/buf.h"
#include "net/session.h"

/* The service of its sessions. */
struct spy {
    struct session_type type; /* to be given to a role or a dial */
    const struct session_type *inner;
    void *service;
    struct buf plain, secure; /* lines with LF, or the bytes that were shown */
    unsigned secure_count;    /* sessions that were opened under TLS */
};

void spy_init(struct spy *spy, const struct session_type *inner, void *service);
void spy_deinit(struct spy *spy);
/* Forgets what was seen. */
void spy_clear(struct spy *spy);

#endif
