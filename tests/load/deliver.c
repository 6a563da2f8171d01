/*
 * deliver: sends mail over many plaintext SMTP connections at once from one thread, so that a load
 * test measures the server. Each connection sends its messages one after the other; envelope and
 * DATA go in one segment. Built and called by scripts/bench-first-look:
 *
 *   deliver PORT CONNECTIONS MESSAGES SIZE DOMAIN
 *
 * MESSAGES is for each connection; connection n writes to user<n mod 20>@DOMAIN. Prints the seconds
 * from the first connect to the last reply, then the median and 99th percentile of a message's
 * milliseconds. Ends with 1 at the first reply that is no success.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { USERS = 20, CONNECTIONS_MAX = 1000, SIZE_MAX_BYTES = 1 << 20, REPLIES_PER_ENVELOPE = 3 };

enum step { GREETING, EHLO, ENVELOPE, BODY, QUIT };

struct client {
    int fd;
    enum step step;
    unsigned replies; /* of the envelope so far */
    unsigned user, sent;
    double started_s;
    char in[4096];
    size_t in_len;
    const char *out; /* what is left to write */
    size_t out_len;
    char command[512];
};

static struct {
    int epoll;
    unsigned connections, messages, open;
    const char *domain;
    char *body; /* with its final dot */
    size_t body_len;
    double *latencies_ms;
    size_t latency_count;
} load;

static void die(const char *what)
{
    (void)fprintf(stderr, "deliver: %s\n", what);
    exit(1);
}

static double now_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void watch(struct client *client, int operation)
{
    struct epoll_event event = {.events = EPOLLIN | (client->out_len > 0 ? EPOLLOUT : 0U),
                                .data.ptr = client};
    if (epoll_ctl(load.epoll, operation, client->fd, &event) != 0)
        die("epoll_ctl");
}

static void flush(struct client *client)
{
    while (client->out_len > 0) {
        ssize_t sent = send(client->fd, client->out, client->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EAGAIN)
            break;
        if (sent < 0)
            die("the server closed a connection");
        client->out += sent;
        client->out_len -= (size_t)sent;
    }
    watch(client, EPOLL_CTL_MOD);
}

static void say(struct client *client, const char *text, size_t len)
{
    client->out = text;
    client->out_len = len;
    flush(client);
}

static void next_message(struct client *client)
{
    if (client->sent == load.messages) {
        client->step = QUIT;
        say(client, "QUIT\r\n", 6);
        return;
    }
    int len = snprintf(client->command, sizeof client->command,
                       "MAIL FROM:<load@client.test>\r\nRCPT TO:<user%u@%s>\r\nDATA\r\n",
                       client->user, load.domain);
    client->step = ENVELOPE;
    client->replies = 0;
    client->started_s = now_s();
    say(client, client->command, (size_t)len);
}

static void on_reply(struct client *client, const char *line)
{
    static const char wanted[] = {'2', '2', '2', '2', '2'};
    bool is_go_on = client->step == ENVELOPE && client->replies == REPLIES_PER_ENVELOPE - 1;
    if (line[0] != (is_go_on ? '3' : wanted[client->step]))
        die(line);
    switch (client->step) {
    case GREETING:
        client->step = EHLO;
        say(client, "EHLO client.test\r\n", 18);
        break;
    case EHLO:
        next_message(client);
        break;
    case ENVELOPE:
        if (++client->replies < REPLIES_PER_ENVELOPE)
            break;
        client->step = BODY;
        say(client, load.body, load.body_len);
        break;
    case BODY:
        load.latencies_ms[load.latency_count++] = (now_s() - client->started_s) * 1000;
        client->sent++;
        next_message(client);
        break;
    case QUIT:
        (void)close(client->fd);
        client->fd = -1;
        load.open--;
        break;
    }
}

static void on_readable(struct client *client)
{
    ssize_t got =
        recv(client->fd, client->in + client->in_len, sizeof client->in - client->in_len - 1, 0);
    if (got <= 0)
        die("the server closed a connection");
    client->in_len += (size_t)got;
    char *start = client->in, *end;
    while ((end = memchr(start, '\n', client->in_len - (size_t)(start - client->in))) != NULL) {
        *end = '\0';
        if (end - start < 4 || start[3] != '-')
            on_reply(client, start);
        start = end + 1;
    }
    client->in_len -= (size_t)(start - client->in);
    memmove(client->in, start, client->in_len);
}

static void open_client(struct client *client, unsigned number, unsigned short port)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port)};
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    client->user = number % USERS;
    client->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (client->fd < 0 || connect(client->fd, (struct sockaddr *)&to, sizeof to) != 0)
        die("could not connect");
    watch(client, EPOLL_CTL_ADD);
    load.open++;
}

/* Everyday text; all messages of one run are the same. */
static void make_body(size_t size)
{
    static const char head[] = "From: load@client.test\r\nTo: you\r\nSubject: load\r\n"
                               "Date: Sat, 21 Nov 2026 10:00:00 +0000\r\n"
                               "Message-ID: <load@client.test>\r\nMIME-Version: 1.0\r\n"
                               "Content-Type: text/plain; charset=utf-8\r\n\r\n";
    static const char line[] =
        "The quick brown fox jumps over the lazy dog and runs on and on.\r\n";
    load.body = malloc(size + sizeof head + sizeof line + 8);
    if (load.body == NULL)
        die("no memory");
    load.body_len = sizeof head - 1;
    memcpy(load.body, head, load.body_len);
    while (load.body_len < size) {
        memcpy(load.body + load.body_len, line, sizeof line - 1);
        load.body_len += sizeof line - 1;
    }
    memcpy(load.body + load.body_len, ".\r\n", 3);
    load.body_len += 3;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static unsigned number(const char *text, unsigned long max)
{
    char *end;
    unsigned long value = strtoul(text, &end, 10);
    if (*end != '\0' || value == 0 || value > max)
        die("usage: deliver PORT CONNECTIONS MESSAGES SIZE DOMAIN");
    return (unsigned)value;
}

static void run(void)
{
    struct epoll_event events[64];
    while (load.open > 0) {
        int count = epoll_wait(load.epoll, events, 64, 60000);
        if (count <= 0)
            die("the server is silent for a minute");
        for (int i = 0; i < count; i++) {
            struct client *client = events[i].data.ptr;
            if (client->fd >= 0 && (events[i].events & EPOLLOUT) != 0)
                flush(client);
            if (client->fd >= 0 && (events[i].events & ~(unsigned)EPOLLOUT) != 0)
                on_readable(client);
        }
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        die("usage: deliver PORT CONNECTIONS MESSAGES SIZE DOMAIN");
    unsigned short port = (unsigned short)number(argv[1], 65535);
    load.connections = number(argv[2], CONNECTIONS_MAX);
    load.messages = number(argv[3], 100000);
    make_body(number(argv[4], SIZE_MAX_BYTES));
    load.domain = argv[5];
    load.epoll = epoll_create1(0);
    struct client *clients = calloc(load.connections, sizeof *clients);
    size_t total = (size_t)load.connections * load.messages;
    load.latencies_ms = calloc(total, sizeof(double));
    if (clients == NULL || load.latencies_ms == NULL)
        die("no memory");

    double started_s = now_s();
    for (unsigned i = 0; i < load.connections; i++)
        open_client(&clients[i], i, port);
    run();
    double seconds = now_s() - started_s;

    qsort(load.latencies_ms, total, sizeof(double), by_value);
    (void)printf("%.4f %.2f %.2f\n", seconds, load.latencies_ms[total / 2],
                 load.latencies_ms[total * 99 / 100]);
    free(load.latencies_ms);
    free(load.body);
    free(clients);
    return 0;
}
