/*
 * pump.c: feeds a session what it wants and follows its verdicts, by the seven rules of
 * net/session.h. One loop, no recursion: a session function returns a verdict and the loop goes on
 * with it; whatever a session asks for meanwhile (host_wake, conn_end) is a flag that the loop
 * looks at. Tests: tests/unit/test_net_pump.c.
 */
#include "net/pump.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "net/close.h"
#include "net/deadline.h"
#include "net/job.h"
#include "net/tell.h"
#include "net/upgrade.h"

enum {
    EVENTS_MAX = 64,           /* rule 5: then others of this loop have their turn */
    BYTES_MAX = 256 * 1024,    /* the same, in bytes fed and written */
    DATA_PROLONGS = 16 * 1024, /* rule 6 */
    DRAINED_DIVISOR = 4        /* WANT_DRAIN: below a quarter of the mark */
};

/* One stretch of work between two visits of the loop. */
struct stretch {
    unsigned events;
    uint64_t bytes;
    uint64_t bytes_out; /* of the connection when it began */
    char clear[CONN_RECORD_MAX];
};

static struct conn *conn_of(struct host *host)
{
    return list_entry(host, struct conn, host);
}

/* Never calls the session: the caller may be in the middle of anything. */
static void on_host_wake(struct host *host)
{
    struct conn *conn = conn_of(host);
    conn->is_woken = true;
    if (!conn->is_running && !conn->closing)
        conn_post(conn);
}

static void on_host_name(struct host *host, struct span login)
{
    struct conn *conn = conn_of(host);
    mem_free(conn->login);
    conn->login = span_dup(span_first(login, CONN_LOGIN_MAX));
}

static const struct host_ops host_ops = {.wake = on_host_wake, .name = on_host_name};

void pump_host_init(struct conn *conn)
{
    conn->host = (struct host){.ops = &host_ops,
                               .out = &conn->out,
                               .conn_id = entropy_u64(conn->env->entropy),
                               .loop = conn->env->loop,
                               .port = conn->env->port,
                               .clock = conn->env->clock,
                               .listener = ""};
}

/* An answer comes from the loop, never inside job_submit(). The job is freed when this returns. */
static void on_answer(struct job *job, void *owner)
{
    struct conn *conn = owner;
    if (conn->closing)
        return;
    require(conn->job == job && conn->state == CONN_SESSION);
    conn->job = NULL;
    conn->answer = job;
    pump_run(conn);
    conn->answer = NULL;
    conn_settle(conn);
}

static int64_t timeout_of(const struct conn *conn, const struct verdict *verdict)
{
    return verdict->timeout_ms > 0 ? verdict->timeout_ms : conn->session_timeout_ms;
}

/* Rule 6. A session that asks for more bytes after each byte is in the middle of one want: only
 * 16 KiB of them prove that the peer is at work. */
static void set_data_deadline(struct conn *conn, const struct verdict *next)
{
    const struct verdict *last = &conn->verdict;
    bool is_same = conn->reason == CONN_REASON_DATA && last->want == WANT_BYTES &&
                   last->then.bytes == next->then.bytes && last->timeout_ms == next->timeout_ms;
    if (is_same && conn->data_taken < DATA_PROLONGS)
        return;
    conn->data_taken = 0;
    conn_set_deadline(conn, CONN_REASON_DATA, timeout_of(conn, next));
}

static void take_verdict(struct conn *conn, struct verdict next)
{
    switch (next.want) {
    case WANT_LINE:
        conn_set_deadline(conn, CONN_REASON_COMMAND, timeout_of(conn, &next));
        break;
    case WANT_BYTES:
        set_data_deadline(conn, &next);
        break;
    case WANT_DRAIN:
        conn_set_deadline(conn, CONN_REASON_OUTPUT, conn->session_timeout_ms);
        break;
    case WANT_ANSWER:
        require(next.job != NULL && conn->job == NULL);
        conn_set_deadline(conn, CONN_REASON_NONE, 0);
        conn->job = next.job;
        job_submit(conn->env->port, next.job, on_answer, conn);
        break;
    case WANT_UPGRADE:
    case WANT_CLOSE:
        break;
    }
    conn->verdict = next;
}

void pump_open(struct conn *conn, enum session_start start)
{
    require(conn->session == NULL && reader_waiting(&conn->reader) == 0);
    bool was_running = conn->is_running;
    conn->state = CONN_SESSION;
    conn->is_running = true;
    conn->session = conn->type->open(conn->service, &conn->host, start);
    conn->verdict = (struct verdict){.want = WANT_CLOSE};
    take_verdict(conn, conn->type->start(conn->session));
    conn->is_running = was_running;
}

void pump_free_session(struct conn *conn)
{
    if (conn->job != NULL) {
        job_cancel(conn->job);
        conn->job = NULL;
    }
    if (conn->session == NULL)
        return;
    void *session = conn->session;
    conn->session = NULL;
    conn->is_woken = false;
    conn->type->free(session);
}

/* Rule 2. Whether output is above its mark even after a try to write. */
static bool is_blocked(struct conn *conn)
{
    if (conn_unsent(conn) >= conn->out.mark)
        conn_write(conn);
    return conn_unsent(conn) >= conn->out.mark;
}

static void note_input_fault(struct conn *conn, const struct fault *fault)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "tls", "broke");
    log_hex(&line, "conn", conn->host.conn_id);
    log_text(&line, "fault", fault->text);
    log_end(&line);
    conn_keep_fault(conn, fault);
}

/* Opens the next record where the reader has too little. Whether the reader or the end of input
 * has changed. */
static bool open_record(struct conn *conn, struct stretch *stretch)
{
    if (conn->tls == NULL || !conn->has_wire_input || conn->input_end != CONN_INPUT_OPEN)
        return false;
    if (reader_keep(&conn->reader) != 0) {
        conn->input_end = CONN_INPUT_CUT;
        return true;
    }
    struct fault fault;
    fault_clear(&fault);
    int64_t len = tls_session_read(conn->tls, stretch->clear, sizeof stretch->clear, &fault);
    if (len > 0) {
        tell_bytes(conn, TAP_IN, (size_t)len);
        reader_feed(&conn->reader, span_make(stretch->clear, (size_t)len));
        return true;
    }
    conn->has_wire_input = false;
    if (len == ERR_CLOSED)
        conn->input_end = CONN_INPUT_CLEAN;
    else if (len != ERR_AGAIN) {
        conn->input_end = CONN_INPUT_CUT;
        conn->has_said_bye = true; /* GnuTLS has told the peer what it had to */
        note_input_fault(conn, &fault);
    } else if (conn->has_transport_end) {
        conn->input_end = CONN_INPUT_CUT; /* no close_notify: truncated, perhaps by an attacker */
    }
    return conn->input_end != CONN_INPUT_OPEN;
}

static bool end_of_input(struct conn *conn)
{
    if (conn->input_end != CONN_INPUT_OPEN)
        conn_finish(conn, conn->input_end == CONN_INPUT_CLEAN ? ENDING_CLEAN : ENDING_CUT);
    return false;
}

/* Rule 3. A level: however often it was asked for, one call. */
static bool try_wake(struct conn *conn)
{
    if (!conn->is_woken || reader_waiting(&conn->reader) > 0 || conn->wire.len > 0)
        return false;
    conn_write(conn);
    if (conn_unsent(conn) > 0 || conn->is_broken)
        return false;
    conn->is_woken = false;
    take_verdict(conn, conn->type->wake(conn->session));
    return true;
}

static bool step_line(struct conn *conn, struct stretch *stretch)
{
    /* Rule 4. A client's session waits for replies, not for work: its owner ends it, or the drain's
     * deadline; to cut it between its final dot and the 250 would send the message twice. */
    if (conn->is_draining && conn->events == NULL) {
        conn_finish(conn, ENDING_SHUTDOWN);
        return false;
    }
    if (is_blocked(conn))
        return false;
    enum line_fault fault = LINE_OK;
    struct span line;
    if (reader_line(&conn->reader, conn->verdict.max, &fault, &line)) {
        stretch->bytes += line.len;
        tell_line(conn, fault, line);
        take_verdict(conn, conn->verdict.then.line(conn->session, fault, line));
        return true;
    }
    if (reader_is_flooded(&conn->reader)) {
        conn_finish(conn, ENDING_LIMIT);
        return false;
    }
    if (open_record(conn, stretch))
        return true;
    if (conn->input_end != CONN_INPUT_OPEN)
        return end_of_input(conn);
    return try_wake(conn);
}

static bool step_bytes(struct conn *conn, struct stretch *stretch)
{
    if (is_blocked(conn))
        return false;
    struct span bytes = reader_bytes(&conn->reader, conn->verdict.max);
    if (bytes.len == 0)
        return open_record(conn, stretch) || end_of_input(conn);

    size_t taken = 0;
    struct verdict next = conn->verdict.then.bytes(conn->session, bytes, &taken);
    require(taken <= bytes.len);
    reader_take(&conn->reader, taken);
    if (conn->tls == NULL)
        tell_bytes(conn, TAP_IN, taken);
    stretch->bytes += taken;
    conn->data_taken += taken;
    take_verdict(conn, next);
    if (taken == 0 && next.want == WANT_BYTES) {
        /* It would be shown the same bytes for ever. */
        log_event(LOG_ERROR, "conn", "session-took-nothing", "session", conn->type->name);
        conn_finish(conn, ENDING_LIMIT);
    }
    return true;
}

static bool step_answer(struct conn *conn, struct stretch *stretch)
{
    (void)stretch;
    struct job *job = conn->answer;
    if (job == NULL)
        return false;
    conn->answer = NULL;
    take_verdict(conn, conn->verdict.then.answer(conn->session, job));
    return true;
}

static bool step_drain(struct conn *conn, struct stretch *stretch)
{
    (void)stretch;
    conn_write(conn);
    if (conn->is_broken)
        return true;
    size_t unsent = conn_unsent(conn);
    if (unsent > 0 && unsent >= conn->out.mark / DRAINED_DIVISOR)
        return false;
    take_verdict(conn, conn->verdict.then.drain(conn->session));
    return true;
}

static bool step_upgrade(struct conn *conn, struct stretch *stretch)
{
    (void)stretch;
    upgrade_begin(conn);
    return true;
}

static bool step_close(struct conn *conn, struct stretch *stretch)
{
    (void)stretch;
    conn_close(conn, "done");
    return true;
}

typedef bool step_fn(struct conn *conn, struct stretch *stretch);

static step_fn *const steps[] = {
    [WANT_LINE] = step_line,   [WANT_BYTES] = step_bytes,     [WANT_ANSWER] = step_answer,
    [WANT_DRAIN] = step_drain, [WANT_UPGRADE] = step_upgrade, [WANT_CLOSE] = step_close,
};

/* A broken connection still hears what the peer said before (a refusal, say), but nothing is
 * worth waiting for: nobody would hear of it. */
static bool is_given_up(const struct conn *conn)
{
    return conn->is_broken && conn->verdict.want != WANT_LINE && conn->verdict.want != WANT_BYTES &&
           conn->verdict.want != WANT_CLOSE;
}

/* Whether anything happened: false waits for the world. */
static bool step(struct conn *conn, struct stretch *stretch)
{
    if (conn->has_end) {
        conn_finish(conn, conn->end_why);
        return false;
    }
    if (is_given_up(conn)) {
        conn_finish(conn, ENDING_CUT);
        return false;
    }
    return steps[conn->verdict.want](conn, stretch);
}

static bool is_spent(const struct conn *conn, const struct stretch *stretch)
{
    return stretch->events >= EVENTS_MAX ||
           stretch->bytes + (conn->bytes_out - stretch->bytes_out) >= BYTES_MAX;
}

static bool is_alive(const struct conn *conn)
{
    return conn->state == CONN_SESSION && !conn->closing;
}

static void run_stretch(struct conn *conn, struct stretch *stretch)
{
    while (is_alive(conn) && !is_spent(conn, stretch)) {
        if (!step(conn, stretch))
            return;
        stretch->events++;
    }
}

void pump_run(struct conn *conn)
{
    struct stretch stretch;
    stretch.events = 0;
    stretch.bytes = 0;
    stretch.bytes_out = conn->bytes_out;
    require(conn->session != NULL && !conn->is_running);

    conn->is_running = true;
    run_stretch(conn, &stretch);
    if (is_alive(conn)) {
        conn_write(conn);
        /* The write may have found the connection broken, which no event will tell. */
        if (conn->is_broken)
            run_stretch(conn, &stretch);
    }
    conn->is_running = false;
    if (!is_alive(conn))
        return;

    /* Clear bytes lie in the stretch; a transport's are kept by who brought them. */
    if (conn->tls != NULL && reader_keep(&conn->reader) != 0) {
        conn_finish(conn, ENDING_LIMIT);
        return;
    }
    if (is_spent(conn, &stretch) || conn->is_broken) {
        conn->is_yielded = true;
        conn_post(conn);
    }
}
