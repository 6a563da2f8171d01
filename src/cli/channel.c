/*
 * channel.c: an administrator's call goes to the running server by its control socket, or, when
 * none runs, to the store itself under its lock. Blocking: one call, then the program ends.
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

/* What was done goes to standard output, what could not be done to standard error: which of them it
 * is stands in the last line. */
static int tell(struct span text, int status)
{
    (void)fwrite(text.ptr, 1, text.len, status == CLI_OK ? stdout : stderr);
    return status;
}

static int read_answer(int fd)
{
    FILE *answer = fdopen(dup(fd), "r");
    struct buf text;
    char line[ADMIN_LINE_MAX];
    int status = -1;
    buf_init(&text, 0);
    while (answer != NULL && status < 0 && fgets(line, sizeof line, answer) != NULL) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[0] == '|')
            buf_printf(&text, "%s\n", line + 1);
        else if (strncmp(line, "done ", 5) == 0)
            status = line[5] == '0' ? CLI_OK : CLI_COULD_NOT;
    }
    if (answer != NULL)
        (void)fclose(answer);
    if (status >= 0)
        (void)tell(buf_span(&text), status);
    buf_release(&text);
    if (status >= 0)
        return status;
    cli_complain("the running server did not answer; look at its log and try again");
    return CLI_COULD_NOT;
}

static int ask_server(int fd, const struct span *words, size_t count)
{
    struct buf line;
    buf_init(&line, ADMIN_LINE_MAX);
    int err = admin_line_write(words, count, &line);
    if (err == 0)
        err = buf_append(&line, span_of("\r\n"));
    struct timeval limit = {.tv_sec = CALL_TIMEOUT_S};
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    bool is_sent =
        err == 0 && send(fd, buf_span(&line).ptr, line.len, MSG_NOSIGNAL) == (ssize_t)line.len;
    buf_wipe(&line);
    if (!is_sent) {
        cli_complain("could not speak to the running server: %s",
                     err != 0 ? "an argument is too long" : strerror(errno));
        return CLI_COULD_NOT;
    }

    return read_answer(fd);
}

static int call_store(struct jobs *jobs, struct store *store, const struct span *words,
                      size_t count)
{
    struct admin_call call;
    admin_call_init(&call, store);
    for (size_t i = 0; i < count; i++)
        call.words[i] = words[i];
    call.word_count = count;
    struct job *job = admin_start(&call);
    if (job != NULL) {
        job_run_now(jobs, job);
        admin_finish(&call, job);
        job->free(job);
    }
    int status = tell(buf_span(&call.text), call.status == 0 ? CLI_OK : CLI_COULD_NOT);
    admin_call_deinit(&call);
    return status;
}

/* The store's files must stay the server's: root becomes the configured user first. */
static int open_and_call(const struct settings *settings, const struct span *words, size_t count)
{
    struct fault fault;
    fault_clear(&fault);
    if (privilege_drop(settings->server.user, &fault) != 0) {
        cli_complain("%s", fault.text);
        return CLI_COULD_NOT;
    }
    struct jobs *jobs = jobs_create_inline();
    const struct store_options options = {
        .dir = settings->server.data_dir,
        .settings = &settings->store,
        .jobs = jobs,
        .clock = &clock_system,
        .entropy = &random_system,
    };
    struct store *store = store_open(&options, &fault);
    int status = CLI_COULD_NOT;
    if (store == NULL)
        cli_complain("%s", fault.text);
    else
        status = call_store(jobs, store, words, count);
    store_close(&store);
    jobs_free(&jobs);
    return status;
}

int cli_call(const struct settings *settings, const struct span *words, size_t count)
{
    int fd = connect_control(settings->server.data_dir);
    if (fd >= 0) {
        int status = ask_server(fd, words, count);
        (void)close(fd);
        return status;
    }
    if (errno == EACCES) {
        cli_complain("may not open the control socket in %s: run this as root or as the server's "
                     "user",
                     settings->server.data_dir);
        return CLI_COULD_NOT;
    }
    return open_and_call(settings, words, count);
}
