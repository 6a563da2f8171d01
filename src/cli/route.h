/* route: the parts of `postern route`. */
#ifndef POSTERN_CLI_ROUTE_H
#define POSTERN_CLI_ROUTE_H

#include "conf/conf.h"

/* route_test.c: tells where mail for an address goes and why; an exit status. 1 when it would not
 * be taken from anybody. */
int cli_route_test(const struct settings *settings, const char *name);

#endif
