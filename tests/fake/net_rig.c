/*
 * The rig's session type, raw peer and world, see net_rig.h. What a test checks is in the tests;
 * here only what must hold for any of them is required.
 */
#include "tests/fake/net_rig.h"

#include "base/mem.h"
#include "base/require.h"
#include "net/close.h"

struct rig_session {
    struct rig *rig;
    struct host *host;
    size_t left;
};

struct rig_job {
    struct job job;
    struct rig *rig;
    char text[32];
};

static struct verdict rig_line(void *session, enum line_fault fault, struct span line);

static struct verdict rig_want_line(void)
{
    return want_line(RIG_LINE_MAX, RIG_LINE_MS, rig_line);
}

static void *rig_open(void *service, struct host *host, enum session_start start)
{
    struct rig *rig = service;
    struct rig_session *self = mem_new(struct rig_session);
    require(rig->session == NULL);
    *self = (struct rig_session){rig, host, 0};
    rig->session = self;
    rig->opened++;
    buf_puts(&rig->said, start == SESSION_FRESH ? "<" : host->tls != NULL ? "<secure " : "<plain ");
    if (start == SESSION_FRESH)
        out_puts(host->out, "hello\r\n");
    return self;
}

static struct verdict rig_start(void *session)
{
    (void)session;
    return rig_want_line();
}

static struct verdict rig_data(void *session, struct span bytes, size_t *taken_out)
{
    struct rig_session *self = session;
    require(bytes.len > 0 && bytes.len <= self->left);
    *taken_out = bytes.len;
    self->left -= bytes.len;
    buf_put(&self->rig->said, bytes);
    if (self->left > 0)
        return want_bytes(self->left, RIG_DATA_MS, rig_data);
    buf_puts(&self->rig->said, "|");
    out_puts(self->host->out, "done\r\n");
    return rig_want_line();
}

/* Breaks the contract. */
static struct verdict rig_none(void *session, struct span bytes, size_t *taken_out)
{
    (void)session;
    (void)bytes;
    *taken_out = 0;
    return want_bytes(10, RIG_DATA_MS, rig_none);
}

static struct verdict rig_some(void *session, struct span bytes, size_t *taken_out)
{
    struct rig_session *self = session;
    *taken_out = 1;
    self->left--;
    buf_put(&self->rig->said, span_first(bytes, 1));
    if (self->left > 0)
        return want_bytes(100000, RIG_DATA_MS, rig_some);
    buf_puts(&self->rig->said, "|");
    return rig_want_line();
}

static void rig_job_run(struct job *job)
{
    struct rig_job *self = (struct rig_job *)(void *)job;
    self->text[0] = 'J';
}

static void rig_job_free(struct job *job)
{
    ((struct rig_job *)(void *)job)->rig->jobs_freed++;
    mem_free(job);
}

static struct verdict rig_answer(void *session, struct job *job)
{
    struct rig_session *self = session;
    out_printf(self->host->out, "%s\r\n", ((struct rig_job *)(void *)job)->text);
    buf_printf(&self->rig->said, "answer|");
    return rig_want_line();
}

static struct verdict rig_drain(void *session)
{
    static const char block[1024] = "b";
    struct rig_session *self = session;
    if (self->left == 0) {
        out_puts(self->host->out, "end\r\n");
        return rig_want_line();
    }
    while (self->left > 0 && !out_is_full(self->host->out)) {
        out_put(self->host->out, span_make(block, sizeof block));
        self->left--;
    }
    return want_drain(rig_drain);
}

static struct verdict rig_big(struct rig_session *self)
{
    char *text = mem_zalloc(1, self->left);
    out_put(self->host->out, span_make(text, self->left));
    mem_free(text);
    out_puts(self->host->out, "\r\n");
    return rig_want_line();
}

static struct verdict rig_want_job(struct rig *rig, struct span text)
{
    struct rig_job *job = mem_new(struct rig_job);
    job->rig = rig;
    job->job = (struct job){.lane = JOB_READ, .run = rig_job_run, .free = rig_job_free};
    memcpy(job->text, text.ptr, text.len < 31 ? text.len : 31);
    return want_answer(&job->job, rig_answer);
}

static struct verdict rig_command(struct rig_session *self, struct span line)
{
    struct span word = span_cut(&line, ' ');
    uint64_t number = 0;
    (void)span_to_u64(line, 100000000, &number);
    self->left = (size_t)number;
    if (span_is(word, "data"))
        return want_bytes(self->left, RIG_DATA_MS, rig_data);
    if (span_is(word, "some"))
        return want_bytes(100000, RIG_DATA_MS, rig_some);
    if (span_is(word, "none"))
        return want_bytes(10, RIG_DATA_MS, rig_none);
    if (span_is(word, "job"))
        return rig_want_job(self->rig, line);
    if (span_is(word, "list"))
        return rig_drain(self);
    if (span_is(word, "big"))
        return rig_big(self);
    if (span_is(word, "starttls"))
        return want_upgrade(span_of("go ahead\r\n"), span_of("refused\r\n"),
                            span_of("crowded\r\n"));
    if (span_is(word, "name"))
        host_name(self->host, line);
    if (span_is(word, "wakeme") || span_is(word, "twice"))
        host_wake(self->host);
    if (span_is(word, "twice"))
        host_wake(self->host);
    out_printf(self->host->out, "ok %.*s\r\n", (int)line.len, line.len > 0 ? line.ptr : "");
    return span_is(word, "quit") ? want_close() : rig_want_line();
}

static struct verdict rig_line(void *session, enum line_fault fault, struct span line)
{
    struct rig_session *self = session;
    if (self->rig->on_line != NULL)
        self->rig->on_line(self->rig);
    if (fault != LINE_OK)
        buf_printf(&self->rig->said, "fault %d ", (int)fault);
    buf_put(&self->rig->said, line);
    buf_puts(&self->rig->said, "|");
    if (fault == LINE_OK)
        return rig_command(self, line);
    out_puts(self->host->out, "fault\r\n");
    return rig_want_line();
}

static struct verdict rig_wake(void *session)
{
    struct rig_session *self = session;
    buf_puts(&self->rig->said, "wake|");
    out_puts(self->host->out, "woken\r\n");
    return rig_want_line();
}

static void rig_ending(void *session, enum ending why)
{
    struct rig_session *self = session;
    buf_printf(&self->rig->said, "%s|", conn_ending_text(why));
    if (why == ENDING_TIMEOUT || why == ENDING_SHUTDOWN || why == ENDING_LIMIT)
        out_puts(self->host->out, "bye\r\n");
}

static void rig_free_session(void *session)
{
    struct rig_session *self = session;
    buf_puts(&self->rig->said, ">");
    self->rig->session = NULL;
    self->rig->freed++;
    mem_free(self);
}

const struct session_type rig_type = {
    .name = "smtp",
    .open = rig_open,
    .start = rig_start,
    .wake = rig_wake,
    .ending = rig_ending,
    .free = rig_free_session,
    .early = "early\r\n",
};

/* --- the raw peer --- */

static void rig_peer_read(void *owner, struct span bytes)
{
    buf_put(&((struct rig *)owner)->heard, bytes);
}

static void rig_peer_end(void *owner, int err)
{
    struct rig *rig = owner;
    rig->has_peer_end = true;
    rig->peer_end_err = err;
}

static void rig_peer_written(void *owner)
{
    (void)owner;
}

static void rig_peer_closed(void *owner)
{
    ((struct rig *)owner)->peer.transport = NULL;
}

const struct transport_events rig_peer_events = {.on_read = rig_peer_read,
                                                 .on_end = rig_peer_end,
                                                 .on_written = rig_peer_written,
                                                 .on_closed = rig_peer_closed};

static void rig_on_idle(void *owner)
{
    ((struct rig *)owner)->idle_count++;
}

void rig_init(struct rig *rig, uint64_t seed)
{
    *rig = (struct rig){.sim = sim_create(seed), .jobs = jobs_create_inline()};
    struct loop *loop = sim_loop(rig->sim);
    rig->settings = (struct settings_net){.output_mark = RIG_MARK,
                                          .handshake_timeout_ms = 5000,
                                          .session_timeout_ms = 300000,
                                          .last_words_timeout_ms = 30000,
                                          .close_timeout_ms = 1000,
                                          .drain_timeout_ms = 7000};
    rig->env = (struct conn_env){.loop = loop,
                                 .port = job_port_create(rig->jobs, loop),
                                 .clock = sim_clock(rig->sim),
                                 .entropy = sim_entropy(rig->sim),
                                 .settings = &rig->settings,
                                 .maker = sim_maker(rig->sim, loop),
                                 .on_idle = rig_on_idle,
                                 .on_idle_owner = rig};
    conn_env_init(&rig->env);
    rig->role = (struct conn_role){.listener = "rig", .type = &rig_type, .service = rig};
    buf_init(&rig->heard, 0);
    buf_init(&rig->said, 0);
}

struct conn *rig_last_conn(struct rig *rig)
{
    return list_entry(rig->env.conns.head.prev, struct conn, node);
}

void rig_accept_raw(void *owner, struct transport *transport)
{
    struct rig *rig = owner;
    transport->events = &rig_peer_events;
    transport->owner = rig;
    rig->peer.transport = transport;
    transport_read_on(transport);
}

void rig_connect(struct rig *rig)
{
    struct sim_end ours = {.events = NULL};
    rig->peer = (struct sim_end){.events = &rig_peer_events, .owner = rig};
    rig->has_peer_end = false;
    sim_pair(rig->sim, rig->env.loop, &rig->peer, &ours);
    transport_read_on(rig->peer.transport);
    conn_accept(&rig->env, &rig->role, ours.transport);
    rig->conn = rig_last_conn(rig);
}

void rig_send_bytes(struct rig *rig, struct span bytes)
{
    transport_write(rig->peer.transport, &bytes, 1);
}

void rig_send(struct rig *rig, const char *text)
{
    rig_send_bytes(rig, span_of(text));
    sim_run(rig->sim);
}

void rig_hang_up(struct rig *rig)
{
    if (rig->peer.transport != NULL)
        transport_close(rig->peer.transport);
    sim_run(rig->sim);
}

/* Everything must be gone: connections, sessions, jobs. */
void rig_deinit(struct rig *rig)
{
    rig_hang_up(rig);
    conn_env_close(&rig->env);
    sim_run(rig->sim);
    require(rig->env.conn_count == 0);
    require(rig->opened == rig->freed);
    require(rig->session == NULL);
    job_port_free(&rig->env.port);
    sim_free(&rig->sim);
    jobs_free(&rig->jobs);
    buf_release(&rig->heard);
    buf_release(&rig->said);
}
