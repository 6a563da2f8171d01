/*
 * The simulator's byte streams in memory; how two of them are joined is sim_connect.c. What one end
 * writes lies in the wire of the other until that one reads; what exceeds the wire's capacity stays
 * pending at the writer, so backpressure is real. Loops and time are in sim_loop.c. Tested by
 * tests/unit/test_net_sim.c.
 */
#include "tests/sim/sim.h"

#include "base/buf.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/quota.h"
#include "tests/sim/sim_internal.h"

enum { CUT_MAX = 700 };

static const struct transport_ops sim_transport_ops;

static struct sim_transport *as_transport(struct transport *transport)
{
    require(transport->ops == &sim_transport_ops);
    return (struct sim_transport *)(void *)transport;
}

static const struct sim_transport *as_const(const struct transport *transport)
{
    require(transport->ops == &sim_transport_ops);
    return (const struct sim_transport *)(const void *)transport;
}

void sim_transport_drop(struct sim_transport *self)
{
    list_remove(&self->node);
    if (self->peer != NULL)
        self->peer->peer = NULL;
    buf_release(&self->wire);
    buf_release(&self->pending);
    if (self->base.quota != NULL)
        quota_give_back(self->base.quota, &self->base.holder);
    mem_free(self);
}

struct sim_transport *sim_transport_create(struct sim_loop *loop,
                                           const struct transport_events *events, void *owner)
{
    struct sim_transport *self = mem_new(struct sim_transport);
    self->base.ops = &sim_transport_ops;
    self->base.events = events;
    self->base.owner = owner;
    self->loop = loop;
    self->policy = loop->sim->policy;
    buf_init(&self->wire, 0);
    buf_init(&self->pending, 0);
    list_append(&loop->sim->transports, &self->node);
    return self;
}

void sim_set_policy(struct sim *sim, struct sim_policy policy)
{
    sim->policy = policy;
}

void sim_set_policy_of(struct transport *transport, struct sim_policy policy)
{
    as_transport(transport)->policy = policy;
}

size_t sim_write_count(const struct transport *transport)
{
    return as_const(transport)->write_count;
}

uint64_t sim_written_len(const struct transport *transport)
{
    return as_const(transport)->written_len;
}

size_t sim_unread_len(const struct transport *transport)
{
    return as_const(transport)->wire.len;
}

size_t sim_open_count(const struct sim *sim)
{
    size_t count = 0;
    list_each (node, &sim->transports)
        count++;
    return count;
}

/* What arrives after this is told once the wire is read; the first end wins, a reset beats all. */
static void end_incoming(struct sim_transport *self, int err)
{
    if (err != 0) {
        buf_release(&self->wire);
        buf_release(&self->pending);
        self->is_dead = true;
        self->is_end_told = self->is_end_told && self->end_err != 0;
        self->end_err = err;
    } else if (!self->has_end) {
        self->end_err = err;
    }
    self->has_end = true;
}

static bool is_gone(const struct sim_transport *peer)
{
    return peer == NULL || peer->phase == PHASE_CLOSING;
}

static void spoil_now(struct sim_transport *self)
{
    self->has_spoil = false;
    if (self->spoil_mark != NULL)
        *self->spoil_mark = true;
    if (self->spoil == SIM_SILENCE) {
        self->is_silent = true;
        return;
    }
    if (self->spoil == SIM_FIN) {
        buf_release(&self->wire);
        end_incoming(self, 0);
        return;
    }
    if (!is_gone(self->peer))
        end_incoming(self->peer, ERR_CLOSED);
    end_incoming(self, ERR_CLOSED);
}

void sim_spoil_after(struct transport *transport, size_t after_len, enum sim_spoil spoil)
{
    struct sim_transport *self = as_transport(transport);
    self->has_spoil = true;
    self->spoil = spoil;
    self->spoil_after = after_len;
    if (after_len == 0)
        spoil_now(self);
}

void sim_mark_spoil(struct transport *transport, bool *fired)
{
    as_transport(transport)->spoil_mark = fired;
}

static void sever(struct sim_transport *self, enum sim_sever how)
{
    struct sim_transport *peer = self->peer;
    bool *marks[] = {self->spoil_mark, peer != NULL ? peer->spoil_mark : NULL};
    for (size_t i = 0; i < 2; i++) {
        if (marks[i] != NULL)
            *marks[i] = true;
    }
    if (peer != NULL && how == SIM_SEVER_RESET && !is_gone(peer))
        end_incoming(peer, ERR_CLOSED);
    if (peer != NULL)
        peer->peer = NULL;
    self->peer = NULL;
    buf_release(&self->wire);
    buf_release(&self->pending);
    self->is_dead = self->is_silent = true;
}

void sim_sever_loop(struct sim *sim, struct loop *loop, enum sim_sever how)
{
    list_each (node, &sim->transports) {
        struct sim_transport *self = list_entry(node, struct sim_transport, node);
        if (&self->loop->base == loop && self->phase != PHASE_CLOSING)
            sever(self, how);
    }
}

/* Moves as much of bytes into the peer's wire as it has room for; returns how much. A stream that
 * was ended on purpose swallows the rest. */
static size_t hand_over(struct sim_transport *self, struct span bytes)
{
    struct sim_transport *peer = self->peer;
    if (peer->has_end)
        return bytes.len;
    size_t room =
        peer->policy.capacity > peer->wire.len ? peer->policy.capacity - peer->wire.len : 0;
    struct span part = span_first(bytes, room);
    if (part.len > 0)
        buf_put(&peer->wire, part);
    return part.len;
}

/* Hands over what is pending, then our end. Whether anything moved. */
static bool flush(struct sim_transport *self)
{
    if (self->is_dead || self->phase != PHASE_OPEN || is_gone(self->peer))
        return false;
    size_t len = 0;
    if (self->pending.len > 0) {
        len = hand_over(self, buf_span(&self->pending));
        buf_consume(&self->pending, len);
    }
    bool has_ended = self->is_shut && self->pending.len == 0 && !self->peer->has_end;
    if (has_ended)
        end_incoming(self->peer, 0);
    return len > 0 || has_ended;
}

static size_t chunk_len(struct sim_transport *self)
{
    size_t len = self->wire.len < SIM_READ_MAX ? self->wire.len : SIM_READ_MAX;
    if (self->policy.cut == SIM_BYTES)
        len = 1;
    if (self->policy.cut == SIM_CUTS) {
        /* Half of the pieces are tiny: the cuts that hurt lie inside a token or a CRLF. */
        uint64_t below = sim_random(self->loop->sim, 2) == 0 ? 4 : CUT_MAX;
        size_t cut = 1 + (size_t)sim_random(self->loop->sim, below);
        len = cut < len ? cut : len;
    }
    if (self->has_spoil && self->spoil_after < len)
        len = self->spoil_after;
    return len;
}

static void deliver(struct sim_transport *self)
{
    struct span part = span_first(buf_span(&self->wire), chunk_len(self));
    /* A copy, so that a reader that keeps the span is caught by the address sanitizer. */
    char *copy = mem_alloc(part.len);
    memcpy(copy, part.ptr, part.len);
    buf_consume(&self->wire, part.len);
    if (self->wire.len == 0)
        buf_release(&self->wire);
    if (self->has_spoil) {
        self->spoil_after -= part.len;
        if (self->spoil_after == 0)
            spoil_now(self);
    }
    self->base.events->on_read(self->base.owner, span_make(copy, part.len));
    mem_free(copy);
}

static bool step_end(struct sim_transport *self)
{
    if (!self->has_end || self->is_end_told || self->is_silent ||
        (self->wire.len > 0 && !self->is_dead))
        return false;
    /* As with a kernel: an orderly end is seen by who reads, a reset by who writes too. */
    if (!self->is_reading && (self->end_err == 0 || self->write_count == 0))
        return false;
    self->is_end_told = true;
    self->base.events->on_end(self->base.owner, self->end_err);
    return true;
}

/* At most one event. Whether anything happened. */
static bool step(struct sim_transport *self)
{
    if (self->phase == PHASE_CLOSING) {
        const struct transport_events *events = self->base.events;
        void *owner = self->base.owner;
        sim_transport_drop(self);
        if (events != NULL)
            events->on_closed(owner);
        return true;
    }
    if (self->base.events == NULL || (self->is_dead && self->phase != PHASE_OPEN))
        return false;
    if (self->phase != PHASE_OPEN)
        return sim_connect_step(self);
    bool has_moved = flush(self);
    if (self->owes_written && self->pending.len == 0 && !self->is_dead) {
        self->owes_written = false;
        self->base.events->on_written(self->base.owner);
        return true;
    }
    if (self->is_reading && !self->is_silent && !self->is_dead && self->wire.len > 0) {
        deliver(self);
        return true;
    }
    return step_end(self) || has_moved;
}

bool sim_transport_round(struct sim *sim)
{
    bool has_run = false;
    list_each (node, &sim->transports)
        has_run |= step(list_entry(node, struct sim_transport, node));
    return has_run;
}

/* The contract of net/transport.h. */

static void read_on(struct transport *transport)
{
    as_transport(transport)->is_reading = true;
}

static void read_off(struct transport *transport)
{
    as_transport(transport)->is_reading = false;
}

static void write_parts(struct transport *transport, const struct span *parts, size_t count)
{
    struct sim_transport *self = as_transport(transport);
    require(self->phase != PHASE_CONNECTING && self->phase != PHASE_CONNECTED && !self->is_shut);
    if (self->phase == PHASE_CLOSING)
        return;
    self->write_count++;
    if (self->is_dead)
        return;
    if (is_gone(self->peer)) {
        end_incoming(self, ERR_CLOSED); /* the peer's kernel answers with a reset */
        return;
    }
    for (size_t i = 0; i < count; i++) {
        size_t len = self->pending.len == 0 ? hand_over(self, parts[i]) : 0;
        struct span rest = span_from(parts[i], len);
        if (rest.len > 0)
            buf_put(&self->pending, rest);
        self->written_len += parts[i].len;
    }
    self->owes_written = self->owes_written || self->pending.len > 0;
}

static size_t pending_len(const struct transport *transport)
{
    return as_const(transport)->pending.len;
}

static void shut_down(struct transport *transport)
{
    struct sim_transport *self = as_transport(transport);
    self->is_shut = true;
    (void)flush(self); /* the flag stays: what is pending goes first */
}

static void close_with(struct sim_transport *self, bool is_reset)
{
    require(self->phase != PHASE_CLOSING);
    self->phase = PHASE_CLOSING;
    buf_release(&self->pending);
    if (self->peer == NULL || self->peer->phase == PHASE_CLOSING)
        return;
    /* Unread input turns a close into a reset, which may destroy what the peer has not read. */
    end_incoming(self->peer, is_reset || self->wire.len > 0 ? ERR_CLOSED : 0);
}

static void close_gently(struct transport *transport)
{
    close_with(as_transport(transport), false);
}

static void close_hard(struct transport *transport)
{
    close_with(as_transport(transport), true);
}

static const struct transport_ops sim_transport_ops = {
    .read_on = read_on,
    .read_off = read_off,
    .write = write_parts,
    .pending = pending_len,
    .shutdown = shut_down,
    .close = close_gently,
    .reset = close_hard,
};
