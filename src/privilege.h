/*
 * privilege: becoming the configured user for good.
 */
#ifndef POSTERN_PRIVILEGE_H
#define POSTERN_PRIVILEGE_H

#include <sys/types.h>

#include "base/err.h"

/* Ids of a user of this machine: 0 or ERR_NOT_FOUND. */
int privilege_find(const char *user, uid_t *uid_out, gid_t *gid_out, struct fault *fault)
    __attribute__((warn_unused_result));
/* Root becomes user, with its groups, and cannot go back. Does nothing when user is empty or the
 * process is not root (then it must already be that user, or ERR_REFUSED). */
int privilege_drop(const char *user, struct fault *fault) __attribute__((warn_unused_result));
/* The same for the keeper of private keys: a former root keeps the right to read every file (where
 * it had it), and no other. */
int privilege_drop_to_reader(const char *user, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
