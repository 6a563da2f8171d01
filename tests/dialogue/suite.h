/*
 * suite: the main program of the dialogue tests: every file of a folder in every mode, each counted
 * as a test. See README.md for its arguments.
 */
#ifndef POSTERN_TESTS_DIALOGUE_SUITE_H
#define POSTERN_TESTS_DIALOGUE_SUITE_H

#include "tests/dialogue/runner.h"

/* dir: below the repository's root, where the program is started. Returns the exit code. */
int dialogue_suite(int argc, char **argv, const char *dir, const struct world_role *roles,
                   size_t role_count);

#endif
