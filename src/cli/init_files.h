/*
 * init_files: what `postern init` writes: the configuration, the certificates, the store.
 */
#ifndef POSTERN_CLI_INIT_FILES_H
#define POSTERN_CLI_INIT_FILES_H

#include "base/buf.h"
#include "base/err.h"

enum { INIT_NAMES_MAX = 64 };

struct init_plan {
    const char *dir;  /* where it will be */
    const char *work; /* where it is built */
    const char *hostname;
    const char *domains[INIT_NAMES_MAX];
    size_t domain_count;
    char *users[INIT_NAMES_MAX]; /* NAME[:PASSWORD] */
    size_t user_count;
    unsigned port_offset;
    const char *listen;       /* NULL: all addresses */
    const char *owner;        /* the system user that will run the server; "": nobody special */
    const char *owner_reason; /* why there is none, for the comment in the configuration */
};

/* Each returns 0 or a code with fault. */
int init_write_conf(const struct init_plan *plan, struct fault *fault)
    __attribute__((warn_unused_result));
int init_write_certificates(const struct init_plan *plan, struct fault *fault)
    __attribute__((warn_unused_result));
/* Makes the store and the users; prints passwords that it made up. */
int init_make_store(const struct init_plan *plan, struct fault *fault)
    __attribute__((warn_unused_result));

#endif
