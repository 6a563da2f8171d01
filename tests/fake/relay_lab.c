/* relay_lab: see the header. */
#include "tests/fake/relay_lab.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "store/account.h"
#include "store/queue_rows.h"
#include "store/request_internal.h"
#include "store/store_internal.h"
#include "store/writer_internal.h"

static const struct resolver_row dns_rows[] = {
    {"one.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3one\3hop\4test")},
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3one\3hop\4test")},
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x14", "\3two\3hop\4test")},
    {"example.org", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\7example\3org")},
    {"wrong.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\5other\7example\3org")},
    {"null.test", DNS_MX, 0, RESOLVER_MX("\0", "")},
    {"loop.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\5relay\7example")},
    {"later.test", DNS_MX, ERR_AGAIN, NULL, 0},
    RESOLVER_ROW("one.hop.test", DNS_A, "\xcb\x00\x71\x01"),
    RESOLVER_ROW("two.hop.test", DNS_A, "\xcb\x00\x71\x02"),
    RESOLVER_ROW("mx.example.org", DNS_A, "\xc6\x33\x64\x01"),
    RESOLVER_ROW("other.example.org", DNS_A, "\xc6\x33\x64\x01"),
    RESOLVER_ROW("relay.example", DNS_A, "\xcb\x00\x71\x01"),
};

static const struct settings_relay relay_settings = {
    .smarthost = "",
    .smarthost_port = 25,
    .smarthost_tls = RELAY_TLS_STARTTLS,
    .smarthost_verify = "required",
    .smarthost_user = "",
    .smarthost_password = "",
    .mx_tls = "may",
    .mx_verify = "opportunistic",
    .mx_port = 25,
    .plaintext_fallback = true,
    .resolver = "",
    .dnssec_anchors = "",
    .dane = true,
    .tls_report_from = "",
    .tls_report_contact = "",
    .tls_report_delay_ms = (int64_t)4 * 3600 * 1000,
    .tls_report_keep_ms = (int64_t)2 * 86400 * 1000,
    .retry_min_ms = RELAY_LAB_RETRY_MS,
    .retry_max_ms = (int64_t)4 * RELAY_LAB_RETRY_MS,
    .expire_ms = RELAY_LAB_EXPIRE_MS,
    .report_original_max = 4096,
    .concurrency_max = 3,
    .messages_per_connection_max = 100,
    .keep_ms = 5000,
    .connect_timeout_ms = 30000,
    .connect_stagger_ms = 250,
    .reply_timeout_ms = 60000,
    .data_reply_timeout_ms = 120000,
    .chunking = true,
};

/* The writer's batch, or what a full disk makes of it. */
static void batch(void *owner, struct list *jobs)
{
    struct relay_lab *lab = owner;
    if (lab->fail_writes == 0) {
        writer_batch(lab->world.store->writer, jobs);
        return;
    }
    lab->fail_writes--;
    list_each (node, jobs)
        request_fail(request_of(list_entry(node, struct job, node)), ERR_FULL);
}

static void on_server_accept(void *owner, struct transport *transport)
{
    struct relay_lab *lab = owner;
    lab->server_connections++;
    conn_accept(&lab->world.env, &lab->server_role, transport);
}

static void start_hops(struct relay_lab *lab)
{
    static const char *const addresses[RELAY_LAB_HOPS] = {"203.0.113.1", "203.0.113.2"};
    struct world *world = &lab->world;
    struct endpoint endpoint;
    for (size_t i = 0; i < RELAY_LAB_HOPS; i++) {
        require(endpoint_parse(span_of(addresses[i]), 25, &endpoint) == 0);
        hop_listen(&lab->hops[i], world->sim, &world->env, &endpoint);
    }
    lab->server = (struct smtp_service){.role = SMTP_MX,
                                        .offers_starttls = true,
                                        .settings = &world->smtp,
                                        .hostname = world->hostname,
                                        .domains = world->domains,
                                        .domain_count = world->domain_count,
                                        .store = world->store,
                                        .auth = world->auth,
                                        .auth_failures_max = 3};
    lab->server_role =
        (struct conn_role){.listener = "smtp", .type = &smtp_session_type, .service = &lab->server};
    sim_listen(world->sim, sim_loop(world->sim), &world->server, on_server_accept, lab);
}

void relay_lab_init(struct relay_lab *lab)
{
    struct world *world = &lab->world;
    log_set_level(LOG_NONE);
    *lab = (struct relay_lab){.settings = relay_settings};
    world_init(world, 11);
    world_start(world);
    jobs_set_batch(world->jobs, JOB_WRITE, batch, lab);
    start_hops(lab);
    resolver_table_init(&lab->dns, sim_loop(world->sim), dns_rows,
                        sizeof dns_rows / sizeof *dns_rows);
    lab->leases = relay_leases_create(1);
    lab->options = (struct relay_options){.env = &world->env,
                                          .store = world->store,
                                          .resolver = &lab->dns.resolver,
                                          .leases = lab->leases,
                                          .settings = &lab->settings,
                                          .hostname = "relay.example",
                                          .domains = world->domains,
                                          .domain_count = world->domain_count,
                                          .subaddress_separator = "+",
                                          .clock = sim_clock(world->sim),
                                          .entropy = sim_entropy(world->sim),
                                          .loop_count = 1};
}

void relay_lab_deinit(struct relay_lab *lab)
{
    relay_free(&lab->relay);
    relay_leases_free(&lab->leases);
    world_stop(&lab->world);
}

void relay_lab_run(struct relay_lab *lab, int64_t ms)
{
    if (lab->relay == NULL)
        lab->relay = relay_create(&lab->options);
    sim_run(lab->world.sim);
    sim_advance_ms(lab->world.sim, ms);
}

static void on_idle(void *owner)
{
    struct relay_lab *lab = owner;
    lab->is_idle = true;
    lab->idle_count++;
}

void relay_lab_drain(struct relay_lab *lab)
{
    relay_drain(lab->relay, on_idle, lab);
}

static struct span text_of(const char *text)
{
    return span_of(text == NULL ? "" : text);
}

static uint64_t account_of(struct relay_lab *lab, const char *address)
{
    struct store_account account = {0};
    require(store_find_account(lab->world.store, span_of(address), &account) == 0);
    return account.id;
}

void relay_lab_mail_with(struct relay_lab *lab, const struct relay_lab_wish *wish)
{
    struct world *world = &lab->world;
    struct store_body *body =
        store_body_create(world->store, wish->is_local ? STORE_BODY_SCAN : STORE_BODY_RAW);
    struct store_envelope envelope = {.reverse_path = span_of(wish->from),
                                      .envelope_id = text_of(wish->envelope_id),
                                      .return_kind = text_of(wish->return_kind),
                                      .mail_flags = lab->mail_flags};
    struct store_recipient recipients[200] = {0};
    struct span rest = span_of(wish->to);
    size_t count = 0;
    for (; rest.len > 0 && count < sizeof recipients / sizeof *recipients; count++)
        recipients[count] =
            (struct store_recipient){.account = wish->is_local ? account_of(lab, wish->to) : 0,
                                     .address = span_cut(&rest, ' '),
                                     .original = text_of(wish->original),
                                     .forwarder = text_of(wish->forwarder),
                                     .notify = wish->notify};
    store_body_add(body, span_of("Subject: lab\r\n\r\n.dot\r\nend\r\n"));
    struct store_accept *accept =
        store_accept_create(world->store, body, &envelope, recipients, count);
    job_run_now(world->jobs, &accept->job);
    require(accept->status == 0);
    accept->job.free(&accept->job);
}

void relay_lab_mail(struct relay_lab *lab, const char *from, const char *to)
{
    relay_lab_mail_with(lab, &(struct relay_lab_wish){.from = from, .to = to});
}

struct relay_lab_queue relay_lab_queue(struct relay_lab *lab)
{
    struct relay_lab_queue found = {0};
    struct store_queue *queue =
        store_queue_create(lab->world.store, INT64_MAX, INT64_MIN, 0, 10000);
    job_run_now(lab->world.jobs, &queue->job);
    require(queue->status == 0);
    found.count = queue->count;
    if (queue->count > 0) {
        const struct store_queue_row *row = &queue->rows[0];
        found.id = row->id;
        found.attempts = row->attempts;
        found.due_us = row->due_us;
        found.notify = row->notify;
        (void)snprintf(found.last, sizeof found.last, "%.*s", (int)row->last_status.len,
                       row->last_status.ptr);
        (void)snprintf(found.recipient, sizeof found.recipient, "%.*s", (int)row->recipient.len,
                       row->recipient.ptr);
    }
    queue->job.free(&queue->job);
    return found;
}

int64_t relay_lab_inbox(struct relay_lab *lab, const char *address, struct buf *text_out)
{
    struct buf text;
    buf_init(&text, 0);
    int64_t count = world_read_mailbox(&lab->world, span_of(address), span_of("INBOX"), &text);
    if (text_out != NULL)
        buf_put(text_out, buf_span(&text));
    buf_release(&text);
    return count;
}
