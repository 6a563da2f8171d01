/*
 * The whole life of mail that cannot be delivered, with the times that the configuration has by
 * default, in virtual time: RFC 5321 4.5.4.1 (the interval, when to give up), RFC 3464 (what the
 * sender hears). Once with a next hop that says "later", once with one that does not answer, and
 * once over the end of 32-bit time.
 */
#include "check.h"
#include "tests/fake/relay_lab.h"

enum { MINUTE_MS = 60000, HOUR_MS = 60 * MINUTE_MS, ATTEMPTS_MAX = 241 };

static const char alice[] = "alice@example.org";

static const struct {
    const char *name;
    struct hop_rule rule;
    int64_t start_s; /* 0: the simulator's */
    int64_t wait_max_ms;
    const char *diagnostic;
} lives[] = {
    {"later", {"RCPT", 0, "450 4.2.1 later"}, 0, (int64_t)5 * HOUR_MS, "450 4.2.1 later"},
    {"dead",
     {"CONNECT", 0, "421 4.3.2 busy"},
     0,
     HOUR_MS + (int64_t)15 * MINUTE_MS,
     "421 4.3.2 busy"},
    {"later, over 2038",
     {"RCPT", 0, "450 4.2.1 later"},
     2147483647 - 86400,
     (int64_t)5 * HOUR_MS,
     "450 4.2.1"},
    {"dead, over 2038",
     {"CONNECT", 0, "421 4.3.2 busy"},
     2147483647 - 86400,
     HOUR_MS + (int64_t)15 * MINUTE_MS,
     "421 4.3.2 busy"},
};

static int64_t now_us(const struct relay_lab *lab)
{
    return clock_wall_us(lab->options.clock);
}

/* Runs to just before and just after the next attempt; each interval is plausible. */
static void live(struct relay_lab *lab, int64_t wait_max_ms)
{
    unsigned attempts = 1;
    for (; attempts < ATTEMPTS_MAX; attempts++) {
        struct relay_lab_queue queue = relay_lab_queue(lab);
        if (queue.count == 0)
            break;
        check_int(queue.attempts, attempts);
        int64_t wait_ms = (queue.due_us - now_us(lab)) / 1000;
        check(wait_ms > (int64_t)10 * MINUTE_MS && wait_ms <= wait_max_ms);
        relay_lab_run(lab, wait_ms + 1000);
    }
    /* RFC 5321 4.5.4.1: 30 minutes apart on the whole, so not more than two an hour. */
    check(attempts > 20 && attempts < ATTEMPTS_MAX);
}

TEST(test_five_days)
{
    for (size_t i = 0; i < sizeof lives / sizeof *lives; i++) {
        struct relay_lab lab;
        struct buf inbox;
        relay_lab_init(&lab);
        lab.settings.retry_min_ms = (int64_t)15 * MINUTE_MS;
        lab.settings.retry_max_ms = (int64_t)4 * HOUR_MS;
        lab.settings.expire_ms = (int64_t)5 * 24 * HOUR_MS;
        lab.settings.delay_report_ms = (int64_t)4 * HOUR_MS;
        lab.hops[0].rules[0] = lives[i].rule;
        if (lives[i].start_s != 0)
            sim_set_wall_us(lab.world.sim, lives[i].start_s * 1000000);
        int64_t began_us = now_us(&lab);
        relay_lab_mail(&lab, alice, "r@one.test");
        relay_lab_run(&lab, 1000);
        live(&lab, lives[i].wait_max_ms);

        int64_t life_ms = (now_us(&lab) - began_us) / 1000;
        check(life_ms > lab.settings.expire_ms);
        check(life_ms < lab.settings.expire_ms + lives[i].wait_max_ms + MINUTE_MS);
        check_int(lab.hops[0].messages, 0);
        /* One report that it waits, one that it was given up; in this order, and no other. */
        buf_init(&inbox, 0);
        check_int(relay_lab_inbox(&lab, alice, NULL), 2);
        check_int(relay_lab_inbox(&lab, alice, &inbox), 2);
        struct span text = buf_span(&inbox);
        check(span_find(text, span_of("Action: failed")) >= 0);
        check(span_find(text, span_of("Status: 4.4.7")) >= 0);
        check(span_find(text, span_of(lives[i].diagnostic)) >= 0);
        relay_lab_run(&lab, (int64_t)24 * HOUR_MS);
        check_int(relay_lab_inbox(&lab, alice, NULL), 2);
        buf_release(&inbox);
        relay_lab_deinit(&lab);
    }
}

CHECK_MAIN({"test_five_days", test_five_days})
