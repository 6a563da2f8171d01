/*
 * Watches on two loops in virtual time: told once per loop and batch, and safe to free or make
 * inside a call; the keeper's timer, and how often it says that it cannot.
 */
#include <sys/mman.h>

#include "base/log.h"
#include "store/route.h"
#include "store_fixture.h"
#include "tests/fake/disk.h"
#include "tests/sim/sim.h"

struct watcher {
    struct store_watch *watch;
    struct watcher *frees; /* frees this one's watch when told */
    int told;
};

static void on_change(void *owner)
{
    struct watcher *watcher = owner;
    watcher->told++;
    if (watcher->frees != NULL)
        store_watch_free(&watcher->frees->watch);
}

struct world {
    struct fixture fixture;
    struct sim *sim;
    struct job_port *ports[2];
};

static void world_attach(struct world *world)
{
    world->sim = sim_create(1);
    for (unsigned i = 0; i < 2; i++) {
        world->ports[i] = job_port_create(world->fixture.jobs, sim_loop_at(world->sim, i));
        store_attach(world->fixture.store, world->ports[i]);
    }
}

static void world_make(struct world *world)
{
    fixture_make(&world->fixture);
    world_attach(world);
}

static void world_free(struct world *world)
{
    for (int i = 0; i < 2; i++) {
        store_detach(world->fixture.store, world->ports[i]);
        job_port_free(&world->ports[i]);
    }
    sim_free(&world->sim);
    fixture_free(&world->fixture);
}

static void watch(struct world *world, struct watcher *watcher, int port, uint64_t mailbox)
{
    watcher->watch =
        store_watch_create(world->fixture.store, world->ports[port], mailbox, on_change, watcher);
}

static uint64_t mailbox_id(struct world *world, const char *name)
{
    struct fixture_session session = fixture_select(&world->fixture, name);
    store_view_unref(&session.view);
    return session.mailbox;
}

TEST(every_loop_is_told_of_what_it_watches)
{
    struct world world;
    world_make(&world);
    struct watcher here = {0}, there = {0}, other = {0}, queue = {0};
    watch(&world, &here, 0, mailbox_id(&world, "INBOX"));
    watch(&world, &there, 1, mailbox_id(&world, "INBOX"));
    watch(&world, &other, 0, mailbox_id(&world, "Sent"));
    watch(&world, &queue, 1, 0);
    (void)fixture_append(&world.fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    (void)fixture_append(&world.fixture, "INBOX", "Subject: 2\r\n\r\n", 0);
    check_int(here.told, 0);
    sim_run(world.sim);
    check_int(here.told, 1);
    check_int(there.told, 1);
    check_int(other.told, 0);
    check_int(queue.told, 0);

    struct store_recipient remote = {.address = span_of("x@a.example")};
    struct store_envelope envelope = {.reverse_path = span_of("")};
    fixture_do(&world.fixture,
               store_accept_create(world.fixture.store,
                                   fixture_body(&world.fixture, span_of("\r\n")), &envelope,
                                   &remote, 1),
               0);
    sim_run(world.sim);
    check_int(queue.told, 1);
    check_int(here.told, 1);
    store_watch_free(&here.watch);
    store_watch_free(&there.watch);
    store_watch_free(&other.watch);
    store_watch_free(&queue.watch);
    world_free(&world);
}

/* Relays keep the routes in memory: one of whom none is told would send mail the old way. */
TEST(a_change_of_routes_is_told_to_whom_it_concerns)
{
    struct world world;
    struct watcher routes = {0}, queue = {0};
    world_make(&world);
    watch(&world, &routes, 1, STORE_WATCH_ROUTES);
    watch(&world, &queue, 0, 0);
    for (int told = 1; told <= 2; told++) {
        enum store_route_action action = told == 1 ? STORE_ROUTE_ADD : STORE_ROUTE_DELETE;
        fixture_do(&world.fixture,
                   store_change_route_create(world.fixture.store, action, span_of("a.example"),
                                             span_of(told == 1 ? "via=mx" : "")),
                   0);
        sim_run(world.sim);
        check_int(routes.told, told);
    }
    check_int(queue.told, 0);
    store_watch_free(&routes.watch);
    store_watch_free(&queue.watch);
    world_free(&world);
}

TEST(a_watch_may_be_freed_by_another_that_is_told)
{
    struct world world;
    world_make(&world);
    uint64_t inbox = mailbox_id(&world, "INBOX");
    struct watcher second = {0}, first = {.frees = &second};
    watch(&world, &first, 0, inbox);
    watch(&world, &second, 0, inbox);
    (void)fixture_append(&world.fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    sim_run(world.sim);
    check_int(first.told, 1);
    check_int(second.told, 0);
    (void)fixture_append(&world.fixture, "INBOX", "Subject: 2\r\n\r\n", 0);
    store_watch_free(&first.watch); /* with a post under way */
    sim_run(world.sim);
    check_int(first.told, 1);
    world_free(&world);
}

TEST(the_keeper_reaps_when_the_grace_is_over)
{
    struct world world;
    world_make(&world);
    (void)fixture_append(&world.fixture, "INBOX", "Subject: 1\r\n\r\n", 0);
    struct fixture_session inbox = fixture_select(&world.fixture, "INBOX");
    fixture_do(&world.fixture,
               store_expunge_create(world.fixture.store, inbox.mailbox, NULL, 0, STORE_EXPUNGE_ANY,
                                    inbox.modseq, inbox.uidnext),
               0);
    store_view_unref(&inbox.view);
    world.fixture.clock.wall_us += (world.fixture.settings.expunge_grace_ms + 1) * 1000;
    sim_advance_ms(world.sim, 3000);
    struct uid_range all = {1, UINT32_MAX};
    struct store_fetch *fetch =
        store_fetch_create(world.fixture.store, inbox.mailbox, &all, 1, 0, 0, SIZE_MAX);
    fixture_run(&world.fixture, &fetch->job);
    check_int(fetch->count, 0);
    fetch->job.free(&fetch->job);
    world_free(&world);
}

/* How many lines of the log have that text. */
static size_t lines_with(int fd, const char *text)
{
    char log[16384];
    ssize_t len = pread(fd, log, sizeof log, 0);
    struct span rest = span_make(log, len > 0 ? (size_t)len : 0);
    size_t count = 0;
    for (ptrdiff_t at; (at = span_find(rest, span_of(text))) >= 0; count++)
        rest = span_from(rest, (size_t)at + strlen(text));
    return count;
}

/* From here on no change works; one that is refused gives the housekeeping something to do. */
static void break_disk(struct world *world, struct disk *disk)
{
    disk_set_plan(disk, &(struct disk_plan){DISK_CHANGING, 1, DISK_FAIL_ON, ERR_IO});
    fixture_do(&world->fixture,
               store_change_mailbox_create(world->fixture.store, world->fixture.account,
                                           STORE_MAILBOX_MAKE, span_of("New"), span_of(""), 0),
               ERR_IO);
}

TEST(a_disk_that_stays_broken_is_told_of_each_hour_not_each_second)
{
    struct world world;
    struct disk *disk = disk_create(1);
    fixture_make_on(&world.fixture, disk_dir(disk), &disk_files);
    world_attach(&world);
    int log = memfd_create("log", MFD_CLOEXEC);
    log_set_level(LOG_INFO);
    log_start(log);

    break_disk(&world, disk);
    sim_advance_ms(world.sim, 3540000);
    disk_set_plan(disk, NULL);
    sim_advance_ms(world.sim, 5000);
    break_disk(&world, disk);
    sim_advance_ms(world.sim, 7205000);
    disk_set_plan(disk, NULL);
    sim_advance_ms(world.sim, 5000);
    /* By turns. */
    for (int i = 0; i < 30; i++) {
        break_disk(&world, disk);
        sim_advance_ms(world.sim, 2000);
        disk_set_plan(disk, NULL);
        sim_advance_ms(world.sim, 2000);
    }

    log_stop();
    log_set_level(LOG_NONE);
    check_int(lines_with(log, " error store tidy why=\"could not "), 6);
    check_int(lines_with(log, " failures=1\n"), 2);
    check_int(lines_with(log, " info store tidy-again failures="), 4);
    (void)close(log);
    world_free(&world);
    disk_free(&disk);
}

static void forget(struct job *job, void *owner)
{
    (void)job;
    *(int *)owner = 1;
}

TEST(a_body_whose_owner_died_under_its_flush_is_given_up)
{
    struct world world;
    world_make(&world);
    static char bytes[200000];
    memset(bytes, 'x', sizeof bytes);
    struct store_body *body = store_body_create(world.fixture.store, STORE_BODY_SCAN);
    store_body_add(body, span_make(bytes, sizeof bytes));
    check(store_body_wants_sync(body));
    struct store_body_flush *flush = store_body_sync_create(body);
    int is_done = 0;
    job_submit(world.ports[0], &flush->job, forget, &is_done);
    job_cancel(&flush->job);
    store_body_free(&body);
    sim_run(world.sim);
    check_int(is_done, 0);
    world_free(&world);
}

CHECK_MAIN({"every_loop_is_told_of_what_it_watches", every_loop_is_told_of_what_it_watches},
           {"a_change_of_routes_is_told_to_whom_it_concerns",
            a_change_of_routes_is_told_to_whom_it_concerns},
           {"a_watch_may_be_freed_by_another_that_is_told",
            a_watch_may_be_freed_by_another_that_is_told},
           {"the_keeper_reaps_when_the_grace_is_over", the_keeper_reaps_when_the_grace_is_over},
           {"a_disk_that_stays_broken_is_told_of_each_hour_not_each_second",
            a_disk_that_stays_broken_is_told_of_each_hour_not_each_second},
           {"a_body_whose_owner_died_under_its_flush_is_given_up",
            a_body_whose_owner_died_under_its_flush_is_given_up})
