/*
 * The cap on RSA signatures: n pass, the next does not, time gives more; other keys are never
 * held up; and what a handshake says that was refused so.
 */
#include <gnutls/gnutls.h>
#include <unistd.h>

#include "base/require.h"
#include "check.h"
#include "tests/fake/tls_lab.h"
#include "tls/signer_cap.h"

static struct tls_lab lab;

/* Milliseconds, which the lab's clock has not. */
static struct {
    struct clock clock; /* first */
    int64_t now_ms;
} fake;

static int64_t fake_monotonic_ms(const struct clock *clock)
{
    (void)clock;
    return fake.now_ms;
}

static struct pen {
    struct tls_signer signer; /* first */
    unsigned signed_count;
} pen;

static int pen_sign(struct tls_signer *signer, const struct tls_signing *signing,
                    struct tls_signature *signature_out)
{
    (void)signing;
    ((struct pen *)(void *)signer)->signed_count++;
    signature_out->bytes[0] = 1;
    signature_out->len = 1;
    return 0;
}

static unsigned pass(struct tls_signer *cap, gnutls_sign_algorithm_t algorithm, unsigned count)
{
    const struct tls_signing signing = {
        .key_number = 1, .algorithm = (unsigned)algorithm, .is_hash = true, .input = span_of("x")};
    struct tls_signature signature;
    unsigned passed = 0;

    for (unsigned i = 0; i < count; i++) {
        int err = cap->ops->sign(cap, &signing, &signature);
        check(err == 0 || err == ERR_LIMIT);
        passed += err == 0;
    }
    return passed;
}

static void set_clock(void)
{
    fake.clock.monotonic_ms = fake_monotonic_ms;
    fake.now_ms = 5000;
}

static struct tls_signer *create(unsigned rate)
{
    static const struct tls_signer_ops ops = {.sign = pen_sign};

    pen = (struct pen){.signer = {&ops}};
    set_clock();
    return tls_signer_cap_create(&pen.signer, &fake.clock, rate);
}

static const struct step {
    const char *name;
    int64_t wait_ms;
    unsigned ask, passed;
} steps[] = {
    {"one below", 0, 9, 9},
    {"the last", 0, 1, 1},
    {"one above", 0, 1, 0},
    {"just too early", 99, 5, 0},
    {"one is back", 1, 5, 1},
    {"half", 500, 20, 5},
    {"never more than a second's", 3600000, 50, 10},
    {"ages", INT64_C(1) << 40, 50, 10},
};

TEST(test_so_many_a_second_pass)
{
    struct tls_signer *cap = create(10);
    unsigned sum = 0;

    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        check_case = steps[i].name;
        fake.now_ms += steps[i].wait_ms;
        check_int(pass(cap, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, steps[i].ask), steps[i].passed);
        sum += steps[i].passed;
    }
    check_int(pen.signed_count, sum);
    tls_signer_free(&cap);
}

static const struct kind {
    const char *name;
    gnutls_sign_algorithm_t algorithm;
    unsigned passed;
} kinds[] = {
    {"RSA raw", GNUTLS_SIGN_RSA_RAW, 2},
    {"RSA", GNUTLS_SIGN_RSA_SHA256, 2},
    {"RSA-PSS key", GNUTLS_SIGN_RSA_PSS_SHA256, 2},
    {"ECDSA", GNUTLS_SIGN_ECDSA_SHA256, 100},
    {"ECDSA P-256", GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, 100},
    {"Ed25519", GNUTLS_SIGN_EDDSA_ED25519, 100},
};

TEST(test_only_rsa_is_capped)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct tls_signer *cap = create(2);
        check_case = kinds[i].name;
        check_int(pass(cap, kinds[i].algorithm, 100), kinds[i].passed);
        tls_signer_free(&cap);
    }
}

TEST(test_the_rate_can_change)
{
    struct tls_signer *cap = create(2);

    check_int(pass(cap, GNUTLS_SIGN_RSA_SHA256, 5), 2);
    tls_signer_cap_set(cap, 0);
    check_int(pass(cap, GNUTLS_SIGN_RSA_SHA256, 1000), 1000);
    tls_signer_cap_set(cap, 4);
    check_int(pass(cap, GNUTLS_SIGN_RSA_SHA256, 5), 0);
    fake.now_ms += 500;
    check_int(pass(cap, GNUTLS_SIGN_RSA_SHA256, 5), 2);
    tls_signer_cap_set(cap, 1);
    fake.now_ms += 9000;
    check_int(pass(cap, GNUTLS_SIGN_RSA_SHA256, 5), 1);
    tls_signer_free(&cap);
}

/* What the log says between two calls, which write at once while the log has no thread. */
static unsigned capture(struct tls_signer *cap, unsigned ask, char *text_out, size_t size)
{
    int pipe_fds[2], before = dup(STDERR_FILENO);

    require(pipe(pipe_fds) == 0 && before >= 0 && dup2(pipe_fds[1], STDERR_FILENO) >= 0);
    (void)close(pipe_fds[1]);
    unsigned passed = pass(cap, GNUTLS_SIGN_RSA_SHA256, ask);
    require(dup2(before, STDERR_FILENO) >= 0);
    (void)close(before);
    ssize_t len = read(pipe_fds[0], text_out, size - 1);
    text_out[len > 0 ? len : 0] = '\0';
    (void)close(pipe_fds[0]);
    return passed;
}

TEST(test_refusals_are_logged_once_a_second)
{
    struct tls_signer *cap = create(1);
    char text[512];

    check_int(capture(cap, 50, text, sizeof text), 1);
    check(strstr(text, "warn tls rsa-capped refused=1 rate=1\n") != NULL);
    check(strchr(text, '\n') == text + strlen(text) - 1);
    fake.now_ms += 999;
    (void)capture(cap, 10, text, sizeof text);
    check_text(text, "");
    fake.now_ms += 1;
    (void)capture(cap, 11, text, sizeof text);
    check(strstr(text, " refused=59 rate=1\n") != NULL); /* 48, 10, and one now */
    tls_signer_free(&cap);
}

TEST(test_a_capped_handshake_says_why)
{
    const struct tls_client_policy policy = {.server_name = "mx.example.org",
                                             .verify = TLS_VERIFY_REQUIRED};
    struct pki_request request = tls_lab_request();
    struct tls_signer *local = tls_signer_local_create();
    struct fault fault;

    request.key_type = PKI_KEY_RSA_2048;
    tls_lab_mint(&lab, NULL, &request);
    set_clock();
    struct tls_signer *cap = tls_signer_cap_create(local, &fake.clock, 1);
    struct tls_manager *manager = tls_manager_create(&lab.settings, &lab.clock.clock, cap, &fault);
    require(manager != NULL);
    for (int i = 0; i < 2; i++) {
        struct tls_pair pair;
        check_case = i == 0 ? "first" : "second";
        tls_pair_init(&pair, 0);
        tls_pair_start(&pair, manager, manager, &policy);
        tls_pair_run(&pair);
        check_int(pair.server.progress, i == 0 ? TLS_DONE : TLS_FAILED);
        check_int(pair.client.progress, i == 0 ? TLS_DONE : TLS_FAILED);
        check(i == 0 || strstr(pair.server.fault.text, "tls.rsa_rate_max") != NULL);
        check(i == 0 || strstr(pair.client.fault.text, "with the alert") != NULL);
        tls_pair_deinit(&pair);
    }
    tls_manager_free(&manager);
    tls_signer_free(&cap);
    tls_signer_free(&local);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_so_many_a_second_pass", test_so_many_a_second_pass},
        {"test_only_rsa_is_capped", test_only_rsa_is_capped},
        {"test_the_rate_can_change", test_the_rate_can_change},
        {"test_refusals_are_logged_once_a_second", test_refusals_are_logged_once_a_second},
        {"test_a_capped_handshake_says_why", test_a_capped_handshake_says_why},
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
