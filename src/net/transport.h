/*
 * transport: the contract of a byte stream to one peer. net/uv_transport.c fulfils it with libuv,
 * tests/sim/sim_transport.c in memory, net/fault.c wraps either and spoils it on purpose.
 * Loop thread only. Calls of the owner's functions never happen inside a call to the transport,
 * so an owner is never re-entered.
 */
#ifndef POSTERN_NET_TRANSPORT_H
#define POSTERN_NET_TRANSPORT_H

#include "base/err.h"
#include "base/span.h"
#include "net/endpoint.h"
#include "net/loop.h"
#include "net/quota.h"

struct transport;

/* What the owner is told. */
struct transport_events {
    /* The connect ended: 0 or a code (ERR_UNREACHABLE, ERR_TIMEOUT); fault says why. */
    void (*on_connected)(void *owner, int err, const struct fault *fault);
    /* Bytes came, while reading is on. Borrowed: they lie in the loop's one read buffer. */
    void (*on_read)(void *owner, struct span bytes);
    /* No more will come: 0 for an orderly end, ERR_CLOSED for a reset, ERR_IO otherwise. An error
     * may follow an orderly end (a later write did not work); after an error nothing is told but
     * on_closed, and writes are dropped. Like bytes, an orderly end needs reading to be on. */
    void (*on_end)(void *owner, int err);
    /* What was pending has been handed to the kernel. Not told for a write that left nothing
     * pending: look at transport_pending() first. */
    void (*on_written)(void *owner);
    /* After transport_close() or transport_reset(): the transport is gone, forget it. */
    void (*on_closed)(void *owner);
};

struct transport_ops {
    void (*read_on)(struct transport *transport);
    void (*read_off)(struct transport *transport);
    void (*write)(struct transport *transport, const struct span *parts, size_t count);
    size_t (*pending)(const struct transport *transport);
    void (*shutdown)(struct transport *transport);
    void (*close)(struct transport *transport);
    void (*reset)(struct transport *transport);
};

/* First member of every implementation. */
struct transport {
    const struct transport_ops *ops;
    const struct transport_events *events;
    void *owner;
    struct endpoint peer, local;
    /* Set by net/listener.c: a place for holder is held in it until the transport is gone; whoever
     * implements the transport gives it back then. NULL: none. */
    struct quota *quota;
    struct quota_holder holder; /* the peer, or whom a proxy announced; none: a proxy itself */
};

/* Makes outbound transports; one per loop. The result is owned; on_connected follows, never inside
 * this call. source may be NULL: the kernel's choice. */
struct transport_maker {
    struct transport *(*connect)(struct transport_maker *maker, const struct endpoint *to,
                                 const struct endpoint *source,
                                 const struct transport_events *events, void *owner);
};

static inline void transport_read_on(struct transport *transport)
{
    transport->ops->read_on(transport);
}

/* No on_read after it until it is on again; an error may still be told. */
static inline void transport_read_off(struct transport *transport)
{
    transport->ops->read_off(transport);
}

/* Tries to write at once; copies only what the kernel did not take. Never refuses: the caller
 * looks at transport_pending() and stops above its mark. Parts are borrowed until return. */
static inline void transport_write(struct transport *transport, const struct span *parts,
                                   size_t count)
{
    transport->ops->write(transport, parts, count);
}

/* Bytes copied and not yet handed to the kernel. */
static inline size_t transport_pending(const struct transport *transport)
{
    return transport->ops->pending(transport);
}

/* Ends our direction after what is pending. Nothing is written after it. */
static inline void transport_shutdown(struct transport *transport)
{
    transport->ops->shutdown(transport);
}

/* Drops what is pending and closes; on_closed follows. */
static inline void transport_close(struct transport *transport)
{
    transport->ops->close(transport);
}

/* The same, with a TCP reset. */
static inline void transport_reset(struct transport *transport)
{
    transport->ops->reset(transport);
}

#endif
