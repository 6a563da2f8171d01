/*
 * security.c: the order of TLS policies. Each look-up (the domain's, each host's) runs at the same
 * time; when the last one has ended every host is decided. Tests: tests/unit/test_relay_dane.c,
 * test_relay_verify.c.
 */
#include "relay/security.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/require.h"
#include "dns/tlsa.h"
#include "pki/dane.h"
#include "relay/relay_internal.h"
#include "relay/sts.h"
#include "relay/tlsrpt.h"

/* What is asked about one host. */
struct host_look {
    struct security_stage *stage;
    struct relay_host host;
    struct tlsa_lookup *tlsa; /* NULL: none under way */
    enum tlsa_state state;
    struct pki_dane *dane; /* a reference, of TLSA_FOUND */
    char base[MX_NAME_SIZE];
    bool is_left_out;
};

struct security_stage {
    struct post post; /* where nothing is asked */
    struct destination *destination;
    security_fn *on_result;
    char domain[MX_NAME_SIZE];
    struct host_look *looks;
    size_t count, pending;
    struct sts_query *sts;     /* NULL: none under way */
    struct sts_policy *policy; /* a reference */
    size_t left_out;
    char why[RELAY_LEFT_OUT_SIZE]; /* the first that was left out */
    bool has_doubt;                /* there may be a policy of MTA-STS */
    bool is_posted, is_cancelled;
};

static tlsa_fn on_tlsa;
static sts_fn on_policy;

static const char *const names[] = {
#define RELAY_SECURITY_NAME(name, text) [name] = (text),
    RELAY_SECURITY_LIST(RELAY_SECURITY_NAME)
#undef RELAY_SECURITY_NAME
};

const char *relay_security_name(enum relay_security_source source)
{
    require((size_t)source < sizeof names / sizeof *names);
    return names[source];
}

struct relay_security relay_security_copy(const struct relay_security *security)
{
    struct relay_security copy = *security;
    copy.dane = pki_dane_ref(security->dane);
    copy.sts = sts_policy_ref(security->sts);
    return copy;
}

void relay_security_release(struct relay_security *security)
{
    pki_dane_unref(&security->dane);
    sts_policy_unref(&security->sts);
}

/* ---- Deciding ------------------------------------------------------------------------------- */

static void set_why(struct relay_security *security, enum relay_security_source source,
                    const char *why)
{
    security->source = source;
    (void)snprintf(security->why, sizeof security->why, "%s", why);
}

static bool is_demanding(const struct route *route)
{
    return route->verify == TLS_VERIFY_REQUIRED || route->tls == RELAY_TLS_STARTTLS;
}

/* No policy of the domain or host is asked for there. */
static bool is_fixed(const struct route *route)
{
    return route->has_host || route->tls == RELAY_TLS_OFF || route->waives_tls;
}

static void decide_by_route(const struct route *route, struct relay_security *security)
{
    if (route->has_host)
        set_why(security, SECURITY_CONFIGURED, "the route names this server and its TLS");
    else if (route->tls == RELAY_TLS_OFF)
        set_why(security, SECURITY_CONFIGURED, "the configuration switches TLS off");
    else if (route->waives_tls)
        set_why(security, SECURITY_OPPORTUNISTIC,
                "the message waives TLS (TLS-Required: No), so no policy counts");
    else if (route->requires_tls)
        set_why(security, SECURITY_CONFIGURED, "the message requires TLS (REQUIRETLS)");
    else if (is_demanding(route))
        set_why(security, SECURITY_CONFIGURED, "the configuration demands TLS of all servers");
    else
        set_why(security, SECURITY_OPPORTUNISTIC,
                "no policy was found: TLS is taken where it is offered, the certificate is looked "
                "at and told");
}

static void log_left_out(const struct security_stage *stage, const char *host, const char *why)
{
    struct log_line line;
    log_begin(&line, LOG_WARN, "relay", "left-out");
    log_text(&line, "destination", stage->destination->key);
    log_text(&line, "host", host);
    log_text(&line, "why", why);
    log_end(&line);
}

/* The host may not be tried now: a session that its policy kept from coming about. */
static void leave_out(struct host_look *look, const char *why, enum tlsrpt_policy policy)
{
    struct security_stage *stage = look->stage;
    struct span host = span_of(look->host.mx.name);
    bool is_dane = policy == TLSRPT_TLSA;
    struct buf text;
    buf_init(&text, 0);
    if (!is_dane) {
        sts_policy_write(stage->policy, &text);
        buf_truncate(&text, text.len - 1); /* the last line's end */
    }
    const struct tlsrpt_session session = {.domain = span_of(stage->domain),
                                           .policy_domain = is_dane ? host : span_of(""),
                                           .policy = policy,
                                           .policy_text = buf_span(&text),
                                           .mx_patterns = span_of(is_dane ? "" : stage->policy->mx),
                                           .result = is_dane ? TLSRPT_DNSSEC_INVALID
                                                             : TLSRPT_VALIDATION_FAILURE,
                                           .mx_host = host,
                                           .reason = span_of(why)};
    tlsrpt_note(stage->destination->relay, &session);
    buf_release(&text);
    look->is_left_out = true;
    if (stage->left_out++ == 0)
        (void)snprintf(stage->why, sizeof stage->why, "%s: %s", look->host.mx.name, why);
    log_left_out(stage, look->host.mx.name, why);
}

/* RFC 7672 2.2: records that cannot be used still say that TLS is there. */
static void decide_by_dane(const struct host_look *look, struct relay_security *security)
{
    size_t usable_count = pki_dane_usable_count(look->dane);
    security->source = SECURITY_DANE;
    if (security->tls != RELAY_TLS_IMPLICIT)
        security->tls = RELAY_TLS_STARTTLS;
    (void)snprintf(security->server_name, MX_NAME_SIZE, "%s", look->base);
    if (usable_count == 0) {
        (void)snprintf(security->why, sizeof security->why,
                       "the TLSA records of %s demand TLS (DANE), but name no certificate that "
                       "could be checked",
                       look->base);
        return;
    }
    security->verify = TLS_VERIFY_REQUIRED;
    security->dane = pki_dane_ref(look->dane);
    (void)snprintf(security->other_name, MX_NAME_SIZE, "%s", look->stage->domain);
    (void)snprintf(security->why, sizeof security->why,
                   "the TLSA records of %s demand TLS with a certificate that fits them (DANE)",
                   look->base);
}

static bool is_enforced(const struct host_look *look)
{
    return look->stage->policy != NULL && look->stage->policy->mode == STS_MODE_ENFORCE;
}

/* RFC 8461 4.1: a host that the policy does not name may be anybody's. */
static void decide_by_sts(struct host_look *look, struct relay_security *security)
{
    struct sts_policy *policy = look->stage->policy;
    char why[RELAY_SECURITY_WHY_SIZE];
    if (policy == NULL || policy->mode == STS_MODE_NONE)
        return;
    security->sts = sts_policy_ref(policy);
    if (policy->mode == STS_MODE_TESTING)
        return;
    if (!security->is_named) {
        (void)snprintf(why, sizeof why,
                       "the MTA-STS policy of %.255s does not name it, so nothing proves that it "
                       "is the domain's server",
                       look->stage->domain);
        leave_out(look, why, TLSRPT_STS);
        return;
    }
    security->source = SECURITY_STS;
    if (security->tls != RELAY_TLS_IMPLICIT)
        security->tls = RELAY_TLS_STARTTLS;
    /* In place of what unusable TLSA records of its alias put there. */
    (void)snprintf(security->server_name, MX_NAME_SIZE, "%s", look->host.mx.name);
    security->verify = TLS_VERIFY_REQUIRED;
    (void)snprintf(security->why, sizeof security->why,
                   "the MTA-STS policy of %.255s demands TLS with a good certificate",
                   look->stage->domain);
}

static void decide(struct host_look *look)
{
    const struct route *route = &look->stage->destination->route;
    struct relay_security *security = &look->host.security;
    *security = (struct relay_security){.tls = route->tls, .verify = route->verify};
    (void)snprintf(security->server_name, MX_NAME_SIZE, "%s", look->host.mx.name);
    decide_by_route(route, security);
    if (is_fixed(route))
        return;
    security->is_named =
        is_enforced(look) && sts_policy_allows(look->stage->policy, span_of(look->host.mx.name));
    /* Whoever forges an MX record names a host of his own, with TLSA records of his own: only what
     * the policy names, or a signed MX record, is held to them. */
    bool is_believed = look->host.mx.is_secure || !is_enforced(look) || security->is_named;
    if (look->state == TLSA_FOUND && is_believed)
        decide_by_dane(look, security);
    /* Records that name no usable certificate demand less than a policy may. */
    if (security->dane == NULL)
        decide_by_sts(look, security);
}

/* ---- The stage ------------------------------------------------------------------------------ */

static void free_stage(struct security_stage *stage)
{
    for (size_t i = 0; i < stage->count; i++) {
        tlsa_lookup_cancel(&stage->looks[i].tlsa);
        pki_dane_unref(&stage->looks[i].dane);
        relay_security_release(&stage->looks[i].host.security);
    }
    sts_cancel(&stage->sts);
    sts_policy_unref(&stage->policy);
    mem_free(stage->looks);
    mem_free(stage);
}

static void finish(struct security_stage *stage)
{
    struct relay_host *hosts = mem_zalloc(stage->count, sizeof *hosts);
    struct security_result result = {.hosts = hosts, .has_doubt = stage->has_doubt};
    for (size_t i = 0; i < stage->count; i++) {
        struct host_look *look = &stage->looks[i];
        if (!look->is_left_out)
            decide(look);
        if (!look->is_left_out)
            hosts[result.count++] = look->host;
    }
    result.left_out = stage->left_out;
    (void)snprintf(result.why, sizeof result.why, "%s", stage->why);
    stage->on_result(stage->destination, &result);
    mem_free(hosts);
    free_stage(stage);
}

static void on_post(struct post *post)
{
    struct security_stage *stage = list_entry(post, struct security_stage, post);
    if (stage->is_cancelled)
        free_stage(stage);
    else
        finish(stage);
}

/* The last look-up that ends, ends the stage. */
static void look_ended(struct security_stage *stage)
{
    if (--stage->pending == 0)
        finish(stage);
}

static void on_tlsa(void *owner, const struct tlsa_result *result)
{
    struct host_look *look = owner;
    char why[RELAY_SECURITY_WHY_SIZE];
    look->tlsa = NULL;
    look->state = result->state;
    if (result->state == TLSA_FOUND) {
        look->dane = pki_dane_create(result->records, result->count);
        (void)snprintf(look->base, sizeof look->base, "%s", result->base);
    } else if (result->state == TLSA_FAILED) {
        (void)snprintf(why, sizeof why,
                       "its TLSA records cannot be had, and without them nothing proves that it "
                       "is the server (DANE): %.200s",
                       result->why);
        leave_out(look, why, TLSRPT_TLSA);
    }
    look_ended(look->stage);
}

static void on_policy(void *owner, struct sts_policy *policy, bool is_certain)
{
    struct security_stage *stage = owner;
    stage->sts = NULL;
    stage->has_doubt = !is_certain;
    stage->policy = sts_policy_ref(policy);
    look_ended(stage);
}

static void ask(struct security_stage *stage)
{
    const struct route *route = &stage->destination->route;
    struct relay *relay = stage->destination->relay;
    if (relay->sts != NULL && relay->settings->mta_sts && !is_fixed(route)) {
        stage->sts = sts_ask(relay->sts, span_of(stage->domain), on_policy, stage);
        stage->pending++;
    }
    for (size_t i = 0; i < stage->count && !is_fixed(route) && relay->settings->dane; i++) {
        struct host_look *look = &stage->looks[i];
        look->tlsa =
            tlsa_lookup_start(relay->options.resolver, &look->host.mx, route->port, on_tlsa, look);
        stage->pending += look->tlsa != NULL;
    }
}

struct security_stage *relay_security_start(struct destination *destination, struct span domain,
                                            const struct mx_result *hosts, security_fn *on_result)
{
    struct security_stage *stage = mem_new(struct security_stage);
    stage->destination = destination;
    stage->on_result = on_result;
    (void)snprintf(stage->domain, sizeof stage->domain, "%.*s", (int)domain.len, domain.ptr);
    stage->count = hosts->count;
    stage->looks = mem_zalloc(hosts->count, sizeof *stage->looks);
    for (size_t i = 0; i < hosts->count; i++)
        stage->looks[i] = (struct host_look){.stage = stage, .host.mx = hosts->hosts[i]};
    ask(stage);
    stage->post.run = on_post;
    stage->is_posted = stage->pending == 0;
    if (stage->is_posted)
        loop_post(destination->relay->options.env->loop, &stage->post);
    return stage;
}

/* The resolver may go right after it, so nothing is left under way. */
void relay_security_cancel(struct security_stage **stage)
{
    struct security_stage *old = *stage;
    *stage = NULL;
    if (old == NULL)
        return;
    old->is_cancelled = true;
    if (!old->is_posted)
        free_stage(old);
}
