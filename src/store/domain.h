/*
 * domain: domains whose mail is kept here, beside those of the configuration: answered from memory,
 * changed by jobs, as users and aliases are (account.h). The configuration's are not known here.
 */
#ifndef POSTERN_STORE_DOMAIN_H
#define POSTERN_STORE_DOMAIN_H

#include "store/store.h"

enum { STORE_DOMAIN_SIZE = 256 };

/* From memory, any thread. domain: in any case. */
bool store_has_domain(struct store *store, struct span domain);
/* The same, in order of name. */
void store_each_domain(struct store *store, void (*each)(void *owner, struct span domain),
                       void *owner);

enum store_domain_action {
    STORE_DOMAIN_ADD,   /* ERR_EXISTS */
    STORE_DOMAIN_DELETE /* ERR_NOT_FOUND; ERR_REFUSED while it has users or aliases */
};

struct store_change_domain {
    struct job job;
    int status;
    struct fault fault;
};
/* domain: in lower case, shorter than STORE_DOMAIN_SIZE (ERR_LIMIT). Copied. */
struct store_change_domain *store_change_domain_create(struct store *store,
                                                       enum store_domain_action action,
                                                       struct span domain);

#endif
