/*
 * peer: the client's end of a connection in a dialogue: raw bytes over a simulated transport, with
 * TLS by our own client role when it is told to.
 */
#ifndef POSTERN_TESTS_DIALOGUE_PEER_H
#define POSTERN_TESTS_DIALOGUE_PEER_H

#include "tests/dialogue/world.h"

struct peer {
    struct world *world;
    struct sim_end client, server;
    struct tls_session *tls;
    struct buf wire, clear; /* arrived; opened and not yet looked at */
    bool is_open;           /* was connected, once */
    bool is_secure;         /* handshake done */
    bool has_end;           /* the server ended its direction */
    int end_err;            /* how: 0 in order (under TLS with close_notify) */
    bool has_bye;           /* close_notify came */
    struct fault fault;
};

/* Connects and runs; with the world's is_implicit the handshake too: false when it fails. */
bool peer_connect(struct peer *peer, struct world *world, const struct world_role *role,
                  void *service, enum sim_cut cut);
void peer_deinit(struct peer *peer);
/* The handshake over what is there now. */
bool peer_start_tls(struct peer *peer, const char *alpn);
/* In records under TLS. Runs nothing. */
void peer_send(struct peer *peer, struct span bytes);
void peer_set_cut(struct peer *peer, enum sim_cut cut);
/* close_notify and the end of our direction. */
void peer_end(struct peer *peer);
void peer_reset(struct peer *peer);

#endif
