/*
 * message_json.c: a message's life for programs: the words of each line under their names. Tests:
 * tests/unit/test_cli_queue.c, tests/clients/test_queue.py.
 */
#include <inttypes.h>

#include "cli/queue.h"
#include "lens/json.h"
#include "mail/date.h"

enum { FIELDS_MAX = 20 };

enum field_type { END, TEXT, NUMBER, TIME, BOOL, CHECKS };

/* The words behind the first one, in the order of admin/message.c. */
static const struct kind {
    const char *name;
    struct field {
        const char *key;
        enum field_type type;
    } fields[FIELDS_MAX];
} kinds[] = {
    {"received",
     {{"received", TIME},
      {"size", NUMBER},
      {"from", TEXT},
      {"client", TEXT},
      {"listener", TEXT},
      {"tls_version", TEXT},
      {"tls_suite", TEXT},
      {"login", TEXT}}},
    {"attempt",
     {{"entry", NUMBER},
      {"attempt", NUMBER},
      {"at", TIME},
      {"duration_us", NUMBER},
      {"verdict", TEXT},
      {"to", TEXT},
      {"route", TEXT},
      {"host", TEXT},
      {"address", TEXT},
      {"tls_version", TEXT},
      {"tls_suite", TEXT},
      {"certificate", TEXT},
      {"certificate_text", TEXT},
      {"reply", TEXT},
      {"due", TIME},
      {"checks", CHECKS}}},
    {"waits",
     {{"entry", NUMBER},
      {"attempts", NUMBER},
      {"due", TIME},
      {"held", BOOL},
      {"to", TEXT},
      {"last", TEXT}}},
    {"stored", {{NULL, END}}},
};

/* Lines "what word sentence". */
static void put_checks(struct buf *out, struct span lines)
{
    const char *before = "[";
    while (lines.len > 0) {
        struct span line = span_cut(&lines, '\n');
        buf_printf(out, "%s{\"check\":", before);
        lens_json_string(out, span_cut(&line, ' '));
        buf_puts(out, ",\"verdict\":");
        lens_json_string(out, span_cut(&line, ' '));
        buf_puts(out, ",\"text\":");
        lens_json_string(out, line.ptr == NULL ? span_of("") : line);
        buf_puts(out, "}");
        before = ",";
    }
    buf_puts(out, before[0] == '[' ? "[]" : "]");
}

static void put_value(struct buf *out, enum field_type type, struct span word)
{
    char text[DATE_TEXT_SIZE];
    uint64_t number = 0;
    bool is_number = span_to_u64(word, INT64_MAX, &number);
    if (type == TEXT) {
        lens_json_string(out, word);
    } else if (type == CHECKS) {
        put_checks(out, word);
    } else if (!is_number || (type == TIME && number == 0)) {
        buf_puts(out, "null");
    } else if (type == BOOL) {
        buf_puts(out, number != 0 ? "true" : "false");
    } else if (type == NUMBER) {
        buf_printf(out, "%" PRIu64, number);
    } else {
        date_rfc3339((int64_t)number / 1000000, text);
        lens_json_string(out, span_of(text));
    }
}

void message_put_json(struct buf *out, const struct span *words, size_t count)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds && count > 0; i++) {
        if (!span_is(words[0], kinds[i].name))
            continue;
        buf_printf(out, "{\"kind\":\"%s\"", kinds[i].name);
        const struct field *field = kinds[i].fields;
        for (size_t word = 1; word < count && field->type != END; word++, field++) {
            buf_printf(out, ",\"%s\":", field->key);
            put_value(out, field->type, words[word]);
        }
        buf_puts(out, "}\n");
    }
}
