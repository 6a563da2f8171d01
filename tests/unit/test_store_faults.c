/*
 * Each thing that a store does, on a disk (tests/fake/disk.h) of which the first, second, ...
 * operation fails, once or from then on, or loses its power, until one run needs fewer. After each:
 * what was answered is there, what was refused is not; the store agrees with itself and goes on;
 * and after a power cut behind it, the same once more. A refusal whose commit may have reached the
 * disk (its sync failed) may turn out to be there then, whole.
 *
 * FAULTS_EVERY=N looks at each N-th operation only, FAULTS_SEEDS=N runs each that often, with
 * other power cuts (both 1 if not said), FAULTS_SYNC_SEEDS=N those of a sync (6), where the cuts
 * differ most: in what is left of it.
 */
#include "tests/unit/store_trial.h"

/* ---- the acts ----------------------------------------------------------------------------------
 */

static void two_messages(struct fixture *fixture)
{
    check_int(act_append(fixture, "INBOX", 10), 0);
    check_int(act_append(fixture, "INBOX", ACT_LARGE), 0);
}

static const struct store_recipient far_one = {.address = {"x@far.example", 13}};

static void a_queue(struct fixture *fixture)
{
    check_int(act_accept(fixture, 500, &far_one, 1), 0);
    check_int(act_accept(fixture, ACT_LARGE, &far_one, 1), 0);
}

static int accept_local(struct fixture *fixture)
{
    struct store_recipient recipient = {.account = fixture->account};
    return act_accept(fixture, 3000, &recipient, 1);
}

static int accept_queue(struct fixture *fixture)
{
    return act_accept(fixture, 3000, &far_one, 1);
}

static int accept_both(struct fixture *fixture)
{
    struct store_recipient both[] = {{.account = fixture->account, .notify = STORE_NOTIFY_SUCCESS},
                                     far_one};
    return act_accept(fixture, 3000, both, 2);
}

static int accept_large(struct fixture *fixture)
{
    struct store_recipient both[] = {{.account = fixture->account}, far_one};
    return act_accept(fixture, ACT_LARGE, both, 2);
}

static int append(struct fixture *fixture)
{
    return act_append(fixture, "Trash", 3000);
}

static const struct uid_range first_two = {1, 2};

static int change_flags(struct fixture *fixture)
{
    int status = 0;
    struct span keyword = span_of("$Work");
    uint64_t inbox = 1;
    act_do(fixture,
           store_change_flags_create(fixture->store, inbox, &first_two, 1, STORE_FLAGS_ADD,
                                     STORE_FLAGGED, &keyword, 1, 0, 3),
           &status);
    return status;
}

static int expunge(struct fixture *fixture)
{
    int status = 0;
    act_do(fixture, store_expunge_create(fixture->store, 1, &first_two, 1, STORE_EXPUNGE_ANY, 0, 3),
           &status);
    return status;
}

static int copy_or_move(struct fixture *fixture, enum store_copy_action action)
{
    int status = 0;
    act_do(fixture,
           store_copy_create(fixture->store, 1, &first_two, 1, fixture->account, span_of("Trash"),
                             action, 0, 3),
           &status);
    return status;
}

static int copy(struct fixture *fixture)
{
    return copy_or_move(fixture, STORE_COPY);
}

static int move(struct fixture *fixture)
{
    return copy_or_move(fixture, STORE_MOVE);
}

static int change_mailbox(struct fixture *fixture, enum store_mailbox_action action,
                          const char *name, const char *new_name)
{
    int status = 0;
    act_do(fixture,
           store_change_mailbox_create(fixture->store, fixture->account, action, span_of(name),
                                       span_of(new_name), 0),
           &status);
    return status;
}

static int make_mailbox(struct fixture *fixture)
{
    return change_mailbox(fixture, STORE_MAILBOX_MAKE, "Work/New", "");
}

static void a_mailbox(struct fixture *fixture)
{
    check_int(make_mailbox(fixture), 0);
    check_int(act_append(fixture, "Work/New", 200), 0);
    check_int(act_append(fixture, "Work/New", ACT_LARGE), 0);
}

static int rename_mailbox(struct fixture *fixture)
{
    return change_mailbox(fixture, STORE_MAILBOX_RENAME, "Work", "Leisure");
}

static int delete_mailbox(struct fixture *fixture)
{
    return change_mailbox(fixture, STORE_MAILBOX_DELETE, "Work/New", "");
}

static int first_in_queue(struct fixture *fixture, uint64_t *id_out)
{
    struct store_queue *queue = store_queue_page_create(fixture->store, 0, 10);
    fixture_run(fixture, &queue->job);
    int status = queue->status;
    *id_out = status == 0 && queue->count > 0 ? queue->rows[0].id : 0;
    queue->job.free(&queue->job);
    return status;
}

static int settle(struct fixture *fixture, enum store_outcome_kind kind, size_t report_size)
{
    uint64_t id;
    int status = first_in_queue(fixture, &id);
    struct store_outcome outcome = {.id = id,
                                    .kind = kind,
                                    .due_us = fixture->clock.wall_us + 60000000,
                                    .text = span_of("450 later")};
    struct store_recipient sender = {.account = fixture->account};
    struct store_body *report =
        status == 0 && report_size > 0 ? act_body(fixture, report_size, &status) : NULL;
    if (status == 0)
        act_do(fixture,
               store_settle_create(fixture->store, &outcome, 1, report, &sender, report != NULL),
               &status);
    return status;
}

static int settle_done(struct fixture *fixture)
{
    return settle(fixture, STORE_OUTCOME_DONE, 0);
}

static int settle_deferred(struct fixture *fixture)
{
    return settle(fixture, STORE_OUTCOME_DEFERRED, 0);
}

static int settle_reported(struct fixture *fixture)
{
    return settle(fixture, STORE_OUTCOME_DONE, 700);
}

static int add_account(struct fixture *fixture)
{
    int status = 0;
    act_do(fixture,
           store_change_account_create(fixture->store, STORE_ACCOUNT_ADD,
                                       span_of("new@example.org"), span_of("v")),
           &status);
    return status;
}

static void an_account(struct fixture *fixture)
{
    check_int(add_account(fixture), 0);
}

static int delete_account(struct fixture *fixture)
{
    int status = 0;
    act_do(fixture,
           store_change_account_create(fixture->store, STORE_ACCOUNT_DELETE,
                                       span_of("new@example.org"), span_of("")),
           &status);
    return status;
}

static int add_alias(struct fixture *fixture)
{
    int status = 0;
    act_do(fixture,
           store_change_alias_create(fixture->store, STORE_ALIAS_ADD, span_of("info@example.org"),
                                     span_of("alice@example.org")),
           &status);
    return status;
}

static int add_domain(struct fixture *fixture)
{
    int status = 0;
    act_do(fixture,
           store_change_domain_create(fixture->store, STORE_DOMAIN_ADD, span_of("new.example")),
           &status);
    return status;
}

/* Small segments, so that twelve messages fill three; most of them go. */
static void dead_segments(struct fixture *fixture)
{
    fixture->settings.segment_size = 200000;
    fixture_reopen(fixture);
    for (size_t i = 0; i < 12; i++)
        check_int(act_append(fixture, "INBOX", 45000 + i), 0);
    check_int(act_append(fixture, "INBOX", ACT_LARGE), 0);
    act_expunge_now(fixture, 1, 5);
    act_expunge_now(fixture, 7, 7);
    act_expunge_now(fixture, 13, 13);
}

/* The segments died long enough ago, and a spare has been made of one. */
static void a_spare(struct fixture *fixture)
{
    dead_segments(fixture);
    check_int(act_reap(fixture), 0);
    fixture->clock.wall_us += (fixture->settings.expunge_grace_ms + 1000) * 1000;
}

/* Into what was reaped and zeroed, or a new one. */
static int append_many(struct fixture *fixture)
{
    return act_append(fixture, "INBOX", 60000);
}

static void a_full_segment(struct fixture *fixture)
{
    a_spare(fixture);
    check_int(act_reap(fixture), 0);
    for (size_t i = 0; i < 3; i++)
        check_int(act_append(fixture, "INBOX", 60000), 0);
}

static const struct act acts[] = {
    {"accept for a mailbox", NULL, accept_local, ALL_OR_NOTHING},
    {"accept for the queue", NULL, accept_queue, ALL_OR_NOTHING},
    {"accept for both", NULL, accept_both, ALL_OR_NOTHING},
    {"accept a large one", NULL, accept_large, ALL_OR_NOTHING},
    {"append", NULL, append, ALL_OR_NOTHING},
    {"flags", two_messages, change_flags, ALL_OR_UNTOLD},
    {"expunge", two_messages, expunge, ALL_OR_UNTOLD},
    {"copy", two_messages, copy, ALL_OR_UNTOLD},
    {"move", two_messages, move, ALL_OR_UNTOLD},
    {"make a mailbox", NULL, make_mailbox, ALL_OR_NOTHING},
    {"rename a mailbox", a_mailbox, rename_mailbox, ALL_OR_NOTHING},
    {"delete a mailbox", a_mailbox, delete_mailbox, ALL_OR_NOTHING},
    {"settle: delivered", a_queue, settle_done, ALL_OR_NOTHING},
    {"settle: deferred", a_queue, settle_deferred, ALL_OR_NOTHING},
    {"settle: reported", a_queue, settle_reported, ALL_OR_NOTHING},
    {"add an account", NULL, add_account, ALL_OR_NOTHING},
    {"delete an account", an_account, delete_account, ALL_OR_NOTHING},
    {"add an alias", NULL, add_alias, ALL_OR_NOTHING},
    {"add a domain", NULL, add_domain, ALL_OR_NOTHING},
    {"reap, relocate", dead_segments, act_reap, TIDYING},
    {"zero dead segments", a_spare, act_reap, TIDYING},
    {"begin a segment", a_full_segment, append_many, ALL_OR_NOTHING},
};
enum { ACT_COUNT = sizeof acts / sizeof *acts };

/* ---- the loop ----------------------------------------------------------------------------------
 */

struct way {
    unsigned operations;
    enum disk_how how;
    int err;
};

static unsigned from_environment(const char *name, unsigned usual)
{
    const char *text = getenv(name);
    long number = text != NULL ? strtol(text, NULL, 10) : 0;
    return number > 0 ? (unsigned)number : usual;
}

/* All operations of one act, each as often as there are seeds. The number of runs. */
static uint64_t run_act(const struct act *act, const struct way *way)
{
    struct trial trial = {.act = act};
    unsigned every = from_environment("FAULTS_EVERY", 1);
    unsigned seeds = from_environment("FAULTS_SEEDS", 1);
    unsigned sync_seeds = from_environment("FAULTS_SYNC_SEEDS", 6);
    uint64_t at = 1, runs = 0;
    trial_learn(&trial);
    for (bool was_reached = true; was_reached && check_failures == 0; at += every) {
        trial.plan = (struct disk_plan){way->operations, at, way->how, way->err};
        unsigned times = seeds;
        for (unsigned i = 0; i < times && check_failures == 0; i++) {
            was_reached = trial_run(&trial, (enum disk_survival)((at + i) % 3), at * 7 + i);
            runs++;
            if (strstr(trial.reached, "SYNC") != NULL && times < sync_seeds)
                times = sync_seeds;
        }
    }
    check(at > 3);
    mem_free(trial.before);
    mem_free(trial.after);
    return runs;
}

static void run_all(const struct way *way)
{
    uint64_t runs = 0;
    for (size_t i = 0; i < ACT_COUNT && check_failures == 0; i++)
        runs += run_act(&acts[i], way);
    (void)fprintf(stderr, "%" PRIu64 " runs\n", runs);
}

TEST(an_error_once)
{
    run_all(&(struct way){DISK_ALL, DISK_FAIL_ONCE, ERR_IO});
}

TEST(errors_from_then_on)
{
    run_all(&(struct way){DISK_CHANGING, DISK_FAIL_ON, ERR_IO});
}

TEST(no_room_once)
{
    run_all(&(struct way){DISK_GROWING, DISK_FAIL_ONCE, ERR_FULL});
}

TEST(no_room_from_then_on)
{
    run_all(&(struct way){DISK_GROWING, DISK_FAIL_ON, ERR_FULL});
}

TEST(a_power_cut)
{
    run_all(&(struct way){DISK_CHANGING, DISK_POWER_OFF, ERR_IO});
}

CHECK_MAIN({"an_error_once", an_error_once}, {"errors_from_then_on", errors_from_then_on},
           {"no_room_once", no_room_once}, {"no_room_from_then_on", no_room_from_then_on},
           {"a_power_cut", a_power_cut})
