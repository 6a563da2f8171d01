/*
 * The keeper from the server's side: it signs what TLS needs in every version and with every kind
 * of key, says in words what it could not load, and its death or silence costs signatures and
 * nothing else.
 */
#include <errno.h>
#include <gnutls/gnutls.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "tests/fake/tls_lab.h"
#include "tls/keeper.h"

#define TLS12(suites)                                                                              \
    "NONE:+VERS-TLS1.2:+AES-128-GCM:+ECDHE-ECDSA:+ECDHE-RSA:+AEAD:+COMP-NULL:+CTYPE-X509:"         \
    "+GROUP-X25519:+GROUP-SECP256R1:" suites

static struct tls_lab lab;
static const struct tls_client_policy required = {.server_name = "mx.example.org",
                                                  .verify = TLS_VERIFY_REQUIRED};
static const char *office_refuses, *office_is_free;

static const struct settings_tls *office_settings(void *owner, struct fault *fault)
{
    if (office_refuses != NULL)
        (void)fault_set(fault, ERR_CONFIG, "%s", office_refuses);
    return office_refuses != NULL ? NULL : owner;
}

static int office_confine(void *owner, struct fault *fault)
{
    (void)owner;
    return office_is_free != NULL ? fault_set(fault, ERR_REFUSED, "%s", office_is_free) : 0;
}

static struct keeper *start(unsigned channel_count)
{
    static struct keeper_office office = {.settings = office_settings, .confine = office_confine};
    struct fault fault;

    office.owner = &lab.settings;
    struct keeper *keeper = keeper_start(&office, channel_count, &fault);
    require(keeper != NULL);
    return keeper;
}

static void mint(enum pki_key_type type)
{
    struct pki_request request = tls_lab_request();

    request.key_type = type;
    tls_lab_mint(&lab, NULL, &request);
}

/* --- what it signs --- */

static const struct handshake_case {
    const char *name;
    enum pki_key_type type;
    const char *client_profile;
    enum tls_progress wanted;
} handshakes[] = {
    {"ECDSA, 1.3", PKI_KEY_ECDSA, "modern", TLS_DONE},
    {"ECDSA, 1.2", PKI_KEY_ECDSA, TLS12("+SIGN-ECDSA-SHA256"), TLS_DONE},
    {"RSA, 1.3", PKI_KEY_RSA_2048, "modern", TLS_DONE},
    {"RSA, 1.2, PSS", PKI_KEY_RSA_2048, TLS12("+SIGN-RSA-PSS-RSAE-SHA256"), TLS_DONE},
    {"RSA, 1.2, PKCS1 SHA-256", PKI_KEY_RSA_2048, TLS12("+SIGN-RSA-SHA256"), TLS_DONE},
    {"RSA, 1.2, PKCS1 SHA-384", PKI_KEY_RSA_2048, TLS12("+SIGN-RSA-SHA384:+SIGN-RSA-SHA256"),
     TLS_DONE},
    {"Ed25519, 1.3", PKI_KEY_ED25519, "modern", TLS_DONE},
    {"Ed25519, 1.2", PKI_KEY_ED25519, TLS12("+SIGN-EDDSA-ED25519:+SIGN-ECDSA-SHA256"), TLS_DONE},
};

static void handshake(struct tls_manager *manager, enum tls_progress wanted)
{
    struct tls_pair pair;

    tls_pair_init(&pair, 0);
    tls_pair_start(&pair, manager, manager, &required);
    tls_pair_run(&pair);
    check_int(pair.server.progress, wanted);
    check_int(pair.client.progress, wanted);
    if (pair.client.progress != wanted)
        (void)fprintf(stderr, "  %s / %s\n", pair.server.fault.text, pair.client.fault.text);
    tls_pair_deinit(&pair);
}

TEST(test_handshakes_through_the_keeper)
{
    struct keeper *keeper = start(2);
    struct fault fault;

    for (size_t i = 0; i < sizeof handshakes / sizeof *handshakes; i++) {
        const struct handshake_case *row = &handshakes[i];
        struct settings_tls settings = lab.settings;
        check_case = row->name;
        mint(row->type);
        settings.client_profile = row->client_profile;
        struct tls_manager *manager =
            tls_manager_create(&settings, &lab.clock.clock, keeper_signer(keeper), &fault);
        if (manager == NULL) {
            CHECK_FAILED("%s", fault.text);
            continue;
        }
        handshake(manager, row->wanted);
        mint(row->type);
        check_int(tls_manager_reload(manager, &settings, &fault), 0);
        handshake(manager, row->wanted);
        tls_manager_free(&manager);
    }
    keeper_stop(&keeper);
}

/* --- what it refuses --- */

static void refuse_load(const char *what, const char *wanted)
{
    struct keeper *keeper = start(1);
    struct tls_signer *signer = keeper_signer(keeper);
    struct tls_keyring ring;
    struct fault fault;

    check_case = what;
    fault_clear(&fault);
    int err = signer->ops->load(signer, &lab.settings, &ring, &fault);
    check(err != 0 && err == fault.err);
    if (strstr(fault.text, wanted) == NULL)
        CHECK_FAILED("wanted \"%s\", got \"%s\"", wanted, fault.text);
    keeper_stop(&keeper);
}

TEST(test_what_cannot_be_loaded_is_said_in_words)
{
    mint(PKI_KEY_ECDSA);
    office_refuses = "postern.conf: line 3 is odd; mend it";
    refuse_load("configuration", office_refuses);
    office_refuses = NULL;
    office_is_free = "could not become user \"x\"; make it";
    refuse_load("confinement", office_is_free);
    office_is_free = NULL;
    tls_lab_write(lab.key_file, "no key\n");
    refuse_load("no key", lab.key_file);
    check_int(unlink(lab.key_file), 0);
    refuse_load("no file", lab.key_file);
    mint(PKI_KEY_ECDSA);
    struct settings_tls settings = lab.settings; /* the server's idea, not the keeper's */
    struct keeper *keeper = start(1);
    struct tls_keyring ring;
    struct fault fault;
    settings.pair_count = 2;
    check_int(keeper_signer(keeper)->ops->load(keeper_signer(keeper), &settings, &ring, &fault),
              ERR_AGAIN);
    check(strstr(fault.text, "was changed meanwhile; reload again") != NULL);
    keeper_stop(&keeper);
}

/* --- signing by hand: Ed25519 signs the same bytes the same way each time --- */

struct pen {
    struct keeper *keeper;
    struct tls_signer *local;
    struct tls_keyring ring, local_ring;
};

static void pen_init(struct pen *pen, unsigned channel_count)
{
    struct fault fault;

    mint(PKI_KEY_ED25519);
    *pen = (struct pen){.keeper = start(channel_count), .local = tls_signer_local_create()};
    struct tls_signer *far = keeper_signer(pen->keeper);
    require(far->ops->load(far, &lab.settings, &pen->ring, &fault) == 0);
    require(pen->local->ops->load(pen->local, &lab.settings, &pen->local_ring, &fault) == 0);
    check(memcmp(pen->ring.keys[0].key_id, pen->local_ring.keys[0].key_id, TLS_KEY_ID_SIZE) == 0);
    check_int(pen->ring.keys[0].algorithm, pen->local_ring.keys[0].algorithm);
    check_int(pen->ring.keys[0].bits, pen->local_ring.keys[0].bits);
}

static void pen_deinit(struct pen *pen)
{
    pen->local->ops->drop(pen->local, &pen->local_ring);
    tls_signer_free(&pen->local);
    keeper_stop(&pen->keeper);
}

static int sign_with(struct tls_signer *signer, uint64_t key_number, struct span text,
                     struct tls_signature *signature_out)
{
    const struct tls_signing signing = {
        .key_number = key_number, .algorithm = GNUTLS_SIGN_EDDSA_ED25519, .input = text};

    return signer->ops->sign(signer, &signing, signature_out);
}

/* Whether the keeper's signature of text is that of the key. */
static bool signs_right(const struct pen *pen, struct span text)
{
    struct tls_signature far = {.len = 0}, near = {.len = 0};

    return sign_with(keeper_signer(pen->keeper), pen->ring.keys[0].number, text, &far) == 0 &&
           sign_with(pen->local, pen->local_ring.keys[0].number, text, &near) == 0 &&
           far.len == 64 && near.len == 64 && memcmp(far.bytes, near.bytes, 64) == 0;
}

static int sign_text(const struct pen *pen, const char *text)
{
    struct tls_signature signature;

    return sign_with(keeper_signer(pen->keeper), pen->ring.keys[0].number, span_of(text),
                     &signature);
}

TEST(test_a_dropped_key_signs_nothing)
{
    struct tls_keyring again;
    struct fault fault;
    struct pen pen;

    pen_init(&pen, 1);
    struct tls_signer *far = keeper_signer(pen.keeper);
    check(signs_right(&pen, span_of("one")));
    check_int(far->ops->load(far, &lab.settings, &again, &fault), 0);
    check(again.keys[0].number != pen.ring.keys[0].number);
    far->ops->drop(far, &pen.ring);
    check_int(sign_text(&pen, "two"), ERR_TLS);
    pen.ring = again;
    check(signs_right(&pen, span_of("three")));
    pen_deinit(&pen);
}

TEST(test_the_key_that_the_client_shows_is_loaded)
{
    struct tls_keyring ring;
    struct fault fault;
    struct tls_signature signature = {.len = 0};

    mint(PKI_KEY_ED25519);
    lab.settings.client_certificate = lab.chain_file;
    lab.settings.client_key = lab.key_file;
    struct keeper *keeper = start(1);
    struct tls_signer *far = keeper_signer(keeper);
    check_int(far->ops->load(far, &lab.settings, &ring, &fault), 0);
    check_int(ring.count, 1);
    check(ring.client.number != 0 && ring.client.number != ring.keys[0].number);
    check_int(sign_with(far, ring.client.number, span_of("text"), &signature), 0);
    check_int(signature.len, 64);
    far->ops->drop(far, &ring);
    check_int(sign_with(far, ring.client.number, span_of("text"), &signature), ERR_TLS);
    lab.settings.client_certificate = lab.settings.client_key = "";
    keeper_stop(&keeper);
}

TEST(test_input_is_bounded)
{
    static char bytes[4097];
    struct pen pen;

    pen_init(&pen, 1);
    for (size_t len = 4095; len <= 4097; len++) {
        check_case = len == 4095 ? "4095" : len == 4096 ? "4096" : "4097";
        check_int(signs_right(&pen, span_make(bytes, len)), len <= 4096);
    }
    pen_deinit(&pen);
}

static int64_t now_ms(void)
{
    return clock_monotonic_ms(&clock_system);
}

TEST(test_a_killed_keeper_is_told_at_once)
{
    struct pen pen;
    struct tls_keyring ring;
    struct fault fault;
    char why[64];

    pen_init(&pen, 2);
    struct pollfd life = {.fd = keeper_fd(pen.keeper), .events = POLLIN};
    check_int(poll(&life, 1, 0), 0);
    int64_t began_ms = now_ms();
    check_int(kill(keeper_pid(pen.keeper), SIGKILL), 0);
    check_int(sign_text(&pen, "x"), ERR_CLOSED);
    check_int(sign_text(&pen, "x"), ERR_CLOSED);
    check_int(poll(&life, 1, 10000), 1);
    check(now_ms() - began_ms < 900);
    struct tls_signer *far = keeper_signer(pen.keeper);
    check_int(far->ops->load(far, &lab.settings, &ring, &fault), ERR_CLOSED);
    check(strstr(fault.text, "restart the server") != NULL);
    keeper_why(pen.keeper, why);
    check_text(why, "signal 9 (Killed)");
    pen_deinit(&pen);
}

/* All its threads, which takes the kernel a moment. */
static void stop(const struct pen *pen)
{
    int status = 0;

    check_int(kill(keeper_pid(pen->keeper), SIGSTOP), 0);
    check_int(waitpid(keeper_pid(pen->keeper), &status, WUNTRACED), keeper_pid(pen->keeper));
    check(WIFSTOPPED(status));
}

/* It is what a hanging keeper looks like. Answers that come late are for nobody. */
TEST(test_a_stopped_keeper_costs_a_second_a_channel)
{
    struct pen pen;

    pen_init(&pen, 2);
    stop(&pen);
    int64_t began_ms = now_ms();
    check_int(sign_text(&pen, "first"), ERR_TIMEOUT);
    int64_t took_ms = now_ms() - began_ms;
    check(took_ms >= 990 && took_ms < 5000); /* a second, and what a busy machine adds */
    check_int(sign_text(&pen, "second"), ERR_TIMEOUT);
    began_ms = now_ms();
    for (int i = 0; i < 20; i++)
        check_int(sign_text(&pen, "no channel"), ERR_TIMEOUT);
    check(now_ms() - began_ms < 5000); /* a second each would be 20 s */
    check_int(kill(keeper_pid(pen.keeper), SIGCONT), 0);
    while (sign_text(&pen, "until it has caught up") == ERR_TIMEOUT && now_ms() - began_ms < 10000)
        (void)poll(NULL, 0, 1);
    for (int i = 0; i < 20; i++)
        check(signs_right(&pen, span_of(i % 2 == 0 ? "fourth" : "fifth")));
    pen_deinit(&pen);
}

static void *load_vainly(void *argument)
{
    struct tls_signer *far = argument;
    struct tls_keyring ring;
    struct fault fault;

    if (far->ops->load(far, &lab.settings, &ring, &fault) == 0)
        far->ops->drop(far, &ring);
    return NULL;
}

/* A reload asks on a channel of its own and waits ten times as long. */
TEST(test_a_reload_at_a_stopped_keeper_holds_up_no_handshake)
{
    struct pen pen;
    pthread_t loader;

    pen_init(&pen, 2);
    stop(&pen);
    check_int(pthread_create(&loader, NULL, load_vainly, keeper_signer(pen.keeper)), 0);
    /* Whichever comes first, the other takes the other channel meanwhile. */
    check_int(sign_text(&pen, "owed from here on"), ERR_TIMEOUT);
    int64_t began_ms = now_ms();
    for (int i = 0; i < 3; i++)
        check_int(sign_text(&pen, "no channel"), ERR_TIMEOUT);
    check(now_ms() - began_ms < 900);
    check_int(kill(keeper_pid(pen.keeper), SIGCONT), 0);
    check_int(pthread_join(loader, NULL), 0);
    pen_deinit(&pen);
}

TEST(test_a_stopped_keeper_does_not_hold_up_the_end)
{
    struct pen pen;
    pen_init(&pen, 1);
    stop(&pen);
    int64_t began_ms = now_ms();
    pen_deinit(&pen);
    check(now_ms() - began_ms < 5000);
}

struct writer {
    const struct pen *pen;
    pthread_t thread;
    unsigned seed, wrong_count;
};

static void *run_writer(void *argument)
{
    struct writer *writer = argument;
    char text[200];

    for (unsigned i = 0; i < 200; i++) {
        int len = snprintf(text, sizeof text, "thread %u text %u%*s", writer->seed, i,
                           (int)(i % 100), "");
        if (!signs_right(writer->pen, span_make(text, (size_t)len)))
            writer->wrong_count++;
    }
    return NULL;
}

TEST(test_many_threads_sign)
{
    struct writer writers[8];
    struct pen pen;

    pen_init(&pen, 3);
    for (unsigned i = 0; i < 8; i++) {
        writers[i] = (struct writer){.pen = &pen, .seed = i};
        require(pthread_create(&writers[i].thread, NULL, run_writer, &writers[i]) == 0);
    }
    for (unsigned i = 0; i < 8; i++) {
        require(pthread_join(writers[i].thread, NULL) == 0);
        check_int(writers[i].wrong_count, 0);
    }
    pen_deinit(&pen);
}

/* --- how it ends --- */

TEST(test_it_ends_when_its_channels_close)
{
    struct keeper *keeper = start(3);
    pid_t pid = keeper_pid(keeper);

    check_int(kill(pid, SIGTERM), 0); /* ignored, and so are the others that a terminal sends */
    check_int(kill(pid, SIGINT), 0);
    check_int(kill(pid, SIGHUP), 0);
    struct tls_signer *far = keeper_signer(keeper);
    struct tls_keyring ring;
    struct fault fault;
    mint(PKI_KEY_ECDSA);
    check_int(far->ops->load(far, &lab.settings, &ring, &fault), 0);
    int64_t began_ms = now_ms();
    keeper_stop(&keeper);
    check(now_ms() - began_ms < 900);
    check_int(kill(pid, 0), -1);
    check_int(errno, ESRCH);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_handshakes_through_the_keeper", test_handshakes_through_the_keeper},
        {"test_what_cannot_be_loaded_is_said_in_words",
         test_what_cannot_be_loaded_is_said_in_words},
        {"test_a_dropped_key_signs_nothing", test_a_dropped_key_signs_nothing},
        {"test_the_key_that_the_client_shows_is_loaded",
         test_the_key_that_the_client_shows_is_loaded},
        {"test_input_is_bounded", test_input_is_bounded},
        {"test_a_killed_keeper_is_told_at_once", test_a_killed_keeper_is_told_at_once},
        {"test_a_stopped_keeper_costs_a_second_a_channel",
         test_a_stopped_keeper_costs_a_second_a_channel},
        {"test_a_reload_at_a_stopped_keeper_holds_up_no_handshake",
         test_a_reload_at_a_stopped_keeper_holds_up_no_handshake},
        {"test_a_stopped_keeper_does_not_hold_up_the_end",
         test_a_stopped_keeper_does_not_hold_up_the_end},
        {"test_many_threads_sign", test_many_threads_sign},
        {"test_it_ends_when_its_channels_close", test_it_ends_when_its_channels_close},
    };
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}

int main(int argc, char **argv)
{
    tls_lab_init(&lab);
    int status = run_all(argc, argv);
    tls_lab_deinit(&lab);
    return status;
}
