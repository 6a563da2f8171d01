/*
 * The spoiling transport. Each direction is a channel (fault_channel.c); bytes run through it up to
 * the place where its next row acts, and what a row does is done here. Events that
 * a call of the owner would cause wait for a timer of 0 ms, as transport.h promises. Tested by
 * tests/unit/test_net_fault.c over the simulator.
 */
#include "net/fault.h"

#include "base/mem.h"
#include "base/require.h"
#include "net/fault_internal.h"
#include "net/quota.h"

/* A held direction reads no more from the peer than this, so holding costs bounded memory. What the
 * owner writes is bounded by the owner, who looks at transport_pending(). */
enum { QUEUE_MARK = 65536 };

struct spoiled {
    struct transport base;
    struct transport *inner; /* NULL: gone */
    const struct spoil_plan *plan;
    struct channel channels[2]; /* by enum spoil_way */
    struct buf answers;         /* bytes that the owner is to read */
    struct timer *kick;         /* tells the owner what waits */
    bool is_connected;
    bool is_reading;
    bool is_shut; /* wanted by the owner: after what is queued */
    bool is_inner_shut;
    bool owes_written;
    bool is_row_reset; /* the inner one is reset already: it is not closed again */
    bool is_dead;      /* reset by a row or broken: only the end and on_closed are told */
    bool is_closed;    /* by the owner: only on_closed is told */
    bool has_end;
    bool is_end_told;
    int end_err;
};

struct fault_maker {
    struct transport_maker base;
    struct loop *loop;
    struct transport_maker *inner;
    const struct spoil_plan *plan;
};

static const struct transport_ops spoiled_ops;

static void settle(struct spoiled *self);

static struct spoiled *as_spoiled(struct transport *transport)
{
    require(transport->ops == &spoiled_ops);
    return (struct spoiled *)(void *)transport;
}

static void kick(struct spoiled *self)
{
    loop_timer_start(self->kick, 0);
}

/* Deeds. */

static void end_input(struct spoiled *self, int err)
{
    if (self->has_end && (self->end_err != 0 || err == 0))
        return;
    self->has_end = true;
    self->end_err = err;
    self->is_end_told = false;
    kick(self);
}

/* Nothing passes any more, in no direction. */
static void die(struct spoiled *self, int err)
{
    self->is_dead = true;
    for (int i = 0; i < 2; i++) {
        buf_release(&self->channels[i].queue);
        self->channels[i].is_cut = true;
    }
    buf_release(&self->answers);
    end_input(self, err);
}

static void reset_both(struct spoiled *self)
{
    self->is_row_reset = true;
    transport_reset(self->inner);
    die(self, ERR_CLOSED);
}

static void cut(struct spoiled *self, enum spoil_way way)
{
    struct channel *channel = &self->channels[way];
    channel->is_cut = true;
    buf_release(&channel->queue);
    if (way == SPOIL_IN) {
        end_input(self, 0);
    } else if (!self->is_inner_shut) {
        self->is_inner_shut = true;
        transport_shutdown(self->inner);
    }
}

static void write_inner(struct spoiled *self, struct span bytes)
{
    if (bytes.len > 0 && !self->is_inner_shut)
        transport_write(self->inner, &bytes, 1);
}

static void give_owner(struct spoiled *self, struct span bytes)
{
    buf_put(&self->answers, bytes);
    kick(self);
}

/* Towards the end of the channel, or back to where its bytes come from. */
static void put_raw(struct spoiled *self, enum spoil_way to, struct span bytes)
{
    if (to == SPOIL_OUT)
        write_inner(self, bytes);
    else
        give_owner(self, bytes);
}

static void act(struct spoiled *self, enum spoil_way way, const struct spoil_row *row)
{
    struct channel *channel = &self->channels[way];
    channel->row++;
    switch (row->deed) {
    case SPOIL_PACE:
        channel_begin_pace(channel, row);
        break;
    case SPOIL_HOLD:
        channel->is_waiting = true;
        if (row->interval_ms > 0)
            loop_timer_start(channel->timer, row->interval_ms);
        break;
    case SPOIL_CUT:
        cut(self, way);
        break;
    case SPOIL_RESET:
        reset_both(self);
        break;
    case SPOIL_INJECT:
        put_raw(self, way, row->bytes);
        break;
    case SPOIL_ANSWER:
        put_raw(self, way == SPOIL_IN ? SPOIL_OUT : SPOIL_IN, row->bytes);
        break;
    }
}

/* Running. */

/* Hands len bytes at the front of the queue on. Inbound bytes join the answers, so that what was
 * injected keeps its place among them. */
static void hand_on(struct spoiled *self, enum spoil_way way, size_t len)
{
    struct channel *channel = &self->channels[way];
    struct span bytes = span_first(buf_span(&channel->queue), len);
    put_raw(self, way, bytes);
    buf_consume(&channel->queue, len);
    if (channel->queue.len == 0)
        buf_release(&channel->queue);
}

static void run_channel(struct spoiled *self, enum spoil_way way)
{
    struct channel *channel = &self->channels[way];
    while (!channel->is_waiting && !channel->is_cut && !self->is_closed) {
        const struct spoil_row *row = channel_next_row(channel, self->plan);
        if (channel_is_due(channel, row)) {
            act(self, way, row);
            continue;
        }
        size_t len = channel_pass_len(channel, row);
        if (len == 0)
            break;
        hand_on(self, way, len);
        channel_check_pace(channel);
    }
    settle(self);
}

static void on_channel_timer(struct spoiled *self, enum spoil_way way)
{
    channel_resume(&self->channels[way]);
    run_channel(self, way);
}

static void on_timer_in(void *owner)
{
    on_channel_timer(owner, SPOIL_IN);
}

static void on_timer_out(void *owner)
{
    on_channel_timer(owner, SPOIL_OUT);
}

static bool may_tell_end(const struct spoiled *self)
{
    if (!self->has_end || self->is_end_told)
        return false;
    const struct channel *in = &self->channels[SPOIL_IN];
    bool is_read = self->answers.len == 0 && in->queue.len == 0 && (in->is_cut || !in->is_waiting);
    return self->end_err != 0 || (self->is_reading && is_read);
}

/* What follows from the queues' lengths: reading from the peer, our end, what the owner hears. */
static void settle(struct spoiled *self)
{
    if (self->is_closed || self->is_dead || !self->is_connected)
        return;
    bool is_out_empty = self->channels[SPOIL_OUT].queue.len == 0;
    if (is_out_empty && self->is_shut && !self->is_inner_shut) {
        self->is_inner_shut = true;
        transport_shutdown(self->inner);
    }
    size_t waiting = self->channels[SPOIL_IN].queue.len + self->answers.len;
    if (self->channels[SPOIL_IN].is_cut || (self->is_reading && waiting < QUEUE_MARK))
        transport_read_on(self->inner);
    else
        transport_read_off(self->inner);
    bool has_bytes = self->is_reading && self->answers.len > 0;
    bool has_written = self->owes_written && transport_pending(&self->base) == 0;
    if (has_bytes || has_written || may_tell_end(self))
        kick(self);
}

/* What the owner is told. */

static void tell_closed(struct spoiled *self)
{
    for (int i = 0; i < 2; i++)
        channel_deinit(&self->channels[i]);
    loop_timer_free(&self->kick);
    buf_release(&self->answers);
    if (self->base.quota != NULL)
        quota_give_back(self->base.quota, &self->base.holder);
    if (self->base.events != NULL)
        self->base.events->on_closed(self->base.owner);
    mem_free(self);
}

static void tell_bytes(struct spoiled *self)
{
    /* Taken out first: the owner's writes may cause further answers meanwhile. */
    struct buf bytes = self->answers;
    buf_init(&self->answers, 0);
    self->base.events->on_read(self->base.owner, buf_span(&bytes));
    buf_release(&bytes);
}

/* Inside each event the owner may close; the memory stays until tell_closed(). */
static void on_kick(void *owner)
{
    struct spoiled *self = owner;
    if (self->is_closed && self->inner == NULL) {
        tell_closed(self);
        return;
    }
    if (self->is_closed || self->base.events == NULL)
        return;
    if (self->is_reading && self->answers.len > 0)
        tell_bytes(self);
    if (!self->is_closed && self->owes_written && !self->is_dead &&
        transport_pending(&self->base) == 0) {
        self->owes_written = false;
        self->base.events->on_written(self->base.owner);
    }
    if (!self->is_closed && may_tell_end(self)) {
        self->is_end_told = true;
        self->base.events->on_end(self->base.owner, self->end_err);
    }
    settle(self);
}

/* What the inner transport tells. */

static void on_connected(void *owner, int err, const struct fault *fault)
{
    struct spoiled *self = owner;
    if (self->is_closed)
        return;
    self->is_connected = err == 0;
    self->base.local = self->inner->local;
    self->base.peer = self->inner->peer;
    self->base.events->on_connected(self->base.owner, err, fault);
    if (err != 0)
        return;
    run_channel(self, SPOIL_IN);
    run_channel(self, SPOIL_OUT);
}

static void on_read(void *owner, struct span bytes)
{
    struct spoiled *self = owner;
    struct channel *channel = &self->channels[SPOIL_IN];
    if (self->is_closed || channel->is_cut)
        return;
    buf_put(&channel->queue, bytes);
    run_channel(self, SPOIL_IN);
}

static void on_end(void *owner, int err)
{
    struct spoiled *self = owner;
    if (self->is_closed || self->is_dead)
        return;
    if (err != 0)
        die(self, err);
    else
        end_input(self, 0);
}

static void on_written(void *owner)
{
    settle(owner);
}

static void on_closed(void *owner)
{
    struct spoiled *self = owner;
    self->inner = NULL;
    if (self->is_closed)
        tell_closed(self);
}

static const struct transport_events inner_events = {
    .on_connected = on_connected,
    .on_read = on_read,
    .on_end = on_end,
    .on_written = on_written,
    .on_closed = on_closed,
};

/* The contract of net/transport.h. */

static void read_on(struct transport *transport)
{
    struct spoiled *self = as_spoiled(transport);
    self->is_reading = true;
    settle(self);
    if (self->is_dead)
        kick(self);
}

static void read_off(struct transport *transport)
{
    struct spoiled *self = as_spoiled(transport);
    self->is_reading = false;
    settle(self);
}

static void write_parts(struct transport *transport, const struct span *parts, size_t count)
{
    struct spoiled *self = as_spoiled(transport);
    struct channel *channel = &self->channels[SPOIL_OUT];
    if (self->is_closed || channel->is_cut)
        return;
    for (size_t i = 0; i < count; i++)
        if (parts[i].len > 0)
            buf_put(&channel->queue, parts[i]);
    run_channel(self, SPOIL_OUT);
    self->owes_written = self->owes_written || transport_pending(transport) > 0;
}

static size_t pending_len(const struct transport *transport)
{
    const struct spoiled *self = (const struct spoiled *)(const void *)transport;
    if (self->is_closed || self->is_dead || !self->is_connected)
        return 0;
    return self->channels[SPOIL_OUT].queue.len + transport_pending(self->inner);
}

static void shut_down(struct transport *transport)
{
    struct spoiled *self = as_spoiled(transport);
    self->is_shut = true;
    settle(self);
}

static void close_gently(struct transport *transport)
{
    struct spoiled *self = as_spoiled(transport);
    require(!self->is_closed);
    self->is_closed = true;
    if (self->inner == NULL)
        kick(self);
    else if (!self->is_row_reset)
        transport_close(self->inner);
}

static void close_hard(struct transport *transport)
{
    struct spoiled *self = as_spoiled(transport);
    require(!self->is_closed);
    self->is_closed = true;
    if (self->inner == NULL)
        kick(self);
    else if (!self->is_row_reset)
        transport_reset(self->inner);
}

static const struct transport_ops spoiled_ops = {
    .read_on = read_on,
    .read_off = read_off,
    .write = write_parts,
    .pending = pending_len,
    .shutdown = shut_down,
    .close = close_gently,
    .reset = close_hard,
};

/* Births. */

static struct spoiled *spoiled_make(struct loop *loop, const struct spoil_plan *plan)
{
    struct spoiled *self = mem_new(struct spoiled);
    self->base.ops = &spoiled_ops;
    self->plan = plan;
    self->kick = loop_timer_create(loop, on_kick, self);
    channel_init(&self->channels[SPOIL_IN], SPOIL_IN, loop_timer_create(loop, on_timer_in, self));
    channel_init(&self->channels[SPOIL_OUT], SPOIL_OUT,
                 loop_timer_create(loop, on_timer_out, self));
    buf_init(&self->answers, 0);
    return self;
}

struct transport *fault_wrap_transport(struct loop *loop, struct transport *inner,
                                       const struct spoil_plan *plan)
{
    struct spoiled *self = spoiled_make(loop, plan);
    self->base.events = inner->events;
    self->base.owner = inner->owner;
    self->base.peer = inner->peer;
    self->base.local = inner->local;
    self->inner = inner;
    self->is_connected = true;
    inner->events = &inner_events;
    inner->owner = self;
    run_channel(self, SPOIL_IN);
    run_channel(self, SPOIL_OUT);
    return &self->base;
}

static struct transport *maker_connect(struct transport_maker *base, const struct endpoint *to,
                                       const struct endpoint *source,
                                       const struct transport_events *events, void *owner)
{
    struct fault_maker *maker = (struct fault_maker *)(void *)base;
    struct spoiled *self = spoiled_make(maker->loop, maker->plan);
    self->base.events = events;
    self->base.owner = owner;
    self->base.peer = *to;
    self->inner = maker->inner->connect(maker->inner, to, source, &inner_events, self);
    return &self->base;
}

struct transport_maker *fault_maker_create(struct loop *loop, struct transport_maker *inner,
                                           const struct spoil_plan *plan)
{
    struct fault_maker *maker = mem_new(struct fault_maker);
    *maker = (struct fault_maker){{maker_connect}, loop, inner, plan};
    return &maker->base;
}

void fault_maker_free(struct transport_maker **maker)
{
    mem_free(*maker);
    *maker = NULL;
}
