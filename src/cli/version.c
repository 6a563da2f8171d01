/*
 * version.c: postern version.
 */
#include <stdio.h>

#include "cli/cli.h"

int cli_version(int argc, char **argv)
{
    if (argc > 1 && (span_is(span_of(argv[1]), "--help") || span_is(span_of(argv[1]), "-h"))) {
        (void)puts("postern version - prints the version\n\n"
                   "  postern version\n\n"
                   "Example: postern version");
        return CLI_OK;
    }
    (void)puts("postern " POSTERN_VERSION);
    return CLI_OK;
}
