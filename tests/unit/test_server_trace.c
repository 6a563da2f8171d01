/*
 * The trace file of a server: nothing is lost while there is room, and what there is no room for is
 * counted and told. The loop does not run while events come, as if the disk never answered.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "net/job.h"
#include "server_trace.h"
#include "tests/sim/sim.h"

enum { FILE_SIZE_MAX = 8 * 1024 * 1024, LINE_SIZE = 1000 };

static struct sim *sim;
static struct jobs *jobs;
static struct job_port *port;
static struct server_trace *trace;
static char file[64];

static void open_trace(const char *format)
{
    static struct settings_server settings;
    int fd = -1;
    memcpy(file, "/tmp/postern-trace-XXXXXX", sizeof "/tmp/postern-trace-XXXXXX");
    fd = mkstemp(file);
    check(fd >= 0);
    (void)close(fd);
    sim = sim_create(1);
    jobs = jobs_create_inline();
    port = job_port_create(jobs, sim_loop(sim));
    trace = server_trace_create(port);
    settings = (struct settings_server){.trace_file = file, .trace_format = format};
    server_trace_set(trace, &settings);
}

static void close_trace(void)
{
    server_trace_end(trace);
    job_port_free(&port);
    server_trace_free(&trace);
    jobs_free(&jobs);
    sim_free(&sim);
    (void)unlink(file);
}

static void emit(enum tap_kind kind, uint64_t conn_id)
{
    static char text[LINE_SIZE];
    memset(text, 'x', sizeof text);
    const struct tap_event event = {.kind = kind,
                                    .way = TAP_IN,
                                    .conn_id = conn_id,
                                    .at_us = 1,
                                    .detail = span_make(text, kind == TAP_LINE ? sizeof text : 0)};
    tap_emit(server_trace_tap(trace), &event);
}

/* What is in the file by now. Owned. */
static char *written(size_t *len_out)
{
    char *bytes = NULL;
    struct fault fault;
    sim_run(sim);
    check_int(file_read_all(file, FILE_SIZE_MAX, &bytes, len_out, &fault), 0);
    return bytes;
}

static size_t count_of(struct span text, const char *needle)
{
    size_t count = 0;
    ptrdiff_t at = 0;
    while ((at = span_find(text, span_of(needle))) >= 0) {
        text = span_from(text, (size_t)at + strlen(needle));
        count++;
    }
    return count;
}

TEST(test_a_connection_is_written_when_it_ends)
{
    size_t len = 0;
    open_trace("json");
    emit(TAP_OPEN, 1);
    emit(TAP_OPEN, 2);
    emit(TAP_LINE, 1);
    emit(TAP_CLOSE, 1);
    char *bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"0000000000000001\""), 3);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"0000000000000002\""), 0);
    mem_free(bytes);
    server_trace_end(trace); /* the server stops */
    bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"0000000000000002\""), 1);
    mem_free(bytes);
    close_trace();
}

/* So that connections which idle for hours hold no text. */
TEST(test_a_handshake_is_written_when_it_is_done)
{
    size_t len = 0;
    open_trace("json");
    emit(TAP_OPEN, 1);
    emit(TAP_HANDSHAKE, 1);
    char *bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\""), 0);
    mem_free(bytes);
    emit(TAP_SECURE, 1);
    bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"0000000000000001\""), 3);
    mem_free(bytes);
    emit(TAP_CLOSE, 1);
    bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"0000000000000001\""), 4);
    mem_free(bytes);
    close_trace();
}

TEST(test_a_long_connection_is_written_in_pieces)
{
    size_t len = 0;
    open_trace("text");
    for (size_t i = 0; i < 40; i++)
        emit(TAP_LINE, 1);
    char *bytes = written(&len);
    size_t lines = count_of(span_make(bytes, len), "  <-  line");
    check(lines >= 30 && lines < 40);
    check_int(count_of(span_make(bytes, len), "connection 0000000000000001\n"), 2);
    mem_free(bytes);
    close_trace();
}

TEST(test_what_does_not_fit_is_counted_in_the_last_line)
{
    static const char *const formats[] = {"json", "text"};
    static const char *const lines[] = {"\"event\":\"line\"", "  <-  line"};
    static const char *const ends[] = {"\"event\":\"left-out\",\"count\":", "0000000001: "};
    enum { EVENT_COUNT = 3000 };
    for (size_t i = 0; i < 2; i++) {
        size_t len = 0;
        check_case = formats[i];
        open_trace(formats[i]);
        for (size_t n = 0; n < EVENT_COUNT; n++)
            emit(TAP_LINE, 1);
        emit(TAP_CLOSE, 1);
        char *bytes = written(&len);
        struct span text = span_make(bytes, len);
        size_t kept = count_of(text, lines[i]);
        ptrdiff_t at = span_find(text, span_of(ends[i]));
        check(at > 0);
        size_t left_out = at > 0 ? strtoul(bytes + at + strlen(ends[i]), NULL, 10) : 0;
        check_int(kept + left_out, EVENT_COUNT);
        check(kept > 1000);
        check(len < (1024 + 64 + 32) * 1024UL);
        mem_free(bytes);
        close_trace();
    }
}

TEST(test_connections_that_end_are_bounded_together)
{
    size_t len = 0;
    open_trace("json");
    for (uint64_t id = 1; id <= 500; id++) {
        for (size_t n = 0; n < 15; n++)
            emit(TAP_LINE, id);
        emit(TAP_CLOSE, id);
    }
    char *bytes = written(&len);
    check(len > 4096 * 1024UL && len < (4 * 1024 + 64) * 1024UL);
    mem_free(bytes);
    emit(TAP_LINE, 1000); /* there is room again */
    emit(TAP_CLOSE, 1000);
    bytes = written(&len);
    check_int(count_of(span_make(bytes, len), "\"conn\":\"00000000000003e8\""), 2);
    mem_free(bytes);
    close_trace();
}

/* Whoever may make files beside it cannot make the server wait. */
TEST(test_a_pipe_in_its_place_holds_nobody_up)
{
    open_trace("json");
    for (int is_read = 0; is_read < 2; is_read++) {
        (void)unlink(file);
        check_int(mkfifo(file, 0600), 0);
        int fd = is_read ? open(file, O_RDONLY | O_NONBLOCK) : -1;
        (void)alarm(20); /* ends a test that waits for a reader */
        for (uint64_t conn_id = 1; conn_id < 100; conn_id++) { /* more than a pipe holds */
            emit(TAP_LINE, conn_id);
            emit(TAP_CLOSE, conn_id);
            sim_run(sim);
        }
        (void)alarm(0);
        char byte;
        check(!is_read || read(fd, &byte, 1) <= 0);
        if (fd >= 0)
            (void)close(fd);
    }
    close_trace();
}

CHECK_MAIN({"test_a_connection_is_written_when_it_ends", test_a_connection_is_written_when_it_ends},
           {"test_a_handshake_is_written_when_it_is_done",
            test_a_handshake_is_written_when_it_is_done},
           {"test_a_long_connection_is_written_in_pieces",
            test_a_long_connection_is_written_in_pieces},
           {"test_what_does_not_fit_is_counted_in_the_last_line",
            test_what_does_not_fit_is_counted_in_the_last_line},
           {"test_connections_that_end_are_bounded_together",
            test_connections_that_end_are_bounded_together},
           {"test_a_pipe_in_its_place_holds_nobody_up", test_a_pipe_in_its_place_holds_nobody_up})
