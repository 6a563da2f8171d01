/*
 * connect.c: `postern connect`: looks at a live server and reports, once, or both ways side by
 * side. Options are connect_options.c's, the look connect_run.c's, words connect_report.c's.
 * Tests: tests/clients/test_connect.py.
 */
#include "cli/connect.h"

#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/ink.h"

static void print(struct buf *text)
{
    struct span bytes = buf_span(text);

    (void)fwrite(bytes.ptr, 1, bytes.len, stdout);
    (void)fflush(stdout);
    buf_release(text);
}

static int look_once(const struct connect_options *options)
{
    struct connect_record record;
    struct fault fault;
    struct buf text;
    struct ink ink = {.out = &text, .has_colour = ink_wants_colour(STDOUT_FILENO)};

    connect_record_init(&record, options);
    buf_init(&text, 0);
    int status = CLI_COULD_NOT;
    if (connect_run(options, &record, &fault) != 0) {
        cli_complain("%s", fault.text);
    } else {
        status = connect_record_status(&record);
        if (options->is_json)
            connect_json(&text, &record);
        else
            connect_report(&ink, &record);
    }
    print(&text);
    connect_record_deinit(&record);
    return status;
}

/* The graver of the two: nothing is graver than no connection. */
static int worse_of(int a, int b)
{
    if (a == CLI_COULD_NOT || b == CLI_COULD_NOT)
        return CLI_COULD_NOT;
    return a > b ? a : b;
}

static int look_twice(const struct connect_options *options)
{
    struct connect_options ways[2] = {*options, *options};
    struct connect_record records[2];
    struct fault fault;
    struct buf text;
    struct ink ink = {.out = &text, .has_colour = ink_wants_colour(STDOUT_FILENO)};
    bool is_implicit = options->security == CONN_IMPLICIT;
    int err = 0;

    ways[0].security = CONN_PLAIN;
    ways[1].security = CONN_IMPLICIT;
    ways[is_implicit ? 0 : 1].port = options->other_port;
    buf_init(&text, 0);
    for (size_t i = 0; i < 2; i++) {
        connect_record_init(&records[i], &ways[i]);
        err = err != 0 ? err : connect_run(&ways[i], &records[i], &fault);
        explicit_bzero(ways[i].password, sizeof ways[i].password);
    }
    if (err != 0)
        cli_complain("%s", fault.text);
    else if (options->is_json)
        connect_json_compare(&text, &records[0], &records[1]);
    else
        connect_report_compare(&ink, &records[0], &records[1]);
    print(&text);
    int status =
        err != 0 ? CLI_COULD_NOT
                 : worse_of(connect_record_status(&records[0]), connect_record_status(&records[1]));
    connect_record_deinit(&records[0]);
    connect_record_deinit(&records[1]);
    return status;
}

int cli_connect(int argc, char **argv)
{
    struct connect_options options;
    int status = CLI_USAGE;

    if (connect_options_parse(argc, argv, &options, &status) == CLI_OK)
        status = options.is_compare ? look_twice(&options) : look_once(&options);
    connect_options_deinit(&options);
    return status;
}
