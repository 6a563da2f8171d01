/*
 * Faults at the n-th call of the file door, for n = 1, 2, ... until a run needs fewer: each either
 * fails that call (and goes on) or kills the process there. After it the store is opened anew:
 * every message that was acknowledged is there exactly once and whole, and none is torn.
 */
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "store_fixture.h"

enum { MESSAGES = 12, CALLS_MAX = 2000 };

enum fault_kind { FAULT_FAIL, FAULT_FAIL_SYNCS, FAULT_KILL };

/* Shared with the child that is killed. */
struct shared {
    int calls, fail_at;
    enum fault_kind kind;
    bool was_reached;
    bool is_acknowledged[MESSAGES];
};
static struct shared *shared;
/* What was written last: a sync that fails has lost it. */
static struct {
    int fd;
    int64_t offset, size;
} last_write;

/* Whether this call is the one that fails. */
static bool is_the_call(bool is_sync)
{
    if (shared->kind == FAULT_FAIL_SYNCS && !is_sync)
        return false;
    if (++shared->calls != shared->fail_at)
        return false;
    shared->was_reached = true;
    if (shared->kind == FAULT_KILL)
        (void)raise(SIGKILL);
    return true;
}

static int faulty_open(int dir_fd, const char *path, int flags, mode_t mode, int *fd_out)
{
    if (is_the_call(false))
        return ERR_IO;
    return file_system.open(dir_fd, path, flags, mode, fd_out);
}

/* Half of it is written before it fails: a torn write. */
static int faulty_pwritev(int fd, const struct iovec *parts, int count, int64_t offset)
{
    int next = shared->calls + 1;
    if (next == shared->fail_at && shared->kind != FAULT_FAIL_SYNCS) {
        struct iovec half = {parts[0].iov_base, parts[0].iov_len / 2};
        (void)!file_system.pwritev(fd, &half, 1, offset);
    }
    if (is_the_call(false))
        return ERR_FULL;
    last_write.fd = fd;
    last_write.offset = offset;
    last_write.size = 0;
    for (int i = 0; i < count; i++)
        last_write.size += (int64_t)parts[i].iov_len;
    return file_system.pwritev(fd, parts, count, offset);
}

static int faulty_fdatasync(int fd)
{
    if (!is_the_call(true)) {
        if (last_write.fd == fd)
            last_write.size = 0;
        return file_system.fdatasync(fd);
    }
    if (last_write.fd == fd)
        (void)!file_system.zero_fill(fd, last_write.offset, last_write.size);
    return ERR_IO;
}

static int faulty_sync_dir(int dir_fd)
{
    return is_the_call(true) ? ERR_IO : file_system.sync_dir(dir_fd);
}

static int faulty_zero_fill(int fd, int64_t offset, int64_t size)
{
    return is_the_call(false) ? ERR_FULL : file_system.zero_fill(fd, offset, size);
}

static int faulty_unlink(int dir_fd, const char *path)
{
    return is_the_call(false) ? ERR_IO : file_system.unlink(dir_fd, path);
}

static int faulty_rename(int dir_fd, const char *from, const char *to)
{
    return is_the_call(false) ? ERR_IO : file_system.rename(dir_fd, from, to);
}

static int faulty_close(int fd)
{
    int err = file_system.close(fd);
    return is_the_call(false) ? ERR_IO : err;
}

static struct file_ops faulty(void)
{
    struct file_ops ops = file_system;
    ops.open = faulty_open;
    ops.pwritev = faulty_pwritev;
    ops.fdatasync = faulty_fdatasync;
    ops.sync_dir = faulty_sync_dir;
    ops.zero_fill = faulty_zero_fill;
    ops.unlink = faulty_unlink;
    ops.rename = faulty_rename;
    ops.close = faulty_close;
    return ops;
}

/* Message i: every third one is a file of its own, one is empty of body. */
static char *message_text(int i)
{
    size_t filler = i % 3 == 2 ? 100000 : (size_t)i * 37;
    char *text = mem_alloc(filler + 64);
    int head = snprintf(text, 64, "Subject: %d\r\n\r\n", i);
    memset(text + head, 'a' + i, filler);
    text[(size_t)head + filler] = '\0';
    return text;
}

/* NULL when flushing or syncing did not work. */
static struct store_body *try_body(struct fixture *fixture, struct span text)
{
    struct store_body *body = store_body_create(fixture->store, STORE_BODY_SCAN);
    bool is_usable = true;
    while (text.len > 0 && is_usable) {
        struct span piece = span_first(text, 30000);
        text = span_from(text, piece.len);
        store_body_add(body, piece);
        bool is_last = text.len == 0;
        if (!store_body_wants_flush(body) && !(is_last && store_body_wants_sync(body)))
            continue;
        struct store_body_flush *flush =
            is_last ? store_body_sync_create(body) : store_body_flush_create(body);
        fixture_run(fixture, &flush->job);
        is_usable = flush->status == 0;
        flush->job.free(&flush->job);
    }
    if (!is_usable)
        store_body_free(&body);
    return body;
}

static void deliver(struct fixture *fixture, int i)
{
    char *text = message_text(i);
    struct store_body *body = try_body(fixture, span_of(text));
    mem_free(text);
    if (body == NULL)
        return;
    struct store_recipient recipient = {.account = fixture->account};
    struct store_envelope envelope = {.reverse_path = span_of("")};
    struct store_accept *accept =
        store_accept_create(fixture->store, body, &envelope, &recipient, 1);
    fixture_run(fixture, &accept->job);
    shared->is_acknowledged[i] = accept->status == 0;
    if (accept->status != 0)
        check(accept->fault.text[0] != '\0');
    accept->job.free(&accept->job);
}

/* A store that does not open says why, and opens when the fault is over. */
static void open_at_last(struct fixture *fixture)
{
    struct fault fault;
    if (fixture_try_open(fixture, &fault) != NULL)
        return;
    check(shared->was_reached && fault.text[0] != '\0');
    fixture_open(fixture);
}

/* Deliveries, with reaping, relocation and a reopening between. */
static void history(struct fixture *fixture)
{
    for (int i = 0; i < MESSAGES; i++) {
        deliver(fixture, i);
        if (i % 4 == 3) {
            struct store_reap *reap = store_reap_create(fixture->store);
            fixture_run(fixture, &reap->job);
            reap->job.free(&reap->job);
        }
        if (i != MESSAGES / 2)
            continue;
        store_close(&fixture->store);
        open_at_last(fixture);
    }
}

/* Counts how often each message is there; all must be whole. */
static void check_invariant(struct fixture *fixture)
{
    int found[MESSAGES] = {0};
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(fixture->store, inbox.mailbox, &all, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(fixture, &fetch->job);
    for (size_t i = 0; i < fetch->count; i++) {
        struct span bytes = fixture_read(fixture, &fetch->rows[i].blob);
        int number = fixture_number(bytes);
        check(number >= 0 && number < MESSAGES);
        if (number < 0 || number >= MESSAGES)
            continue;
        found[number]++;
        char *text = message_text(number);
        check(span_equal(bytes, span_of(text)));
        mem_free(text);
        mem_free((void *)(uintptr_t)bytes.ptr);
    }
    for (int i = 0; i < MESSAGES; i++) {
        check(found[i] <= 1);
        check(!shared->is_acknowledged[i] || found[i] == 1);
    }
    fetch->job.free(&fetch->job);
    store_view_unref(&inbox.view);
}

static void run_killed(struct fixture *fixture)
{
    store_close(&fixture->store);
    pid_t child = fork();
    if (child == 0) {
        fixture_open(fixture);
        history(fixture);
        _exit(0);
    }
    int status;
    (void)waitpid(child, &status, 0);
    fixture->files = NULL;
    fixture_open(fixture);
}

static void run_one(enum fault_kind kind, int fail_at)
{
    struct file_ops ops = faulty();
    struct fixture fixture;
    memset(shared, 0, sizeof *shared);
    fixture_make(&fixture);
    fixture.files = &ops;
    shared->kind = kind;
    shared->fail_at = fail_at;
    if (kind == FAULT_KILL) {
        run_killed(&fixture);
    } else {
        store_close(&fixture.store);
        open_at_last(&fixture);
        history(&fixture);
        fixture.files = NULL;
        fixture_reopen(&fixture);
    }
    check_invariant(&fixture);
    /* And it goes on working. */
    (void)fixture_append(&fixture, "INBOX", "Subject: 0\r\n\r\n", 0);
    fixture_free(&fixture);
}

static void run_all(enum fault_kind kind)
{
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int fail_at = 1;
    for (; fail_at < CALLS_MAX && check_failures == 0; fail_at++) {
        run_one(kind, fail_at);
        if (check_failures > 0)
            (void)fprintf(stderr, "at call %d\n", fail_at);
        if (!shared->was_reached)
            break;
    }
    check(fail_at > 10 && fail_at < CALLS_MAX);
    (void)munmap(shared, sizeof *shared);
}

TEST(a_call_that_fails_loses_nothing_acknowledged)
{
    run_all(FAULT_FAIL);
}

TEST(a_sync_that_fails_is_never_acknowledged_away)
{
    run_all(FAULT_FAIL_SYNCS);
}

TEST(a_kill_at_any_call_loses_nothing_acknowledged)
{
    run_all(FAULT_KILL);
}

CHECK_MAIN({"a_call_that_fails_loses_nothing_acknowledged",
            a_call_that_fails_loses_nothing_acknowledged},
           {"a_sync_that_fails_is_never_acknowledged_away",
            a_sync_that_fails_is_never_acknowledged_away},
           {"a_kill_at_any_call_loses_nothing_acknowledged",
            a_kill_at_any_call_loses_nothing_acknowledged})
