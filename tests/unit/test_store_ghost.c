/*
 * What a failed commit leaves behind. Its frames may lie in SQLite's log, written and never synced,
 * and the next process reads them there as if they had been committed. The machine will not write
 * them any more (after an error it takes the pages for clean), so what is committed behind them is
 * only durable when they were written anew.
 */
#include "store_fixture.h"
#include "tests/fake/disk.h"

enum { SEEDS = 20 };

static int try_append(struct fixture *fixture, const char *text)
{
    struct store_append *append =
        store_append_create(fixture->store, fixture->account, span_of("INBOX"),
                            fixture_body(fixture, span_of(text)), 0, NULL, 0, 0);
    fixture_run(fixture, &append->job);
    int status = append->status;
    append->job.free(&append->job);
    return status;
}

static void crash(struct fixture *fixture, struct disk *disk, enum disk_survival survival)
{
    disk_power_off(disk);
    store_close(&fixture->store);
    disk_power_on(disk, survival);
    fixture_open(fixture);
}

static void run(uint64_t seed)
{
    const struct disk_plan no_sync = {
        .operations = DISK_DB_SYNC, .at = 1, .how = DISK_FAIL_ON, .err = ERR_IO};
    struct disk *disk = disk_create(seed);
    struct fixture fixture;
    fixture_make_on(&fixture, disk_dir(disk), &disk_files);

    disk_set_plan(disk, &no_sync);
    check(try_append(&fixture, "Subject: refused\r\n\r\n") != 0);
    crash(&fixture, disk, DISK_KEEPS_ALL);
    check_int(try_append(&fixture, "Subject: kept\r\n\r\n"), 0);
    crash(&fixture, disk, DISK_DROPS_ALL);

    struct fixture_session inbox = fixture_select(&fixture, "INBOX");
    if (store_view_count(inbox.view) == 0)
        CHECK_FAILED("seed %" PRIu64 ": what was acknowledged is gone", seed);
    store_view_unref(&inbox.view);
    store_close(&fixture.store);
    jobs_free(&fixture.jobs);
    disk_free(&disk);
}

TEST(what_follows_a_commit_that_failed_survives_the_next_power_cut)
{
    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        run(seed);
}

CHECK_MAIN({"what_follows_a_commit_that_failed_survives_the_next_power_cut",
            what_follows_a_commit_that_failed_survives_the_next_power_cut})
