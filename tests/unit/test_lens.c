/*
 * An event as JSON and as text: stable keys, valid whatever a peer sent, and nothing that steers a
 * terminal.
 */
#include "check.h"
#include "lens/json.h"
#include "lens/text.h"
#include "pki/verdict.h"

static const struct tap_field fields[] = {{"cipher suites", {"TLS_A, TLS_B", 12}},
                                          {"server name", {"a\"b\\c", 5}}};

#define BEGAN_US 1800000000000000

static const struct lens_case {
    struct tap_event event;
    const char *json;
    const char *steps, *fields; /* as text */
} cases[] = {
    {{.kind = TAP_OPEN, .conn_id = 0x4f2a, .at_us = BEGAN_US, .detail = {"192.0.2.1:25", 12}},
     "{\"conn\":\"0000000000004f2a\",\"us\":0,\"at_us\":1800000000000000,\"event\":\"open\","
     "\"detail\":\"192.0.2.1:25\"}\n",
     "      0.000 ms      open                    192.0.2.1:25\n",
     ""},
    {{.kind = TAP_HANDSHAKE,
      .way = TAP_IN,
      .at_us = BEGAN_US + 12345,
      .code = 1,
      .name = "ClientHello",
      .size = 517,
      .fields = fields,
      .field_count = 2,
      .bytes = {"\x01\xff", 2}},
     "{\"conn\":\"0000000000000000\",\"us\":12345,\"at_us\":1800000000012345,"
     "\"event\":\"handshake\",\"way\":\"in\",\"name\":\"ClientHello\",\"code\":1,\"size\":517,"
     "\"fields\":{\"cipher_suites\":\"TLS_A, TLS_B\",\"server_name\":\"a\\\"b\\\\c\"},"
     "\"bytes\":\"01ff\"}\n",
     "     12.345 ms  <-  ClientHello            517 bytes\n",
     "                  cipher suites: TLS_A, TLS_B\n                  server name: a\"b\\c\n"},
    {{.kind = TAP_CHECK,
      .at_us = BEGAN_US + 1000,
      .code = PKI_CHECK_EXPIRED,
      .name = "dates",
      .detail = {"it ended", 8}},
     "{\"conn\":\"0000000000000000\",\"us\":1000,\"at_us\":1800000000001000,\"event\":\"check\","
     "\"name\":\"dates\",\"code\":6,\"verdict\":\"expired\",\"detail\":\"it ended\"}\n",
     "      1.000 ms      check dates            expired  it ended\n",
     ""},
    {{.kind = TAP_LINE, .way = TAP_OUT, .at_us = BEGAN_US, .size = 20},
     "{\"conn\":\"0000000000000000\",\"us\":0,\"at_us\":1800000000000000,\"event\":\"line\","
     "\"way\":\"out\",\"size\":20}\n",
     "      0.000 ms  ->  line                   20 bytes  (not shown)\n",
     ""},
    {{.kind = TAP_LINE,
      .way = TAP_IN,
      .at_us = BEGAN_US,
      .size = 9,
      .detail = {"\x1b[2J\xc3\xa9\xff\x7f", 8}},
     "{\"conn\":\"0000000000000000\",\"us\":0,\"at_us\":1800000000000000,\"event\":\"line\","
     "\"way\":\"in\",\"size\":9,\"detail\":\"\\u001b[2J\xc3\xa9\xef\xbf\xbd\\u007f\"}\n",
     "      0.000 ms  <-  line                   9 bytes  \\x1b[2J\xc3\xa9\\xff\\x7f\n",
     ""},
    /* Text that would be turned around is what this is about.
     * NOLINTBEGIN(misc-misleading-bidirectional) */
    {{.kind = TAP_LINE,
      .way = TAP_IN,
      .at_us = BEGAN_US,
      .detail = {"a\xe2\x80\xae"
                 "b",
                 5}},
     "{\"conn\":\"0000000000000000\",\"us\":0,\"at_us\":1800000000000000,\"event\":\"line\","
     "\"way\":\"in\",\"detail\":\"a\\u202eb\"}\n",
     "      0.000 ms  <-  line                    a\\xe2\\x80\\xae"
     "b\n",
     ""},
    {{.kind = TAP_LINE,
      .way = TAP_IN,
      .at_us = BEGAN_US,
      .detail = {"\xc2\x9b\xf3\xa0\x81\x81", 6}},
     "{\"conn\":\"0000000000000000\",\"us\":0,\"at_us\":1800000000000000,\"event\":\"line\","
     "\"way\":\"in\",\"detail\":\"\\u009b\\udb40\\udc41\"}\n",
     "      0.000 ms  <-  line                    \\xc2\\x9b\\xf3\\xa0\\x81\\x81\n",
     ""},
    /* NOLINTEND(misc-misleading-bidirectional) */
};
enum { CASE_COUNT = sizeof cases / sizeof *cases };

TEST(test_json_has_stable_keys_and_is_valid)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        struct buf out;
        check_case = cases[i].json;
        buf_init(&out, 0);
        lens_put_json(&out, &cases[i].event, BEGAN_US);
        check_span(buf_span(&out), cases[i].json);
        buf_release(&out);
    }
}

static void check_shown(const struct tap_event *event, enum lens_show show, const char *wanted)
{
    const struct lens_style style = {.show = show};
    struct buf out;
    buf_init(&out, 0);
    lens_put_text(&out, event, BEGAN_US, &style);
    check_span(buf_span(&out), wanted);
    buf_release(&out);
}

TEST(test_text_has_a_line_a_step_and_nothing_that_steers_a_terminal)
{
    for (size_t i = 0; i < CASE_COUNT; i++) {
        char both[512];
        check_case = cases[i].steps;
        check_shown(&cases[i].event, LENS_STEPS, cases[i].steps);
        (void)snprintf(both, sizeof both, "%s%s", cases[i].steps, cases[i].fields);
        check_shown(&cases[i].event, LENS_FIELDS, both);
    }
}

TEST(test_records_are_for_those_who_want_more_than_steps)
{
    const struct tap_event record = {
        .kind = TAP_RECORD, .way = TAP_IN, .at_us = BEGAN_US, .name = "handshake", .size = 127};
    check_shown(&record, LENS_STEPS, "");
    check_shown(&record, LENS_FIELDS, "      0.000 ms  <-  record handshake       127 bytes\n");
}

TEST(test_bytes_are_dumped_up_to_their_limit)
{
    static char bytes[LENS_DUMP_MAX + 3];
    struct tap_event event = {.kind = TAP_HANDSHAKE,
                              .way = TAP_OUT,
                              .at_us = BEGAN_US,
                              .name = "Finished",
                              .bytes = {"\x01"
                                        "AZ~\n0123456789abcdef",
                                        21}};
    const struct lens_style style = {.show = LENS_BYTES};
    struct buf out;
    check_shown(&event, LENS_BYTES,
                "      0.000 ms  ->  Finished              \n"
                "                  0000  01 41 5a 7e 0a 30 31 32 33 34 35 36 37 38 39 61  "
                ".AZ~.0123456789a\n"
                "                  0010  62 63 64 65 66                                   bcdef\n");
    event.bytes = span_make(bytes, sizeof bytes);
    buf_init(&out, 0);
    lens_put_text(&out, &event, BEGAN_US, &style);
    check(span_find(buf_span(&out), span_of("                  3 more bytes\n")) > 0);
    buf_release(&out);
}

TEST(test_colour_is_there_only_where_it_is_wanted)
{
    const struct lens_style style = {.has_colour = true};
    struct buf out;
    for (size_t i = 0; i < CASE_COUNT; i++) {
        buf_init(&out, 0);
        lens_put_text(&out, &cases[i].event, BEGAN_US, &style);
        bool has_colour = span_find(buf_span(&out), span_of("\033[")) >= 0;
        bool is_coloured = cases[i].event.kind == TAP_HANDSHAKE || cases[i].event.kind == TAP_CHECK;
        check(has_colour == is_coloured);
        check(!is_coloured || span_find(buf_span(&out), span_of("\033[0m\n")) > 0);
        buf_release(&out);
    }
}

CHECK_MAIN({"test_json_has_stable_keys_and_is_valid", test_json_has_stable_keys_and_is_valid},
           {"test_text_has_a_line_a_step_and_nothing_that_steers_a_terminal",
            test_text_has_a_line_a_step_and_nothing_that_steers_a_terminal},
           {"test_records_are_for_those_who_want_more_than_steps",
            test_records_are_for_those_who_want_more_than_steps},
           {"test_bytes_are_dumped_up_to_their_limit", test_bytes_are_dumped_up_to_their_limit},
           {"test_colour_is_there_only_where_it_is_wanted",
            test_colour_is_there_only_where_it_is_wanted})
