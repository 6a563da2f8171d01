/*
 * routes: the list of routes: which mail goes another way than relay.smarthost or MX records say.
 * Their keys are rows of schema.c, filled by fill.c; here is what a row cannot see, and the index
 * of all their domains. Tests: test_conf_load.c.
 */
#include <stdlib.h>

#include "conf/lists_internal.h"

enum { ROUTES_MAX = 1000 };

/* --- one route --- */

static bool is_set(const char *text)
{
    return text[0] != '\0';
}

/* Where a key of the route stands, or the route. */
static const struct conf_node *at(const struct conf_node *node, const char *name)
{
    const struct conf_node *child = conf_node_get(node, name);

    return child != NULL ? child : node;
}

/* What belongs to which way. */
static void check_way(struct conf_load *load, const struct conf_node *node,
                      const struct settings_route *route)
{
    bool has_host = route->via == RELAY_VIA_HOST || route->via == RELAY_VIA_LMTP;

    if (has_host && !is_set(route->host))
        conf_complain(load, at(node, "via"),
                      "routes.via is \"host\" or \"lmtp\" without routes.host: name the server");
    if (!has_host && is_set(route->host))
        conf_complain(load, at(node, "host"),
                      "routes.host is set, but routes.via is \"mx\" or \"refuse\": remove it, or "
                      "set routes.via to \"host\" or \"lmtp\"");
    if (route->via != RELAY_VIA_REFUSE && is_set(route->text))
        conf_complain(load, at(node, "text"),
                      "routes.text is set, but routes.via is not \"refuse\": remove it");
    if (route->via == RELAY_VIA_LMTP && route->host[0] != '/' && route->port == 25)
        conf_complain(load, at(node, "port"),
                      "routes.port is 25, but routes.via is \"lmtp\": must be another port, such "
                      "as 24");
}

/* A password goes to one named server, and under TLS only. */
static void check_login(struct conf_load *load, const struct conf_node *node,
                        const struct settings_route *route)
{
    bool has_user = is_set(route->user);
    bool has_host = route->via == RELAY_VIA_HOST || route->via == RELAY_VIA_LMTP;

    if (has_user != is_set(route->password))
        conf_complain(load, at(node, has_user ? "user" : "password"),
                      "routes.user and routes.password belong together: set both or none");
    if (has_user && !has_host)
        conf_complain(load, at(node, "user"),
                      "routes.user is set, but routes.via is \"mx\" or \"refuse\": a login is for "
                      "one server, named by routes.host");
    if (has_user && has_host && (route->tls == RELAY_TLS_OFF || route->tls == RELAY_TLS_MAY))
        conf_complain(load, at(node, "tls"),
                      "routes.tls would send the password in plaintext: must be \"starttls\" or "
                      "\"implicit\" with routes.user");
    if (has_user && route->host[0] == '/')
        conf_complain(load, at(node, "user"),
                      "routes.user is set, but routes.host is a unix socket, which has no TLS to "
                      "send a password under: remove it");
}

/* Plaintext has no certificate: a contradiction where both are written down. */
static void check_verify(struct conf_load *load, const struct conf_node *node,
                         const struct settings_route *route)
{
    const struct conf_node *verify = conf_node_get(node, "verify");

    if (verify != NULL && route->tls == RELAY_TLS_OFF && strcmp(route->verify, "required") == 0)
        conf_complain(load, verify,
                      "routes.verify is \"required\", but routes.tls is \"off\": must be "
                      "\"starttls\" or \"implicit\" then");
}

/* Who passes on anybody's mail for everywhere is an open relay, and soon on every black list. */
static void check_accept(struct conf_load *load, const struct conf_node *node,
                         const struct settings_route *route)
{
    for (size_t i = 0; i < route->domain_count; i++) {
        if (route->accept_from == RELAY_ACCEPT_ANYONE && strcmp(route->domains[i], "*") == 0)
            conf_complain(load, at(node, "accept_from"),
                          "routes.accept_from is \"anyone\" for \"*\", which would be an open "
                          "relay: name the domains that strangers may send to");
    }
}

static void set_defaults(struct settings_route *route)
{
    if (route->port == 0 && route->via == RELAY_VIA_LMTP)
        route->port = 24;
    else if (route->port == 0 && route->via == RELAY_VIA_HOST)
        route->port = route->tls == RELAY_TLS_IMPLICIT ? 465 : 25;
    if (route->tls == RELAY_TLS_OFF || route->host[0] == '/')
        route->verify = "off";
    /* A unix socket does not leave the machine, and no certificate could name it. */
    if (route->host[0] == '/')
        route->tls = RELAY_TLS_OFF;
    if (route->via == RELAY_VIA_REFUSE && !is_set(route->text))
        route->text = "no mail for this domain is sent from here";
}

void conf_fill_route(struct conf_load *load, const struct conf_node *node,
                     struct settings_route *route)
{
    const struct conf_scope scope = {conf_route_rows, conf_route_row_count, "routes"};
    unsigned before = load->complaint_count;

    conf_fill(load, node, &scope, route);
    if (load->complaint_count > before)
        return; /* else one slip would be told twice */
    check_way(load, node, route);
    check_login(load, node, route);
    check_verify(load, node, route);
    check_accept(load, node, route);
    set_defaults(route);
}

static void fill_one(struct conf_load *load, const struct conf_node *node,
                     const struct conf_scope *scope, struct conf_draft *draft)
{
    struct settings_relay *relay = &draft->settings.relay;

    (void)scope;
    conf_fill_route(load, node, &relay->routes[relay->route_count++]);
}

/* --- the index of domains --- */

static int compare(const void *left, const void *right)
{
    const struct settings_route_domain *a = left, *b = right;
    int order = strcmp(a->domain, b->domain);

    return order != 0 ? order : (a->route > b->route) - (a->route < b->route);
}

static void index_one(struct conf_load *load, struct settings_relay *relay, size_t index)
{
    const struct settings_route *route = &relay->routes[index];

    for (size_t i = 0; i < route->domain_count; i++) {
        char *lower = arena_text(load->arena, span_of(route->domains[i]));
        for (char *c = lower; *c != '\0'; c++) /* ASCII's letters alone: RFC 4343 */
            *c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
        relay->route_domains[relay->route_domain_count++] =
            (struct settings_route_domain){lower, index};
    }
}

static void complain_of_doubles(struct conf_load *load, const struct conf_node *list,
                                const struct settings_relay *relay)
{
    for (size_t i = 1; i < relay->route_domain_count; i++) {
        const struct settings_route_domain *domain = &relay->route_domains[i];
        if (strcmp(domain->domain, domain[-1].domain) != 0)
            continue;
        const struct conf_node *node = list->children;
        for (size_t skip = domain->route; skip > 0; skip--)
            node = node->next;
        conf_complain(load, at(node, "domains"),
                      "routes.domains names \"%.100s\" a second time: it can go one way only",
                      domain->domain);
    }
}

void conf_fill_routes(struct conf_load *load, const struct conf_node *root,
                      struct conf_draft *draft)
{
    const struct conf_groups groups = {.name = "routes",
                                       .rows = conf_route_rows,
                                       .row_count = conf_route_row_count,
                                       .count_min = 0,
                                       .count_max = ROUTES_MAX,
                                       .fill = fill_one};
    const struct conf_node *list = conf_node_get(root, groups.name);
    struct settings_relay *relay = &draft->settings.relay;
    unsigned before = load->complaint_count;
    size_t most = 0;

    if (list == NULL)
        return;
    relay->routes = arena_alloc(load->arena, ROUTES_MAX * sizeof *relay->routes);
    conf_fill_groups(load, list, &groups, draft);
    /* Members that are no groups would shift the places. */
    if (load->complaint_count > before)
        return;
    for (size_t i = 0; i < relay->route_count; i++)
        most += relay->routes[i].domain_count;
    relay->route_domains = arena_alloc(load->arena, (most + 1) * sizeof *relay->route_domains);
    for (size_t i = 0; i < relay->route_count; i++)
        index_one(load, relay, i);
    if (most > 0)
        qsort(relay->route_domains, most, sizeof *relay->route_domains, compare);
    complain_of_doubles(load, list, relay);
}

void conf_check_routes(struct conf_load *load, const struct conf_node *root)
{
    const struct conf_node *list = conf_node_get(root, "routes");

    for (const struct conf_node *node = list != NULL ? list->children : NULL; node != NULL;
         node = node->next) {
        for (size_t i = 0; i < conf_route_row_count; i++) {
            const struct conf_node *secret = conf_node_get(node, conf_route_rows[i].name);
            if ((conf_route_rows[i].flags & CONF_SECRET) != 0 && secret != NULL &&
                secret->kind == CONF_KIND_TEXT && is_set(secret->text))
                conf_check_privacy(load, secret, secret->file, "a password");
        }
    }
}
