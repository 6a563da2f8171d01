/*
 * The documents that come from the schema, and the examples: the reference loads and sets what the
 * defaults are, the files in the repository are up to date, each example is accepted. With the
 * argument "write" it writes the documents (scripts/regenerate). Runs in the repository's root.
 */
#include "base/file.h"
#include "base/mem.h"
#include "check.h"
#include "conf/conf.h"
#include "conf/conf_internal.h"
#include "conf/value.h"

#define REFERENCE_FILE "conf/reference.conf"
#define MANUAL_FILE    "docs/man/postern.conf.5"

static void on_complaint(void *owner, const char *file, int line, const char *sentence)
{
    (void)owner;
    CHECK_FAILED("%s:%d: %s", file, line, sentence);
}

static void check_field(const struct conf_row *row, const struct settings *got,
                        const struct settings *wanted)
{
    const char *a = (const char *)got + row->offset, *b = (const char *)wanted + row->offset;

    if ((row->flags & CONF_PATH) != 0)
        return; /* relative to different directories */
    if (row->type == CONF_STRING || row->type == CONF_CHOICE)
        check_text(*(const char *const *)(const void *)a, *(const char *const *)(const void *)b);
    else if (row->type == CONF_LIST)
        check(*(const size_t *)(const void *)((const char *)got + row->size) ==
              *(const size_t *)(const void *)((const char *)wanted + row->size));
    else
        check(memcmp(a, b, row->size) == 0);
}

TEST(test_the_reference_loads_and_sets_the_defaults)
{
    struct buf text;

    buf_init(&text, 0);
    conf_write_reference(&text);
    const struct settings *got =
        conf_parse(buf_span(&text), "/x/reference.conf", on_complaint, NULL);
    const struct settings *wanted = conf_defaults();
    check(got != NULL);
    for (size_t i = 0; got != NULL && i < conf_row_count; i++) {
        check_case = conf_rows[i].name;
        check_field(&conf_rows[i], got, wanted);
    }
    check_int(got != NULL ? got->listener_count : 0, 7);
    conf_unref(&got);
    conf_unref(&wanted);
    buf_release(&text);
}

TEST(test_every_row_is_complete)
{
    for (size_t i = 0; i < conf_row_count; i++) {
        const struct conf_row *row = &conf_rows[i];
        size_t len = strlen(row->sentence);
        check_case = row->name;
        check(len > 0 && row->sentence[len - 1] == '.');
        check((row->type == CONF_CHOICE || row->type == CONF_ENUM) == (row->choices != NULL));
        check(row->choices == NULL || conf_choice_index(row->choices, row->initial) >= 0);
        for (size_t j = 0; j < i; j++)
            check(strcmp(conf_rows[j].group, row->group) != 0 ||
                  strcmp(conf_rows[j].name, row->name) != 0);
    }
}

TEST(test_units_are_written_as_they_are_read)
{
    static const struct {
        int64_t value;
        const char *size, *time;
    } rows[] = {{0, "0B", "0s"},
                {1, "1B", "1ms"},
                {1000, "1000B", "1s"},
                {1024, "1K", "1024ms"},
                {90000, "90000B", "90s"},
                {86400000, "84375K", "1d"},
                {1LL << 30, "1G", "1073741824ms"}};

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct buf text;
        int64_t back = -1;
        check_case = rows[i].size;
        buf_init(&text, 0);
        conf_put_size(&text, rows[i].value);
        check_span(buf_span(&text), rows[i].size);
        buf_clear(&text);
        conf_put_time(&text, rows[i].value);
        check_span(buf_span(&text), rows[i].time);
        check_int(conf_parse_size(rows[i].size, &back), 0);
        check_int(back, rows[i].value);
        check_int(conf_parse_time(rows[i].time, &back), 0);
        check_int(back, rows[i].value);
        buf_release(&text);
    }
}

static void check_file(const char *file, void (*write)(struct buf *))
{
    struct buf text;
    struct fault fault;
    char *bytes = NULL;
    size_t len = 0;

    check_case = file;
    buf_init(&text, 0);
    write(&text);
    fault_clear(&fault);
    check_int(file_read_all(file, CONF_FILE_SIZE_MAX, &bytes, &len, &fault), 0);
    check_text(fault.text, "");
    if (bytes != NULL && !span_equal(span_make(bytes, len), buf_span(&text)))
        CHECK_FAILED("%s is not up to date: run scripts/regenerate", file);
    mem_free(bytes);
    buf_release(&text);
}

TEST(test_the_documents_are_up_to_date)
{
    check_file(REFERENCE_FILE, conf_write_reference);
    check_file(MANUAL_FILE, conf_write_manual);
}

TEST(test_each_example_is_accepted)
{
    static const char *const files[] = {"conf/postern.conf", "conf/smarthost.conf", "conf/lab.conf",
                                        "conf/store.conf"};

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        char *bytes = NULL;
        size_t len = 0;
        check_case = files[i];
        if (file_read_all(files[i], CONF_FILE_SIZE_MAX, &bytes, &len, NULL) != 0) {
            CHECK_FAILED("%s cannot be read", files[i]);
            continue;
        }
        const struct settings *settings =
            conf_parse(span_make(bytes, len), files[i], on_complaint, NULL);
        check(settings != NULL);
        conf_unref(&settings);
        mem_free(bytes);
    }
}

static int write_file(const char *file, void (*write)(struct buf *))
{
    struct buf text;
    struct fault fault;

    buf_init(&text, 0);
    write(&text);
    int err = file_write_all(file, buf_span(&text).ptr, text.len, 0644, &fault);
    buf_release(&text);
    if (err != 0)
        (void)fprintf(stderr, "%s\n", fault.text);
    return err != 0;
}

int main(int argc, char **argv)
{
    static const struct check_test tests[] = {
        {"test_the_reference_loads", test_the_reference_loads_and_sets_the_defaults},
        {"test_every_row_is_complete", test_every_row_is_complete},
        {"test_units", test_units_are_written_as_they_are_read},
        {"test_the_documents_are_up_to_date", test_the_documents_are_up_to_date},
        {"test_each_example_is_accepted", test_each_example_is_accepted},
    };

    if (argc == 2 && strcmp(argv[1], "write") == 0)
        return write_file(REFERENCE_FILE, conf_write_reference) +
               write_file(MANUAL_FILE, conf_write_manual);
    return check_run(argc, argv, tests, sizeof tests / sizeof *tests);
}
