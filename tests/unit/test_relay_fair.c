/*
 * The relay in the simulator with more mail than it holds in memory: a dead or slow destination
 * delays nobody else, is put off as a whole and recovers at once. Single attempts and connections
 * are test_relay.c's and test_relay_life.c's.
 */
#include <stdlib.h>

#include "base/mem.h"
#include "check.h"
#include "relay/relay_internal.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";

enum { RECIPIENTS = 200 };

/* So many rows for a domain, in messages of RECIPIENTS each. */
static void mail_rows(struct relay_lab *lab, const char *domain, int count)
{
    struct buf to;
    buf_init(&to, 0);
    for (int i = 0; i < count; i += RECIPIENTS) {
        buf_clear(&to);
        for (int j = i; j < i + RECIPIENTS && j < count; j++)
            buf_printf(&to, "%sr%d@%s", j > i ? " " : "", j, domain);
        buf_put_byte(&to, '\0');
        relay_lab_mail(lab, alice, buf_span(&to).ptr);
    }
    buf_release(&to);
}

static void mail_many(struct relay_lab *lab, const char *to, int count)
{
    for (int i = 0; i < count; i++)
        relay_lab_mail(lab, alice, to);
}

/* Rows by the time they are due. */
static size_t count_due(struct relay_lab *lab, int64_t due_us)
{
    struct store_queue *queue = store_queue_create(lab->world.store, due_us, 0, 0, 1000000);
    job_run_now(lab->world.jobs, &queue->job);
    check_int(queue->status, 0);
    size_t count = queue->count;
    queue->job.free(&queue->job);
    return count;
}

static int64_t now_us(const struct relay_lab *lab)
{
    return clock_wall_us(lab->options.clock);
}

static const char good[] = "r@[203.0.113.2]";

/* Nobody answers for half a minute; meanwhile all others get theirs. */
TEST(test_dead_domain_delays_nobody)
{
    enum { DEAD = 100000, GOOD = 100 };
    struct relay_lab lab;
    struct endpoint dead;
    relay_lab_init(&lab);
    check_int(endpoint_parse(span_of("203.0.113.1"), 25, &dead), 0);
    sim_hang(lab.world.sim, &dead);
    mail_rows(&lab, "one.test", DEAD);
    mail_many(&lab, good, GOOD);
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[1].messages, GOOD);
    check(lab.relay->leases.count <= RELAY_LEASES_MAX / 4);
    check_int(count_due(&lab, now_us(&lab)), DEAD);

    relay_lab_run(&lab, 60000);
    check_int(count_due(&lab, now_us(&lab)), 0);
    check_int(lab.relay->leases.count, 0);
    struct relay_lab_queue queue = relay_lab_queue(&lab);
    check_int(queue.attempts, 1);
    check(strstr(queue.last, "203.0.113.1") != NULL);
    check_int(count_due(&lab, queue.due_us), DEAD); /* all together */
    mail_many(&lab, good, GOOD);
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, 2 * GOOD);
    relay_lab_deinit(&lab);
}

struct witness {
    struct relay_lab *lab;
    size_t waiting; /* rows that were due when the first good mail went out */
};

static void on_good_verb(void *owner, const char *verb)
{
    struct witness *witness = owner;
    if (strcmp(verb, "MAIL") == 0 && witness->waiting == 0)
        witness->waiting = count_due(witness->lab, now_us(witness->lab));
}

/* Moving a million rows takes a while: they are not moved before what stands behind them goes out,
 * but soon. */
TEST(test_good_mail_goes_before_dead_rows_are_moved)
{
    enum { DEAD = 20000, GOOD = 10 };
    struct relay_lab lab;
    struct witness witness = {&lab, 0};
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
    lab.hops[1].on_verb = on_good_verb;
    lab.hops[1].owner = &witness;
    mail_many(&lab, "r@one.test", 1);
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, 1);
    mail_rows(&lab, "one.test", DEAD);
    mail_many(&lab, good, GOOD);
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[1].messages, GOOD);
    check(witness.waiting > DEAD / 2);
    relay_lab_run(&lab, 10000);
    check_int(count_due(&lab, now_us(&lab)), 0);
    check_int(lab.hops[0].connections, 1);
    relay_lab_deinit(&lab);
}

/* What was skipped, since the line was full, is not forgotten when the line ends at once. */
TEST(test_all_mail_for_nowhere_is_refused_at_once)
{
    enum { ROWS = 3000 };
    struct relay_lab lab;
    relay_lab_init(&lab);
    mail_rows(&lab, "nowhere.test", ROWS);
    relay_lab_run(&lab, 5000);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

TEST(test_slow_domain_delays_nobody_and_gets_all_its_mail)
{
    enum { SLOW = 3000 };
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    mail_many(&lab, "r@one.test", SLOW);
    mail_many(&lab, good, 10);
    relay_lab_run(&lab, 60000);
    check_int(lab.hops[1].messages, 10);
    relay_lab_run(&lab, 600000);
    check_int(lab.hops[0].messages, SLOW);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* Two that are mixed row by row, both more than their shares. */
TEST(test_mixed_destinations_get_all_their_mail)
{
    enum { EACH = 1500 };
    struct relay_lab lab;
    relay_lab_init(&lab);
    for (int i = 0; i < EACH; i++) {
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_mail(&lab, alice, good);
    }
    relay_lab_run(&lab, 300000);
    check_int(lab.hops[0].messages, EACH);
    check_int(lab.hops[1].messages, EACH);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* One connection an interval, whatever comes meanwhile, and the interval doubles. */
TEST(test_destination_is_put_off_as_a_whole)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.retry_max_ms = (int64_t)40 * RELAY_LAB_RETRY_MS;
    lab.settings.expire_ms *= 1000;
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, 1);
    mail_many(&lab, "r@one.test", 5);
    relay_lab_run(&lab, RELAY_LAB_RETRY_MS / 2);
    check_int(lab.hops[0].connections, 1);
    check_int(relay_lab_queue(&lab).count, 6);
    for (unsigned round = 1; round <= 3; round++) {
        struct relay_lab_queue queue = relay_lab_queue(&lab);
        int64_t wait_ms = (queue.due_us - now_us(&lab)) / 1000;
        relay_lab_run(&lab, wait_ms + 1000);
        check_int(lab.hops[0].connections, round + 1);
        int64_t next_ms = (relay_lab_queue(&lab).due_us - now_us(&lab)) / 1000;
        int64_t delay_ms = (int64_t)RELAY_LAB_RETRY_MS << round;
        check(next_ms > delay_ms * 3 / 4 - 2000 && next_ms <= delay_ms * 5 / 4);
    }
    lab.hops[0].rules[0].verb = NULL;
    relay_lab_run(&lab, (int64_t)40 * RELAY_LAB_RETRY_MS);
    check_int(lab.hops[0].messages, 6);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* Its rows keep their time over a restart, and the interval goes on where it was. */
TEST(test_restart_does_not_hammer_what_is_dead)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.retry_max_ms = (int64_t)40 * RELAY_LAB_RETRY_MS;
    lab.settings.expire_ms *= 1000;
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 1000);
    for (unsigned round = 1; round <= 3; round++) {
        struct relay_lab_queue queue = relay_lab_queue(&lab);
        int64_t wait_ms = (queue.due_us - now_us(&lab)) / 1000;
        check_int(queue.attempts, round);
        relay_free(&lab.relay);
        relay_lab_run(&lab, wait_ms - 1000);
        check_int(lab.hops[0].connections, round);
        relay_lab_run(&lab, 2000);
        check_int(lab.hops[0].connections, round + 1);
        int64_t next_ms = (relay_lab_queue(&lab).due_us - now_us(&lab)) / 1000;
        int64_t delay_ms = (int64_t)RELAY_LAB_RETRY_MS << round;
        check(next_ms > delay_ms * 3 / 4 - 2000 && next_ms <= delay_ms * 5 / 4);
    }
    relay_lab_deinit(&lab);
}

/* The clock was wrong by as much when nobody answered. */
TEST(test_clock_that_is_set_back_puts_nobody_off_for_long)
{
    static const int64_t hours[] = {1, 24, (int64_t)366 * 24};
    for (size_t i = 0; i < sizeof hours / sizeof *hours; i++) {
        struct relay_lab lab;
        relay_lab_init(&lab);
        lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
        mail_many(&lab, "r@one.test", 3);
        relay_lab_run(&lab, 1000);
        check_int(relay_lab_queue(&lab).attempts, 1);
        lab.hops[0].rules[0].verb = NULL;
        sim_set_wall_us(lab.world.sim, now_us(&lab) - hours[i] * 3600 * 1000000);
        mail_many(&lab, "r@one.test", 1);
        relay_lab_run(&lab, (int64_t)10 * lab.settings.retry_max_ms);
        check_int(lab.hops[0].messages, 4);
        relay_lab_deinit(&lab);
    }
}

/* One row is tried by an administrator: a success fetches the others. */
TEST(test_destination_recovers_at_once)
{
    enum { ROWS = 2400 };
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
    mail_rows(&lab, "one.test", ROWS);
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, lab.settings.concurrency_max);
    check_int(count_due(&lab, now_us(&lab)), 0);
    lab.hops[0].rules[0].verb = NULL;
    relay_leases_flush(lab.leases);
    const struct store_outcome outcome = {.id = relay_lab_queue(&lab).id,
                                          .kind = STORE_OUTCOME_RETRY_NOW};
    struct store_settle *settle = store_settle_create(lab.world.store, &outcome, 1, NULL, NULL, 0);
    job_run_now(lab.world.jobs, &settle->job);
    check_int(settle->status, 0);
    settle->job.free(&settle->job);
    relay_lab_run(&lab, 30000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[0].recipients, ROWS);
    relay_lab_deinit(&lab);
}

/* What is too old when its destination is still dead ends with a report, each by itself. */
TEST(test_put_off_entries_expire)
{
    enum { ROWS = 1000 };
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, "421 4.3.2 busy"};
    mail_many(&lab, "r@one.test", ROWS);
    relay_lab_run(&lab, RELAY_LAB_EXPIRE_MS + (int64_t)6 * RELAY_LAB_RETRY_MS);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(relay_lab_inbox(&lab, alice, NULL), ROWS);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_dead_domain_delays_nobody", test_dead_domain_delays_nobody},
           {"test_good_mail_goes_before_dead_rows_are_moved",
            test_good_mail_goes_before_dead_rows_are_moved},
           {"test_all_mail_for_nowhere_is_refused_at_once",
            test_all_mail_for_nowhere_is_refused_at_once},
           {"test_slow_domain_delays_nobody_and_gets_all_its_mail",
            test_slow_domain_delays_nobody_and_gets_all_its_mail},
           {"test_mixed_destinations_get_all_their_mail",
            test_mixed_destinations_get_all_their_mail},
           {"test_destination_is_put_off_as_a_whole", test_destination_is_put_off_as_a_whole},
           {"test_restart_does_not_hammer_what_is_dead", test_restart_does_not_hammer_what_is_dead},
           {"test_clock_that_is_set_back_puts_nobody_off_for_long",
            test_clock_that_is_set_back_puts_nobody_off_for_long},
           {"test_destination_recovers_at_once", test_destination_recovers_at_once},
           {"test_put_off_entries_expire", test_put_off_entries_expire})
