/*
 * server_socket.c: the sockets of one listener's address, one for each loop, bound before root is
 * dropped: TCP by SO_REUSEPORT, a unix socket bound once and its descriptor duplicated. Tests:
 * tests/clients/test_lmtp.py.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/listener.h"
#include "privilege.h"
#include "server_internal.h"

enum { GROUP_SCRATCH_SIZE = 64 * 1024 /* of a group with some thousand members */ };

static void keep(struct server_loop *loop, size_t row, int fd)
{
    loop->bound = mem_realloc(loop->bound, (loop->bound_count + 1) * sizeof *loop->bound);
    loop->bound[loop->bound_count++] = (struct bound){row, fd};
}

static int find_group(const char *name, gid_t *gid_out, struct fault *fault)
{
    struct group entry, *found = NULL;
    char *scratch = mem_alloc(GROUP_SCRATCH_SIZE);
    int error = getgrnam_r(name, &entry, scratch, GROUP_SCRATCH_SIZE, &found);

    if (found != NULL)
        *gid_out = entry.gr_gid;
    mem_free(scratch);
    if (error != 0)
        return fault_set(fault, ERR_IO, "could not look up group \"%s\": %s", name,
                         strerror(error));
    return found != NULL ? 0
                         : fault_set(fault, ERR_NOT_FOUND,
                                     "there is no group \"%s\" on this machine; correct "
                                     "listeners.socket_group",
                                     name);
}

/* Who may connect. Until here that was its owner only, by our umask. */
static int open_path(const struct server *server, const struct settings_listener *listener,
                     const char *path, struct fault *fault)
{
    static const struct {
        const char *name;
        mode_t mode;
    } modes[] = {{"0600", 0600}, {"0660", 0660}, {"0666", 0666}};
    const char *user = server->first->settings->server.user;
    uid_t uid = (uid_t)-1;
    gid_t gid = (gid_t)-1;
    mode_t mode = 0600;
    int err = 0;

    if (user[0] != '\0' && geteuid() == 0)
        err = privilege_find(user, &uid, &gid, fault);
    if (err == 0 && listener->socket_group[0] != '\0')
        err = find_group(listener->socket_group, &gid, fault);
    for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
        if (strcmp(modes[i].name, listener->socket_mode) == 0)
            mode = modes[i].mode;
    if (err == 0 && (lchown(path, uid, gid) != 0 || chmod(path, mode) != 0))
        err = fault_set(fault, err_from_errno(errno),
                        "could not let others use %s: %s; start as root, or as a member of "
                        "listeners.socket_group",
                        path, strerror(errno));
    return err;
}

static int bind_path(struct server *server, size_t row, const struct endpoint *endpoint,
                     const char *path, struct fault *fault)
{
    const struct settings *settings = server->first->settings;
    int fd = listener_bind(endpoint, (int)settings->net.backlog, fault);

    if (fd < 0)
        return fd;
    keep(&server->loops[0], row, fd);
    for (unsigned i = 1; i < server->loop_count; i++) {
        int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        if (copy < 0)
            return fault_set(fault, err_from_errno(errno),
                             "could not share %s among the loops: %s; raise the limit of open "
                             "files",
                             path, strerror(errno));
        keep(&server->loops[i], row, copy);
    }
    return open_path(server, &settings->listeners[row], path, fault);
}

int server_socket_bind(struct server *server, size_t row, const char *address, struct fault *fault)
{
    const struct settings *settings = server->first->settings;
    const struct settings_listener *listener = &settings->listeners[row];
    struct endpoint endpoint;
    int err = endpoint_parse(span_of(address), listener->port, &endpoint);

    if (err != 0)
        return fault_set(fault, err, "listener %s: \"%s\" is not an address", listener->name,
                         address);
    if (address[0] == '/')
        return bind_path(server, row, &endpoint, address, fault);
    err = listener_probe(&endpoint, fault);
    for (unsigned i = 0; i < server->loop_count && err == 0; i++) {
        int fd = listener_bind(&endpoint, (int)settings->net.backlog, fault);
        if (fd < 0)
            return fd;
        keep(&server->loops[i], row, fd);
    }
    return err;
}
