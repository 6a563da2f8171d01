/*
 * Sockets that accept: binding them, accepting a share of the loop's round, pausing when
 * descriptors run out, refusing what is over the quota. What becomes of an accepted connection is
 * conn.c; how it is read is net/uv_run.h. Tested by tests/unit/test_net_uv.c.
 */
#include "net/listener.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "net/quota.h"
#include "net/uv_run.h"

enum {
    ACCEPT_BATCH = 32,    /* then the loop's connections get their turn */
    PAUSE_FIRST_MS = 50,  /* without descriptors; doubled up to the next */
    PAUSE_MAX_MS = 1000,  /* a descriptor may be free again at any time */
    REFUSED_LOG_MS = 1000 /* one line a second however many are refused */
};

struct listener {
    struct conn_env *env;
    int fd;
    const struct conn_role *role;
    struct quota *quota;
    struct watch *watch; /* NULL while pausing */
    struct timer *resume;
    int64_t pause_ms;
    struct refusals {
        int64_t log_at_ms;
        unsigned count; /* since the last line */
    } crowded, strangers;
};

/* Binding. */

static const char *bind_hint(int error_number)
{
    static const struct {
        int error_number;
        const char *hint;
    } hints[] = {
        {EACCES, "start it as root, or use ports above 1023 (--port-offset)"},
        {EPERM, "start it as root, or use ports above 1023 (--port-offset)"},
        {EADDRINUSE, "another program listens there: stop it or choose another port"},
        {EADDRNOTAVAIL, "this machine has no such address: correct the listener's address"},
        {EAFNOSUPPORT, "this machine has no such address family: remove the listener"},
        {ENOENT, "make the directory of the socket's path"},
        {EMFILE, "raise the limit of open files"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (hints[i].error_number == error_number)
            return hints[i].hint;
    return "correct the listener's address";
}

static int bind_fault(const struct endpoint *endpoint, int error_number, struct fault *fault)
{
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_text(endpoint, text);
    return fault_set(fault, err_from_errno(error_number), "could not listen on %s: %s; %s", text,
                     strerror(error_number), bind_hint(error_number));
}

/* Removes a socket that a dead process left behind. EADDRINUSE when somebody answers on it. */
static int clear_path(const struct endpoint *endpoint)
{
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&endpoint->address;
    struct stat status;
    if (lstat(un->sun_path, &status) != 0)
        return errno == ENOENT ? 0 : errno;
    if (!S_ISSOCK(status.st_mode))
        return EADDRINUSE; /* a file of somebody's: not ours to remove */
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return errno;
    bool is_answered =
        connect(fd, (const struct sockaddr *)un, endpoint->len) == 0 || errno != ECONNREFUSED;
    (void)close(fd);
    if (is_answered)
        return EADDRINUSE;
    return unlink(un->sun_path) == 0 ? 0 : errno;
}

enum port_use { PORT_ALONE, PORT_SHARED };

/* SO_REUSEPORT lets each loop have its own socket. Without it a port where somebody listens is
 * refused, SO_REUSEADDR or not: that is what tells a second server from our own loops. */
static int set_options(int fd, int family, enum port_use use)
{
    const int on = 1;
    if (family == AF_UNIX)
        return 0;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
        return errno;
    if (use == PORT_SHARED && setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        return errno;
    /* 0.0.0.0 and :: are two listeners; without this the second would find the port taken. */
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on) != 0)
        return errno;
    return 0;
}

/* 0 or an errno. */
static int bind_to(int fd, const struct endpoint *endpoint, enum port_use use)
{
    int error_number = set_options(fd, endpoint->address.ss_family, use);
    if (error_number == 0 && endpoint->address.ss_family == AF_UNIX)
        error_number = clear_path(endpoint);
    if (error_number != 0)
        return error_number;
    return bind(fd, (const struct sockaddr *)&endpoint->address, endpoint->len) == 0 ? 0 : errno;
}

int listener_probe(const struct endpoint *endpoint, struct fault *fault)
{
    if (endpoint->address.ss_family == AF_UNIX)
        return 0; /* listener_bind() asks itself */
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return bind_fault(endpoint, errno, fault);
    int error_number = bind_to(fd, endpoint, PORT_ALONE);
    (void)close(fd);
    return error_number == 0 ? 0 : bind_fault(endpoint, error_number, fault);
}

int listener_bind(const struct endpoint *endpoint, int backlog, struct fault *fault)
{
    int fd = socket(endpoint->address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return bind_fault(endpoint, errno, fault);
    int error_number = bind_to(fd, endpoint, PORT_SHARED);
    if (error_number == 0 && listen(fd, backlog) != 0)
        error_number = errno;
    if (error_number == 0)
        return fd;
    (void)close(fd);
    return bind_fault(endpoint, error_number, fault);
}

/* Accepting. */

/* limit: which one, or NULL. */
static void log_refused(struct listener *listener, struct refusals *refusals, const char *event,
                        const struct endpoint *peer, const char *limit)
{
    refusals->count++;
    int64_t now_ms = loop_now_ms(listener->env->loop);
    if (now_ms < refusals->log_at_ms)
        return;
    refusals->log_at_ms = now_ms + REFUSED_LOG_MS;
    char text[ENDPOINT_TEXT_SIZE];
    endpoint_host(peer, text);
    struct log_line line;
    log_begin(&line, LOG_WARN, "net", event);
    log_text(&line, "listener", listener->role->listener);
    log_text(&line, "peer", text);
    if (limit != NULL)
        log_text(&line, "limit", limit);
    log_int(&line, "refused", refusals->count);
    log_end(&line);
    refusals->count = 0;
}

/* Whoever is over the quota costs one send and no memory. The words go into an empty socket buffer;
 * they are lost only when the peer has spoken first, and then it is no client of ours. Under
 * implicit TLS there is nothing that could be said for less than a handshake. */
static void refuse(struct listener *listener, int fd, const struct endpoint *peer,
                   enum quota_answer answer)
{
    const char *words = conn_refusal(listener->role, answer);
    if (words != NULL)
        (void)send(fd, words, strlen(words), MSG_DONTWAIT | MSG_NOSIGNAL);
    (void)close(fd);
    log_refused(listener, &listener->crowded, "over-limit", peer, quota_answer_text(answer));
}

/* Whoever could reach a listener that expects PROXY headers could be anybody he likes. A unix
 * socket has its permissions. */
static bool is_stranger(const struct conn_role *role, const struct endpoint *peer)
{
    if (!role->is_proxied || peer->address.ss_family == AF_UNIX)
        return false;
    return !networks_have(role->proxy_networks, role->proxy_network_count, peer);
}

/* Takes fd. */
static void take_socket(struct listener *listener, int fd, const struct endpoint *peer)
{
    struct quota_holder holder = {0}; /* nobody, until a proxy says whom it speaks for */
    if (!listener->role->is_proxied)
        holder = conn_holder(listener->role, peer);
    if (is_stranger(listener->role, peer)) {
        (void)close(fd);
        log_refused(listener, &listener->strangers, "no-proxy", peer, NULL);
        return;
    }
    enum quota_answer answer =
        quota_take(listener->quota, &holder, loop_now_ms(listener->env->loop));
    if (answer != QUOTA_FITS) {
        refuse(listener, fd, peer, answer);
        return;
    }
    struct transport *transport = uv_run_wrap(listener->env->loop, fd);
    if (transport == NULL) {
        quota_give_back(listener->quota, &holder);
        return;
    }
    transport->peer = *peer;
    transport->quota = listener->quota;
    transport->holder = holder;
    conn_accept(listener->env, listener->role, transport);
}

/* The peer was gone before we came, or the network had a mishap: the next one may be well. */
static bool is_passing(int error_number)
{
    switch (error_number) {
    case ECONNABORTED:
    case EINTR:
    case EPERM: /* a firewall rule */
    case EPROTO:
    case ENETDOWN:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
        return true;
    default:
        return false;
    }
}

/* A level-triggered watch would spin while the connection that cannot be taken waits. */
static void pause_accepting(struct listener *listener, int error_number)
{
    loop_watch_free(&listener->watch);
    struct log_line line;
    log_begin(&line, LOG_ERROR, "net", "accept-paused");
    log_text(&line, "listener", listener->role->listener);
    log_text(&line, "why", strerror(error_number));
    log_int(&line, "pause_ms", listener->pause_ms);
    log_end(&line);
    loop_timer_start(listener->resume, listener->pause_ms);
    listener->pause_ms *= 2;
    if (listener->pause_ms > PAUSE_MAX_MS)
        listener->pause_ms = PAUSE_MAX_MS;
}

static void on_ready(void *owner, unsigned events)
{
    struct listener *listener = owner;
    (void)events;
    for (int i = 0; i < ACCEPT_BATCH; i++) {
        struct endpoint peer = {.len = sizeof peer.address};
        int fd = accept4(listener->fd, (struct sockaddr *)&peer.address, &peer.len,
                         SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            listener->pause_ms = PAUSE_FIRST_MS;
            take_socket(listener, fd, &peer);
        } else if (errno == EAGAIN) {
            return;
        } else if (!is_passing(errno)) {
            pause_accepting(listener, errno);
            return;
        }
    }
}

static void on_resume(void *owner)
{
    struct listener *listener = owner;
    listener->watch =
        loop_watch_create(listener->env->loop, listener->fd, WATCH_READ, on_ready, listener);
}

struct listener *listener_start(struct conn_env *env, int fd, const struct conn_role *role,
                                struct quota *quota)
{
    struct listener *listener = mem_new(struct listener);
    listener->env = env;
    listener->fd = fd;
    listener->role = role;
    listener->quota = quota;
    listener->pause_ms = PAUSE_FIRST_MS;
    listener->resume = loop_timer_create(env->loop, on_resume, listener);
    on_resume(listener);
    return listener;
}

void listener_stop(struct listener **listener)
{
    struct listener *self = *listener;
    *listener = NULL;
    if (self == NULL)
        return;
    loop_watch_free(&self->watch);
    loop_timer_free(&self->resume);
    (void)close(self->fd);
    mem_free(self);
}
