/*
 * control.c: the session on the control socket: a line is a call, its answer "|text" lines and
 * "done STATUS". Owns the framing; what a call does is in commands.c.
 * Tests: tests/unit/test_admin.c.
 */
#include "admin/admin.h"
#include "base/log.h"
#include "base/mem.h"

enum { CONTROL_IDLE_MS = 60 * 1000, LOG_WORD_MAX = 320 };

struct control {
    struct host *host;
    const struct admin_service *service;
    struct admin_call call;
    bool has_call;
};

static session_line_fn on_line;

static struct verdict next_line(void)
{
    return want_line(ADMIN_LINE_MAX, CONTROL_IDLE_MS, on_line);
}

static void *control_open(void *service, struct host *host, enum session_start start)
{
    (void)start;
    struct control *control = mem_new(struct control);
    control->host = host;
    control->service = service;
    return control;
}

static struct verdict control_start(void *session)
{
    (void)session;
    return next_line();
}

static void end_call(struct control *control)
{
    if (control->has_call)
        admin_call_deinit(&control->call);
    control->has_call = false;
}

static struct verdict answer(struct control *control)
{
    struct out *out = control->host->out;
    struct span text = buf_span(&control->call.text);
    while (text.len > 0) {
        struct span line = span_cut(&text, '\n');
        out_puts(out, "|");
        out_put(out, line);
        out_puts(out, "\r\n");
    }
    out_printf(out, "done %d\r\n", control->call.status);
    end_call(control);
    return next_line();
}

static struct verdict on_done(void *session, struct job *job)
{
    struct control *control = session;
    admin_finish(&control->call, job);
    return answer(control);
}

/* The first three words only: the fourth may be a verifier. */
static void log_call(const struct control *control)
{
    static const char *const keys[] = {"area", "verb", "name"};
    struct log_line line;
    log_begin(&line, LOG_INFO, "admin", "call");
    log_hex(&line, "conn", control->host->conn_id);
    for (size_t i = 0; i < 3 && i < control->call.word_count; i++)
        log_span(&line, keys[i], span_first(control->call.words[i], LOG_WORD_MAX));
    log_end(&line);
}

static struct verdict on_line(void *session, enum line_fault fault, struct span line)
{
    struct control *control = session;
    admin_call_init(&control->call, control->service->store);
    control->call.on_queue = control->service->on_queue;
    control->call.owner = control->service->owner;
    control->has_call = true;
    if (fault != LINE_OK || admin_line_read(&control->call, line) != 0) {
        out_puts(control->host->out, "|malformed line\r\ndone 1\r\n");
        end_call(control);
        return want_close();
    }
    log_call(control);

    struct job *job = admin_start(&control->call);
    return job == NULL ? answer(control) : want_answer(job, on_done);
}

static struct verdict control_wake(void *session)
{
    (void)session;
    return next_line();
}

static void control_ending(void *session, enum ending why)
{
    (void)session;
    (void)why;
}

static void control_free(void *session)
{
    end_call(session);
    mem_free(session);
}

const struct session_type admin_session_type = {
    .name = "admin",
    .open = control_open,
    .start = control_start,
    .wake = control_wake,
    .ending = control_ending,
    .free = control_free,
};
