/* What an administrator does to entries that the relay has in hand. */
#include "check.h"
#include "relay/relay_internal.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

static void change(struct relay_lab *lab, uint64_t id, enum store_outcome_kind kind)
{
    const struct store_outcome outcome = {.id = id, .kind = kind};
    struct store_settle *settle = store_settle_create(lab->world.store, &outcome, 1, NULL, NULL, 0);
    job_run_now(lab->world.jobs, &settle->job);
    check_int(settle->status, 0);
    settle->job.free(&settle->job);
}

/* `postern queue hold`, and `release` before its turn in line has come: it goes with the others. */
TEST(test_entry_that_is_held_and_released_in_line_goes)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    lab.hops[0].rules[0] = (struct hop_rule){"RCPT", 1, HOP_SILENT};
    relay_lab_mail(&lab, alice, "first@one.test");
    relay_lab_run(&lab, 1000);
    uint64_t first = relay_lab_queue(&lab).id;
    lab.hops[0].rules[0].verb = NULL;
    relay_lab_mail(&lab, alice, "second@one.test");
    relay_lab_run(&lab, 1000);
    uint64_t held = 0;
    struct store_queue *rows = store_queue_create(lab.world.store, INT64_MAX, INT64_MIN, 0, 10);
    job_run_now(lab.world.jobs, &rows->job);
    for (size_t i = 0; i < rows->count; i++)
        held = rows->rows[i].id != first ? rows->rows[i].id : held;
    rows->job.free(&rows->job);
    change(&lab, held, STORE_OUTCOME_HELD);
    relay_leases_revoke(lab.leases, held);
    relay_lab_run(&lab, 1000);
    relay_leases_flush(lab.leases);
    change(&lab, held, STORE_OUTCOME_RETRY_NOW);
    relay_lab_run(&lab, 59000); /* the silent one's time is over */
    check_int(lab.hops[0].messages, 1);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_entry_that_is_held_and_released_in_line_goes",
            test_entry_that_is_held_and_released_in_line_goes})
