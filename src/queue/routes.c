/*
 * routes: the look-up of a domain in the configuration's routes, by binary search over all domains
 * that they name (conf/routes.c sorts them): it is asked for each row of the queue. Tests:
 * tests/unit/test_relay_routes.c.
 */
#include "queue/routes.h"

#include <stdlib.h>
#include <string.h>

enum { DOMAIN_LEN_MAX = 255 /* RFC 5321 4.5.3.1.2; a longer one is nobody's */ };

static int compare(const void *key, const void *item)
{
    return strcmp(key, ((const struct settings_route_domain *)item)->domain);
}

static const struct settings_route *find(const struct settings_relay *settings, const char *domain)
{
    const struct settings_route_domain *found = bsearch(
        domain, settings->route_domains, settings->route_domain_count, sizeof *found, compare);
    return found != NULL ? &settings->routes[found->route] : NULL;
}

const struct settings_route *routes_find(const struct settings_relay *settings, struct span domain)
{
    char lower[DOMAIN_LEN_MAX + 1];
    const struct settings_route *route = NULL;
    bool is_name = domain.len > 0 && domain.len <= DOMAIN_LEN_MAX && domain.ptr[0] != '[';
    if (settings->route_domain_count == 0)
        return NULL;
    for (size_t i = 0; i < domain.len && is_name; i++)
        lower[i] = (char)(domain.ptr[i] >= 'A' && domain.ptr[i] <= 'Z' ? domain.ptr[i] | 32
                                                                       : domain.ptr[i]);
    lower[is_name ? domain.len : 0] = '\0';

    if (is_name)
        route = find(settings, lower);
    for (const char *dot = strchr(lower, '.'); route == NULL && dot != NULL;
         dot = strchr(dot + 1, '.'))
        route = find(settings, dot);
    return route != NULL ? route : find(settings, "*");
}
