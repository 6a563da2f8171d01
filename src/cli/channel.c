/*
 * channel.c: an administrator's call goes to the running server by its control socket, or, when
 * none runs, to the store itself under its lock. Blocking, one call after the other.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/admin.h"
#include "base/mem.h"
#include "cli/cli.h"
#include "crypto/random.h"
#include "privilege.h"

enum { CALL_TIMEOUT_S = 60 };

/* Connects, or -1 with errno. By the directory's descriptor: the path may be long. */
static int connect_control(const char *data_dir)
{
    int dir_fd = open(data_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir_fd < 0)
        return -1;
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)snprintf(address.sun_path, sizeof address.sun_path, "/proc/self/fd/%d/control.sock",
                   dir_fd);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) != 0) {
        int error = errno;
        (void)close(fd);
        fd = -1;
        errno = error;
    }
    int error = errno;
    (void)close(dir_fd);
    errno = error;
    return fd;
}

struct cli_channel {
    int fd; /* of the server's control socket, or -1 */
    FILE *answer;
    struct jobs *jobs;
    struct store *store;
};

/* ---- The running server --------------------------------------------------------------------- */

static int read_answer(struct cli_channel *channel, struct buf *text_out)
{
    char line[ADMIN_LINE_MAX];
    int status = -1;
    while (status < 0 && fgets(line, sizeof line, channel->answer) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '|')
            buf_printf(text_out, "%s\n", line + 1);
        else if (strncmp(line, "done ", 5) == 0)
            status = line[5] == '0' ? CLI_OK : CLI_COULD_NOT;
    }
    if (status >= 0)
        return status;
    cli_complain("the running server did not answer; look at its log and try again");
    buf_clear(text_out);
    return CLI_COULD_NOT;
}

static int send_all(int fd, struct span bytes)
{
    while (bytes.len > 0) {
        ssize_t sent = send(fd, bytes.ptr, bytes.len, MSG_NOSIGNAL);
        if (sent <= 0)
            return ERR_IO;
        bytes = span_from(bytes, (size_t)sent);
    }
    return 0;
}

static int ask_server(struct cli_channel *channel, const struct span *words, size_t count,
                      struct buf *text_out)
{
    struct buf line;
    buf_init(&line, ADMIN_LINE_MAX);
    int err = admin_line_write(words, count, &line);
    if (err == 0)
        err = buf_append(&line, span_of("\r\n"));
    bool is_sent = err == 0 && send_all(channel->fd, buf_span(&line)) == 0;
    buf_wipe(&line);
    if (is_sent)
        return read_answer(channel, text_out);
    cli_complain("could not speak to the running server: %s",
                 err != 0 ? "an argument is too long" : strerror(errno));
    return CLI_COULD_NOT;
}

/* ---- The store itself ----------------------------------------------------------------------- */

static int ask_store(const struct cli_channel *channel, const struct span *words, size_t count,
                     struct buf *text_out)
{
    struct admin_call call;
    admin_call_init(&call, channel->store);
    for (size_t i = 0; i < count; i++)
        call.words[i] = words[i];
    call.word_count = count;
    struct job *job = admin_start(&call);
    if (job != NULL) {
        job_run_now(channel->jobs, job);
        admin_finish(&call, job);
        job->free(job);
    }
    buf_put(text_out, buf_span(&call.text));
    int status = call.status == 0 ? CLI_OK : CLI_COULD_NOT;
    admin_call_deinit(&call);
    return status;
}

/* The store's files must stay the server's: root becomes the configured user first. */
static bool open_store(struct cli_channel *channel, const struct settings *settings)
{
    struct fault fault;
    fault_clear(&fault);
    if (privilege_drop(settings->server.user, &fault) != 0) {
        cli_complain("%s", fault.text);
        return false;
    }
    channel->jobs = jobs_create_inline();
    const struct store_options options = {
        .dir = settings->server.data_dir,
        .settings = &settings->store,
        .jobs = channel->jobs,
        .clock = &clock_system,
        .entropy = &random_system,
    };
    channel->store = store_open(&options, &fault);
    if (channel->store == NULL)
        cli_complain("%s", fault.text);
    return channel->store != NULL;
}

/* ---- Either --------------------------------------------------------------------------------- */

struct cli_channel *cli_channel_open(const struct settings *settings)
{
    struct cli_channel *channel = mem_new(struct cli_channel);
    channel->fd = connect_control(settings->server.data_dir);
    int error = errno;
    bool is_open = false;
    if (channel->fd >= 0) {
        struct timeval limit = {.tv_sec = CALL_TIMEOUT_S};
        (void)setsockopt(channel->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        channel->answer = fdopen(dup(channel->fd), "r");
        is_open = channel->answer != NULL;
        if (!is_open)
            cli_complain("could not read from the control socket: %s", strerror(errno));
    } else if (error == EACCES) {
        cli_complain("may not open the control socket in %s: run this as root or as the server's "
                     "user",
                     settings->server.data_dir);
    } else {
        is_open = open_store(channel, settings);
    }
    if (!is_open)
        cli_channel_close(&channel);
    return channel;
}

void cli_channel_close(struct cli_channel **channel)
{
    struct cli_channel *old = *channel;
    *channel = NULL;
    if (old == NULL)
        return;
    if (old->answer != NULL)
        (void)fclose(old->answer);
    if (old->fd >= 0)
        (void)close(old->fd);
    store_close(&old->store);
    jobs_free(&old->jobs);
    mem_free(old);
}

int cli_channel_ask(struct cli_channel *channel, const struct span *words, size_t count,
                    struct buf *text_out)
{
    return channel->fd >= 0 ? ask_server(channel, words, count, text_out)
                            : ask_store(channel, words, count, text_out);
}

/* What was done goes to standard output, what could not be done to standard error. */
int cli_call(const struct settings *settings, const struct span *words, size_t count)
{
    struct cli_channel *channel = cli_channel_open(settings);
    if (channel == NULL)
        return CLI_COULD_NOT;
    struct buf text;
    buf_init(&text, 0);
    int status = cli_channel_ask(channel, words, count, &text);
    (void)fwrite(buf_span(&text).ptr, 1, text.len, status == CLI_OK ? stdout : stderr);
    buf_release(&text);
    cli_channel_close(&channel);
    return status;
}
