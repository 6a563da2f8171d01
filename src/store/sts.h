/*
 * sts: policies of MTA-STS that were fetched (RFC 8461 3.3), kept until they expire: also over a
 * restart, since a domain is only protected by the policy that is remembered. What they mean is
 * relay/sts.h's. See store.h.
 */
#ifndef POSTERN_STORE_STS_H
#define POSTERN_STORE_STS_H

#include "store/store.h"

enum {
    /* Of all domains; then the one goes that mail has not gone to for longest. A bound against
     * somebody who has mail sent to ever more domains of his. */
    STORE_STS_MAX = 10000
};

struct store_sts {
    struct span domain; /* in lower case */
    struct span id;     /* of the TXT record; may be empty */
    struct span policy; /* its text */
    int64_t fetched_us, expires_us;
    int64_t used_us; /* when mail last asked for it, to about a day */
};

struct store_sts_find {
    struct job job;
    int status; /* ERR_NOT_FOUND */
    struct fault fault;
    struct store_sts row; /* perhaps expired */
};
struct store_sts_find *store_sts_find_create(struct store *store, struct span domain);

struct store_sts_page {
    struct job job;
    int status;
    struct fault fault;
    struct store_sts *rows; /* by domain, count_max at most */
    size_t count;
};
/* Those behind after_domain that were fetched at fetched_us or before, or of whose time half is
 * over now. */
struct store_sts_page *store_sts_page_create(struct store *store, struct span after_domain,
                                             int64_t fetched_us, int64_t now_us, size_t count_max);

struct store_sts_keep {
    struct job job;
    int status;
    struct fault fault;
};
/* Adds the row or replaces the domain's; used_us only goes forward. Rows that have expired go with
 * it, and what is over STORE_STS_MAX. Copied. */
struct store_sts_keep *store_sts_keep_create(struct store *store, const struct store_sts *row);
/* Mail has asked for the domain's policy. */
struct store_sts_keep *store_sts_use_create(struct store *store, struct span domain,
                                            int64_t used_us);

#endif
