/*
 * serve.c: postern serve.
 */
#include "cli/cli.h"
#include "server.h"

static const char help[] =
    "postern serve - runs the server in the foreground\n"
    "\n"
    "  postern serve [-c FILE]\n"
    "\n"
    "Binds the listeners, then becomes the configured user. Logs to standard error, one line an\n"
    "event; the line \"info server ready\" says that every listener accepts. SIGTERM drains and\n"
    "stops; SIGHUP reads the configuration and the certificates again without dropping anybody.\n"
    "\n"
    "Example: postern serve -c /etc/postern/postern.conf\n";

int cli_serve(int argc, char **argv)
{
    struct cli_common common;
    int status;
    if (cli_common(argc, argv, help, &common, &status) != CLI_OK)
        return status;
    if (common.word_count > 0)
        return cli_usage("serve", "serve takes no arguments");
    return server_run(common.conf_file);
}
