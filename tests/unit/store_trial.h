/*
 * store_trial: one act on a store whose disk (tests/fake/disk.h) fails at one operation or loses
 * its power there, and what must be so behind it. The acts and the loop over all operations are
 * test_store_faults.c's.
 */
#ifndef POSTERN_TESTS_UNIT_STORE_TRIAL_H
#define POSTERN_TESTS_UNIT_STORE_TRIAL_H

#include "tests/fake/disk.h"
#include "tests/fake/store_look.h"
#include "tests/unit/store_acts.h"

struct act {
    const char *name;
    void (*prepare)(struct fixture *fixture); /* NULL: only two messages in INBOX */
    int (*run)(struct fixture *fixture);
    enum {
        ALL_OR_NOTHING,
        ALL_OR_UNTOLD, /* the same, but the session's news are read behind the commit: where that is
                          not possible, it is refused and was done */
        TIDYING        /* what is visible stays as it was, however far it comes */
    } kind;
};

/* One run of an act, with what the store was and is to be. */
struct trial {
    const struct act *act;
    struct disk *disk;
    struct fixture fixture;
    struct disk_plan plan;
    char *before, *after; /* visible, without the act and with it */
    char reached[128];
};

static inline void trial_begin(struct trial *trial, uint64_t seed)
{
    trial->disk = disk_create(seed);
    fixture_make_on(&trial->fixture, disk_dir(trial->disk), &disk_files);
    if (trial->act->prepare != NULL)
        trial->act->prepare(&trial->fixture);
}

static inline void trial_end(struct trial *trial)
{
    fixture_free(&trial->fixture);
    disk_free(&trial->disk);
}

static inline void trial_failed(const struct trial *trial, const char *what, const char *detail)
{
    CHECK_FAILED("%s, %s at %s (%" PRIu64 "): %s\n%s", trial->act->name,
                 trial->plan.how == DISK_POWER_OFF ? "power cut" : err_name(trial->plan.err),
                 trial->reached, trial->plan.at, what, detail);
}

enum belief { MUST_BE_AFTER, MUST_BE_BEFORE, MAY_BE_EITHER };

static inline enum belief trial_check_visible(struct trial *trial, enum belief belief,
                                              const char *when)
{
    char *seen = look_visible(trial->fixture.dir);
    bool is_before = strcmp(seen, trial->before) == 0, is_after = strcmp(seen, trial->after) == 0;
    if (!(belief == MUST_BE_AFTER ? is_after : is_before || (belief == MAY_BE_EITHER && is_after)))
        trial_failed(trial, when, seen);
    mem_free(seen);
    return is_after ? MUST_BE_AFTER : MUST_BE_BEFORE;
}

static inline void trial_check_audit(const struct trial *trial, enum look_when when,
                                     const char *what)
{
    char *wrong = look_audit(trial->fixture.dir, &disk_files, when);
    if (*wrong != '\0')
        trial_failed(trial, what, wrong);
    mem_free(wrong);
}

static inline void trial_power_cycle(struct trial *trial, enum disk_survival survival)
{
    disk_power_off(trial->disk);
    store_close(&trial->fixture.store);
    disk_power_on(trial->disk, survival);
    fixture_open(&trial->fixture);
}

/* It takes mail and keeps house as if nothing had been. */
static inline void trial_check_goes_on(struct trial *trial)
{
    struct fixture *fixture = &trial->fixture;
    if (act_append(fixture, "INBOX", 5000) != 0 || act_append(fixture, "INBOX", ACT_LARGE) != 0 ||
        act_reap(fixture) != 0)
        trial_failed(trial, "the store does not go on", "");
    trial_check_audit(trial, LOOK_AT_ANY_TIME, "after going on");
    if (disk_distrusted_writes(trial->disk) != 0)
        trial_failed(trial, "a file was written whose sync had failed", "");
}

static inline enum belief trial_belief(const struct trial *trial, int status)
{
    if (status == 0 || trial->act->kind == TIDYING)
        return MUST_BE_AFTER;
    bool is_reading = strncmp(trial->reached, "DB_READ", 7) == 0;
    return trial->act->kind == ALL_OR_UNTOLD && is_reading ? MAY_BE_EITHER : MUST_BE_BEFORE;
}

/* Whether the plan's operation was reached. */
static inline bool trial_run(struct trial *trial, enum disk_survival survival, uint64_t seed)
{
    trial_begin(trial, seed);
    disk_set_plan(trial->disk, &trial->plan);
    int status = trial->act->run(&trial->fixture);
    bool was_reached = disk_was_reached(trial->disk);
    (void)snprintf(trial->reached, sizeof trial->reached, "%s", disk_reached_text(trial->disk));
    bool is_off = disk_is_off(trial->disk);
    enum belief belief = trial_belief(trial, status);
    if (!is_off && was_reached && trial->plan.how == DISK_FAIL_ON)
        check(act_append(&trial->fixture, "INBOX", 100) != 0);
    if (!is_off) {
        disk_set_plan(trial->disk, NULL);
        belief = trial_check_visible(trial, belief, "as it runs");
        trial_check_audit(trial, LOOK_AT_ANY_TIME, "as it runs");
    }
    /* In between: the timer's, with nothing to do, and what else waits to be done. */
    if (!is_off && seed % 2 == 0 && act_reap(&trial->fixture) != 0)
        trial_failed(trial, "the store does not keep house", "");
    trial_power_cycle(trial, survival);
    if (belief == MUST_BE_BEFORE)
        belief = MAY_BE_EITHER;
    belief = trial_check_visible(trial, belief, "after the power cut");
    trial_check_audit(trial, LOOK_AFTER_START, "after the power cut");
    fixture_reopen(&trial->fixture);
    (void)trial_check_visible(trial, belief, "opened once more");
    trial_check_goes_on(trial);
    trial_end(trial);
    return was_reached;
}

/* What it is without any fault. */
static inline void trial_learn(struct trial *trial)
{
    trial_begin(trial, 1);
    trial->before = look_visible(trial->fixture.dir);
    check_int(trial->act->run(&trial->fixture), 0);
    trial->after = look_visible(trial->fixture.dir);
    check((strcmp(trial->before, trial->after) == 0) == (trial->act->kind == TIDYING));
    trial_check_audit(trial, LOOK_AT_ANY_TIME, "without any fault");
    trial_end(trial);
}

#endif
