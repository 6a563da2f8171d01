/*
 * The stage of upgrade_stage.h: one world for all runs, a connection or a pair of them a run. What
 * must hold of what the spies saw is for the tests to say.
 */
#include "tests/fake/upgrade_stage.h"

#include "base/require.h"
#include "net/dial.h"
#include "protocols/imap/imap.h"
#include "protocols/pop3/pop3.h"
#include "protocols/probe.h"
#include "protocols/smtp/client.h"
#include "protocols/smtp/smtp.h"

const struct stage_server_row stage_servers[STAGE_SERVER_COUNT] = {
    {"smtp", "EHLO us\r\n", "STARTTLS\r\n", "NOOP marker\r\n"},
    {"imap", "a NOOP\r\n", "b STARTTLS\r\n", "c ID marker\r\n"},
    {"pop3", "CAPA\r\n", "STLS\r\n", "USER marker\r\n"},
};

const struct stage_client_row stage_clients[STAGE_CLIENT_COUNT] = {
    {"smtp probe", 0, "220 hi\r\n", "250-me\r\n250 STARTTLS\r\n", "220 go\r\n", "250 marker\r\n"},
    {"imap probe", 1, "* OK hi\r\n", "* CAPABILITY IMAP4rev1 STARTTLS\r\np1 OK\r\n", "p2 OK go\r\n",
     "p1 OK marker\r\n"},
    {"pop3 probe", 2, "+OK\r\n", "+OK\r\nSTLS\r\n.\r\n", "+OK\r\n", "+OK marker\r\n"},
    {"smtp client", 0, "220 hi\r\n", "250-me\r\n250 STARTTLS\r\n", "220 go\r\n", "250 marker\r\n"},
};

static struct stage {
    struct world world;
    struct smtp_service smtp;
    struct imap_service imap;
    struct pop3_service pop3;
    struct conn_role roles[STAGE_SERVER_COUNT];
    struct spy servers[STAGE_SERVER_COUNT];
    struct probe_service probes[STAGE_SERVER_COUNT];
    struct smtp_client_service relay;
    struct spy clients[STAGE_CLIENT_COUNT]; /* first what the dial's owner points to */
    struct sim_end raw;
    size_t role; /* that accepts */
} stage;

/* --- owners who want nothing to know --- */

static void on_line(void *owner, const struct probe_line *line)
{
    (void)owner;
    (void)line;
}

static void on_offers(void *owner, bool is_secure, struct span offers)
{
    (void)owner;
    (void)is_secure;
    (void)offers;
}

static void on_login(void *owner, const char *mechanism)
{
    (void)owner;
    (void)mechanism;
}

static void on_probe_result(void *owner, enum probe_result result, enum probe_step step,
                            struct span words)
{
    (void)owner;
    (void)result;
    (void)step;
    (void)words;
}

static const struct probe_owner probe_calls = {on_line, on_offers, on_login, on_probe_result};

static void on_unusable(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence)
{
    (void)owner;
    (void)step;
    (void)reply;
    (void)sentence;
}

static const struct smtp_transaction *on_next(void *owner)
{
    (void)owner;
    return NULL;
}

static void on_ending(void *owner, enum ending why)
{
    (void)owner;
    (void)why;
}

static const struct smtp_client_owner relay_calls = {
    .on_unusable = on_unusable, .next = on_next, .on_ending = on_ending};

static void on_secure(void *owner, const struct tls_facts *facts)
{
    (void)owner;
    (void)facts;
}

static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    (void)owner;
    (void)phase;
    (void)fault;
}

static const struct conn_owner_events dial_events = {on_secure, on_gone};

/* --- the stage --- */

static void make_servers(struct world *world)
{
    stage.smtp = (struct smtp_service){.role = SMTP_MX,
                                       .offers_starttls = true,
                                       .settings = &world->smtp,
                                       .hostname = world->hostname,
                                       .domains = world->domains,
                                       .domain_count = world->domain_count,
                                       .store = world->store,
                                       .auth = world->auth,
                                       .auth_failures_max = 3};
    stage.imap = (struct imap_service){.offers_starttls = true,
                                       .settings = &world->imap,
                                       .append_size_max = 1000000,
                                       .hostname = world->hostname,
                                       .store = world->store,
                                       .auth = world->auth,
                                       .auth_failures_max = 3};
    stage.pop3 = (struct pop3_service){.offers_stls = true,
                                       .settings = &world->pop3,
                                       .hostname = world->hostname,
                                       .store = world->store,
                                       .auth = world->auth,
                                       .locks = pop3_locks_create(),
                                       .auth_failures_max = 3};
    spy_init(&stage.servers[0], &smtp_session_type, &stage.smtp);
    spy_init(&stage.servers[1], &imap_session_type, &stage.imap);
    spy_init(&stage.servers[2], &pop3_session_type, &stage.pop3);
    for (size_t i = 0; i < STAGE_SERVER_COUNT; i++)
        stage.roles[i] = (struct conn_role){.listener = stage_servers[i].name,
                                            .type = &stage.servers[i].type,
                                            .service = &stage.servers[i]};
}

static void make_clients(struct world *world)
{
    static const enum probe_protocol protocols[STAGE_SERVER_COUNT] = {PROBE_SMTP, PROBE_IMAP,
                                                                      PROBE_POP3};
    for (size_t i = 0; i < STAGE_SERVER_COUNT; i++) {
        stage.probes[i] = (struct probe_service){.owner = &probe_calls,
                                                 .protocol = protocols[i],
                                                 .hostname = "us",
                                                 .wants_upgrade = true,
                                                 .entropy = sim_entropy(world->sim),
                                                 .timeout_ms = 30000};
        spy_init(&stage.clients[i], &probe_type, &stage.probes[i]);
    }
    stage.relay = (struct smtp_client_service){.owner = &relay_calls,
                                               .hostname = "us",
                                               .tls = SMTP_CLIENT_TLS_DEMANDED,
                                               .entropy = sim_entropy(world->sim),
                                               .store = world->store,
                                               .reply_timeout_ms = 30000,
                                               .data_reply_timeout_ms = 30000,
                                               .keep_ms = 1000,
                                               .is_stopping = true};
    spy_init(&stage.clients[3], &smtp_client_type, &stage.relay);
}

void stage_begin(void)
{
    world_init(&stage.world, 11);
    world_start(&stage.world);
    make_servers(&stage.world);
    make_clients(&stage.world);
}

void stage_end(void)
{
    world_stop(&stage.world);
    world_tls_release();
    pop3_locks_free(&stage.pop3.locks);
    for (size_t i = 0; i < STAGE_SERVER_COUNT; i++)
        spy_deinit(&stage.servers[i]);
    for (size_t i = 0; i < STAGE_CLIENT_COUNT; i++)
        spy_deinit(&stage.clients[i]);
}

struct spy *stage_server_spy(size_t row)
{
    return &stage.servers[row];
}

struct spy *stage_client_spy(size_t row)
{
    return &stage.clients[row];
}

/* Deadlines end whatever is left; most is gone after a moment, and each second of time costs the
 * store a look around. */
static void finish(void)
{
    for (int64_t ms = 1; ms < 4000000 && stage.world.env.conn_count > 0; ms *= 4)
        sim_advance_ms(stage.world.sim, ms);
    require(stage.world.env.conn_count == 0);
}

/* --- the raw peer --- */

static void on_raw_read(void *owner, struct span bytes)
{
    (void)owner;
    (void)bytes;
}

static void on_raw_end(void *owner, int err)
{
    (void)owner;
    (void)err;
}

static void on_raw_written(void *owner)
{
    (void)owner;
}

static void on_raw_closed(void *owner)
{
    (void)owner;
    stage.raw.transport = NULL;
}

static const struct transport_events raw_events = {.on_read = on_raw_read,
                                                   .on_end = on_raw_end,
                                                   .on_written = on_raw_written,
                                                   .on_closed = on_raw_closed};

static void say(struct span bytes)
{
    if (bytes.len > 0 && stage.raw.transport != NULL)
        transport_write(stage.raw.transport, &bytes, 1);
    sim_run(stage.world.sim);
}

static void say_cut(struct span bytes, const size_t cuts[STAGE_CUTS_MAX])
{
    size_t at = 0;
    for (size_t i = 0; i < STAGE_CUTS_MAX; i++) {
        size_t end = cuts[i] < bytes.len ? cuts[i] : bytes.len;
        if (end > at)
            say(span_first(span_from(bytes, at), end - at));
        at = end > at ? end : at;
    }
    say(span_from(bytes, at));
    if (stage.raw.transport != NULL)
        transport_close(stage.raw.transport);
    finish();
}

void stage_raw_client(size_t row, struct span bytes, const size_t cuts[STAGE_CUTS_MAX])
{
    struct sim_end ours = {.events = NULL};
    spy_clear(&stage.servers[row]);
    sim_set_policy(stage.world.sim, (struct sim_policy){SIM_WHOLE, SIM_CAPACITY_DEFAULT});
    stage.raw = (struct sim_end){.events = &raw_events};
    sim_pair(stage.world.sim, stage.world.env.loop, &stage.raw, &ours);
    transport_read_on(stage.raw.transport);
    conn_accept(&stage.world.env, &stage.roles[row], ours.transport);
    sim_run(stage.world.sim);
    say_cut(bytes, cuts);
}

/* --- clients --- */

static void dial_client(size_t row)
{
    static const struct tls_client_policy policies[STAGE_SERVER_COUNT] = {
        {.server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED},
        {.server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED},
        {.server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED},
    };
    const struct dial dial = {.to = stage.world.server,
                              .tls = &policies[stage_clients[row].server],
                              .connect_timeout_ms = 30000,
                              .type = &stage.clients[row].type,
                              .owner = &stage.clients[row],
                              .events = &dial_events};
    spy_clear(&stage.clients[row]);
    (void)dial_start(&stage.world.env, &dial);
    sim_run(stage.world.sim);
}

static void on_raw_accept(void *owner, struct transport *transport)
{
    (void)owner;
    transport->events = &raw_events;
    stage.raw.transport = transport;
    transport_read_on(transport);
}

void stage_raw_server(size_t row, struct span bytes, const size_t cuts[STAGE_CUTS_MAX])
{
    struct world *world = &stage.world;
    sim_set_policy(world->sim, (struct sim_policy){SIM_WHOLE, SIM_CAPACITY_DEFAULT});
    sim_listen(world->sim, world->env.loop, &world->server, on_raw_accept, NULL);
    dial_client(row);
    say(span_of(stage_clients[row].greeting));
    say(span_of(stage_clients[row].offers));
    say_cut(bytes, cuts);
}

static void on_accept(void *owner, struct transport *transport)
{
    (void)owner;
    conn_accept(&stage.world.env, &stage.roles[stage.role], transport);
}

void stage_pair(size_t row, enum spoil_way way, uint64_t after, struct span bytes, enum sim_cut cut)
{
    const struct spoil_row spoil = {
        .way = way, .unit = SPOIL_BYTES, .after = after, .deed = SPOIL_INJECT, .bytes = bytes};
    const struct spoil_plan plan = {"inject", &spoil, bytes.len > 0 ? 1 : 0};
    struct world *world = &stage.world;
    struct transport_maker *plain = world->env.maker;

    stage.role = stage_clients[row].server;
    spy_clear(&stage.servers[stage.role]);
    sim_set_policy(world->sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    sim_listen(world->sim, world->env.loop, &world->server, on_accept, NULL);
    world->env.maker = fault_maker_create(world->env.loop, plain, &plan);
    dial_client(row);
    finish();
    sim_run(world->sim);
    fault_maker_free(&world->env.maker);
    world->env.maker = plain;
}
