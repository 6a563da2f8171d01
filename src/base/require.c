/*
 * require.c: what happens when something that must hold does not: a line and an abort. It leaves
 * recovery to the store, which survives a death at any instruction.
 */
#include "base/require.h"

#include <stdio.h>
#include <stdlib.h>

void require_failed(const char *condition, const char *file, int line)
{
    (void)fprintf(stderr, "postern: %s:%d: does not hold: %s\n", file, line, condition);
    abort();
}
