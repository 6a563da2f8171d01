/* peer: see peer.h. Bytes that arrive are opened at once; what a fault was is kept for the report.
 */
#include "tests/dialogue/peer.h"

#include "base/require.h"

static void open_records(struct peer *peer)
{
    char bytes[16384];
    int64_t len;

    while ((len = tls_session_read(peer->tls, bytes, sizeof bytes, &peer->fault)) > 0)
        buf_put(&peer->clear, span_make(bytes, (size_t)len));
    peer->has_bye = peer->has_bye || len == ERR_CLOSED;
    if (len == ERR_TLS)
        peer->end_err = ERR_TLS;
}

static void peer_on_read(void *owner, struct span bytes)
{
    struct peer *peer = owner;

    if (peer->tls == NULL) {
        buf_put(&peer->clear, bytes);
        return;
    }
    buf_put(&peer->wire, bytes);
    if (peer->is_secure)
        open_records(peer);
}

static void peer_on_end(void *owner, int err)
{
    struct peer *peer = owner;

    peer->has_end = true;
    if (peer->end_err == 0)
        peer->end_err = err;
    if (peer->end_err == 0 && peer->tls != NULL && !peer->has_bye)
        peer->end_err = ERR_CLOSED;
}

static void peer_on_connected(void *owner, int err, const struct fault *fault)
{
    (void)owner;
    (void)err;
    (void)fault;
}

static void peer_on_written(void *owner)
{
    (void)owner;
}

static void peer_on_closed(void *owner)
{
    struct peer *peer = owner;

    peer->client.transport = NULL;
}

static const struct transport_events peer_events = {.on_connected = peer_on_connected,
                                                    .on_read = peer_on_read,
                                                    .on_end = peer_on_end,
                                                    .on_written = peer_on_written,
                                                    .on_closed = peer_on_closed};

bool peer_connect(struct peer *peer, struct world *world, const struct world_role *role,
                  void *service, enum sim_cut cut)
{
    *peer = (struct peer){.world = world, .is_open = true};
    struct conn_role conn_role = {.listener = role->name,
                                  .security = world->is_implicit ? CONN_IMPLICIT : CONN_PLAIN,
                                  .type = role->type,
                                  .service = service};

    buf_init(&peer->wire, 0);
    buf_init(&peer->clear, 0);
    peer->client.events = &peer_events;
    peer->client.owner = peer;
    sim_set_policy(world->sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    sim_pair(world->sim, sim_loop(world->sim), &peer->client, &peer->server);
    peer->server.transport->peer = world->client;
    peer->server.transport->local = world->server;
    transport_read_on(peer->client.transport);
    conn_accept(&world->env, &conn_role, peer->server.transport);
    if (world->is_implicit)
        return peer_start_tls(peer, role->alpn);
    sim_run(world->sim);
    return true;
}

void peer_deinit(struct peer *peer)
{
    if (peer->client.transport != NULL)
        transport_close(peer->client.transport);
    if (peer->is_open)
        sim_run(peer->world->sim);
    tls_session_free(&peer->tls);
    buf_release(&peer->wire);
    buf_release(&peer->clear);
}

static void peer_push(void *owner, const struct span *parts, size_t count)
{
    struct peer *peer = owner;

    if (peer->client.transport != NULL)
        transport_write(peer->client.transport, parts, count);
}

bool peer_start_tls(struct peer *peer, const char *alpn)
{
    enum { ROUNDS_MAX = 100 };
    struct tls_wire wire = {&peer->wire, peer_push, peer};
    struct tls_client_policy policy = {
        .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = alpn};
    enum tls_progress progress = TLS_MORE_INPUT;

    fault_clear(&peer->fault);
    peer->tls = tls_session_connect(peer->world->tls, &wire, &policy, NULL, 0);
    for (int i = 0; i < ROUNDS_MAX && progress == TLS_MORE_INPUT && !peer->has_end; i++) {
        progress = tls_session_handshake(peer->tls, &peer->fault);
        sim_run(peer->world->sim);
    }
    if (progress != TLS_DONE)
        return false;
    peer->is_secure = true;
    open_records(peer);
    return true;
}

void peer_send(struct peer *peer, struct span bytes)
{
    if (peer->client.transport == NULL)
        return;
    if (peer->tls == NULL) {
        transport_write(peer->client.transport, &bytes, 1);
        return;
    }
    while (bytes.len > 0) {
        int64_t len = tls_session_write(peer->tls, &bytes, 1);
        require(len > 0);
        bytes = span_from(bytes, (size_t)len);
    }
}

void peer_set_cut(struct peer *peer, enum sim_cut cut)
{
    if (peer->client.transport == NULL || peer->has_end)
        return;
    sim_set_policy_of(peer->server.transport, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
}

void peer_end(struct peer *peer)
{
    if (peer->tls != NULL)
        tls_session_bye(peer->tls);
    if (peer->client.transport != NULL)
        transport_shutdown(peer->client.transport);
}

void peer_reset(struct peer *peer)
{
    if (peer->client.transport != NULL)
        transport_reset(peer->client.transport);
}
