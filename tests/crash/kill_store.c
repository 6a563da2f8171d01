/*
 * Kills a process that writes to a store at random moments, so also inside SQLite's commit, and
 * looks after each: every acknowledged message is there once and whole, and UIDs never go back.
 * The unit test test_store_crash kills at each call of the file door instead.
 */
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "tests/unit/store_fixture.h"

enum { ROUNDS = 40, NUMBERS_MAX = 100000, KILL_AFTER_MAX_US = 200000 };

struct shared {
    int next;         /* number of the next message */
    uint32_t uid_max; /* highest UID that was told */
    bool is_acknowledged[NUMBERS_MAX];
};
static struct shared *shared;

static void write_until_killed(struct fixture *fixture)
{
    fixture_open(fixture);
    while (shared->next < NUMBERS_MAX) {
        int number = shared->next++;
        char *text = mem_printf("Subject: %d\r\n\r\n%*s", number, number % 50 * 100, "");
        struct store_append *append =
            store_append_create(fixture->store, fixture->account, span_of("INBOX"),
                                fixture_body(fixture, span_of(text)), 0, NULL, 0, 0);
        mem_free(text);
        fixture_run(fixture, &append->job);
        if (append->status == 0) {
            shared->uid_max = append->uid;
            shared->is_acknowledged[number] = true;
        }
        append->job.free(&append->job);
    }
    _exit(0);
}

static void look(struct fixture *fixture)
{
    unsigned char *found = mem_zalloc(NUMBERS_MAX, 1);
    struct fixture_session inbox = fixture_select(fixture, "INBOX");
    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(fixture->store, inbox.mailbox, &all, 1, 0, STORE_FETCH_BLOB, SIZE_MAX);
    fixture_run(fixture, &fetch->job);
    for (size_t i = 0; i < fetch->count; i++) {
        struct span bytes = fixture_read(fixture, &fetch->rows[i].blob);
        int number = fixture_number(bytes);
        check(number >= 0 && number < shared->next);
        if (number >= 0 && number < shared->next)
            found[number]++;
        mem_free((void *)(uintptr_t)bytes.ptr);
    }
    for (int i = 0; i < shared->next; i++) {
        check(found[i] <= 1);
        check(!shared->is_acknowledged[i] || found[i] == 1);
    }
    check(inbox.uidnext > shared->uid_max);
    fetch->job.free(&fetch->job);
    store_view_unref(&inbox.view);
    mem_free(found);
}

TEST(a_kill_at_a_random_moment_loses_nothing_acknowledged)
{
    struct fixture fixture;
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    fixture_make_in(&fixture, "/tmp");
    uint64_t random = entropy_u64(&random_system);
    (void)fprintf(stderr, "seed %" PRIu64 "\n", random);
    for (int round = 0; round < ROUNDS && check_failures == 0; round++) {
        store_close(&fixture.store);
        pid_t child = fork();
        if (child == 0)
            write_until_killed(&fixture);
        random = random * 6364136223846793005ULL + 1442695040888963407ULL;
        struct timespec pause = {0, (long)((random >> 33) % KILL_AFTER_MAX_US) * 1000};
        (void)nanosleep(&pause, NULL);
        (void)kill(child, SIGKILL);
        (void)waitpid(child, NULL, 0);
        fixture_open(&fixture);
        look(&fixture);
    }
    check(shared->next > ROUNDS); /* else nothing was shown */
    fixture_free(&fixture);
    (void)munmap(shared, sizeof *shared);
}

CHECK_MAIN({"a_kill_at_a_random_moment_loses_nothing_acknowledged",
            a_kill_at_a_random_moment_loses_nothing_acknowledged})
