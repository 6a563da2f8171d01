/*
 * sts.c: a question for a domain's policy: the record and what the store has, side by side, and
 * what follows from both. Getting a new policy is sts_fetch.c's. Tests: tests/unit/test_sts.c.
 */
#include "relay/sts.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "relay/sts_internal.h"

#define DAY_US ((int64_t)24 * 3600 * 1000 * 1000)

static void on_txt(void *owner, const struct dns_answer *answer);
static void on_found(struct job *job, void *owner);
static void on_used(struct job *job, void *owner);

void sts_answer(struct list *waiting, struct sts_policy *policy, bool is_certain)
{
    for (struct list_node *node = list_first(waiting); node != NULL; node = list_first(waiting)) {
        struct sts_query *query = list_entry(node, struct sts_query, node);
        sts_fn *on_policy = query->on_policy;
        void *owner = query->owner;
        list_remove(node);
        mem_free(query);
        on_policy(owner, policy, policy != NULL || is_certain);
    }
}

/* ---- What follows --------------------------------------------------------------------------- */

/* One that was fetched in the future was fetched by a clock that ran ahead. When it is over it is
 * too late: large providers have a max_age of a day, so half of its time counts, too. */
static bool is_old(const struct sts_lookup *lookup, int64_t now_us)
{
    int64_t age_us = now_us - lookup->fetched_us;
    return age_us < 0 || age_us >= lookup->sts->options.settings->mta_sts_refresh_ms * 1000 ||
           lookup->expires_us - now_us <= age_us;
}

/* For as long as a policy is known it is renewed, record or not (RFC 8461 10.2: an attacker who
 * hides the record must not win by waiting). */
static bool wants_fetch(const struct sts_lookup *lookup, int64_t now_us)
{
    bool is_new = lookup->known == NULL || strcmp(lookup->id, lookup->known->id) != 0;
    if (sts_has_failed(lookup->sts, span_of(lookup->domain)))
        return false;
    return (lookup->id[0] != '\0' && is_new) || (lookup->known != NULL && is_old(lookup, now_us));
}

/* Once a day: so that policies that nobody needs are told from others. */
static void note_used(const struct sts_lookup *lookup, int64_t now_us)
{
    const struct sts_options *options = &lookup->sts->options;
    if (lookup->known == NULL || lookup->is_walk || now_us - lookup->used_us < DAY_US)
        return;
    struct store_sts_keep *use =
        store_sts_use_create(options->store, span_of(lookup->domain), now_us);
    job_submit(options->port, &use->job, on_used, NULL);
}

static void on_used(struct job *job, void *owner)
{
    const struct store_sts_keep *use = list_entry(job, struct store_sts_keep, job);
    (void)owner;
    if (use->status != 0)
        log_event(LOG_ERROR, "relay", "sts-store", "why", use->fault.text);
}

static void free_lookup(struct sts_lookup *lookup)
{
    (void)map_remove(&lookup->sts->lookups, span_of(lookup->domain));
    resolver_cancel(lookup->sts->options.resolver, &lookup->txt);
    if (lookup->find != NULL)
        job_cancel(&lookup->find->job);
    sts_policy_unref(&lookup->known);
    mem_free(lookup);
}

/* A policy that is only old is used while its successor comes; one with another id is not, unless
 * nothing comes. */
static void decide(struct sts_lookup *lookup)
{
    struct sts *sts = lookup->sts;
    int64_t now_us = clock_wall_us(sts->options.clock);
    bool is_current = lookup->known != NULL &&
                      (lookup->id[0] == '\0' || strcmp(lookup->id, lookup->known->id) == 0);
    struct list waiting;
    list_init(&waiting);
    note_used(lookup, now_us);
    bool wants = wants_fetch(lookup, now_us);
    if (is_current || !wants)
        list_move_all(&lookup->waiting, &waiting);
    struct sts_policy *known = sts_policy_ref(lookup->known);
    bool is_walk = lookup->is_walk;
    bool is_certain = lookup->id[0] == '\0' && !lookup->has_no_answer;
    if (wants)
        sts_fetch_for(lookup);
    free_lookup(lookup);
    /* The last steps: who hears an answer may ask again. */
    if (is_walk && !wants && sts->walk != NULL)
        sts_walk_on(sts->walk);
    sts_answer(&waiting, known, is_certain);
    sts_policy_unref(&known);
}

static void decide_when_known(struct sts_lookup *lookup)
{
    if (lookup->txt == NULL && lookup->find == NULL)
        decide(lookup);
}

/* ---- What is known -------------------------------------------------------------------------- */

static void log_record(const struct sts_lookup *lookup, const char *why)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "relay", "sts-record");
    log_text(&line, "domain", lookup->domain);
    log_text(&line, "why", why);
    log_end(&line);
}

/* A record that cannot be had is as one that is not there (RFC 8461 3.1): that is the way in which
 * a policy that is known protects a domain, and one that is not does not. */
static void on_txt(void *owner, const struct dns_answer *answer)
{
    struct sts_lookup *lookup = owner;
    struct fault fault;
    fault_clear(&fault);
    lookup->txt = NULL;
    lookup->has_no_answer = answer->err != 0 && answer->err != ERR_NOT_FOUND;
    if (answer->err == 0 &&
        sts_txt_find(answer->records, answer->count, lookup->id, &fault) == ERR_SYNTAX)
        log_record(lookup, fault.text);
    else if (lookup->has_no_answer)
        log_record(lookup, answer->why);
    decide_when_known(lookup);
}

static void on_found(struct job *job, void *owner)
{
    struct sts_lookup *lookup = owner;
    const struct store_sts_find *find = list_entry(job, struct store_sts_find, job);
    struct fault fault;
    fault_clear(&fault);
    lookup->find = NULL;
    if (find->status != 0 && find->status != ERR_NOT_FOUND)
        log_event(LOG_ERROR, "relay", "sts-store", "why", find->fault.text);
    bool is_live =
        find->status == 0 && find->row.expires_us > clock_wall_us(lookup->sts->options.clock);
    if (is_live && sts_policy_parse(find->row.policy, &lookup->known, &fault) == 0) {
        (void)snprintf(lookup->known->id, STS_ID_SIZE, "%.*s", (int)find->row.id.len,
                       find->row.id.ptr);
        lookup->fetched_us = find->row.fetched_us;
        lookup->expires_us = find->row.expires_us;
        lookup->used_us = find->row.used_us;
    }
    decide_when_known(lookup);
}

static void ask_txt(struct sts_lookup *lookup)
{
    char name[sizeof "_mta-sts." + MX_NAME_SIZE];
    if (lookup->domain[0] == '\0')
        return;
    (void)snprintf(name, sizeof name, "_mta-sts.%s", lookup->domain);
    lookup->txt = resolver_ask(lookup->sts->options.resolver, name, DNS_TXT, on_txt, lookup);
}

/* The job ends in another round of the loop, also where there is no question to be asked. */
static struct sts_lookup *begin_lookup(struct sts *sts, struct span domain)
{
    struct sts_lookup *lookup = mem_new(struct sts_lookup);
    lookup->sts = sts;
    (void)snprintf(lookup->domain, sizeof lookup->domain, "%.*s", (int)domain.len, domain.ptr);
    list_init(&lookup->waiting);
    (void)map_set(&sts->lookups, domain, lookup);
    ask_txt(lookup);
    lookup->find = store_sts_find_create(sts->options.store, domain);
    job_submit(sts->options.port, &lookup->find->job, on_found, lookup);
    return lookup;
}

void sts_look(struct sts *sts, struct span domain)
{
    struct sts_lookup *lookup = map_get(&sts->lookups, domain);
    if (lookup == NULL)
        lookup = begin_lookup(sts, domain);
    lookup->is_walk = true;
}

/* ---- Asking --------------------------------------------------------------------------------- */

struct sts_query *sts_ask(struct sts *sts, struct span domain, sts_fn *on_policy, void *owner)
{
    char name[MX_NAME_SIZE] = "";
    struct sts_query *query = mem_new(struct sts_query);
    query->on_policy = on_policy;
    query->owner = owner;
    /* A name that is none has no policy; the empty one stands for all of them. */
    for (size_t i = 0; sts_is_domain(domain) && i < domain.len; i++) {
        char byte = domain.ptr[i];
        name[i] = byte >= 'A' && byte <= 'Z' ? (char)(byte - 'A' + 'a') : byte;
    }
    struct sts_lookup *lookup = map_get(&sts->lookups, span_of(name));
    if (lookup == NULL)
        lookup = begin_lookup(sts, span_of(name));
    list_append(&lookup->waiting, &query->node);
    return query;
}

void sts_cancel(struct sts_query **query)
{
    if (*query != NULL)
        list_remove(&(*query)->node);
    mem_free(*query);
    *query = NULL;
}

/* ---- Life ----------------------------------------------------------------------------------- */

struct sts *sts_create(const struct sts_options *options)
{
    struct sts *sts = mem_new(struct sts);
    sts->options = *options;
    map_init(&sts->lookups);
    map_init(&sts->fetches);
    map_init(&sts->failures);
    list_init(&sts->failure_order);
    if (options->loop->index == 0)
        sts->walk = sts_walk_create(sts);
    return sts;
}

static struct sts_lookup *any_lookup(const struct sts *sts)
{
    size_t position = 0;
    struct span key;
    void *value;
    return map_next(&sts->lookups, &position, &key, &value) ? value : NULL;
}

void sts_set_options(struct sts *sts, const struct sts_options *options)
{
    struct resolver *old = sts->options.resolver;
    size_t position = 0;
    struct span key;
    void *value;
    sts->options = *options;
    if (sts->walk != NULL)
        sts_walk_retime(sts->walk);
    if (old == options->resolver)
        return;
    while (map_next(&sts->lookups, &position, &key, &value)) {
        struct sts_lookup *lookup = value;
        if (lookup->txt == NULL)
            continue;
        resolver_cancel(old, &lookup->txt);
        ask_txt(lookup);
    }
    sts_fetches_restart(sts);
}

void sts_free(struct sts **sts)
{
    struct sts *old = *sts;
    *sts = NULL;
    if (old == NULL)
        return;
    sts_walk_free(&old->walk);
    for (struct sts_lookup *lookup = any_lookup(old); lookup != NULL; lookup = any_lookup(old)) {
        require(list_is_empty(&lookup->waiting));
        free_lookup(lookup);
    }
    sts_fetches_free(old);
    map_deinit(&old->lookups);
    map_deinit(&old->fetches);
    map_deinit(&old->failures);
    mem_free(old);
}
