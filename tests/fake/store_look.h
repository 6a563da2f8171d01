/*
 * store_look: a store looked at from outside, by SQL and by the bytes of its files, while it is
 * open: what users can see of it as one text, to be compared, and whether it agrees with itself.
 */
#ifndef POSTERN_TESTS_FAKE_STORE_LOOK_H
#define POSTERN_TESTS_FAKE_STORE_LOOK_H

#include "base/file.h"

/* A line for each row that a user, a sender or a postmaster can see: not where bodies lie, not what
 * is expunged. Two stores of the same text hold the same. Owned. */
char *look_visible(const char *dir);

/* LOOK_AFTER_START: there is no file that no row knows; at other times there may be some. */
enum look_when { LOOK_AT_ANY_TIME, LOOK_AFTER_START };
/* The rules of tests/crash/audit.sql that are broken, bodies that are not what their checksums say,
 * files that are not there or too many: a sentence each. Empty: all is well. Owned. */
char *look_audit(const char *dir, const struct file_ops *files, enum look_when when);

#endif
