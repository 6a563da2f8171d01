/*
 * The keeper from inside: what it makes of requests that no honest server sends, and what its
 * process can no longer do.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <gnutls/gnutls.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "tests/fake/tls_lab.h"
#include "tls/keeper_internal.h"

static struct tls_lab lab;

static const struct settings_tls *office_settings(void *owner, struct fault *fault)
{
    (void)fault;
    return owner;
}

static struct keeper_desk *desk_create(enum pki_key_type type)
{
    static const struct keeper_office office = {.settings = office_settings,
                                                .owner = &lab.settings};
    struct keeper_desk *desk = mem_new(struct keeper_desk);
    struct pki_request request = tls_lab_request();

    request.key_type = type;
    tls_lab_mint(&lab, NULL, &request);
    keeper_desk_init(desk, &office);
    return desk;
}

static void desk_free(struct keeper_desk *desk)
{
    keeper_desk_deinit(desk);
    mem_free(desk);
}

/* The reply's body lies in bytes. */
static struct keeper_reply ask(struct keeper_desk *desk, struct keeper_request request,
                               unsigned char bytes[KEEPER_REPLY_MAX])
{
    unsigned char message[KEEPER_REQUEST_MAX];
    struct keeper_reply reply;

    size_t len = keeper_request_write(&request, message);
    len = keeper_desk_answer(desk, span_make((const char *)message, len), bytes);
    require(keeper_reply_parse(span_make((const char *)bytes, len), &reply) == 0);
    check_int(reply.number, request.number);
    check_int(reply.kind, request.kind);
    return reply;
}

static uint64_t load_key(struct keeper_desk *desk, int wanted)
{
    unsigned char bytes[KEEPER_REPLY_MAX];
    struct tls_keyring ring = {.count = 0};
    struct keeper_reply reply =
        ask(desk, (struct keeper_request){.number = 1, .kind = KEEPER_LOAD}, bytes);

    check_int(reply.err, wanted);
    if (reply.err == 0)
        require(keeper_ring_parse(reply.body, &ring) == 0);
    return ring.keys[0].number;
}

/* --- messages --- */

static const struct request_case {
    const char *name;
    size_t offset; /* of the byte that is changed */
    unsigned char byte;
    size_t len;
} odd_requests[] = {
    {"no kind", 27, 0, 64},          {"unknown kind", 27, 4, 64},
    {"high kind", 24, 1, 64},        {"number 0", 7, 0, 64},
    {"no key", 15, 0, 64},           {"no algorithm", 19, 0, 64},
    {"odd is_hash", 31, 2, 64},      {"high is_hash", 28, 1, 64},
    {"too short", 0, 0, 63},         {"too long", 0, 0, 65},
    {"no input", 0, 0, 32},          {"half a head", 0, 0, 31},
    {"length too large", 20, 1, 64}, {"load with a key", 27, 1, 64},
    {"drop with input", 27, 2, 64},  {"nothing", 0, 0, 0},
};

TEST(test_odd_requests_are_refused)
{
    struct keeper_desk *desk = desk_create(PKI_KEY_ECDSA);
    const char input[32] = "";
    const struct keeper_request request = {.number = 7,
                                           .kind = KEEPER_SIGN,
                                           .key_number = 9,
                                           .algorithm = 11,
                                           .is_hash = true,
                                           .input = span_make(input, sizeof input)};
    unsigned char good[KEEPER_REQUEST_MAX] = "", odd[KEEPER_REQUEST_MAX], reply[KEEPER_REPLY_MAX];
    struct keeper_request back;
    struct keeper_reply answer;

    size_t len = keeper_request_write(&request, good);
    check_int(len, 64);
    require(keeper_request_parse(span_make((const char *)good, len), &back) == 0);
    check(back.number == 7 && back.kind == KEEPER_SIGN && back.key_number == 9 &&
          back.algorithm == 11 && back.is_hash && back.input.len == 32);
    for (size_t i = 0; i < sizeof odd_requests / sizeof *odd_requests; i++) {
        const struct request_case *row = &odd_requests[i];
        check_case = row->name;
        memcpy(odd, good, sizeof odd);
        odd[row->offset] = row->byte;
        len = keeper_desk_answer(desk, span_make((const char *)odd, row->len), reply);
        require(keeper_reply_parse(span_make((const char *)reply, len), &answer) == 0);
        check_int(answer.err, ERR_SYNTAX);
        check_int(answer.number, 0);
        check_int(answer.body.len, 0);
    }
    check_case = "longer than any";
    static const char large[KEEPER_REQUEST_MAX + 1];
    check_int(keeper_request_parse(span_make(large, sizeof large), &back), ERR_SYNTAX);
    desk_free(desk);
}

TEST(test_odd_replies_are_refused)
{
    unsigned char bytes[KEEPER_REPLY_MAX], ring_bytes[KEEPER_RING_MAX];
    struct tls_keyring ring = {.count = TLS_PAIRS_MAX}, back;
    struct keeper_reply reply = {.number = 3, .kind = KEEPER_LOAD};

    for (size_t i = 0; i < ring.count; i++)
        ring.keys[i] = (struct tls_key){.number = i + 1, .algorithm = 4, .bits = 256};
    size_t ring_len = keeper_ring_write(&ring, ring_bytes);
    reply.body = span_make((const char *)ring_bytes, ring_len);
    size_t len = keeper_reply_write(&reply, bytes);
    check_int(len, KEEPER_REPLY_MAX);
    check_int(keeper_reply_parse(span_make((const char *)bytes, len), &reply), 0);
    check_int(keeper_ring_parse(reply.body, &back), 0);
    check(back.count == ring.count && back.keys[99].number == 100 && back.client.number == 0);
    check_int(keeper_ring_parse(span_first(reply.body, ring_len - 1), &back), ERR_SYNTAX);
    check_int(keeper_ring_parse(span_first(reply.body, 4), &back), ERR_SYNTAX);
    check_int(keeper_reply_parse(span_make((const char *)bytes, len - 1), &reply), ERR_SYNTAX);
    check_int(keeper_reply_parse(span_make((const char *)bytes, 19), &reply), ERR_SYNTAX);
    bytes[15] = 9; /* kind */
    check_int(keeper_reply_parse(span_make((const char *)bytes, len), &reply), ERR_SYNTAX);
    bytes[15] = KEEPER_LOAD;
    bytes[11] = 200; /* code */
    check_int(keeper_reply_parse(span_make((const char *)bytes, len), &reply), ERR_SYNTAX);
}

/* --- what a key signs --- */

#define INFO_256 "\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"
#define HASH_256 "0123456789abcdef0123456789abcdef"

static const struct sign_case {
    const char *name;
    enum pki_key_type type;
    gnutls_sign_algorithm_t algorithm;
    bool is_hash;
    struct span input;
    int wanted;
} signatures[] = {
    {"ECDSA", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA256, true, {HASH_256, 32}, 0},
    {"ECDSA, 1.3", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SECP256R1_SHA256, true, {HASH_256, 32}, 0},
    {"short hash", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA256, true, {HASH_256, 31}, ERR_REFUSED},
    {"long hash", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA256, true, {HASH_256 "x", 33}, ERR_REFUSED},
    {"other hash", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA384, true, {HASH_256, 32}, ERR_REFUSED},
    {"SHA-1", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA1, true, {HASH_256, 20}, ERR_REFUSED},
    {"data", PKI_KEY_ECDSA, GNUTLS_SIGN_ECDSA_SHA256, false, {HASH_256, 32}, ERR_REFUSED},
    {"RSA of ECDSA", PKI_KEY_ECDSA, GNUTLS_SIGN_RSA_SHA256, true, {HASH_256, 32}, ERR_REFUSED},
    {"raw ECDSA", PKI_KEY_ECDSA, GNUTLS_SIGN_RSA_RAW, true, {INFO_256 HASH_256, 51}, ERR_REFUSED},
    {"unknown", PKI_KEY_ECDSA, (gnutls_sign_algorithm_t)9999, true, {HASH_256, 32}, ERR_REFUSED},
    {"PSS", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_PSS_RSAE_SHA256, true, {HASH_256, 32}, 0},
    {"PKCS1", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_RAW, true, {INFO_256 HASH_256, 51}, 0},
    {"raw RSA", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_RAW, true, {HASH_256, 32}, ERR_REFUSED},
    {"odd info", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_RAW, true, {HASH_256 HASH_256, 51}, ERR_REFUSED},
    {"cut info", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_RAW, true, {INFO_256 HASH_256, 50}, ERR_REFUSED},
    {"MD5", PKI_KEY_RSA_2048, GNUTLS_SIGN_RSA_MD5, true, {HASH_256, 16}, ERR_REFUSED},
    {"ECDSA of RSA", PKI_KEY_RSA_2048, GNUTLS_SIGN_ECDSA_SHA256, true, {HASH_256, 32}, ERR_REFUSED},
    {"Ed25519", PKI_KEY_ED25519, GNUTLS_SIGN_EDDSA_ED25519, false, {"any text", 8}, 0},
    {"its hash", PKI_KEY_ED25519, GNUTLS_SIGN_EDDSA_ED25519, true, {HASH_256, 32}, ERR_REFUSED},
};

TEST(test_only_what_fits_the_key_is_signed)
{
    enum pki_key_type type = PKI_KEY_TYPE_COUNT;
    struct keeper_desk *desk = NULL;
    unsigned char bytes[KEEPER_REPLY_MAX];
    uint64_t key = 0;

    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const struct sign_case *row = &signatures[i];
        check_case = row->name;
        if (row->type != type) {
            if (desk != NULL)
                desk_free(desk);
            desk = desk_create(row->type);
            key = load_key(desk, 0);
            type = row->type;
        }
        struct keeper_request request = {.number = i + 1,
                                         .kind = KEEPER_SIGN,
                                         .key_number = key,
                                         .algorithm = row->algorithm,
                                         .is_hash = row->is_hash,
                                         .input = row->input};
        struct keeper_reply reply = ask(desk, request, bytes);
        check_int(reply.err, row->wanted);
        check((reply.body.len > 0) == (row->wanted == 0));
        request.key_number = key + 1;
        check_int(ask(desk, request, bytes).err, ERR_NOT_FOUND);
    }
    desk_free(desk);
}

TEST(test_loaded_rings_are_bounded)
{
    struct keeper_desk *desk = desk_create(PKI_KEY_ED25519);
    unsigned char bytes[KEEPER_REPLY_MAX];
    uint64_t key = 0;

    for (int i = 0; i < KEEPER_RINGS_MAX; i++)
        key = load_key(desk, 0);
    check_int(load_key(desk, ERR_LIMIT), 0);
    const struct keeper_request drop = {.number = 1, .kind = KEEPER_DROP, .key_number = key};
    check_int(ask(desk, drop, bytes).err, 0);
    check_int(ask(desk, drop, bytes).err, ERR_NOT_FOUND);
    check(load_key(desk, 0) > key); /* a number is never used again */
    check_int(load_key(desk, ERR_LIMIT), 0);
    desk_free(desk);
}

/* A server may send a drop on one channel and a signature with the same key on another. */
struct hand {
    struct keeper_desk *desk;
    pthread_t thread;
    atomic_ullong *key;
    atomic_bool *is_done;
};

static void *run_hand(void *argument)
{
    struct hand *hand = argument;
    unsigned char bytes[KEEPER_REPLY_MAX];

    while (!atomic_load(hand->is_done)) {
        uint64_t key = atomic_load(hand->key);
        const struct keeper_request request = {.number = 1,
                                               .kind = KEEPER_SIGN,
                                               .key_number = key,
                                               .algorithm = GNUTLS_SIGN_EDDSA_ED25519,
                                               .input = span_of("text")};
        int err = ask(hand->desk, request, bytes).err;
        check(err == 0 || err == ERR_NOT_FOUND);
    }
    return NULL;
}

TEST(test_a_drop_waits_for_signatures_under_way)
{
    struct keeper_desk *desk = desk_create(PKI_KEY_ED25519);
    unsigned char bytes[KEEPER_REPLY_MAX];
    atomic_ullong key = load_key(desk, 0);
    atomic_bool is_done = false;
    struct hand hands[2];

    for (int i = 0; i < 2; i++) {
        hands[i] = (struct hand){.desk = desk, .key = &key, .is_done = &is_done};
        require(pthread_create(&hands[i].thread, NULL, run_hand, &hands[i]) == 0);
    }
    for (int i = 0; i < 300; i++) {
        uint64_t old = atomic_exchange(&key, load_key(desk, 0));
        const struct keeper_request drop = {.number = 1, .kind = KEEPER_DROP, .key_number = old};
        check_int(ask(desk, drop, bytes).err, 0);
    }
    atomic_store(&is_done, true);
    for (int i = 0; i < 2; i++)
        require(pthread_join(hands[i].thread, NULL) == 0);
    desk_free(desk);
}

/* --- what its process can no longer do --- */

static int try_write(void)
{
    return open(lab.ca_file, O_WRONLY | O_CLOEXEC);
}

static int try_create(void)
{
    return open("/tmp/postern-keeper-was-here", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int try_unlink(void)
{
    return unlink(lab.ca_file);
}

static int try_socket(void)
{
    return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int try_fork(void)
{
    pid_t pid = fork();
    if (pid == 0)
        _exit(0);
    return pid;
}

static int try_exec(void)
{
    return execl("/bin/true", "true", (char *)NULL);
}

static int try_ptrace(void)
{
    return (int)ptrace(PTRACE_ATTACH, getppid(), NULL, NULL);
}

static int try_peek(void)
{
    char byte;
    struct iovec here = {&byte, 1}, there = {&lab, 1};
    return (int)process_vm_readv(getppid(), &here, 1, &there, 1, 0);
}

static int try_signal(void)
{
    return kill(getppid(), SIGWINCH);
}

static int try_code(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
               ? -1
               : 0;
}

static const struct try_row {
    const char *name;
    int (*call)(void);
} tries[] = {
    {"write", try_write},   {"create", try_create}, {"unlink", try_unlink}, {"socket", try_socket},
    {"fork", try_fork},     {"exec", try_exec},     {"ptrace", try_ptrace}, {"peek", try_peek},
    {"signal", try_signal}, {"code", try_code},
};

/* In the child: the row that was not refused, from 1 on; 0: all were; 100: the kernel cannot. */
static int confined_child(const struct keeper_ends *ends)
{
    keeper_confine_process(ends);
    keeper_confine_rights(ends);
    if (!keeper_confine_calls())
        return 100;
    if (fcntl(STDERR_FILENO + 1, F_GETFD) >= 0 && ends->life_fd != STDERR_FILENO + 1)
        return 101;
    int fd = open(lab.ca_file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return 102; /* reading must go on */
    for (int i = 0; i < (int)(sizeof tries / sizeof *tries); i++)
        if (tries[i].call() >= 0)
            return i + 1;
    return 0;
}

TEST(test_the_confined_process_can_only_read)
{
    int ends_fds[2];
    int open_before = open("/dev/null", O_RDONLY | O_CLOEXEC);

    require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends_fds) == 0);
    const struct keeper_ends ends = {
        .channels = &ends_fds[0], .channel_count = 1, .life_fd = ends_fds[1], .parent = getpid()};
    pid_t pid = fork();
    if (pid == 0)
        _exit(confined_child(&ends));
    int status = 0;
    require(waitpid(pid, &status, 0) == pid);
    check(WIFEXITED(status));
    int row = WEXITSTATUS(status);
    if (row == 100)
        (void)fprintf(stderr, "skipped: this kernel filters no system calls\n");
    else if (row != 0)
        CHECK_FAILED("%d: %s was not refused", row, row <= 10 ? tries[row - 1].name : "?");
    (void)close(open_before), (void)close(ends_fds[0]), (void)close(ends_fds[1]);
}

static int run_all(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_odd_requests_are_refused", test_odd_requests_are_refused},
        {"test_odd_replies_are_refused", test_odd_replies_are_refused},
        {"test_only_what_fits_the_key_is_signed", test_only_what_fits_the_key_is_signed},
        {"test_loaded_rings_are_bounded", test_loaded_rings_are_bounded},
        {"test_a_drop_waits_for_signatures_under_way", test_a_drop_waits_for_signatures_under_way},
        {"test_the_confined_process_can_only_read", test_the_confined_process_can_only_read},
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
