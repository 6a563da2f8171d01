/* What a record keeps of what it is shown: copies, within limits; and round trips. */
#include "check.h"
#include "cli/connect.h"

static const struct connect_options options = {.host = NULL};

static void add(struct connect_record *record, enum tap_kind kind, enum tap_way way, bool is_secure)
{
    const struct tap_event event = {.kind = kind, .way = way, .at_us = 1, .code = 1};

    connect_record_event(record, &event, is_secure);
}

static const struct trip_case {
    const char *name;
    const char
        *script; /* o: open; l L: a line in, out; h H: a message in, out; s S: a secure line */
    unsigned plain, tls, secure;
} cases[] = {
    {"STARTTLS, TLS 1.3", "olLllLlHhhHS", 3, 1, 0},
    {"STARTTLS, TLS 1.2", "olLlLlHhhHHhS", 3, 2, 0},
    {"implicit, TLS 1.3", "oHhhHsS", 0, 1, 1},
    {"implicit, TLS 1.2: the greeting comes with Finished", "oHhHhsS", 0, 2, 0},
    {"a retry", "oHhHhHsS", 0, 2, 1},
    {"what follows the first secure command does not count", "oHhHsSsSsS", 0, 1, 1},
};

TEST(test_round_trips)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct connect_record record;
        check_case = cases[i].name;
        connect_record_init(&record, &options);
        for (const char *at = cases[i].script; *at != '\0'; at++) {
            bool is_out = *at >= 'A' && *at <= 'Z';
            char kind = is_out ? (char)(*at + ('a' - 'A')) : *at;
            add(&record,
                kind == 'o'   ? TAP_OPEN
                : kind == 'h' ? TAP_HANDSHAKE
                              : TAP_LINE,
                kind == 'o' ? TAP_NO_WAY
                : is_out    ? TAP_OUT
                            : TAP_IN,
                kind == 's');
        }
        check_int(record.trips_plain, cases[i].plain);
        check_int(record.trips_tls, cases[i].tls);
        check_int(record.trips_secure, cases[i].secure);
        check_int(connect_record_trips(&record),
                  1 + cases[i].plain + cases[i].tls + cases[i].secure);
        connect_record_deinit(&record);
    }
}

TEST(test_events_are_copied)
{
    char name[] = "ClientHello", value[] = "x25519", bytes[] = {1, 2, 3};
    struct tap_field field = {"groups", span_of(value)};
    const struct tap_event event = {.kind = TAP_HANDSHAKE,
                                    .name = name,
                                    .fields = &field,
                                    .field_count = 1,
                                    .bytes = span_make(bytes, sizeof bytes)};
    struct connect_record record;

    connect_record_init(&record, &options);
    connect_record_event(&record, &event, false);
    memset(name, 'x', sizeof name - 1);
    memset(value, 'x', sizeof value - 1);
    memset(bytes, 9, sizeof bytes);
    field.value.len = 0;
    const struct tap_event *kept = &record.events[0].event;
    check_text(kept->name, "ClientHello");
    check_span(kept->fields[0].value, "x25519");
    check_span(kept->bytes, "\x01\x02\x03");
    connect_record_deinit(&record);
}

TEST(test_so_many_events_and_no_more)
{
    struct connect_record record;

    connect_record_init(&record, &options);
    for (size_t i = 0; i < CONNECT_EVENTS_MAX + 3; i++)
        add(&record, TAP_RECORD, TAP_IN, true);
    check_int(record.count, CONNECT_EVENTS_MAX);
    check_int(record.left_out, 3);
    connect_record_deinit(&record);
}

TEST(test_so_many_bytes_and_no_more)
{
    static char bytes[CONNECT_BYTES_MAX / 4];
    const struct tap_event event = {.kind = TAP_HANDSHAKE, .bytes = span_make(bytes, sizeof bytes)};
    struct connect_record record;

    connect_record_init(&record, &options);
    for (size_t i = 0; i < 6; i++)
        connect_record_event(&record, &event, false);
    check(record.count >= 3 && record.count <= 4 && record.count + record.left_out == 6);
    connect_record_deinit(&record);
}

TEST(test_exit_status)
{
    struct connect_record record;

    connect_record_init(&record, &options);
    check_int(connect_record_status(&record), 1);
    record.has_facts = true;
    check_int(connect_record_status(&record), CONNECT_STATUS_RED);
    record.facts.check = PKI_CHECK_GOOD;
    check_int(connect_record_status(&record), 1);
    record.has_result = true;
    check_int(connect_record_status(&record), 0);
    record.result = PROBE_LOGIN_REFUSED;
    check_int(connect_record_status(&record), 1);
    connect_record_deinit(&record);
}

CHECK_MAIN({"test_round_trips", test_round_trips},
           {"test_events_are_copied", test_events_are_copied},
           {"test_so_many_events_and_no_more", test_so_many_events_and_no_more},
           {"test_so_many_bytes_and_no_more", test_so_many_bytes_and_no_more},
           {"test_exit_status", test_exit_status})
