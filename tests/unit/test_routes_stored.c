/* The store's routes and the configuration's together: which wins, for one look-up and for the
 * list that relays go by. */
#include "queue/routes.h"
#include "store/route.h"
#include "store_fixture.h"

static const char *names[] = {"*", ".conf.test", "both.test"};
static struct settings_route rows[] = {
    {.domains = &names[0], .domain_count = 1, .via = RELAY_VIA_REFUSE, .text = "conf *"},
    {.domains = &names[1], .domain_count = 1, .via = RELAY_VIA_REFUSE, .text = "conf suffix"},
    {.domains = &names[2], .domain_count = 1, .via = RELAY_VIA_REFUSE, .text = "conf both"},
};
static struct settings_route_domain domains[] = {{"*", 0}, {".conf.test", 1}, {"both.test", 2}};
static const struct settings_relay settings = {
    .routes = rows, .route_count = 3, .route_domains = domains, .route_domain_count = 3};
static const struct settings_relay nothing;

static void add(struct fixture *fixture, const char *domain, const char *words)
{
    fixture_do(
        fixture,
        store_change_route_create(fixture->store, STORE_ROUTE_ADD, span_of(domain), span_of(words)),
        0);
}

static const struct {
    const char *domain, *wanted;
} cases[] = {
    {"both.test", "conf both"},
    {"BOTH.test", "conf both"},
    {"x.both.test", "conf *"},
    {"a.conf.test", "conf suffix"},
    {"own.conf.test", "stored"},
    {"Own.Conf.Test", "stored"},
    {"x.own.conf.test", "conf suffix"},
    {"far.test", "stored"},
    {"one.test", "stored"},
    {"x.sub.test", "stored suffix"},
    {"other", "conf *"},
    {"", "conf *"},
    {"[192.0.2.1]", "conf *"},
    {"*", "conf *"},
};

static void look(struct fixture *fixture, struct routes_merged *merged, size_t i)
{
    struct settings_route route;
    struct arena arena;
    struct span domain = span_of(cases[i].domain);
    arena_init(&arena);
    check_case = cases[i].domain;
    check(routes_look_up(&settings, fixture->store, domain, &arena, &route));
    check_text(route.text, cases[i].wanted);
    const struct settings_route *found = routes_find(&merged->settings, domain);
    check(found != NULL);
    if (found != NULL)
        check_text(found->text, cases[i].wanted);
    arena_reset(&arena);
    check_case = "";
}

static struct routes_merged *merge(struct fixture *fixture, const struct settings_relay *with)
{
    struct routes_merged *merged = routes_merged_create(with);
    store_each_route(fixture->store, routes_merged_add, merged);
    routes_merged_finish(merged);
    return merged;
}

TEST(the_more_exact_name_wins_then_the_configuration)
{
    struct fixture fixture;
    fixture_make(&fixture);
    add(&fixture, "both.test", "via=refuse\ntext=never");
    add(&fixture, "own.conf.test", "via=refuse\ntext=stored");
    add(&fixture, "one.test", "via=refuse\ntext=stored");
    add(&fixture, "far.test", "via=refuse\ntext=stored");
    add(&fixture, ".sub.test", "via=refuse\ntext=stored suffix");
    add(&fixture, "*", "via=refuse\ntext=never");
    struct routes_merged *merged = merge(&fixture, &settings);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        look(&fixture, merged, i);
    /* Those with the same words are one row: far, one, own.conf. */
    check_int(merged->settings.route_count, 3 + 3);
    check_int(merged->settings.route_domain_count, 3 + 4);
    check(routes_find(&merged->settings, span_of("far.test")) ==
          routes_find(&merged->settings, span_of("one.test")));
    check_int(settings.route_count, 3);
    routes_merged_free(&merged);
    fixture_free(&fixture);
}

TEST(either_list_may_be_empty)
{
    struct fixture fixture;
    struct settings_route route;
    struct arena arena;
    arena_init(&arena);
    fixture_make(&fixture);
    struct routes_merged *merged = merge(&fixture, &nothing);
    check(routes_find(&merged->settings, span_of("a.test")) == NULL);
    check(!routes_look_up(&nothing, fixture.store, span_of("a.test"), &arena, &route));
    routes_merged_free(&merged);
    add(&fixture, "*", "via=refuse\ntext=stored");
    merged = merge(&fixture, &nothing);
    check_text(routes_find(&merged->settings, span_of("a.test"))->text, "stored");
    check(routes_look_up(&nothing, fixture.store, span_of("a.test"), &arena, &route));
    check_text(route.text, "stored");
    routes_merged_free(&merged);
    arena_reset(&arena);
    fixture_free(&fixture);
}

/* Its mail waits; it never goes as if the row were not there. */
TEST(a_row_that_cannot_be_read_leads_nowhere)
{
    struct fixture fixture;
    struct settings_route route;
    struct arena arena;
    arena_init(&arena);
    fixture_make(&fixture);
    add(&fixture, "a.test", "via=pigeon\naccept_from=anyone");
    check(routes_look_up(&nothing, fixture.store, span_of("a.test"), &arena, &route));
    check_int(route.via, RELAY_VIA_HOST);
    check_text(route.host, "unreadable-route.invalid");
    check_int(route.tls, RELAY_TLS_STARTTLS);
    check_text(route.verify, "required");
    check_int(route.accept_from, RELAY_ACCEPT_USERS);
    arena_reset(&arena);
    fixture_free(&fixture);
}

CHECK_MAIN({"the_more_exact_name_wins_then_the_configuration",
            the_more_exact_name_wins_then_the_configuration},
           {"either_list_may_be_empty", either_list_may_be_empty},
           {"a_row_that_cannot_be_read_leads_nowhere", a_row_that_cannot_be_read_leads_nowhere})
