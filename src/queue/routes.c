/*
 * routes: the look-up of a domain in routes: its name, then its suffixes, then "*". In settings by
 * binary search over all domains that they name (conf/routes.c sorts them), for it is asked for
 * each row of the queue; in the store's list by the same names. Tests:
 * tests/unit/test_relay_routes.c, test_routes_stored.c.
 */
#include "queue/routes.h"

#include <stdlib.h>
#include <string.h>

#include "queue/routes_stored.h"
#include "store/route.h"

enum { DOMAIN_LEN_MAX = 255 /* RFC 5321 4.5.3.1.2; a longer one is nobody's */ };

/* The names that a row may have for a domain, the best one first. */
struct names {
    char lower[DOMAIN_LEN_MAX + 1];
    const char *next; /* NULL: that was all */
};

static void names_init(struct names *names, struct span domain)
{
    bool is_name = domain.len > 0 && domain.len <= DOMAIN_LEN_MAX && domain.ptr[0] != '[' &&
                   span_find_byte(domain, 0, '\0') < 0;
    for (size_t i = 0; i < domain.len && is_name; i++)
        names->lower[i] = (char)(domain.ptr[i] >= 'A' && domain.ptr[i] <= 'Z' ? domain.ptr[i] | 32
                                                                              : domain.ptr[i]);
    names->lower[is_name ? domain.len : 0] = '\0';
    names->next = is_name ? names->lower : "*";
}

static const char *names_next(struct names *names)
{
    const char *name = names->next;
    if (name == NULL || strcmp(name, "*") == 0) {
        names->next = NULL;
        return name;
    }
    const char *dot = strchr(name + 1, '.');
    names->next = dot != NULL ? dot : "*";
    return name;
}

static int compare(const void *key, const void *item)
{
    return strcmp(key, ((const struct settings_route_domain *)item)->domain);
}

static const struct settings_route *find(const struct settings_relay *settings, const char *domain)
{
    if (settings->route_domain_count == 0)
        return NULL;
    const struct settings_route_domain *found = bsearch(
        domain, settings->route_domains, settings->route_domain_count, sizeof *found, compare);
    return found != NULL ? &settings->routes[found->route] : NULL;
}

const struct settings_route *routes_find(const struct settings_relay *settings, struct span domain)
{
    const struct settings_route *route = NULL;
    struct names names;
    if (settings->route_domain_count == 0)
        return NULL;
    names_init(&names, domain);
    for (const char *name = names_next(&names); route == NULL && name != NULL;
         name = names_next(&names))
        route = find(settings, name);
    return route;
}

bool routes_look_up(const struct settings_relay *settings, struct store *store, struct span domain,
                    struct arena *arena, struct settings_route *out)
{
    struct names names;
    names_init(&names, domain);
    for (const char *name = names_next(&names); name != NULL; name = names_next(&names)) {
        const struct settings_route *route = find(settings, name);
        struct span words;
        if (route != NULL) {
            *out = *route;
            return true;
        }
        if (store_find_route(store, span_of(name), arena, &words)) {
            routes_read_stored(span_of(name), words, arena, out);
            return true;
        }
    }
    return false;
}
