/* suite: finds the files, runs the modes, counts. */
#include "tests/dialogue/suite.h"

#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"

struct counts {
    unsigned passed, failed;
};

static void run_modes(const struct dialogue *dialogue, struct counts *counts)
{
    const char *only = getenv("DIALOGUE_MODE");

    for (int mode = 0; mode < DIALOGUE_MODE_COUNT; mode++) {
        if (only != NULL && strcmp(only, dialogue_mode_names[mode]) != 0)
            continue;
        switch (dialogue_run(dialogue, (enum dialogue_mode)mode)) {
        case DIALOGUE_PASSED:
            counts->passed++;
            break;
        case DIALOGUE_FAILED:
            counts->failed++;
            (void)fprintf(stderr, "FAILED %s [%s]\n", dialogue->path, dialogue_mode_names[mode]);
            break;
        case DIALOGUE_LEFT_OUT:
            break;
        }
    }
}

int dialogue_suite(int argc, char **argv, const char *dir, const struct world_role *roles,
                   size_t role_count)
{
    struct dialogue dialogue = {
        .roles = roles, .role_count = role_count, .default_role = roles[0].name};
    struct counts counts = {0, 0};
    bool has_files = false;

    log_set_level(LOG_NONE);
    for (int i = 1; i < argc; i++) {
        dialogue.path = argv[i];
        if (strcmp(argv[i], "-v") == 0) {
            dialogue.is_verbose = true;
            continue;
        }
        has_files = true;
        run_modes(&dialogue, &counts);
    }
    glob_t found = {0};
    char pattern[256];
    (void)snprintf(pattern, sizeof pattern, "%s/*.dlg", dir);
    if (!has_files && glob(pattern, 0, NULL, &found) == 0)
        for (size_t i = 0; i < found.gl_pathc; i++) {
            dialogue.path = found.gl_pathv[i];
            run_modes(&dialogue, &counts);
        }
    globfree(&found);
    world_tls_release();
    (void)printf("%u passed, %u failed\n", counts.passed, counts.failed);
    return counts.failed != 0 || counts.passed == 0;
}
