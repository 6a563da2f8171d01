/*
 * The start after a crash, on a disk of which the n-th operation fails or loses the power, for n =
 * 1, 2, ...: it says why it does not start, and starts when all is well, with nothing lost. And a
 * disk that fills up and gets room again.
 */
#include "tests/fake/disk.h"
#include "tests/fake/store_look.h"
#include "tests/unit/store_acts.h"

enum { FULL_MESSAGES = 40 };

struct rig {
    struct disk *disk;
    struct fixture fixture;
};

static void check_sound(const struct rig *rig)
{
    char *wrong = look_audit(rig->fixture.dir, &disk_files, LOOK_AFTER_START);
    if (*wrong != '\0')
        CHECK_FAILED("%s", wrong);
    mem_free(wrong);
}

/* A store whose process was killed: a log to be replayed, and a large body that nobody owns. */
static void rig_crash(struct rig *rig, uint64_t seed)
{
    rig->disk = disk_create(seed);
    fixture_make_on(&rig->fixture, disk_dir(rig->disk), &disk_files);
    check_int(act_append(&rig->fixture, "INBOX", 3000), 0);
    check_int(act_append(&rig->fixture, "INBOX", ACT_LARGE), 0);
    int status = 0;
    struct store_body *body = act_body(&rig->fixture, ACT_LARGE, &status);
    check_int(status, 0);
    disk_power_off(rig->disk);
    store_body_free(&body);
    store_close(&rig->fixture.store);
    disk_power_on(rig->disk, DISK_KEEPS_ALL);
}

/* One start under the plan. Whether its operation was reached. */
static bool start_under(const struct disk_plan *plan, const char *wanted)
{
    struct rig rig;
    struct fault fault;
    rig_crash(&rig, plan->at);
    disk_set_plan(rig.disk, plan);
    if (fixture_try_open(&rig.fixture, &fault) == NULL &&
        strncmp(fault.text, "could not ", 10) != 0)
        CHECK_FAILED("no sentence: \"%s\"", fault.text);
    bool was_reached = disk_was_reached(rig.disk);
    if (rig.fixture.store == NULL)
        check(was_reached);
    disk_power_off(rig.disk);
    store_close(&rig.fixture.store);
    disk_power_on(rig.disk, (enum disk_survival)(plan->at % 3));
    fixture_open(&rig.fixture);
    check_sound(&rig);
    char *seen = look_visible(rig.fixture.dir);
    if (strcmp(seen, wanted) != 0)
        CHECK_FAILED("operation %" PRIu64 ": %s", plan->at, seen);
    mem_free(seen);
    check_int(act_append(&rig.fixture, "INBOX", 10), 0);
    fixture_free(&rig.fixture);
    disk_free(&rig.disk);
    return was_reached;
}

static const struct disk_plan plans[] = {
    {DISK_ALL, 0, DISK_FAIL_ONCE, ERR_IO},
    {DISK_ALL, 0, DISK_FAIL_ON, ERR_IO},
    {DISK_GROWING, 0, DISK_FAIL_ON, ERR_FULL},
    {DISK_ALL, 0, DISK_POWER_OFF, ERR_IO},
};

TEST(a_start_after_a_crash_may_fail_at_any_operation)
{
    struct rig rig;
    rig_crash(&rig, 1);
    fixture_open(&rig.fixture);
    check_sound(&rig);
    char *wanted = look_visible(rig.fixture.dir);
    fixture_free(&rig.fixture);
    disk_free(&rig.disk);
    for (size_t i = 0; i < sizeof plans / sizeof *plans; i++) {
        struct disk_plan plan = plans[i];
        bool was_reached = true;
        while (was_reached && check_failures == 0) {
            plan.at++;
            was_reached = start_under(&plan, wanted);
        }
        check(plan.at > 3);
    }
    mem_free(wanted);
}

/* Mail of all sizes until there is no room: each is refused as such or is there; with room again
 * the same process takes all. */
TEST(a_disk_fills_up_and_gets_room)
{
    for (size_t room = 0; room < 4000000 && check_failures == 0; room += 190000) {
        struct rig rig = {.disk = disk_create(room)};
        unsigned taken = 0, refused = 0;
        fixture_make_on(&rig.fixture, disk_dir(rig.disk), &disk_files);
        disk_set_size(rig.disk, disk_used(rig.disk) + room);
        for (size_t i = 0; i < FULL_MESSAGES; i++) {
            int status = act_append(&rig.fixture, "INBOX", i % 4 == 3 ? ACT_LARGE : i * 500);
            check(status == 0 || status == ERR_FULL);
            taken += status == 0;
            refused += status != 0;
        }
        check(refused > 0 || room > 2000000);
        disk_set_size(rig.disk, SIZE_MAX);
        check_int(act_append(&rig.fixture, "INBOX", 3000), 0);
        check_int(act_append(&rig.fixture, "INBOX", ACT_LARGE), 0);
        disk_power_off(rig.disk);
        store_close(&rig.fixture.store);
        disk_power_on(rig.disk, DISK_DROPS_ALL);
        fixture_open(&rig.fixture);
        check_sound(&rig);
        struct fixture_session inbox = fixture_select(&rig.fixture, "INBOX");
        check_int(store_view_count(inbox.view), taken + 2);
        store_view_unref(&inbox.view);
        fixture_free(&rig.fixture);
        disk_free(&rig.disk);
    }
}

CHECK_MAIN({"a_start_after_a_crash_may_fail_at_any_operation",
            a_start_after_a_crash_may_fail_at_any_operation},
           {"a_disk_fills_up_and_gets_room", a_disk_fills_up_and_gets_room})
