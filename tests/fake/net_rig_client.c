/*
 * The client's half of the rig, see net_rig_client.h.
 */
#include "tests/fake/net_rig_client.h"

#include "base/require.h"
#include "net/close.h"

static struct tls_lab rig_lab;

static struct verdict rig_client_line(void *session, enum line_fault fault, struct span line);

static struct verdict rig_client_want(void)
{
    return want_line(6400, 30000, rig_client_line);
}

static void *rig_client_open(void *service, struct host *host, enum session_start start)
{
    struct rig_client *self = service;
    self->host = host;
    self->opened++;
    require((start == SESSION_UPGRADED) == (self->opened == 2));
    buf_puts(&self->said, host->tls != NULL ? "<secure " : "<");
    return self;
}

static struct verdict rig_client_start(void *session)
{
    struct rig_client *self = session;
    if (self->opened == 2)
        out_puts(self->host->out, self->script);
    return rig_client_want();
}

static struct verdict rig_client_line(void *session, enum line_fault fault, struct span line)
{
    struct rig_client *self = session;
    if (fault == LINE_OK)
        buf_put(&self->said, line);
    buf_puts(&self->said, fault == LINE_OK ? "|" : "?|");
    if (span_is(line, "go ahead"))
        return want_upgrade(span_of(""), span_of(""), span_of(""));
    if (span_is(line, "hello"))
        out_puts(self->host->out, self->host->tls != NULL ? self->script : "starttls\r\n");
    return rig_client_want();
}

static struct verdict rig_client_wake(void *session)
{
    struct rig_client *self = session;
    out_puts(self->host->out, "quit\r\n");
    return rig_client_want();
}

static void rig_client_ending(void *session, enum ending why)
{
    struct rig_client *self = session;
    buf_printf(&self->said, "%s|", conn_ending_text(why));
}

static void rig_client_free(void *session)
{
    struct rig_client *self = session;
    self->freed++;
    buf_puts(&self->said, ">");
}

static const struct session_type rig_client_type = {.name = "smtp-client",
                                                    .open = rig_client_open,
                                                    .start = rig_client_start,
                                                    .wake = rig_client_wake,
                                                    .ending = rig_client_ending,
                                                    .free = rig_client_free};

static void rig_on_secure(void *owner, const struct tls_facts *facts)
{
    struct rig_client *self = owner;
    require(self->gone_count == 0);
    self->secure_count++;
    self->facts = *facts;
    if (self->on_secure != NULL)
        self->on_secure(self);
}

static void rig_on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    struct rig_client *self = owner;
    require(self->opened == self->freed);
    self->gone_count++;
    self->phase = phase;
    self->fault = *fault;
}

static const struct conn_owner_events rig_client_events = {rig_on_secure, rig_on_gone};

static void rig_accept(void *owner, struct transport *transport)
{
    struct rig *rig = owner;
    conn_accept(&rig->env, &rig->role, transport);
    rig->conn = rig_last_conn(rig);
}

struct endpoint rig_endpoint(void)
{
    struct endpoint endpoint;
    require(endpoint_parse(span_of("192.0.2.1"), 25, &endpoint) == 0);
    return endpoint;
}

void rig_lab_init(void)
{
    tls_lab_init(&rig_lab);
    rig_lab.clock.now_s = TLS_LAB_NOW_S;
}

void rig_lab_deinit(void)
{
    tls_lab_deinit(&rig_lab);
}

void rig_lab_set_client_profile(const char *profile)
{
    rig_lab.settings.client_profile = profile != NULL ? profile : "intermediate";
}

void rig_init_tls(struct rig *rig, uint64_t seed)
{
    struct fault fault;
    rig_init(rig, seed);
    rig->env.tls = tls_manager_create(&rig_lab.settings, &rig_lab.clock.clock, NULL, &fault);
    require(rig->env.tls != NULL);
    struct endpoint endpoint = rig_endpoint();
    sim_listen(rig->sim, rig->env.loop, &endpoint, rig_accept, rig);
}

void rig_deinit_tls(struct rig *rig)
{
    struct tls_manager *tls = rig->env.tls;
    rig_deinit(rig);
    tls_manager_free(&tls);
}

void rig_client_init(struct rig_client *self, struct rig *rig, const char *script)
{
    *self = (struct rig_client){.rig = rig, .script = script};
    self->policy = (struct tls_client_policy){
        .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = "smtp"};
    self->dial = (struct dial){.to = rig_endpoint(),
                               .tls = &self->policy,
                               .connect_timeout_ms = 4000,
                               .type = &rig_client_type,
                               .owner = self,
                               .events = &rig_client_events};
    buf_init(&self->said, 0);
}

void rig_client_dial(struct rig_client *self)
{
    self->dial.security = self->rig->role.security;
    self->conn = dial_start(&self->rig->env, &self->dial);
    require(self->opened == 0);
    sim_run(self->rig->sim);
}

void rig_client_deinit(struct rig_client *self)
{
    require(self->gone_count == 1);
    require(self->opened == self->freed);
    buf_release(&self->said);
}

void rig_require_only_sealed(struct span said, const char *sealed)
{
    static const char mark[] = "<secure ";
    struct span rest = said;
    /* The last one: the attacker may say such words too, but in plaintext only. */
    for (ptrdiff_t at; (at = span_find(rest, span_of(mark))) >= 0;)
        rest = span_from(rest, (size_t)at + sizeof mark - 1);
    for (; rest.len > 0 && *rest.ptr == *sealed; sealed++)
        rest = span_from(rest, 1);
    if (span_starts(rest, span_of("bye|"))) /* the server's own, at a timeout */
        rest = span_from(rest, 4);
    require(rest.len == 0 || span_is(rest, "connection broke|>") ||
            span_is(rest, "closed by peer|>") || span_is(rest, "timeout|>"));
}
