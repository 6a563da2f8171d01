/*
 * value: the texts of single keys to values and back: sizes ("25M"), times ("30s"), choices
 * ("a|b|c"). Knows no rows and no ranges.
 */
#ifndef POSTERN_CONF_VALUE_H
#define POSTERN_CONF_VALUE_H

#include "base/buf.h"

/* 0, or ERR_SYNTAX (no number, no or unknown unit), ERR_LIMIT (does not fit). */
int conf_parse_size(const char *text, int64_t *bytes_out) __attribute__((warn_unused_result));
int conf_parse_time(const char *text, int64_t *ms_out) __attribute__((warn_unused_result));
/* In the largest unit that leaves a whole number: "64M". */
void conf_put_size(struct buf *out, int64_t bytes);
void conf_put_time(struct buf *out, int64_t ms);
/* Place of text in "a|b|c", or -1. */
int conf_choice_index(const char *choices, const char *text);

#endif
