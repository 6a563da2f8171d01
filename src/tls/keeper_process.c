/*
 * keeper_process: the body of the keeper: gives up what it does not need, then one thread a channel
 * reads a request and writes its reply until the server's end is closed. Tests: test_tls_keeper.c.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "tls/keeper_internal.h"

enum { STACK_SIZE = 512 * 1024 /* GnuTLS signs in some 50 KiB */ };

struct keeper_worker {
    struct keeper_desk *desk;
    pthread_mutex_t *gate; /* held until the process is confined */
    pthread_t thread;
    int fd;
};

/* One byte more than a request has, so that a longer one is seen as such. */
static void serve(struct keeper_worker *worker)
{
    char request[KEEPER_REQUEST_MAX + 1];
    unsigned char reply[KEEPER_REPLY_MAX];

    for (;;) {
        ssize_t len = recv(worker->fd, request, sizeof request, 0);
        if (len < 0 && errno == EINTR)
            continue;
        if (len <= 0)
            return; /* the server has ended, or has given this channel up */
        size_t reply_len = keeper_desk_answer(worker->desk, span_make(request, (size_t)len), reply);
        if (send(worker->fd, reply, reply_len, MSG_NOSIGNAL) < 0)
            return;
    }
}

static void *run_channel(void *argument)
{
    struct keeper_worker *worker = argument;

    (void)pthread_mutex_lock(worker->gate);
    (void)pthread_mutex_unlock(worker->gate);
    serve(worker);
    return NULL;
}

static void start_threads(struct keeper_worker *workers, unsigned count)
{
    pthread_attr_t attr;

    require(pthread_attr_init(&attr) == 0);
    require(pthread_attr_setstacksize(&attr, STACK_SIZE) == 0);
    for (unsigned i = 0; i < count; i++)
        require(pthread_create(&workers[i].thread, &attr, run_channel, &workers[i]) == 0);
    (void)pthread_attr_destroy(&attr);
}

/* The threads wait at the gate while the filter of system calls, which forbids making threads, is
 * put on all of them at once. */
static void run_channels(struct keeper_desk *desk, const struct keeper_ends *ends)
{
    struct keeper_worker *workers = mem_zalloc(ends->channel_count, sizeof *workers);
    pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

    (void)pthread_mutex_lock(&gate);
    for (unsigned i = 0; i < ends->channel_count; i++)
        workers[i] = (struct keeper_worker){.desk = desk, .gate = &gate, .fd = ends->channels[i]};
    start_threads(workers, ends->channel_count);
    if (!keeper_confine_calls())
        log_event(LOG_WARN, "keeper", "unconfined", "why",
                  "this kernel filters no system calls: the keeper runs without that guard");
    (void)pthread_mutex_unlock(&gate);
    for (unsigned i = 0; i < ends->channel_count; i++)
        (void)pthread_join(workers[i].thread, NULL);
    (void)pthread_mutex_destroy(&gate);
    mem_free(workers);
}

int keeper_process_run(const struct keeper_office *office, const struct keeper_ends *ends)
{
    struct keeper_desk *desk = mem_new(struct keeper_desk);

    keeper_confine_process(ends);
    keeper_desk_init(desk, office);
    /* A keeper that cannot be confined reads no key; it stays to say why. */
    if (office->confine(office->owner, &desk->confine_fault) != 0)
        require(desk->confine_fault.err != 0);
    keeper_confine_rights(ends);
    run_channels(desk, ends);
    keeper_desk_deinit(desk);
    mem_free(desk);
    return 0;
}
