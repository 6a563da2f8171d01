/*
 * pattern: the texts of dialogue files: escapes, `...` and `<<name>>`, and the variables that they
 * fill. See README.md.
 */
#ifndef POSTERN_TESTS_DIALOGUE_PATTERN_H
#define POSTERN_TESTS_DIALOGUE_PATTERN_H

#include "base/buf.h"

enum { PATTERN_VARIABLES_MAX = 16 };

struct pattern_variables {
    struct {
        char name[32];
        struct buf value;
    } items[PATTERN_VARIABLES_MAX];
    size_t count;
};

void pattern_variables_deinit(struct pattern_variables *variables);
/* Appends text with its escapes taken and its variables put in. */
void pattern_expand(struct span text, const struct pattern_variables *variables, struct buf *out);
/* Whether the whole line fits the pattern; fills variables when it does. */
bool pattern_fits(struct span pattern, struct span line, struct pattern_variables *variables);
/* Appends bytes so that a terminal can show them. */
void pattern_show(struct span bytes, struct buf *out);

#endif
