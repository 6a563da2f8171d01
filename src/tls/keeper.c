/*
 * keeper: the handle: forks the keeper process, knows whether it lives, ends it. What is said to it
 * is keeper_signer.c's, what it does keeper_process.c's. Tests: test_tls_keeper.c.
 */
#include "tls/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "tls/keeper_internal.h"

enum { STOP_TIMEOUT_MS = 1000 };

struct ends {
    int life[2], *ours, *theirs;
    unsigned count;
};

static void ends_close(int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)close(fds[i]);
}

static int ends_open(struct ends *ends, unsigned count)
{
    const struct timeval timeout = {.tv_sec = KEEPER_SIGN_TIMEOUT_MS / 1000};

    *ends = (struct ends){.ours = mem_zalloc(count, sizeof(int)),
                          .theirs = mem_zalloc(count, sizeof(int))};
    if (pipe2(ends->life, O_CLOEXEC) != 0)
        return errno;
    for (; ends->count < count; ends->count++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
            return errno;
        (void)setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
        ends->ours[ends->count] = pair[0];
        ends->theirs[ends->count] = pair[1];
    }
    return 0;
}

static struct keeper *handle_create(const struct ends *ends, pid_t pid)
{
    struct keeper *keeper = mem_new(struct keeper);
    pthread_condattr_t attr;

    keeper->signer.ops = &keeper_signer_ops;
    require(pthread_mutex_init(&keeper->mutex, NULL) == 0);
    require(pthread_condattr_init(&attr) == 0);
    require(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0);
    require(pthread_cond_init(&keeper->on_free, &attr) == 0);
    (void)pthread_condattr_destroy(&attr);
    keeper->channels = mem_zalloc(ends->count, sizeof *keeper->channels);
    for (unsigned i = 0; i < ends->count; i++)
        keeper->channels[i].fd = ends->ours[i];
    keeper->channel_count = ends->count;
    keeper->pid = pid;
    keeper->life_fd = ends->life[0];
    return keeper;
}

/* The signals that the keeper ignores do not reach it before it does. */
static pid_t fork_quietly(void)
{
    sigset_t held, before;

    (void)sigemptyset(&held);
    (void)sigaddset(&held, SIGTERM);
    (void)sigaddset(&held, SIGINT);
    (void)sigaddset(&held, SIGHUP);
    (void)pthread_sigmask(SIG_BLOCK, &held, &before);
    pid_t pid = fork();
    int error = errno;
    if (pid != 0)
        (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = error;
    return pid;
}

static struct keeper *start(const struct keeper_office *office, struct ends *ends)
{
    pid_t parent = getpid();
    pid_t pid = fork_quietly();

    if (pid == 0) {
        const struct keeper_ends theirs = {.channels = ends->theirs,
                                           .channel_count = ends->count,
                                           .life_fd = ends->life[1],
                                           .parent = parent};
        _exit(keeper_process_run(office, &theirs));
    }
    if (pid < 0)
        return NULL;
    ends_close(ends->theirs, ends->count);
    (void)close(ends->life[1]);
    return handle_create(ends, pid);
}

struct keeper *keeper_start(const struct keeper_office *office, unsigned channel_count,
                            struct fault *fault)
{
    struct keeper *keeper = NULL;
    struct ends ends;

    require(channel_count > 0);
    int error = ends_open(&ends, channel_count);
    if (error == 0) {
        keeper = start(office, &ends);
        error = errno;
    }
    if (keeper == NULL) {
        (void)fault_set(fault, err_from_errno(error),
                        "could not start the keeper of private keys: %s; raise the limits of "
                        "processes and open files, or set tls.key_isolation = false",
                        strerror(error));
        ends_close(ends.ours, ends.count);
        ends_close(ends.theirs, ends.count);
        ends_close(ends.life, ends.life[0] != ends.life[1] ? 2 : 0);
    }
    mem_free(ends.ours);
    mem_free(ends.theirs);
    return keeper;
}

struct tls_signer *keeper_signer(struct keeper *keeper)
{
    return &keeper->signer;
}

pid_t keeper_pid(const struct keeper *keeper)
{
    return keeper->pid;
}

int keeper_fd(const struct keeper *keeper)
{
    return keeper->life_fd;
}

static void wait_for_end(struct keeper *keeper)
{
    while (!keeper->is_waited_for) {
        pid_t pid = waitpid(keeper->pid, &keeper->wait_status, 0);
        keeper->is_waited_for = pid == keeper->pid || (pid < 0 && errno != EINTR);
    }
}

void keeper_why(struct keeper *keeper, char why_out[64])
{
    wait_for_end(keeper);
    int status = keeper->wait_status;
    if (WIFSIGNALED(status))
        (void)snprintf(why_out, 64, "signal %d (%s)", WTERMSIG(status),
                       strsignal(WTERMSIG(status)));
    else
        (void)snprintf(why_out, 64, "exit status %d", WEXITSTATUS(status));
}

void keeper_stop(struct keeper **keeper)
{
    struct keeper *gone = *keeper;

    *keeper = NULL;
    if (gone == NULL)
        return;
    for (unsigned i = 0; i < gone->channel_count; i++)
        (void)close(gone->channels[i].fd);
    struct pollfd life = {.fd = gone->life_fd, .events = POLLIN};
    if (!gone->is_waited_for && poll(&life, 1, STOP_TIMEOUT_MS) <= 0)
        (void)kill(gone->pid, SIGKILL);
    wait_for_end(gone);
    (void)close(gone->life_fd);
    (void)pthread_cond_destroy(&gone->on_free);
    (void)pthread_mutex_destroy(&gone->mutex);
    mem_free(gone->channels);
    mem_free(gone);
}
