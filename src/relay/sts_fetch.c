/*
 * sts_fetch.c: a new policy: the addresses of its host, the document, what it says, into the store,
 * and to those who wait for it. They wait for the time limit at most; the fetch goes on without
 * them, for the mail that comes later. Tests: tests/unit/test_sts.c.
 */
#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "relay/sts_internal.h"

#define POLICY_PATH "/.well-known/mta-sts.txt"
#define POLICY_HOST "mta-sts."

struct sts_failure {
    struct list_node node;
    char domain[MX_NAME_SIZE];
    int64_t until_ms; /* of the loop */
};

static void on_addresses(void *owner, const struct mx_result *result);
static void on_document(void *owner, const struct fetch_answer *answer);
static void on_kept(struct job *job, void *owner);
static void on_late(void *owner);

/* ---- What did not work ---------------------------------------------------------------------- */

static void forget_failure(struct sts *sts, struct sts_failure *failure)
{
    (void)map_remove(&sts->failures, span_of(failure->domain));
    list_remove(&failure->node);
    mem_free(failure);
}

bool sts_has_failed(struct sts *sts, struct span domain)
{
    struct sts_failure *failure = map_get(&sts->failures, domain);
    if (failure == NULL)
        return false;
    if (loop_now_ms(sts->options.loop) < failure->until_ms)
        return true;
    forget_failure(sts, failure);
    return false;
}

static void remember_failure(struct sts *sts, const char *domain)
{
    struct sts_failure *failure = map_get(&sts->failures, span_of(domain));
    struct list_node *oldest = list_first(&sts->failure_order);
    if (failure != NULL)
        forget_failure(sts, failure);
    else if (oldest != NULL && sts->failures.count >= STS_FAILURES_MAX)
        forget_failure(sts, list_entry(oldest, struct sts_failure, node));
    failure = mem_new(struct sts_failure);
    (void)snprintf(failure->domain, sizeof failure->domain, "%s", domain);
    failure->until_ms = loop_now_ms(sts->options.loop) + sts->options.settings->mta_sts_retry_ms;
    list_append(&sts->failure_order, &failure->node);
    (void)map_set(&sts->failures, span_of(domain), failure);
}

/* A known policy that cannot be renewed may be somebody's attack: it is told while there is time
 * (RFC 8461 10.2). */
static void log_trouble(const struct sts_fetch *fetch, const char *why)
{
    struct log_line line;
    log_begin(&line, fetch->known != NULL ? LOG_WARN : LOG_INFO, "relay", "sts-fetch");
    log_text(&line, "domain", fetch->domain);
    log_text(&line, "known", fetch->known != NULL ? sts_mode_name(fetch->known->mode) : "no");
    log_text(&line, "why", why);
    log_end(&line);
}

/* ---- The end -------------------------------------------------------------------------------- */

/* Takes it out of the world; those who waited are answered last, since they may ask again. */
static void end_fetch(struct sts_fetch *fetch, struct sts_policy *policy)
{
    struct sts *sts = fetch->sts;
    struct list waiting;
    struct sts_policy *known = fetch->known;
    bool is_walk = fetch->is_walk;
    list_init(&waiting);
    list_move_all(&fetch->waiting, &waiting);
    (void)map_remove(&sts->fetches, span_of(fetch->domain));
    mx_lookup_cancel(&fetch->addresses);
    fetch_cancel(sts->options.fetcher, &fetch->fetch);
    loop_timer_free(&fetch->timer);
    mem_free(fetch);
    if (is_walk && sts->walk != NULL)
        sts_walk_on(sts->walk);
    sts_answer(&waiting, policy != NULL ? policy : known, false);
    sts_policy_unref(&known);
}

static void give_up(struct sts_fetch *fetch, enum sts_trouble trouble, const char *why)
{
    const struct sts_options *options = &fetch->sts->options;
    remember_failure(fetch->sts, fetch->domain);
    log_trouble(fetch, why);
    if (options->on_trouble != NULL)
        options->on_trouble(options->owner, span_of(fetch->domain), trouble, why);
    end_fetch(fetch, NULL);
}

static void log_policy(const struct sts_fetch *fetch, const struct sts_policy *policy)
{
    struct log_line line;
    log_begin(&line, LOG_INFO, "relay", "sts-policy");
    log_text(&line, "domain", fetch->domain);
    log_text(&line, "mode", sts_mode_name(policy->mode));
    log_text(&line, "id", policy->id);
    log_int(&line, "mx", (int64_t)policy->mx_count);
    log_int(&line, "max_age", policy->max_age_s);
    log_end(&line);
}

/* By mail: used now; by the walk: as before. */
static void keep(const struct sts_fetch *fetch, const struct sts_policy *policy)
{
    const struct sts_options *options = &fetch->sts->options;
    int64_t now_us = clock_wall_us(options->clock);
    struct buf text;
    buf_init(&text, 0);
    sts_policy_write(policy, &text);
    struct store_sts_keep *job = store_sts_keep_create(
        options->store, &(struct store_sts){.domain = span_of(fetch->domain),
                                            .id = span_of(policy->id),
                                            .policy = buf_span(&text),
                                            .fetched_us = now_us,
                                            .expires_us = now_us + policy->max_age_s * 1000000,
                                            .used_us = fetch->is_walk ? 0 : now_us});
    buf_release(&text);
    job_submit(options->port, &job->job, on_kept, NULL);
}

static void on_kept(struct job *job, void *owner)
{
    const struct store_sts_keep *kept = list_entry(job, struct store_sts_keep, job);
    (void)owner;
    if (kept->status != 0)
        log_event(LOG_ERROR, "relay", "sts-store", "why", kept->fault.text);
}

/* ---- The way -------------------------------------------------------------------------------- */

static void on_document(void *owner, const struct fetch_answer *answer)
{
    struct sts_fetch *fetch = owner;
    struct sts_policy *policy = NULL;
    struct fault fault;
    fault_clear(&fault);
    fetch->fetch = NULL;
    if (answer->err != 0) {
        give_up(fetch, answer->err == ERR_TLS ? STS_TROUBLE_WEBPKI : STS_TROUBLE_FETCH,
                answer->why);
        return;
    }
    if (sts_policy_parse(answer->body, &policy, &fault) != 0) {
        give_up(fetch, STS_TROUBLE_POLICY, fault.text);
        return;
    }
    memcpy(policy->id, fetch->id, STS_ID_SIZE);
    log_policy(fetch, policy);
    keep(fetch, policy);
    end_fetch(fetch, policy);
    sts_policy_unref(&policy);
}

static void on_addresses(void *owner, const struct mx_result *result)
{
    struct sts_fetch *fetch = owner;
    const struct sts_options *options = &fetch->sts->options;
    char host[sizeof POLICY_HOST + MX_NAME_SIZE];
    fetch->addresses = NULL;
    if (result->err != 0 || result->count == 0 || result->hosts[0].address_count == 0) {
        give_up(fetch, STS_TROUBLE_FETCH, result->why);
        return;
    }
    (void)snprintf(host, sizeof host, POLICY_HOST "%s", fetch->domain);
    const struct mx_host *found = &result->hosts[0];
    _Static_assert((int)FETCH_ADDRESSES_MAX >= (int)MX_ADDRESSES_MAX, "all addresses fit");
    fetch->fetch =
        fetch_start(options->fetcher,
                    &(struct fetch_request){.host = host,
                                            .port = options->settings->mta_sts_port,
                                            .path = POLICY_PATH,
                                            .addresses = found->addresses,
                                            .address_count = found->address_count,
                                            .trusted = options->trusted,
                                            .timeout_ms = options->settings->mta_sts_timeout_ms,
                                            .size_max = STS_TEXT_MAX},
                    on_document, fetch);
}

static void ask_addresses(struct sts_fetch *fetch)
{
    const struct sts_options *options = &fetch->sts->options;
    const struct mx_asker asker = {options->loop, options->resolver, options->entropy};
    char host[sizeof POLICY_HOST + MX_NAME_SIZE];
    (void)snprintf(host, sizeof host, POLICY_HOST "%s", fetch->domain);
    fetch->addresses = mx_lookup_host(&asker, span_of(host), on_addresses, fetch);
}

static void on_late(void *owner)
{
    struct sts_fetch *fetch = owner;
    struct list waiting;
    struct sts_policy *known = sts_policy_ref(fetch->known);
    list_init(&waiting);
    list_move_all(&fetch->waiting, &waiting);
    if (!list_is_empty(&waiting))
        log_trouble(fetch, "it takes too long: mail goes on without it");
    sts_answer(&waiting, known, false);
    sts_policy_unref(&known);
}

static struct sts_fetch *begin_fetch(struct sts_lookup *lookup)
{
    struct sts *sts = lookup->sts;
    struct sts_fetch *fetch = mem_new(struct sts_fetch);
    const char *id = lookup->id;
    fetch->sts = sts;
    fetch->is_walk = lookup->is_walk;
    list_init(&fetch->waiting);
    fetch->known = lookup->known;
    lookup->known = NULL;
    if (id[0] == '\0' && fetch->known != NULL)
        id = fetch->known->id;
    memcpy(fetch->id, id, STS_ID_SIZE);
    memcpy(fetch->domain, lookup->domain, sizeof fetch->domain);
    fetch->timer = loop_timer_create(sts->options.loop, on_late, fetch);
    loop_timer_start(fetch->timer, sts->options.settings->mta_sts_timeout_ms);
    (void)map_set(&sts->fetches, span_of(fetch->domain), fetch);
    ask_addresses(fetch);
    return fetch;
}

void sts_fetch_for(struct sts_lookup *lookup)
{
    struct sts *sts = lookup->sts;
    struct sts_fetch *fetch = map_get(&sts->fetches, span_of(lookup->domain));
    bool is_wanted = lookup->is_walk || !list_is_empty(&lookup->waiting);
    if (fetch == NULL && !is_wanted && sts->fetches.count >= STS_FETCHES_MAX)
        return;
    if (fetch == NULL)
        fetch = begin_fetch(lookup);
    fetch->is_walk = fetch->is_walk || lookup->is_walk;
    list_move_all(&lookup->waiting, &fetch->waiting);
}

/* ---- All of them ---------------------------------------------------------------------------- */

void sts_fetches_restart(struct sts *sts)
{
    size_t position = 0;
    struct span key;
    void *value;
    while (map_next(&sts->fetches, &position, &key, &value)) {
        struct sts_fetch *fetch = value;
        if (fetch->addresses == NULL)
            continue;
        mx_lookup_cancel(&fetch->addresses);
        ask_addresses(fetch);
    }
}

static struct sts_fetch *any_fetch(const struct sts *sts)
{
    size_t position = 0;
    struct span key;
    void *value;
    return map_next(&sts->fetches, &position, &key, &value) ? value : NULL;
}

void sts_fetches_free(struct sts *sts)
{
    for (struct sts_fetch *fetch = any_fetch(sts); fetch != NULL; fetch = any_fetch(sts))
        end_fetch(fetch, NULL);
    for (struct list_node *node = list_first(&sts->failure_order); node != NULL;
         node = list_first(&sts->failure_order))
        forget_failure(sts, list_entry(node, struct sts_failure, node));
}
