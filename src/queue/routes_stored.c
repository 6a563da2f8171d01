/*
 * routes_stored: the store's routes behind the configuration's, as one list that is looked into
 * like the configuration's alone. Tests: tests/unit/test_routes_stored.c.
 */
#include "queue/routes_stored.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "conf/route.h"

struct routes_word {
    struct span domain, words; /* in the arena */
};

static void log_complaint(void *owner, const char *file, int line, const char *sentence)
{
    const struct span *domain = owner;
    struct log_line log;
    (void)file;
    (void)line;
    log_begin(&log, LOG_ERROR, "relay", "unreadable-route");
    log_span(&log, "domain", *domain);
    log_text(&log, "why", sentence);
    log_end(&log);
}

void routes_read_stored(struct span domain, struct span words, struct arena *arena,
                        struct settings_route *out)
{
    const struct conf_route_report report = {log_complaint, &domain};
    *out = (struct settings_route){0};
    if (conf_route_read(domain, words, arena, &report, out) == 0)
        return;
    /* Another program's, perhaps with demands: to ignore them could send mail in plaintext. RFC
     * 2606 2: nobody has this name. */
    const char **domains = arena_alloc(arena, sizeof(const char *));
    domains[0] = arena_text(arena, domain);
    *out = (struct settings_route){.domains = domains,
                                   .domain_count = 1,
                                   .via = RELAY_VIA_HOST,
                                   .host = "unreadable-route.invalid",
                                   .port = 25,
                                   .tls = RELAY_TLS_STARTTLS,
                                   .verify = "required",
                                   .user = "",
                                   .password = "",
                                   .text = ""};
}

struct routes_merged *routes_merged_create(const struct settings_relay *settings)
{
    struct routes_merged *merged = mem_new(struct routes_merged);
    merged->settings = *settings;
    arena_init(&merged->arena);
    return merged;
}

void routes_merged_add(void *owner, struct span domain, struct span words)
{
    struct routes_merged *merged = owner;
    if (merged->added_count == merged->added_capacity) {
        merged->added_capacity = merged->added_capacity == 0 ? 8 : merged->added_capacity * 2;
        merged->added = mem_realloc(merged->added, merged->added_capacity * sizeof *merged->added);
    }
    merged->added[merged->added_count++] =
        (struct routes_word){arena_copy(&merged->arena, domain), arena_copy(&merged->arena, words)};
}

static int compare_added(const void *left, const void *right)
{
    const struct routes_word *a = left, *b = right;
    int order = span_compare(a->words, b->words);
    return order != 0 ? order : span_compare(a->domain, b->domain);
}

static int compare_domains(const void *left, const void *right)
{
    const struct settings_route_domain *a = left, *b = right;
    int order = strcmp(a->domain, b->domain);
    return order != 0 ? order : (a->route > b->route) - (a->route < b->route);
}

/* A row for those with the same words, so that they share their next hop's connections. Returns how
 * many they are. */
static size_t add_row(struct routes_merged *merged, const struct routes_word *first,
                      const struct routes_word *end)
{
    struct settings_relay *settings = &merged->settings;
    struct settings_route *route = &settings->routes[settings->route_count];
    size_t count = 0;
    while (first + count < end && span_equal(first[count].words, first->words))
        count++;
    routes_read_stored(first->domain, first->words, &merged->arena, route);
    route->domains = arena_alloc(&merged->arena, count * sizeof(const char *));
    route->domain_count = count;
    for (size_t i = 0; i < count; i++) {
        route->domains[i] = arena_text(&merged->arena, first[i].domain);
        settings->route_domains[settings->route_domain_count++] =
            (struct settings_route_domain){route->domains[i], settings->route_count};
    }
    settings->route_count++;
    return count;
}

/* Sorts; of the same name the configuration's stays, which is the first. */
static void index_domains(struct settings_relay *settings)
{
    size_t kept = 0;
    if (settings->route_domain_count == 0)
        return;
    qsort(settings->route_domains, settings->route_domain_count, sizeof *settings->route_domains,
          compare_domains);
    for (size_t i = 1; i < settings->route_domain_count; i++) {
        const struct settings_route_domain *domain = &settings->route_domains[i];
        if (strcmp(domain->domain, settings->route_domains[kept].domain) != 0)
            settings->route_domains[++kept] = *domain;
    }
    settings->route_domain_count = kept + 1;
}

void routes_merged_finish(struct routes_merged *merged)
{
    struct settings_relay *settings = &merged->settings;
    const struct settings_relay given = *settings;
    const struct routes_word *end = merged->added + merged->added_count;
    if (merged->added_count == 0)
        return;
    qsort(merged->added, merged->added_count, sizeof *merged->added, compare_added);
    settings->routes = arena_alloc(&merged->arena, (given.route_count + merged->added_count) *
                                                       sizeof *settings->routes);
    settings->route_domains =
        arena_alloc(&merged->arena, (given.route_domain_count + merged->added_count) *
                                        sizeof *settings->route_domains);
    for (size_t i = 0; i < given.route_count; i++)
        settings->routes[i] = given.routes[i];
    for (size_t i = 0; i < given.route_domain_count; i++)
        settings->route_domains[i] = given.route_domains[i];
    for (const struct routes_word *at = merged->added; at < end;)
        at += add_row(merged, at, end);
    index_domains(settings);
    mem_free(merged->added);
    merged->added = NULL;
    merged->added_count = merged->added_capacity = 0;
}

void routes_merged_free(struct routes_merged **merged)
{
    struct routes_merged *old = *merged;
    *merged = NULL;
    if (old == NULL)
        return;
    mem_free(old->added);
    arena_reset(&old->arena);
    mem_free(old);
}
