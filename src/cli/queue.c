/*
 * queue.c: postern queue list|show|retry|delete.
 */
#include "cli/cli.h"

static const char help[] =
    "postern queue - mail on its way out\n"
    "\n"
    "  postern queue list         one line an entry: number, message, size, attempts, due, from, "
    "to\n"
    "  postern queue show ID      all about an entry (its number, or its message's id)\n"
    "  postern queue retry ID     tries at once\n"
    "  postern queue delete ID    removes it; nobody is told\n"
    "\n"
    "Works while the server runs and when it does not.\n"
    "\n"
    "Example: postern queue retry 17\n";

int cli_queue(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    struct span verb = common.word_count > 0 ? span_of(common.words[0]) : span_of("");
    bool is_list = span_is(verb, "list");
    if (!is_list && !span_is(verb, "show") && !span_is(verb, "retry") && !span_is(verb, "delete"))
        return cli_usage("queue", "expected list, show, retry or delete");
    if (common.word_count != (is_list ? 1 : 2))
        return cli_usage("queue", is_list ? "list takes no ID" : "expected one ID");

    const struct settings *settings = cli_load(common.conf_file);
    if (settings == NULL)
        return CLI_COULD_NOT;
    const struct span words[] = {span_of("queue"), verb,
                                 is_list ? span_of("") : span_of(common.words[1])};
    status = cli_call(settings, words, is_list ? 2 : 3);
    conf_unref(&settings);
    return status;
}
