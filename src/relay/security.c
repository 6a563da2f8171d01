/*
 * security.c: the order of TLS policies. Each look-up (the domain's, each host's) runs at the same
 * time; when the last one has ended every host is decided. Tests: tests/unit/test_relay_dane.c,
 * test_relay_verify.c.
 */
#include "relay/security.h"

#include <stdio.h>

#include "base/mem.h"
#include "base/require.h"
#include "relay/relay_internal.h"

struct security_stage {
    struct post post;
    struct destination *destination;
    security_fn *on_result;
    char domain[MX_NAME_SIZE];
    struct relay_host hosts[MX_HOSTS_MAX];
    size_t count;
    bool is_cancelled;
};

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

static void decide(const struct security_stage *stage, struct relay_host *host)
{
    const struct route *route = &stage->destination->route;
    host->security = (struct relay_security){.tls = route->tls, .verify = route->verify};
    (void)snprintf(host->security.server_name, MX_NAME_SIZE, "%s", host->mx.name);
    decide_by_route(route, &host->security);
    if (is_fixed(route))
        return;
}

/* ---- The stage ------------------------------------------------------------------------------ */

static void finish(struct security_stage *stage)
{
    struct security_result result = {.hosts = stage->hosts, .count = stage->count};
    for (size_t i = 0; i < stage->count; i++)
        decide(stage, &stage->hosts[i]);
    stage->on_result(stage->destination, &result);
    mem_free(stage);
}

static void on_post(struct post *post)
{
    struct security_stage *stage = list_entry(post, struct security_stage, post);
    if (stage->is_cancelled)
        mem_free(stage);
    else
        finish(stage);
}

struct security_stage *relay_security_start(struct destination *destination, struct span domain,
                                            const struct mx_result *hosts, security_fn *on_result)
{
    struct security_stage *stage = mem_new(struct security_stage);
    stage->destination = destination;
    stage->on_result = on_result;
    (void)snprintf(stage->domain, sizeof stage->domain, "%.*s", (int)domain.len, domain.ptr);
    stage->count = hosts->count;
    for (size_t i = 0; i < hosts->count; i++)
        stage->hosts[i].mx = hosts->hosts[i];
    stage->post.run = on_post;
    loop_post(destination->relay->options.env->loop, &stage->post);
    return stage;
}

void relay_security_cancel(struct security_stage **stage)
{
    struct security_stage *old = *stage;
    *stage = NULL;
    if (old != NULL)
        old->is_cancelled = true;
}
