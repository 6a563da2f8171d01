/* Tests of queue/schedule.h and of who gets a report (queue/bounce.h). */
#include "queue/bounce.h"
#include "queue/schedule.h"
#include "tests/unit/check.h"

static uint64_t fixed_value;

static void fill_fixed(const struct entropy *entropy, void *bytes, size_t size)
{
    (void)entropy;
    memset(bytes, 0, size);
    memcpy(bytes, &fixed_value, size < sizeof fixed_value ? size : sizeof fixed_value);
}

TEST(test_backoff_doubles_up_to_its_most)
{
    static const struct {
        unsigned attempts;
        int64_t delay;
    } cases[] = {{1, 1000},  {2, 2000},  {3, 4000},       {4, 8000},
                 {5, 10000}, {6, 10000}, {4000000, 10000}};
    const struct settings_relay settings = {.retry_min_ms = 1000, .retry_max_ms = 10000};
    const struct entropy fixed = {fill_fixed};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t quarter = cases[i].delay / 4;
        fixed_value = 0;
        check_int(schedule_delay_ms(&settings, cases[i].attempts, &fixed),
                  cases[i].delay - quarter);
        fixed_value = (uint64_t)(2 * quarter);
        check_int(schedule_delay_ms(&settings, cases[i].attempts, &fixed),
                  cases[i].delay + quarter);
    }
}

TEST(test_destination_is_put_off_for_a_quarter_of_the_most)
{
    static const struct {
        unsigned failures;
        int64_t most, delay;
    } cases[] = {{1, 40000, 1000},  {2, 40000, 2000},        {4, 40000, 8000},
                 {5, 40000, 10000}, {4000000, 40000, 10000}, {3, 2000, 1000}};
    const struct entropy fixed = {fill_fixed};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct settings_relay settings = {.retry_min_ms = 1000,
                                                .retry_max_ms = cases[i].most};
        fixed_value = (uint64_t)(cases[i].delay / 4);
        check_int(schedule_put_off_ms(&settings, cases[i].failures, &fixed), cases[i].delay);
    }
}

enum {
    FAILED = 1 << DSN_FAILED,
    DELAYED = 1 << DSN_DELAYED,
    SUCCESS = 1 << DSN_DELIVERED | 1 << DSN_RELAYED | 1 << DSN_EXPANDED
};

/* RFC 3461 5.2.2 to 5.2.7: every NOTIFY and every action. */
TEST(test_who_is_told_what)
{
    static const struct {
        const char *reverse_path;
        unsigned notify;
        unsigned due; /* a bit for each action */
    } cases[] = {
        {"a@b.test", STORE_NOTIFY_DEFAULT, FAILED | DELAYED},
        {"a@b.test", STORE_NOTIFY_NEVER, 0},
        {"a@b.test", STORE_NOTIFY_SUCCESS, SUCCESS},
        {"a@b.test", STORE_NOTIFY_FAILURE, FAILED},
        {"a@b.test", STORE_NOTIFY_DELAY, DELAYED},
        {"a@b.test", STORE_NOTIFY_SUCCESS | STORE_NOTIFY_FAILURE, SUCCESS | FAILED},
        {"a@b.test", STORE_NOTIFY_SUCCESS | STORE_NOTIFY_DELAY, SUCCESS | DELAYED},
        {"a@b.test", STORE_NOTIFY_FAILURE | STORE_NOTIFY_DELAY, FAILED | DELAYED},
        {"a@b.test", STORE_NOTIFY_DELAY_TOLD, FAILED},
        {"a@b.test", STORE_NOTIFY_DELAY | STORE_NOTIFY_DELAY_TOLD, 0},
        {"a@b.test", STORE_NOTIFY_NEVER | STORE_NOTIFY_DELAY_TOLD, 0},
        {"", STORE_NOTIFY_DEFAULT, 0},
        {"", STORE_NOTIFY_FAILURE | STORE_NOTIFY_SUCCESS | STORE_NOTIFY_DELAY, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct store_queue_row row = {.reverse_path = span_of(cases[i].reverse_path),
                                            .notify = cases[i].notify};
        for (int action = DSN_FAILED; action <= DSN_EXPANDED; action++)
            check_int(bounce_is_due(&row, (enum dsn_action)action),
                      (cases[i].due & 1U << action) != 0);
    }
}

CHECK_MAIN({"test_backoff_doubles_up_to_its_most", test_backoff_doubles_up_to_its_most},
           {"test_destination_is_put_off_for_a_quarter_of_the_most",
            test_destination_is_put_off_for_a_quarter_of_the_most},
           {"test_who_is_told_what", test_who_is_told_what})
