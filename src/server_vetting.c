/*
 * server_vetting.c: asks all lists and for the name at once, and waits for the last answer or the
 * time limit. What is made of the facts is protocols/smtp/stranger.c's. Tests:
 * tests/unit/test_server_vetting.c, tests/clients/test_limits.py.
 */
#include "server_vetting.h"

#include <stdio.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rate.h"
#include "dns/dns_list.h"
#include "dns/rdns.h"

enum { TOLD_PLACES = 64, TOLD_PERIOD_MS = 60 * 1000 /* one line a minute and list */ };

struct list_ask {
    struct vetting *vetting;
    struct dns_list_query *query; /* NULL: answered */
};

struct vetting {
    struct list_node node;
    struct server_vetter *vetter;
    vetting_fn *on_facts;
    void *owner;
    struct timer *timer;
    struct list_ask lists[SMTP_DNS_LISTS_MAX];
    struct rdns *rdns; /* NULL: answered, or not asked */
    struct peer_facts facts;
};

struct server_vetter {
    struct vetter door; /* first */
    struct loop *loop;
    const struct settings_smtp *settings;
    const struct dns_list_rule *lists;
    struct resolver *resolver;
    struct list vettings;
    size_t count;
    struct rate *told;
};

static void free_vetting(struct vetting *vetting)
{
    for (size_t i = 0; i < SMTP_DNS_LISTS_MAX; i++)
        dns_list_cancel(&vetting->lists[i].query);
    rdns_cancel(&vetting->rdns);
    loop_timer_free(&vetting->timer);
    list_remove(&vetting->node);
    vetting->vetter->count--;
    mem_free(vetting);
}

/* A list whose words alone are missing has spoken. */
static void note_late(struct vetting *vetting)
{
    for (size_t i = 0; i < SMTP_DNS_LISTS_MAX && vetting->facts.list[0] == '\0'; i++)
        if (vetting->lists[i].query != NULL && dns_list_is_listed(vetting->lists[i].query))
            (void)snprintf(vetting->facts.list, sizeof vetting->facts.list, "%s",
                           vetting->vetter->lists[i].shown);
}

static void finish(struct vetting *vetting)
{
    vetting_fn *on_facts = vetting->on_facts;
    void *owner = vetting->owner;
    struct peer_facts facts;

    note_late(vetting);
    facts = vetting->facts;
    free_vetting(vetting);
    on_facts(owner, &facts);
}

static bool is_pending(const struct vetting *vetting)
{
    for (size_t i = 0; i < SMTP_DNS_LISTS_MAX; i++)
        if (vetting->lists[i].query != NULL)
            return true;
    return vetting->rdns != NULL;
}

static void tell(struct server_vetter *vetter, const char *event, const char *list, const char *why)
{
    static const struct rate_limit limit = {1, TOLD_PERIOD_MS};
    struct log_line line;

    if (rate_take(vetter->told, span_of(list), &limit, loop_now_ms(vetter->loop)) != 0)
        return;
    log_begin(&line, LOG_WARN, "smtp", event);
    if (list[0] != '\0')
        log_text(&line, "list", list);
    log_text(&line, "why", why);
    log_end(&line);
}

static void on_timer(void *owner)
{
    struct vetting *vetting = owner;

    for (size_t i = 0; i < SMTP_DNS_LISTS_MAX; i++)
        if (vetting->lists[i].query != NULL && !dns_list_is_listed(vetting->lists[i].query))
            tell(vetting->vetter, "list-failed", vetting->vetter->lists[i].shown,
                 "no answer within smtp.lookup_timeout");
    finish(vetting);
}

static void on_list(void *owner, const struct dns_list_result *result)
{
    struct list_ask *ask = owner;
    struct vetting *vetting = ask->vetting;
    const char *name = vetting->vetter->lists[ask - vetting->lists].shown;

    ask->query = NULL;
    if (result->outcome == DNS_LIST_FAILED)
        tell(vetting->vetter, "list-failed", name, result->why);
    if (result->outcome == DNS_LIST_LISTED && vetting->facts.list[0] == '\0') {
        (void)snprintf(vetting->facts.list, sizeof vetting->facts.list, "%s", name);
        (void)snprintf(vetting->facts.why, sizeof vetting->facts.why, "%s", result->why);
    }
    if (!is_pending(vetting))
        finish(vetting);
}

static void on_name(void *owner, int err, const char *name)
{
    struct vetting *vetting = owner;

    vetting->rdns = NULL;
    vetting->facts.naming = err == 0               ? PEER_NAMING_CONFIRMED
                            : err == ERR_NOT_FOUND ? PEER_NAMING_NONE
                                                   : PEER_NAMING_UNCERTAIN;
    if (err == 0)
        (void)snprintf(vetting->facts.name, sizeof vetting->facts.name, "%s", name);
    if (!is_pending(vetting))
        finish(vetting);
}

static void ask(struct vetting *vetting, const struct endpoint *peer)
{
    struct server_vetter *vetter = vetting->vetter;
    struct resolver *resolver = vetter->resolver;

    for (size_t i = 0; i < vetter->settings->dns_list_count; i++) {
        struct list_ask *list = &vetting->lists[i];
        list->vetting = vetting;
        list->query = dns_list_ask(resolver, &vetter->lists[i], peer, on_list, list);
    }
    if (vetter->settings->reverse_dns != SMTP_REVERSE_DNS_OFF)
        vetting->rdns = rdns_ask(resolver, peer, on_name, vetting);
}

/* Above the ceiling the peer is greeted as if DNS had not answered: a flood must not fill the
 * resolver, and others must not wait for it. */
static struct vetting *begin(struct vetter *door, const struct endpoint *peer, vetting_fn *on_facts,
                             void *owner)
{
    struct server_vetter *vetter = (struct server_vetter *)door;
    const struct settings_smtp *settings = vetter->settings;
    bool is_full = vetter->count >= settings->lookups_max;
    struct vetting *vetting = mem_new(struct vetting);

    vetting->vetter = vetter;
    vetting->on_facts = on_facts;
    vetting->owner = owner;
    vetting->facts.naming =
        settings->reverse_dns == SMTP_REVERSE_DNS_OFF ? PEER_NAMING_OFF : PEER_NAMING_UNCERTAIN;
    list_append(&vetter->vettings, &vetting->node);
    vetter->count++;
    vetting->timer = loop_timer_create(vetter->loop, on_timer, vetting);
    if (is_full)
        tell(vetter, "lookups-full", "", "strangers are not looked up above smtp.lookups_max");
    else if (vetter->resolver != NULL)
        ask(vetting, peer);
    loop_timer_start(vetting->timer, is_pending(vetting) ? settings->lookup_timeout_ms : 0);
    return vetting;
}

static const struct vetter_ops ops = {begin, free_vetting};

struct server_vetter *server_vetter_create(struct loop *loop)
{
    struct server_vetter *vetter = mem_new(struct server_vetter);

    vetter->door.ops = &ops;
    vetter->loop = loop;
    list_init(&vetter->vettings);
    vetter->told = rate_create(TOLD_PLACES);
    return vetter;
}

void server_vetter_free(struct server_vetter **vetter)
{
    if (*vetter == NULL)
        return;
    rate_free(&(*vetter)->told);
    mem_free(*vetter);
    *vetter = NULL;
}

void server_vetter_set(struct server_vetter *vetter, const struct settings_smtp *settings,
                       const struct dns_list_rule *lists, struct resolver *resolver)
{
    vetter->settings = settings;
    vetter->lists = lists;
    vetter->resolver = resolver;
}

/* Each ends at its own timer, since an owner may begin another meanwhile. */
void server_vetter_settle(struct server_vetter *vetter)
{
    list_each (node, &vetter->vettings) {
        struct vetting *vetting = list_entry(node, struct vetting, node);
        note_late(vetting);
        for (size_t i = 0; i < SMTP_DNS_LISTS_MAX; i++)
            dns_list_cancel(&vetting->lists[i].query);
        rdns_cancel(&vetting->rdns);
        loop_timer_start(vetting->timer, 0);
    }
}

struct vetter *server_vetter_door(struct server_vetter *vetter,
                                  const struct settings_smtp *settings)
{
    bool is_idle = settings->dns_list_count == 0 && settings->reverse_dns == SMTP_REVERSE_DNS_OFF;

    return is_idle ? NULL : &vetter->door;
}
