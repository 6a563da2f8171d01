/*
 * How streams of the simulator come to be: pairs, listeners, makers, connects that are taken,
 * refused or hang. The streams themselves are sim_transport.c. Tested by tests/unit/test_net_sim.c.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/mem.h"
#include "base/require.h"
#include "tests/sim/sim_internal.h"

enum { FIRST_PORT = 40000 };

struct sim_listener {
    struct list_node node;
    struct endpoint endpoint;
    struct sim_loop *loop; /* NULL: connects hang */
    sim_accept_fn *on_accept;
    void *owner;
};

void sim_connect_init(struct sim *sim)
{
    list_init(&sim->transports);
    list_init(&sim->listeners);
    sim->port_next = FIRST_PORT;
}

void sim_connect_deinit(struct sim *sim)
{
    list_each (node, &sim->transports)
        sim_transport_drop(list_entry(node, struct sim_transport, node));
    list_each (listener, &sim->listeners)
        mem_free(list_entry(listener, struct sim_listener, node));
}

static struct endpoint local_endpoint(struct sim *sim)
{
    struct endpoint endpoint = {.len = sizeof(struct sockaddr_in)};
    struct sockaddr_in *in = (struct sockaddr_in *)(void *)&endpoint.address;
    in->sin_family = AF_INET;
    in->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    in->sin_port = htons((uint16_t)sim->port_next);
    sim->port_next = sim->port_next >= UINT16_MAX ? FIRST_PORT : sim->port_next + 1;
    return endpoint;
}

static void join(struct sim_transport *a, struct sim_transport *b)
{
    a->peer = b;
    b->peer = a;
    a->phase = b->phase = PHASE_OPEN;
}

void sim_pair(struct sim *sim, struct loop *loop, struct sim_end *a, struct sim_end *b)
{
    struct sim_transport *first =
        sim_transport_create((struct sim_loop *)(void *)loop, a->events, a->owner);
    struct sim_transport *second =
        sim_transport_create((struct sim_loop *)(void *)loop, b->events, b->owner);
    first->base.local = second->base.peer = local_endpoint(sim);
    first->base.peer = second->base.local = local_endpoint(sim);
    join(first, second);
    a->transport = &first->base;
    b->transport = &second->base;
}

/* Compares family, address and port, not the padding. */
static bool is_same_endpoint(const struct endpoint *a, const struct endpoint *b)
{
    char a_text[ENDPOINT_TEXT_SIZE], b_text[ENDPOINT_TEXT_SIZE];
    endpoint_text(a, a_text);
    endpoint_text(b, b_text);
    return strcmp(a_text, b_text) == 0;
}

static struct sim_listener *find_listener(struct sim *sim, const struct endpoint *endpoint)
{
    list_each (node, &sim->listeners) {
        struct sim_listener *listener = list_entry(node, struct sim_listener, node);
        if (is_same_endpoint(&listener->endpoint, endpoint))
            return listener;
    }
    return NULL;
}

void sim_unlisten(struct sim *sim, const struct endpoint *endpoint)
{
    struct sim_listener *listener = find_listener(sim, endpoint);
    if (listener == NULL)
        return;
    list_remove(&listener->node);
    mem_free(listener);
}

void sim_listen(struct sim *sim, struct loop *loop, const struct endpoint *endpoint,
                sim_accept_fn *on_accept, void *owner)
{
    sim_unlisten(sim, endpoint);
    struct sim_listener *listener = mem_new(struct sim_listener);
    listener->endpoint = *endpoint;
    listener->loop = (struct sim_loop *)(void *)loop;
    listener->on_accept = on_accept;
    listener->owner = owner;
    list_append(&sim->listeners, &listener->node);
}

void sim_hang(struct sim *sim, const struct endpoint *endpoint)
{
    sim_listen(sim, NULL, endpoint, NULL, NULL);
}

static struct transport *maker_connect(struct transport_maker *maker, const struct endpoint *to,
                                       const struct endpoint *source,
                                       const struct transport_events *events, void *owner)
{
    struct sim_loop *loop = ((struct sim_maker *)(void *)maker)->loop;
    struct sim_transport *self = sim_transport_create(loop, events, owner);
    self->phase = PHASE_CONNECTING;
    self->base.peer = *to;
    self->base.local = local_endpoint(loop->sim);
    if (source != NULL && source->len != 0) {
        uint16_t port = endpoint_port(&self->base.local);
        self->base.local = *source;
        if (endpoint_port(source) == 0)
            endpoint_set_port(&self->base.local, port);
    }
    return &self->base;
}

void sim_maker_init(struct sim_maker *maker, struct sim_loop *loop)
{
    *maker = (struct sim_maker){{maker_connect}, loop};
}

struct transport_maker *sim_maker(struct sim *sim, struct loop *loop)
{
    require(((struct sim_loop *)(void *)loop)->sim == sim);
    return &((struct sim_loop *)(void *)loop)->maker.base;
}

static void try_connect(struct sim_transport *self)
{
    struct sim_listener *listener = find_listener(self->loop->sim, &self->base.peer);
    self->phase = PHASE_CONNECTED;
    self->is_refused = listener == NULL;
    if (listener == NULL)
        return;
    struct sim_transport *accepted = sim_transport_create(listener->loop, NULL, NULL);
    accepted->base.local = self->base.peer;
    accepted->base.peer = self->base.local;
    join(self, accepted);
    self->phase = PHASE_CONNECTED;
    listener->on_accept(listener->owner, &accepted->base);
}

static void tell_connected(struct sim_transport *self)
{
    struct fault fault;
    fault_clear(&fault);
    self->phase = PHASE_OPEN;
    if (self->is_refused) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_text(&self->base.peer, text);
        (void)fault_set(&fault, ERR_UNREACHABLE, "could not connect to %s: connection refused",
                        text);
        self->is_dead = true;
    }
    self->base.events->on_connected(self->base.owner, fault.err, &fault);
}

bool sim_connect_step(struct sim_transport *self)
{
    if (self->phase == PHASE_CONNECTED) {
        tell_connected(self);
        return true;
    }
    struct sim_listener *listener = find_listener(self->loop->sim, &self->base.peer);
    if (listener != NULL && listener->loop == NULL)
        return false;
    try_connect(self);
    return true;
}
