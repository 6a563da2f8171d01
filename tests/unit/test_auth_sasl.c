/* Exchanges as protocols run them, on a real store with jobs run in place. */
#include <stdlib.h>
#include <unistd.h>

#include "auth/auth.h"
#include "auth/password.h"
#include "base/codec.h"
#include "base/err.h"
#include "base/mem.h"
#include "check.h"
#include "crypto/random.h"

enum { ITERATIONS = 4096 };

static int64_t now_ms;

static int64_t fake_wall_us(const struct clock *clock)
{
    (void)clock;
    return now_ms * 1000;
}

static int64_t fake_monotonic_ms(const struct clock *clock)
{
    (void)clock;
    return now_ms;
}

static const struct clock fake_clock = {.wall_us = fake_wall_us, .monotonic_ms = fake_monotonic_ms};

static const struct settings_auth settings = {.iteration_count = ITERATIONS,
                                              .failures_max = 3,
                                              .throttle_count = 5,
                                              .throttle_ms = 60000,
                                              .cache_ms = 30000,
                                              .hash_threads = 1};

static const struct settings_store store_settings = {.body_memory_max = 65536,
                                                     .body_memory_total = 1 << 20,
                                                     .segment_size = 1 << 20,
                                                     .expunge_grace_ms = 600000,
                                                     .message_parts_max = 100,
                                                     .mailboxes_max = 100,
                                                     .keywords_max = 50,
                                                     .read_threads = 1};

struct world {
    char dir[64];
    struct jobs *jobs;
    struct store *store;
    struct auth *auth;
    struct endpoint peer;
};

static void change_account(struct world *world, enum store_account_action action,
                           const char *address, const char *password)
{
    char verifier[STORE_VERIFIER_SIZE];
    check_int(auth_make_verifier(span_of(password), ITERATIONS, &random_system, verifier), 0);
    struct store_change_account *change =
        store_change_account_create(world->store, action, span_of(address), span_of(verifier));
    job_run_now(world->jobs, &change->job);
    check_int(change->status, 0);
    change->job.free(&change->job);
}

static void begin(struct world *world)
{
    struct fault fault = {0};
    now_ms = 1000000;
    (void)snprintf(world->dir, sizeof world->dir, "/tmp/postern-auth-XXXXXX");
    check(mkdtemp(world->dir) != NULL);
    check_int(store_make(world->dir, NULL, &fault), 0);
    world->jobs = jobs_create_inline();
    struct store_options options = {.dir = world->dir,
                                    .settings = &store_settings,
                                    .jobs = world->jobs,
                                    .clock = &fake_clock,
                                    .entropy = &random_system};
    world->store = store_open(&options, &fault);
    check(world->store != NULL);
    world->auth =
        auth_create(&settings, world->store, span_of("example.org"), &fake_clock, &random_system);
    check_int(endpoint_parse(span_of("192.0.2.1"), 4000, &world->peer), 0);
    change_account(world, STORE_ACCOUNT_ADD, "alice@example.org", "wonderland");
}

static void end(struct world *world)
{
    auth_free(&world->auth);
    store_close(&world->store);
    jobs_free(&world->jobs);
    char *command = mem_printf("rm -rf %s", world->dir);
    check_int(system(command), 0); /* NOLINT(cert-env33-c): a path of our own */
    mem_free(command);
}

static struct auth_exchange *exchange_of(struct world *world, enum auth_mechanism mechanism)
{
    struct auth_client client = {.peer = &world->peer, .tls = NULL};
    return auth_exchange_create(world->auth, mechanism, &client);
}

/* Runs the job where there is one; jobs_out counts them. */
static enum auth_state settle(struct auth_exchange *exchange, enum auth_state state,
                              struct job *job, unsigned *jobs_out)
{
    struct buf challenge;
    if (state != AUTH_WAIT)
        return state;
    (*jobs_out)++;
    buf_init(&challenge, 0);
    job->run(job);
    state = auth_exchange_answer(exchange, job, &challenge);
    job->free(job);
    buf_release(&challenge);
    return state;
}

struct outcome {
    enum auth_state state;
    enum auth_failure failure;
    unsigned jobs;
};

static struct outcome try_password(struct world *world, const char *login, const char *password)
{
    struct outcome outcome = {0};
    struct job *job;
    struct auth_exchange *exchange = exchange_of(world, AUTH_PLAIN);
    enum auth_state state =
        auth_exchange_password(exchange, span_of(login), span_of(password), &job);
    outcome.state = settle(exchange, state, job, &outcome.jobs);
    outcome.failure = auth_exchange_failure(exchange);
    if (outcome.state == AUTH_SUCCESS)
        check_text(auth_exchange_account(exchange)->address, "alice@example.org");
    auth_exchange_free(&exchange);
    return outcome;
}

TEST(test_plain_messages)
{
#define PLAIN(text)                                                                                \
    {                                                                                              \
        text, sizeof text - 1                                                                      \
    }
    static const struct {
        struct span message;
        enum auth_failure wanted;
    } cases[] = {
        {PLAIN("\0alice\0wonderland"), AUTH_NO_FAILURE},
        {PLAIN("\0alice@example.org\0wonderland"), AUTH_NO_FAILURE},
        {PLAIN("\0Alice@EXAMPLE.org\0wonderland"), AUTH_NO_FAILURE},
        {PLAIN("alice\0alice@example.org\0wonderland"), AUTH_NO_FAILURE},
        {PLAIN("ALICE@example.org\0alice\0wonderland"), AUTH_NO_FAILURE},
        {PLAIN("bob\0alice\0wonderland"), AUTH_NOT_AUTHORIZED},
        {PLAIN("alice@example.net\0alice\0wonderland"), AUTH_NOT_AUTHORIZED},
        {PLAIN("\0alice\0wonderlanD"), AUTH_BAD_CREDENTIALS},
        {PLAIN("\0nobody\0wonderland"), AUTH_BAD_CREDENTIALS},
        {PLAIN("\0alice@example.net\0wonderland"), AUTH_BAD_CREDENTIALS},
        {PLAIN("\0@@\0wonderland"), AUTH_BAD_CREDENTIALS},
        {PLAIN(""), AUTH_MALFORMED},
        {PLAIN("alice"), AUTH_MALFORMED},
        {PLAIN("\0alice"), AUTH_MALFORMED},
        {PLAIN("\0alice\0"), AUTH_MALFORMED},
        {PLAIN("\0\0wonderland"), AUTH_MALFORMED},
        {PLAIN("\0alice\0wonder\0land"), AUTH_MALFORMED},
        {PLAIN("\0alice\0wonder\xff"), AUTH_MALFORMED},
        {PLAIN("\0al\xff\0wonderland"), AUTH_MALFORMED},
        {PLAIN("\xff\0alice\0wonderland"), AUTH_MALFORMED},
    };
    struct world world;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        unsigned jobs = 0;
        struct job *job;
        struct buf challenge;
        begin(&world);
        buf_init(&challenge, 0);
        check_case = cases[i].message.len > 0 ? cases[i].message.ptr + 1 : "empty";
        struct auth_exchange *exchange = exchange_of(&world, AUTH_PLAIN);
        enum auth_state state = auth_exchange_start(exchange, &cases[i].message, &challenge, &job);
        state = settle(exchange, state, job, &jobs);
        check_int(auth_exchange_failure(exchange), cases[i].wanted);
        check_int(state, cases[i].wanted == AUTH_NO_FAILURE ? AUTH_SUCCESS : AUTH_FAILURE);
        auth_exchange_free(&exchange);
        buf_release(&challenge);
        end(&world);
    }
}

/* initial may be NULL. */
static enum auth_state try_login(struct world *world, const char *initial, const char *password)
{
    struct job *job;
    struct buf challenge;
    struct span name = span_of(initial != NULL ? initial : "alice");
    unsigned jobs = 0;
    buf_init(&challenge, 0);
    struct auth_exchange *exchange = exchange_of(world, AUTH_LOGIN);
    enum auth_state state =
        auth_exchange_start(exchange, initial != NULL ? &name : NULL, &challenge, &job);
    if (initial == NULL) {
        check_int(state, AUTH_CHALLENGE);
        check_span(buf_span(&challenge), "Username:");
        state = auth_exchange_feed(exchange, name, &challenge, &job);
    }
    if (state == AUTH_CHALLENGE) {
        check_span(buf_span(&challenge), "Password:");
        state = auth_exchange_feed(exchange, span_of(password), &challenge, &job);
    }
    state = settle(exchange, state, job, &jobs);
    auth_exchange_free(&exchange);
    buf_release(&challenge);
    return state;
}

TEST(test_login_with_and_without_initial_response)
{
    struct world world;
    begin(&world);
    check_int(try_login(&world, NULL, "wonderland"), AUTH_SUCCESS);
    check_int(try_login(&world, "alice", "wonderland"), AUTH_SUCCESS);
    check_int(try_login(&world, "alice", "x"), AUTH_FAILURE);
    check_int(try_login(&world, "alice", ""), AUTH_FAILURE);
    check_int(try_login(&world, "", "x"), AUTH_FAILURE);
    end(&world);
}

/* What a client computes (RFC 5802 3) for a challenge "r=...,s=...,i=...". */
static void client_final(const char *first_bare, struct span challenge, const char *password,
                         struct buf *out)
{
    struct span rest = challenge;
    struct span nonce = span_from(span_cut(&rest, ','), 2);
    struct span salt_text = span_from(span_cut(&rest, ','), 2);
    uint64_t count = 0;
    struct buf salt, message;
    unsigned char salted[32], key[32], stored[32], signature[32];
    buf_init(&salt, 0);
    buf_init(&message, 0);
    check(span_to_u64(span_from(rest, 2), 1000000, &count));
    check_int(codec_base64_decode(salt_text, &salt), 0);
    digest_pbkdf2_sha256(span_of(password), buf_span(&salt), (unsigned)count, salted);
    digest_hmac_sha256(span_make((char *)salted, 32), span_of("Client Key"), key);
    digest_sha256(span_make((char *)key, 32), stored);
    buf_puts(out, "c=biws,r=");
    buf_put(out, nonce);
    buf_printf(&message, "%s,%.*s,%.*s", first_bare, (int)challenge.len, challenge.ptr,
               (int)out->len, buf_span(out).ptr);
    digest_hmac_sha256(span_make((char *)stored, 32), buf_span(&message), signature);
    for (size_t i = 0; i < 32; i++)
        key[i] ^= signature[i];
    buf_puts(out, ",p=");
    codec_base64_put(span_make((char *)key, 32), out);
    buf_release(&salt);
    buf_release(&message);
}

static struct outcome try_scram(struct world *world, const char *name, const char *password,
                                struct buf *challenge)
{
    struct outcome outcome = {0};
    struct job *job;
    struct buf final, last;
    char *bare = mem_printf("n=%s,r=fyko+d2lbbFgONRv9qkxdawL", name);
    char *first = mem_printf("n,,%s", bare);
    struct span first_span = span_of(first);
    buf_init(&final, 0);
    buf_init(&last, 0);
    struct auth_exchange *exchange = exchange_of(world, AUTH_SCRAM_SHA_256);
    outcome.state = auth_exchange_start(exchange, &first_span, challenge, &job);
    if (outcome.state == AUTH_CHALLENGE) {
        client_final(bare, buf_span(challenge), password, &final);
        outcome.state = auth_exchange_feed(exchange, buf_span(&final), &last, &job);
    }
    outcome.failure = auth_exchange_failure(exchange);
    check_int(last.len > 0, outcome.state == AUTH_SUCCESS);
    auth_exchange_free(&exchange);
    buf_release(&final);
    buf_release(&last);
    mem_free(bare);
    mem_free(first);
    return outcome;
}

TEST(test_scram_logs_in_and_refuses)
{
    struct world world;
    struct buf challenge;
    begin(&world);
    buf_init(&challenge, 0);
    check_int(try_scram(&world, "alice", "wonderland", &challenge).state, AUTH_SUCCESS);
    check_int(try_scram(&world, "ALICE@example.org", "wonderland", &challenge).state, AUTH_SUCCESS);
    check_int(try_scram(&world, "alice", "Wonderland", &challenge).failure, AUTH_BAD_CREDENTIALS);
    check_int(try_scram(&world, "nobody", "wonderland", &challenge).failure, AUTH_BAD_CREDENTIALS);
    buf_release(&challenge);
    end(&world);
}

/* THREATS 18: salt and count look the same and stay the same. */
TEST(test_unknown_users_look_like_known_ones)
{
    static const char *const names[] = {"alice", "nobody", "Nobody@Example.org"};
    struct world world;
    struct buf challenge;
    char salts[3][64] = {{0}};
    begin(&world);
    buf_init(&challenge, 0);
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < 3; i++) {
            check_case = names[i];
            check_int(try_scram(&world, names[i], "x", &challenge).failure, AUTH_BAD_CREDENTIALS);
            ptrdiff_t at = span_find(buf_span(&challenge), span_of(",s="));
            struct span salt = span_from(buf_span(&challenge), (size_t)at);
            check_int(salt.len, sizeof ",s=AAAAAAAAAAAAAAAAAAAAAA==,i=4096" - 1);
            if (round > 0)
                check_span(salt, salts[i]);
            memcpy(salts[i], salt.ptr, salt.len);
            now_ms += 120000; /* the throttle forgets */
        }
    }
    check_text(salts[1], salts[2]);
    check(strcmp(salts[0], salts[1]) != 0);
    check_int(try_password(&world, "nobody", "x").jobs, 1);
    check_int(try_password(&world, "alice", "x").jobs, 1);
    buf_release(&challenge);
    end(&world);
}

TEST(test_verified_passwords_are_remembered_for_a_while)
{
    struct world world;
    begin(&world);
    check_int(try_password(&world, "alice", "wonderland").jobs, 1);
    check_int(try_password(&world, "alice@example.org", "wonderland").jobs, 0);
    check_int(try_password(&world, "alice", "wonderlanD").jobs, 1);
    check_int(try_password(&world, "alice", "wonderland").jobs, 0);
    now_ms += settings.cache_ms;
    check_int(try_password(&world, "alice", "wonderland").jobs, 1);
    change_account(&world, STORE_ACCOUNT_PASSWORD, "alice@example.org", "looking-glass");
    check_int(try_password(&world, "alice", "wonderland").failure, AUTH_BAD_CREDENTIALS);
    check_int(try_password(&world, "alice", "looking-glass").state, AUTH_SUCCESS);
    struct settings_auth off = settings;
    off.cache_ms = 0;
    auth_set_settings(world.auth, &off);
    check_int(try_password(&world, "alice", "looking-glass").jobs, 1);
    end(&world);
}

TEST(test_throttled_addresses_are_refused_without_hashing)
{
    struct world world;
    struct buf challenge;
    begin(&world);
    buf_init(&challenge, 0);
    for (unsigned i = 0; i < settings.throttle_count; i++)
        check_int(try_password(&world, "alice", "x").failure, AUTH_BAD_CREDENTIALS);
    struct outcome outcome = try_password(&world, "alice", "wonderland");
    check_int(outcome.failure, AUTH_THROTTLED);
    check_int(outcome.jobs, 0);
    check_int(try_scram(&world, "alice", "wonderland", &challenge).failure, AUTH_THROTTLED);
    check_int(endpoint_parse(span_of("192.0.2.2"), 4000, &world.peer), 0);
    check_int(try_password(&world, "alice", "wonderland").state, AUTH_SUCCESS);
    check_int(endpoint_parse(span_of("192.0.2.1"), 4000, &world.peer), 0);
    now_ms += settings.throttle_ms / settings.throttle_count;
    check_int(try_password(&world, "alice", "wonderland").state, AUTH_SUCCESS);
    buf_release(&challenge);
    end(&world);
}

/* THREATS 14: a job under way knows nothing of the exchange. */
TEST(test_an_exchange_may_go_before_its_job)
{
    struct world world;
    struct job *job;
    begin(&world);
    struct auth_exchange *exchange = exchange_of(&world, AUTH_PLAIN);
    check_int(auth_exchange_password(exchange, span_of("alice"), span_of("x"), &job), AUTH_WAIT);
    auth_exchange_free(&exchange);
    job->run(job);
    job->free(job);
    end(&world);
}

CHECK_MAIN({"test_plain_messages", test_plain_messages},
           {"test_login_with_and_without_initial_response",
            test_login_with_and_without_initial_response},
           {"test_scram_logs_in_and_refuses", test_scram_logs_in_and_refuses},
           {"test_unknown_users_look_like_known_ones", test_unknown_users_look_like_known_ones},
           {"test_verified_passwords_are_remembered_for_a_while",
            test_verified_passwords_are_remembered_for_a_while},
           {"test_throttled_addresses_are_refused_without_hashing",
            test_throttled_addresses_are_refused_without_hashing},
           {"test_an_exchange_may_go_before_its_job", test_an_exchange_may_go_before_its_job})
