/*
 * runner: reads a dialogue file (README.md) and plays it in one mode.
 */
#ifndef POSTERN_TESTS_DIALOGUE_RUNNER_H
#define POSTERN_TESTS_DIALOGUE_RUNNER_H

#include "tests/dialogue/world.h"

enum dialogue_mode {
    DIALOGUE_WHOLE,
    DIALOGUE_BYTES,
    DIALOGUE_CUTS,
    DIALOGUE_TLS,
    DIALOGUE_MODE_COUNT
};
extern const char *const dialogue_mode_names[DIALOGUE_MODE_COUNT];

enum dialogue_result { DIALOGUE_PASSED, DIALOGUE_FAILED, DIALOGUE_LEFT_OUT };

struct dialogue {
    const char *path;
    const struct world_role *roles; /* all there are */
    size_t role_count;
    const char *default_role;
    bool is_verbose; /* the transcript even when it passes */
};

/* Failures are told on standard error. */
enum dialogue_result dialogue_run(const struct dialogue *dialogue, enum dialogue_mode mode);

#endif
