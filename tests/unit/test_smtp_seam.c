/*
 * The seam: an SMTP client session relays messages to an SMTP server session in one thread under
 * virtual time, over the real connection, pump, TLS and store; no libuv, no socket. STARTTLS,
 * login, pipelining, a large body, a broken connection.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "check.h"
#include "net/dial.h"
#include "protocols/smtp/client.h"
#include "protocols/smtp/smtp.h"
#include "store/queue_rows.h"
#include "tests/dialogue/world.h"

enum { MAILS_MAX = 3 };

struct seam {
    struct world world;
    struct smtp_service server;
    struct conn_role role;
    size_t spoil_after;                /* bytes that reach the server, then a reset; 0: never */
    struct smtp_client_service client; /* the dial's owner begins with it */
    struct smtp_transaction mail;
    struct smtp_transaction_recipient recipients[2];
    unsigned mails_left, results, refused, secured;
    unsigned last_code;
    enum smtp_client_step last_step;
    bool is_unusable, is_gone;
    char sentence[256];
};

static struct seam *seam_of(void *client_service)
{
    return (struct seam *)(void *)((char *)client_service - offsetof(struct seam, client));
}

static void on_unusable(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                        const char *sentence)
{
    struct seam *seam = owner;

    seam->is_unusable = true;
    seam->last_step = step;
    seam->last_code = reply->code;
    (void)snprintf(seam->sentence, sizeof seam->sentence, "%s", sentence == NULL ? "" : sentence);
}

static const struct smtp_transaction *on_next(void *owner)
{
    struct seam *seam = owner;

    if (seam->mails_left == 0)
        return NULL;
    seam->mails_left--;
    return &seam->mail;
}

static void on_recipient(void *owner, size_t index, const struct smtp_reply *reply)
{
    struct seam *seam = owner;

    (void)index;
    seam->refused += reply->code >= 300;
}

static void on_result(void *owner, enum smtp_client_step step, const struct smtp_reply *reply,
                      const char *sentence)
{
    struct seam *seam = owner;

    (void)sentence;
    seam->results++;
    seam->last_step = step;
    seam->last_code = reply->code;
}

static void on_ending(void *owner, enum ending why)
{
    (void)owner;
    (void)why;
}

static const struct smtp_client_owner owner_calls = {on_unusable, on_next,   on_recipient,
                                                     NULL,        on_result, on_ending};

static void on_secure(void *owner, const struct tls_facts *facts)
{
    (void)facts;
    seam_of(owner)->secured++;
}

static void on_gone(void *owner, enum conn_phase phase, const struct fault *fault)
{
    (void)phase;
    (void)fault;
    seam_of(owner)->is_gone = true;
}

static const struct conn_owner_events dial_events = {on_secure, on_gone};

static void on_accept(void *owner, struct transport *transport)
{
    struct seam *seam = owner;

    if (seam->spoil_after > 0)
        sim_spoil_after(transport, seam->spoil_after, SIM_RESET);
    conn_accept(&seam->world.env, &seam->role, transport);
}

static void seam_init(struct seam *seam, enum sim_cut cut)
{
    struct world *world = &seam->world;

    log_set_level(LOG_NONE);
    *seam = (struct seam){.mails_left = 1};
    world_init(world, 7);
    world_start(world);
    sim_set_policy(world->sim, (struct sim_policy){cut, SIM_CAPACITY_DEFAULT});
    seam->server = (struct smtp_service){.role = SMTP_MX,
                                         .offers_starttls = true,
                                         .settings = &world->smtp,
                                         .hostname = world->hostname,
                                         .domains = world->domains,
                                         .domain_count = world->domain_count,
                                         .store = world->store,
                                         .auth = world->auth,
                                         .auth_failures_max = 3};
    seam->role = (struct conn_role){
        .listener = "smtp", .type = &smtp_session_type, .service = &seam->server};
    sim_listen(world->sim, sim_loop(world->sim), &world->server, on_accept, seam);
    seam->recipients[0].address = span_of("alice@example.org");
    seam->recipients[1].address = span_of("bob@example.org");
    seam->mail = (struct smtp_transaction){.reverse_path = span_of("s@remote.example"),
                                           .recipients = seam->recipients,
                                           .recipient_count = 2};
    seam->client = (struct smtp_client_service){.owner = &owner_calls,
                                                .owner_arg = seam,
                                                .hostname = "relay.example",
                                                .tls = SMTP_CLIENT_TLS_DEMANDED,
                                                .entropy = sim_entropy(world->sim),
                                                .store = world->store,
                                                .reply_timeout_ms = 60000,
                                                .data_reply_timeout_ms = 600000,
                                                .keep_ms = 5000,
                                                .is_stopping = true};
}

/* Puts a message into the queue and takes its blob for the transaction. */
static void seam_store(struct seam *seam, struct span text)
{
    struct world *world = &seam->world;
    struct store_body *body = store_body_create(world->store, STORE_BODY_RAW);
    struct store_envelope envelope = {.reverse_path = span_of("s@remote.example")};
    struct store_recipient recipient = {.address = span_of("alice@example.org")};

    for (size_t at = 0; at < text.len; at += 10000) {
        store_body_add(body, span_first(span_from(text, at), 10000));
        if (!store_body_wants_flush(body))
            continue;
        struct store_body_flush *flush = store_body_flush_create(body);
        job_run_now(world->jobs, &flush->job);
        check_int(flush->status, 0);
        flush->job.free(&flush->job);
    }
    if (store_body_wants_sync(body)) {
        struct store_body_flush *sync = store_body_sync_create(body);
        job_run_now(world->jobs, &sync->job);
        sync->job.free(&sync->job);
    }
    struct store_accept *accept = store_accept_create(world->store, body, &envelope, &recipient, 1);
    job_run_now(world->jobs, &accept->job);
    check_int(accept->status, 0);
    accept->job.free(&accept->job);
    struct store_queue *queue = store_queue_create(world->store, INT64_MAX, INT64_MIN, 0, 10);
    job_run_now(world->jobs, &queue->job);
    check_int(queue->count, 1);
    if (queue->count == 1)
        seam->mail.blob = queue->rows[0].blob;
    queue->job.free(&queue->job);
}

static void seam_dial(struct seam *seam)
{
    static const struct tls_client_policy policy = {
        .server_name = "mx.example.org", .verify = TLS_VERIFY_REQUIRED, .alpn = "smtp"};
    struct dial dial = {.to = seam->world.server,
                        .security = CONN_PLAIN,
                        .tls = &policy,
                        .connect_timeout_ms = 30000,
                        .type = &smtp_client_type,
                        .owner = &seam->client,
                        .events = &dial_events};

    (void)dial_start(&seam->world.env, &dial);
    sim_run(seam->world.sim);
}

/* The last message of an INBOX ends with text; how many there are. */
static void check_inbox(struct seam *seam, const char *address, int count, struct span text)
{
    struct buf message;

    buf_init(&message, 0);
    check_int(world_read_mailbox(&seam->world, span_of(address), span_of("INBOX"), &message),
              count);
    if (count > 0) {
        check(message.len > text.len &&
              span_equal(span_from(buf_span(&message), message.len - text.len), text));
        check(span_find(buf_span(&message), span_of("from relay.example")) > 0);
        check(span_find(buf_span(&message), span_of("ESMTPS")) > 0);
    }
    buf_release(&message);
}

static const char dots[] = "Subject: x\r\n\r\n.\r\n..\r\n.hidden\r\nend\r\n";

static void check_dots(enum sim_cut cut, bool may_chunk)
{
    struct seam seam;
    seam_init(&seam, cut);
    seam.client.may_chunk = may_chunk;
    seam_store(&seam, span_of(dots));
    seam_dial(&seam);
    sim_advance_ms(seam.world.sim, 5000);
    check_int(seam.secured, 1);
    check_int(seam.results, 1);
    check_int(seam.last_step, SMTP_STEP_MESSAGE);
    check_int(seam.last_code, 250);
    check(seam.is_gone && !seam.is_unusable);
    check_inbox(&seam, "alice@example.org", 1, span_of(dots));
    check_inbox(&seam, "bob@example.org", 1, span_of(dots));
    world_stop(&seam.world);
}

TEST(test_message_goes_over_starttls_at_any_cut)
{
    for (int cut = SIM_WHOLE; cut <= SIM_CUTS; cut++) {
        check_dots((enum sim_cut)cut, false);
        check_dots((enum sim_cut)cut, true);
    }
}

static void check_large(bool may_chunk)
{
    struct seam seam;
    struct buf text;

    buf_init(&text, 0);
    for (int i = 0; i < 30000; i++)
        buf_printf(&text, ".line %d of a message that is larger than any buffer\r\n", i);
    seam_init(&seam, SIM_WHOLE);
    seam.client.may_chunk = may_chunk;
    seam.world.smtp.message_size_max = 4 << 20;
    seam_store(&seam, buf_span(&text));
    seam_dial(&seam);
    check_int(seam.last_code, 250);
    check_inbox(&seam, "alice@example.org", 1, buf_span(&text));
    world_stop(&seam.world);
    buf_release(&text);
}

TEST(test_large_message_is_streamed_both_ways)
{
    check_large(false);
    check_large(true);
}

TEST(test_several_messages_share_a_connection_and_refusals_are_told)
{
    struct seam seam;

    seam_init(&seam, SIM_WHOLE);
    seam.mails_left = MAILS_MAX;
    seam.recipients[1].address = span_of("nobody@example.org");
    seam_store(&seam, span_of(dots));
    seam_dial(&seam);
    sim_advance_ms(seam.world.sim, 5000);
    check_int(seam.results, MAILS_MAX);
    check_int(seam.refused, MAILS_MAX);
    check_int(seam.secured, 1);
    check_inbox(&seam, "alice@example.org", MAILS_MAX, span_of(dots));
    world_stop(&seam.world);
}

static void check_login(const char *password, bool is_right)
{
    struct seam seam;

    seam_init(&seam, SIM_WHOLE);
    seam.server.role = SMTP_SUBMISSION;
    seam.client.user = "alice@example.org";
    seam.client.password = password;
    seam_store(&seam, span_of(dots));
    seam_dial(&seam);
    sim_advance_ms(seam.world.sim, 5000);
    check_int(seam.is_unusable, !is_right);
    check_int(seam.results, is_right);
    if (!is_right) {
        check_int(seam.last_step, SMTP_STEP_AUTH);
        check_int(seam.last_code, 535);
    }
    check(seam.is_gone);
    world_stop(&seam.world);
}

TEST(test_login_by_scram)
{
    check_login("wonderland", true);
    check_login("looking-glass", false);
}

TEST(test_stripped_starttls_is_not_accepted)
{
    struct seam seam;

    seam_init(&seam, SIM_WHOLE);
    seam.server.offers_starttls = false;
    seam_store(&seam, span_of(dots));
    seam_dial(&seam);
    sim_advance_ms(seam.world.sim, 5000);
    check(seam.is_unusable && seam.is_gone);
    check_int(seam.last_step, SMTP_STEP_STARTTLS);
    check_int(seam.results, 0);
    check_inbox(&seam, "alice@example.org", 0, span_of(""));
    world_stop(&seam.world);
}

/* Wherever the connection breaks: one result at most, and success only when the mail is there. */
TEST(test_connection_broken_anywhere_is_no_success)
{
    for (size_t after = 0; after < 2200; after += 37) {
        struct seam seam;
        struct buf message;
        seam_init(&seam, SIM_WHOLE);
        seam_store(&seam, span_of(dots));
        seam.client.may_chunk = after % 2 == 1;
        seam.spoil_after = after;
        seam_dial(&seam);
        sim_advance_ms(seam.world.sim, 700000);
        buf_init(&message, 0);
        int64_t count = world_read_mailbox(&seam.world, span_of("alice@example.org"),
                                           span_of("INBOX"), &message);
        buf_release(&message);
        check(seam.is_gone && seam.results <= 1);
        bool is_success = seam.results == 1 && seam.last_code == 250;
        check(!is_success || count == 1);
        world_stop(&seam.world);
    }
}

CHECK_MAIN({"test_message_goes_over_starttls_at_any_cut",
            test_message_goes_over_starttls_at_any_cut},
           {"test_large_message_is_streamed_both_ways", test_large_message_is_streamed_both_ways},
           {"test_several_messages_share_a_connection_and_refusals_are_told",
            test_several_messages_share_a_connection_and_refusals_are_told},
           {"test_login_by_scram", test_login_by_scram},
           {"test_stripped_starttls_is_not_accepted", test_stripped_starttls_is_not_accepted},
           {"test_connection_broken_anywhere_is_no_success",
            test_connection_broken_anywhere_is_no_success})
