/*
 * sts_internal: between the files of MTA-STS in relay/: sts.c (a question and what is known),
 * sts_fetch.c (a new policy), sts_walk.c (renewing without mail).
 */
#ifndef POSTERN_RELAY_STS_INTERNAL_H
#define POSTERN_RELAY_STS_INTERNAL_H

#include "base/list.h"
#include "base/map.h"
#include "dns/mx.h"
#include "relay/sts.h"
#include "store/sts.h"

enum {
    STS_FETCHES_MAX = 100,   /* under way without mail that waits for them; one more is left out */
    STS_FAILURES_MAX = 1000, /* domains; over it the oldest may be asked again at once */
    STS_WALKS_A_TERM = 24    /* looks for old policies in the time of mta_sts_refresh */
};

struct sts {
    struct sts_options options;
    struct map lookups;        /* domain -> struct sts_lookup: what is known is being looked for */
    struct map fetches;        /* domain -> struct sts_fetch */
    struct map failures;       /* domain -> struct sts_failure */
    struct list failure_order; /* the oldest first */
    struct sts_walk *walk;     /* on the first loop only, else NULL */
};

struct sts_query {
    struct list_node node; /* in a look-up's or a fetch's waiting */
    sts_fn *on_policy;
    void *owner;
};

/* What is known of a domain: its record and the policy of the store. */
struct sts_lookup {
    struct sts *sts;
    char domain[MX_NAME_SIZE];
    struct list waiting; /* struct sts_query; empty in a walk */
    bool is_walk;
    struct resolver_query *txt;
    struct store_sts_find *find;
    char id[STS_ID_SIZE];     /* "": there is no record */
    bool has_no_answer;       /* and whether there is one could not be asked */
    struct sts_policy *known; /* that has not expired, or NULL */
    int64_t fetched_us, expires_us, used_us;
};

/* A policy on its way. */
struct sts_fetch {
    struct sts *sts;
    char domain[MX_NAME_SIZE];
    struct list waiting; /* those who have no policy of this id, for the time limit at most */
    bool is_walk;
    char id[STS_ID_SIZE];
    struct sts_policy *known; /* what counts if nothing comes, or NULL */
    struct timer *timer;      /* of those who wait */
    struct mx_lookup *addresses;
    struct fetch *fetch;
};

/* sts.c */
/* Answers all and empties the list. policy: borrowed, or NULL. is_certain: that there is none. */
void sts_answer(struct list *waiting, struct sts_policy *policy, bool is_certain);
/* Begins a look-up for the walk, unless there is one. */
void sts_look(struct sts *sts, struct span domain);

/* sts_fetch.c */
/* Whether the last fetch did not work, a short time ago. */
bool sts_has_failed(struct sts *sts, struct span domain);
/* Begins a fetch, or joins the one under way; takes over those who wait for the look-up. */
void sts_fetch_for(struct sts_lookup *lookup);
/* All of them, and the failures. */
void sts_fetches_free(struct sts *sts);
/* With another resolver than before. */
void sts_fetches_restart(struct sts *sts);

/* sts_walk.c */
struct sts_walk *sts_walk_create(struct sts *sts);
/* After a reload: how often it looks may be another. */
void sts_walk_retime(struct sts_walk *walk);
void sts_walk_free(struct sts_walk **walk);
/* What it began for one domain has ended. */
void sts_walk_on(struct sts_walk *walk);

#endif
