/*
 * The relay while the store has no room for its outcomes: what a next hop has taken is not sent
 * again, and little more is sent that would be sent again after a crash.
 */
#include <limits.h>

#include "check.h"
#include "store/queue_rows.h"
#include "tests/fake/relay_lab.h"

enum { MAILS = 5, REFUSED_MS = 1900 /* before the store is asked again */ };

static const char *const alice = "alice@example.org";

static void mail(struct relay_lab *lab, unsigned notify)
{
    for (int i = 0; i < MAILS; i++)
        relay_lab_mail_with(
            lab, &(struct relay_lab_wish){.from = alice, .to = "r@one.test", .notify = notify});
}

TEST(test_nothing_more_is_sent_while_outcomes_are_owed)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    mail(&lab, STORE_NOTIFY_DEFAULT);
    lab.fail_writes = UINT_MAX;
    relay_lab_run(&lab, REFUSED_MS);
    unsigned sent = lab.hops[0].messages;
    check(sent > 0 && sent <= 2);
    relay_lab_run(&lab, 3600000);
    check_int(lab.hops[0].messages, sent);
    check_int(lab.hops[0].connections, 1); /* nor is a connection made that has nothing to send */
    lab.fail_writes = 0;
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[0].messages, MAILS);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* New mail finds the relay waiting, on a connection that rests. */
TEST(test_mail_that_comes_meanwhile_goes_on_the_same_connection)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    lab.settings.keep_ms = 60000;
    relay_lab_mail(&lab, alice, "r@one.test");
    lab.fail_writes = 1;
    relay_lab_run(&lab, 1000);
    mail(&lab, STORE_NOTIFY_DEFAULT);
    relay_lab_run(&lab, REFUSED_MS - 1000);
    check_int(lab.hops[0].messages, 1);
    relay_lab_run(&lab, 5000);
    check_int(lab.hops[0].messages, MAILS + 1);
    check_int(lab.hops[0].connections, 1);
    check_int(relay_lab_queue(&lab).count, 0);
    relay_lab_deinit(&lab);
}

/* A report needs room of its own: mail that needs none goes on, and makes some. */
TEST(test_a_report_without_room_holds_nothing_up)
{
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.settings.concurrency_max = 1;
    mail(&lab, STORE_NOTIFY_SUCCESS);
    lab.fail_writes = 1;
    relay_lab_run(&lab, REFUSED_MS);
    check_int(lab.hops[0].messages, MAILS);
    relay_lab_run(&lab, 30000);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(lab.hops[0].messages, MAILS);
    relay_lab_deinit(&lab);
}

CHECK_MAIN({"test_nothing_more_is_sent_while_outcomes_are_owed",
            test_nothing_more_is_sent_while_outcomes_are_owed},
           {"test_mail_that_comes_meanwhile_goes_on_the_same_connection",
            test_mail_that_comes_meanwhile_goes_on_the_same_connection},
           {"test_a_report_without_room_holds_nothing_up",
            test_a_report_without_room_holds_nothing_up})
