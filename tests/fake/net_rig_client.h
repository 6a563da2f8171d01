/*
 * net_rig_client: the other half of net_rig.h: a client session that is dialled, asks for STARTTLS
 * when it starts in plaintext, then says its script and writes down the answers; and the lab that
 * gives both sides their TLS.
 */
#ifndef POSTERN_TESTS_FAKE_NET_RIG_CLIENT_H
#define POSTERN_TESTS_FAKE_NET_RIG_CLIENT_H

#include "net/dial.h"
#include "net/fault.h"
#include "tests/fake/net_rig.h"
#include "tests/fake/tls_lab.h"

struct rig_client {
    struct rig *rig;
    struct conn *conn;
    struct host *host;
    const char *script;
    struct buf said; /* as rig->said, by the client's session */
    struct tls_client_policy policy;
    struct dial dial;
    /* Called inside the client's handshake when it is done; NULL: nothing. */
    void (*on_secure)(struct rig_client *self);
    unsigned secure_count, gone_count, opened, freed;
    enum conn_phase phase;
    struct fault fault;
    struct tls_facts facts;
};

/* Both sides' certificates; once a program. */
void rig_lab_init(void);
void rig_lab_deinit(void);
/* What the client may negotiate from the next rig_init_tls() on; NULL: as at first. */
void rig_lab_set_client_profile(const char *profile);

/* rig_init() with TLS and a listener at rig_endpoint(). */
void rig_init_tls(struct rig *rig, uint64_t seed);
void rig_deinit_tls(struct rig *rig);
struct endpoint rig_endpoint(void);

void rig_client_init(struct rig_client *self, struct rig *rig, const char *script);
/* Dials, secure from the start where the rig's role is, and runs. */
void rig_client_dial(struct rig_client *self);
/* Requires that the owner heard the end once. */
void rig_client_deinit(struct rig_client *self);
/* What was heard behind the handshake is a beginning of what the other end sealed, then perhaps how
 * it ended, in words that no peer can say. */
void rig_require_only_sealed(struct span said, const char *sealed);

#endif
