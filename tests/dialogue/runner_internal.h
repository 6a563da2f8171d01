/* What runner.c (files, headers, the loop over lines) and steps.c (each line's doing) share. */
#ifndef POSTERN_TESTS_DIALOGUE_RUNNER_INTERNAL_H
#define POSTERN_TESTS_DIALOGUE_RUNNER_INTERNAL_H

#include "tests/dialogue/pattern.h"
#include "tests/dialogue/peer.h"
#include "tests/dialogue/runner.h"

enum { RUNNER_PEERS_MAX = 9 };

struct runner {
    const struct dialogue *dialogue;
    enum dialogue_mode mode;
    const struct world_role *role;
    void *service;
    struct world world;
    struct peer peers[RUNNER_PEERS_MAX];
    size_t speaker; /* whose bytes are in `unsent` */
    struct buf unsent, message, transcript;
    struct pattern_variables variables;
    unsigned line_number;
    bool has_failed;
};

/* One line of the file that is neither header nor comment. */
void runner_step(struct runner *runner, struct span line);
/* Sends what is due and runs. */
void runner_flush(struct runner *runner);
void runner_fail(struct runner *runner, const char *what, struct span wanted, struct span got);

#endif
