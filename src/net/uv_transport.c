/*
 * Byte streams on libuv: TCP and unix sockets, made by connecting or from an accepted descriptor.
 * A write is tried at once; only what the kernel did not take is copied. What goes wrong inside a
 * call is told in the loop's next round, so owners are never re-entered. Tested by
 * tests/unit/test_net_uv.c.
 */
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "net/quota.h"
#include "net/uv_internal.h"
#include "net/uv_run.h"

/* Spans that go to the kernel in one call; more take further calls. */
enum { PARTS_MAX = 64 };

enum run_phase { PHASE_CONNECTING, PHASE_OPEN, PHASE_CLOSING };

struct run_transport {
    struct transport base;
    struct run_loop *loop;
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_connect_t connect;
    uv_shutdown_t shutdown;
    enum run_phase phase;
    bool is_pipe;
    bool is_reading; /* wanted; before the connect ends nothing is read */
    bool has_end;    /* the end of input was told */
    bool is_shut;
    bool is_dead;   /* an error: writes are dropped */
    bool is_served; /* the error was told */
    int end_err;
    size_t pending;
    struct run_soon soon; /* tells an error that a call met */
};

/* What the kernel did not take. Freed in its callback, which comes before the close's. */
struct write_request {
    uv_write_t uv;
    struct run_transport *transport;
    size_t len;
    char bytes[];
};

static const struct transport_ops run_transport_ops;

static void on_soon(struct run_soon *soon);

static struct run_transport *as_transport(struct transport *transport)
{
    require(transport->ops == &run_transport_ops);
    return (struct run_transport *)(void *)transport;
}

static struct run_transport *transport_make(struct run_loop *loop, bool is_pipe)
{
    struct run_transport *self = mem_new(struct run_transport);
    self->base.ops = &run_transport_ops;
    self->loop = loop;
    self->is_pipe = is_pipe;
    self->soon.run = on_soon;
    if (is_pipe)
        require(uv_pipe_init(&loop->uv, &self->uv.pipe, 0) == 0);
    else
        require(uv_tcp_init(&loop->uv, &self->uv.tcp) == 0);
    self->uv.handle.data = self;
    return self;
}

static int err_of(int status)
{
    switch (status) {
    case UV_ETIMEDOUT:
        return ERR_TIMEOUT;
    case UV_ECONNRESET:
    case UV_EPIPE:
    case UV_ECONNABORTED:
    case UV_ENOTCONN:
        return ERR_CLOSED;
    default:
        return ERR_IO;
    }
}

/* Reading. */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct run_transport *self = handle->data;
    (void)suggested;
    *buf = uv_buf_init(self->loop->read_buffer, RUN_READ_SIZE);
}

static void tell_error(struct run_transport *self)
{
    if (self->is_served || self->phase == PHASE_CLOSING)
        return;
    self->is_served = true;
    self->base.events->on_end(self->base.owner, self->end_err);
}

/* No more reading or writing; the caller sees to it that it is told. */
static void note_error(struct run_transport *self, int status)
{
    if (self->is_dead)
        return;
    self->is_dead = true;
    self->end_err = err_of(status);
    (void)uv_read_stop(&self->uv.stream);
}

static void take_input(struct run_transport *self, ssize_t count, const char *bytes)
{
    if (self->phase == PHASE_CLOSING || self->is_dead)
        return;
    if (count > 0) {
        self->base.events->on_read(self->base.owner, span_make(bytes, (size_t)count));
    } else if (count == UV_EOF) {
        (void)uv_read_stop(&self->uv.stream);
        self->has_end = true;
        self->base.events->on_end(self->base.owner, 0);
    } else if (count < 0) {
        note_error(self, (int)count);
        tell_error(self);
    }
}

static void on_uv_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buf)
{
    take_input(stream->data, count, buf->base);
}

static void read_begin(struct run_transport *self)
{
    if (self->phase != PHASE_OPEN || self->has_end || self->is_dead)
        return;
    int status = uv_read_start(&self->uv.stream, on_alloc, on_uv_read);
    if (status != 0 && status != UV_EALREADY) {
        note_error(self, status);
        run_soon_add(self->loop, &self->soon);
    }
}

static void read_on(struct transport *transport)
{
    struct run_transport *self = as_transport(transport);
    self->is_reading = true;
    read_begin(self);
}

static void read_off(struct transport *transport)
{
    struct run_transport *self = as_transport(transport);
    self->is_reading = false;
    if (self->phase == PHASE_OPEN)
        (void)uv_read_stop(&self->uv.stream);
}

/* Writing. */

static void on_soon(struct run_soon *soon)
{
    tell_error(list_entry(soon, struct run_transport, soon));
}

static void fail_soon(struct run_transport *self, int status)
{
    note_error(self, status);
    run_soon_add(self->loop, &self->soon);
}

static void end_write(struct run_transport *self, size_t len, int status)
{
    self->pending -= len;
    if (self->phase == PHASE_CLOSING)
        return;
    if (status < 0) {
        note_error(self, status);
        tell_error(self);
    } else if (self->pending == 0 && !self->is_dead) {
        self->base.events->on_written(self->base.owner);
    }
}

static void on_uv_write(uv_write_t *uv, int status)
{
    struct write_request *request = uv->data;
    end_write(request->transport, request->len, status);
    mem_free(request);
}

static size_t total_len(const struct span *parts, size_t count)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++)
        len += parts[i].len;
    return len;
}

/* Copies the parts but for their first `skip` bytes and leaves them to libuv. */
static void write_later(struct run_transport *self, const struct span *parts, size_t count,
                        size_t skip)
{
    size_t len = total_len(parts, count) - skip;
    struct write_request *request = mem_alloc(sizeof *request + len);
    request->transport = self;
    request->len = len;
    request->uv.data = request;
    size_t at = 0;
    for (size_t i = 0; i < count; i++) {
        struct span rest = span_from(parts[i], skip);
        skip -= parts[i].len - rest.len;
        if (rest.len > 0)
            memcpy(request->bytes + at, rest.ptr, rest.len);
        at += rest.len;
    }
    uv_buf_t buf = uv_buf_init(request->bytes, (unsigned)len);
    int status = uv_write(&request->uv, &self->uv.stream, &buf, 1, on_uv_write);
    if (status != 0) {
        mem_free(request);
        fail_soon(self, status);
        return;
    }
    self->pending += len;
}

/* At most PARTS_MAX parts. */
static void write_some(struct run_transport *self, const struct span *parts, size_t count)
{
    uv_buf_t bufs[PARTS_MAX];
    for (size_t i = 0; i < count; i++) /* libuv's buffers are not const, but only read */
        bufs[i] = (uv_buf_t){.base = (char *)(uintptr_t)parts[i].ptr, .len = parts[i].len};
    size_t len = total_len(parts, count);
    if (len == 0)
        return;
    int written =
        self->pending > 0 ? UV_EAGAIN : uv_try_write(&self->uv.stream, bufs, (unsigned)count);
    if (written < 0 && written != UV_EAGAIN) {
        fail_soon(self, written);
        return;
    }
    size_t done = written > 0 ? (size_t)written : 0;
    if (done < len)
        write_later(self, parts, count, done);
}

static void write_parts(struct transport *transport, const struct span *parts, size_t count)
{
    struct run_transport *self = as_transport(transport);
    require(self->phase != PHASE_CONNECTING && !self->is_shut);
    while (count > 0 && self->phase == PHASE_OPEN && !self->is_dead) {
        size_t some = count < PARTS_MAX ? count : PARTS_MAX;
        write_some(self, parts, some);
        parts += some;
        count -= some;
    }
}

static size_t pending_len(const struct transport *transport)
{
    const struct run_transport *self = (const struct run_transport *)(const void *)transport;
    return self->is_dead ? 0 : self->pending;
}

/* Whether it worked does not matter: a peer that is gone needs no end. libuv calls it unasked. */
static void on_uv_shutdown(uv_shutdown_t *shutdown, int status)
{
    (void)shutdown;
    (void)status;
}

static void shut_down(struct transport *transport)
{
    struct run_transport *self = as_transport(transport);
    if (self->phase != PHASE_OPEN || self->is_shut)
        return;
    self->is_shut = true;
    (void)uv_shutdown(&self->shutdown, &self->uv.stream, on_uv_shutdown);
}

/* Ends. */

static void end_transport(struct run_transport *self)
{
    if (self->base.quota != NULL)
        quota_give_back(self->base.quota, &self->base.holder);
    if (self->base.events != NULL)
        self->base.events->on_closed(self->base.owner);
    mem_free(self);
}

static void on_uv_closed(uv_handle_t *handle)
{
    end_transport(handle->data);
}

static void close_gently(struct transport *transport)
{
    struct run_transport *self = as_transport(transport);
    require(self->phase != PHASE_CLOSING);
    self->phase = PHASE_CLOSING;
    list_remove(&self->soon.node);
    uv_close(&self->uv.handle, on_uv_closed);
}

/* uv_tcp_close_reset() refuses after a shutdown; the option that it sets does not. */
static void close_hard(struct transport *transport)
{
    struct run_transport *self = as_transport(transport);
    uv_os_fd_t fd = -1;
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    if (!self->is_pipe && uv_fileno(&self->uv.handle, &fd) == 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close_gently(transport);
}

static const struct transport_ops run_transport_ops = {
    .read_on = read_on,
    .read_off = read_off,
    .write = write_parts,
    .pending = pending_len,
    .shutdown = shut_down,
    .close = close_gently,
    .reset = close_hard,
};

/* Births. */

static void read_names(struct run_transport *self, int fd)
{
    struct endpoint *local = &self->base.local;
    local->len = sizeof local->address;
    if (getsockname(fd, (struct sockaddr *)&local->address, &local->len) != 0)
        *local = (struct endpoint){0};
}

static void end_connect(struct run_transport *self, int status)
{
    if (self->phase == PHASE_CLOSING)
        return;
    struct fault fault;
    fault_clear(&fault);
    self->phase = PHASE_OPEN;
    if (status != 0) {
        char text[ENDPOINT_TEXT_SIZE];
        endpoint_text(&self->base.peer, text);
        int err = status == UV_ETIMEDOUT ? ERR_TIMEOUT : ERR_UNREACHABLE;
        (void)fault_set(&fault, err, "could not connect to %s: %s", text, uv_strerror(status));
        self->is_dead = self->is_served = true;
    } else {
        uv_os_fd_t fd = -1;
        if (uv_fileno(&self->uv.handle, &fd) == 0)
            read_names(self, fd);
        if (!self->is_pipe)
            (void)uv_tcp_nodelay(&self->uv.tcp, 1); /* slower without, not wrong */
        if (self->is_reading)
            read_begin(self);
    }
    self->base.events->on_connected(self->base.owner, fault.err, &fault);
}

static void on_uv_connect(uv_connect_t *connect, int status)
{
    end_connect(connect->handle->data, status);
}

static void on_soon_refused(struct run_soon *soon)
{
    struct run_transport *self = list_entry(soon, struct run_transport, soon);
    self->soon.run = on_soon;
    end_connect(self, self->end_err);
}

/* 0 or libuv's code; then nothing was begun. */
static int connect_begin(struct run_transport *self, const struct endpoint *to,
                         const struct endpoint *source)
{
    if (self->is_pipe) {
        const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&to->address;
        uv_pipe_connect(&self->connect, &self->uv.pipe, un->sun_path, on_uv_connect);
        return 0;
    }
    int status = 0;
    if (source != NULL && source->len != 0)
        status = uv_tcp_bind(&self->uv.tcp, (const struct sockaddr *)&source->address, 0);
    if (status == 0)
        status = uv_tcp_connect(&self->connect, &self->uv.tcp,
                                (const struct sockaddr *)&to->address, on_uv_connect);
    return status;
}

static struct transport *maker_connect(struct transport_maker *maker, const struct endpoint *to,
                                       const struct endpoint *source,
                                       const struct transport_events *events, void *owner)
{
    struct run_loop *loop = ((struct run_maker *)(void *)maker)->loop;
    struct run_transport *self = transport_make(loop, to->address.ss_family == AF_UNIX);
    self->base.events = events;
    self->base.owner = owner;
    self->base.peer = *to;
    self->phase = PHASE_CONNECTING;
    int status = connect_begin(self, to, source);
    if (status != 0) {
        self->end_err = status; /* libuv's, until on_soon_refused() turns it into ours */
        self->soon.run = on_soon_refused;
        run_soon_add(loop, &self->soon);
    }
    return &self->base;
}

void run_maker_init(struct run_maker *maker, struct run_loop *loop)
{
    *maker = (struct run_maker){{maker_connect}, loop};
}

struct transport *uv_run_wrap(struct loop *base, int fd)
{
    struct endpoint peer = {.len = sizeof peer.address};
    if (getpeername(fd, (struct sockaddr *)&peer.address, &peer.len) != 0) {
        (void)close(fd); /* the peer reset it already */
        return NULL;
    }
    bool is_pipe = peer.address.ss_family == AF_UNIX;
    struct run_transport *self = transport_make(run_loop_of(base), is_pipe);
    self->phase = PHASE_OPEN;
    self->base.peer = peer;
    read_names(self, fd);
    int status = is_pipe ? uv_pipe_open(&self->uv.pipe, fd) : uv_tcp_open(&self->uv.tcp, fd);
    if (status != 0) {
        (void)close(fd);
        close_gently(&self->base);
        return NULL;
    }
    if (!is_pipe)
        (void)uv_tcp_nodelay(&self->uv.tcp, 1);
    return &self->base;
}
