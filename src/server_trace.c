/*
 * server_trace.c: writes what happens on traced connections into one file (docs/TRACE.md). Events
 * are put into words on the loop, collected per connection in bounded memory and appended by jobs
 * in the slow lane: no loop thread waits for a disk. What a slow disk leaves no room for is left
 * out, counted and told. Tests: tests/clients/test_trace.py.
 */
#include "server_trace.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/map.h"
#include "base/mem.h"
#include "lens/json.h"
#include "lens/text.h"
#include "net/job.h"

enum {
    FLUSH_SIZE = 16 * 1024, /* so much of a connection's text is handed to a job, or a handshake */
    BUFFER_MAX = 64 * 1024, /* so much waits where the disk is slow; what follows is left out */
    PENDING_MAX = 1024 * 1024,         /* of one loop, handed over and not written yet */
    PENDING_END_MAX = 4 * PENDING_MAX, /* the same for what ended connections leave */
    BYTES_MAX = 4096                   /* a longer message is told without its bytes */
};

struct server_trace {
    struct tap tap; /* first */
    struct job_port *port;
    struct map conns; /* connection id -> struct traced */
    char *file;
    bool is_text;
    size_t pending;      /* bytes in jobs */
    bool is_complaining; /* the log was told; once until a write succeeds */
};

struct traced {
    uint64_t conn_id;
    int64_t began_us;
    struct buf text;
    uint64_t left_out; /* events */
};

/* ---- Appending ------------------------------------------------------------------------------ */

struct append {
    struct job job; /* first */
    struct server_trace *trace;
    char *file;
    struct buf text;
    int error_number; /* 0: written */
};

static int write_all(int fd, struct span text)
{
    while (text.len > 0) {
        ssize_t len = write(fd, text.ptr, text.len);
        if (len < 0 && errno != EINTR)
            return errno;
        text = span_from(text, len > 0 ? (size_t)len : 0);
    }
    return 0;
}

/* A pipe that somebody put there would hold the lane until it is read, and reloads and searches
 * with it. */
static int check_is_file(int fd)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return errno;
    return S_ISREG(status.st_mode) ? 0 : EINVAL;
}

static void append_run(struct job *job)
{
    struct append *append = (struct append *)(void *)job;
    int flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
    int fd = open(append->file, flags, 0600);
    append->error_number = fd < 0 ? errno : check_is_file(fd);
    if (append->error_number == 0)
        append->error_number = write_all(fd, buf_span(&append->text));
    if (fd >= 0)
        (void)close(fd);
}

/* why NULL: it was written. */
static void note_result(struct server_trace *trace, const char *file, const char *why)
{
    struct log_line line;
    bool is_told = trace->is_complaining;
    trace->is_complaining = why != NULL;
    if (why == NULL || is_told)
        return;
    log_begin(&line, LOG_WARN, "trace", "not-written");
    log_text(&line, "file", file);
    log_text(&line, "why", why);
    log_end(&line);
}

/* On the loop, also when the port is freed: the trace outlives it. */
static void append_free(struct job *job)
{
    struct append *append = (struct append *)(void *)job;
    append->trace->pending -= append->text.len;
    if (append->error_number == 0) {
        note_result(append->trace, append->file, NULL);
    } else {
        struct fault fault;
        (void)fault_set(&fault, ERR_IO,
                        "could not append to it: %s; set trace_file to a file of its own at a "
                        "place where the server's user may write",
                        strerror(append->error_number));
        note_result(append->trace, append->file, fault.text);
    }
    mem_free(append->file);
    buf_release(&append->text);
    mem_free(append);
}

static void nobody_waits(struct job *job, void *owner)
{
    (void)job;
    (void)owner;
}

/* Moves the text into a job; nobody waits for it, but it is written also at the end. */
static void hand_over(struct server_trace *trace, struct traced *traced)
{
    if (traced->text.len == 0)
        return;
    if (trace->pending >= PENDING_END_MAX) {
        note_result(trace, trace->file,
                    "the disk is too slow: what does not fit into memory is "
                    "lost; trace fewer listeners");
        buf_release(&traced->text);
        return;
    }
    struct append *append = mem_new(struct append);
    append->job.lane = JOB_SLOW;
    append->job.run = append_run;
    append->job.free = append_free;
    append->trace = trace;
    append->file = mem_strdup(trace->file);
    append->text = traced->text;
    buf_init(&traced->text, 0);
    trace->pending += append->text.len;
    job_submit(trace->port, &append->job, nobody_waits, NULL);
    job_disown(&append->job);
}

/* ---- Events --------------------------------------------------------------------------------- */

static struct traced *traced_of(struct server_trace *trace, const struct tap_event *event)
{
    struct traced *traced = map_get_u64(&trace->conns, event->conn_id);
    if (traced != NULL)
        return traced;
    traced = mem_new(struct traced);
    traced->conn_id = event->conn_id;
    traced->began_us = event->at_us;
    buf_init(&traced->text, 0);
    (void)map_set_u64(&trace->conns, event->conn_id, traced);
    return traced;
}

/* Connections take turns in the file: each stretch of text says whose it is. */
static void put_event(struct server_trace *trace, struct traced *traced,
                      const struct tap_event *event)
{
    static const struct lens_style style = {.show = LENS_FIELDS};
    if (!trace->is_text) {
        lens_put_json(&traced->text, event, traced->began_us);
        return;
    }
    if (traced->text.len == 0)
        buf_printf(&traced->text, "connection %016" PRIx64 "\n", event->conn_id);
    lens_put_text(&traced->text, event, traced->began_us, &style);
}

static void put_left_out(struct server_trace *trace, struct traced *traced)
{
    if (traced->left_out == 0)
        return;
    if (trace->is_text)
        buf_printf(&traced->text, "connection %016" PRIx64 ": %" PRIu64 " events are left out\n",
                   traced->conn_id, traced->left_out);
    else
        buf_printf(&traced->text,
                   "{\"conn\":\"%016" PRIx64 "\",\"event\":\"left-out\",\"count\":%" PRIu64 "}\n",
                   traced->conn_id, traced->left_out);
}

static void finish(struct server_trace *trace, struct traced *traced)
{
    put_left_out(trace, traced);
    hand_over(trace, traced);
    buf_release(&traced->text);
    mem_free(traced);
}

/* A handshake is most of what there is to tell: a session that idles behind it holds none of it. */
static bool is_time(const struct traced *traced, const struct tap_event *event)
{
    return event->kind == TAP_SECURE || traced->text.len >= FLUSH_SIZE;
}

static void on_event(struct tap *tap, const struct tap_event *event)
{
    struct server_trace *trace = (struct server_trace *)(void *)tap;
    struct traced *traced = traced_of(trace, event);
    struct tap_event shown = *event;

    if (shown.bytes.len > BYTES_MAX)
        shown.bytes.len = 0;
    if (traced->text.len < BUFFER_MAX || event->kind == TAP_CLOSE)
        put_event(trace, traced, &shown);
    else
        traced->left_out++;
    if (event->kind == TAP_CLOSE) {
        (void)map_remove_u64(&trace->conns, event->conn_id);
        finish(trace, traced);
    } else if (is_time(traced, event) && trace->pending < PENDING_MAX) {
        hand_over(trace, traced);
    }
}

/* ---- Life ----------------------------------------------------------------------------------- */

struct server_trace *server_trace_create(struct job_port *port)
{
    struct server_trace *trace = mem_new(struct server_trace);
    trace->tap.on_event = on_event;
    trace->port = port;
    map_init(&trace->conns);
    return trace;
}

struct tap *server_trace_tap(struct server_trace *trace)
{
    return &trace->tap;
}

void server_trace_set(struct server_trace *trace, const struct settings_server *settings)
{
    mem_free(trace->file);
    trace->file = mem_strdup(settings->trace_file);
    trace->is_text = span_is(span_of(settings->trace_format), "text");
    trace->is_complaining = false;
}

void server_trace_end(struct server_trace *trace)
{
    size_t position = 0;
    struct span key;
    void *value = NULL;
    while (map_next(&trace->conns, &position, &key, &value))
        finish(trace, value);
    map_deinit(&trace->conns);
    map_init(&trace->conns);
}

void server_trace_free(struct server_trace **trace)
{
    if (*trace == NULL)
        return;
    map_deinit(&(*trace)->conns);
    mem_free((*trace)->file);
    mem_free(*trace);
    *trace = NULL;
}
