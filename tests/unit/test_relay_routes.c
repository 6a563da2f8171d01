/*
 * Per-domain routes in the simulator: which row a domain goes by, where its mail then arrives, what
 * is refused, and that no two ways ever share a connection.
 */
#include "base/log.h"
#include "check.h"
#include "queue/routes.h"
#include "store/accept.h"
#include "tests/fake/relay_lab.h"

static const char alice[] = "alice@example.org";
enum { RUN_MS = 20000, ROUTES_MOST = 8 };

/* One domain a route: the index is then as sorted as the rows are written. */
struct table {
    struct settings_route rows[ROUTES_MOST];
    struct settings_route_domain domains[ROUTES_MOST];
    const char *names[ROUTES_MOST];
    size_t count;
};

static struct settings_route route_to(enum relay_via via, const char *host)
{
    return (struct settings_route){.via = via,
                                   .host = host,
                                   .port = 25,
                                   .tls = RELAY_TLS_OFF,
                                   .verify = "off",
                                   .user = "",
                                   .password = "",
                                   .text = via == RELAY_VIA_REFUSE ? "gone away" : ""};
}

/* In order of strcmp(). */
static void add(struct table *table, const char *domain, struct settings_route row)
{
    size_t i = table->count++;
    table->names[i] = domain;
    row.domains = &table->names[i];
    row.domain_count = 1;
    table->rows[i] = row;
    table->domains[i] = (struct settings_route_domain){domain, i};
}

static void use(struct table *table, struct settings_relay *settings)
{
    settings->routes = table->rows;
    settings->route_count = table->count;
    settings->route_domains = table->domains;
    settings->route_domain_count = table->count;
}

TEST(test_a_domain_goes_by_its_nearest_row)
{
    static const char *const domains[] = {"*", ".a.test", ".b.a.test", ".test", "a.test"};
    static const struct {
        const char *domain;
        size_t row; /* 9: none */
    } cases[] = {{"a.test", 4},       {"A.Test", 4},  {"b.a.test", 1},  {"c.b.a.test", 2},
                 {"d.c.b.a.test", 2}, {"xa.test", 3}, {"test", 0},      {"a.test.", 0},
                 {"other", 0},        {"", 0},        {"[1.2.3.4]", 0}, {"*", 0},
                 {".a.test", 1}};
    char endless[400];
    struct table table = {0};
    struct settings_relay settings = {0};
    check(routes_find(&settings, span_of("a.test")) == NULL);
    for (size_t i = 0; i < sizeof domains / sizeof *domains; i++)
        add(&table, domains[i], route_to(RELAY_VIA_MX, ""));
    use(&table, &settings);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].domain;
        const struct settings_route *row = routes_find(&settings, span_of(cases[i].domain));
        check_int(row == NULL ? 9 : row - table.rows, cases[i].row);
    }
    check_case = "too long for a name";
    memset(endless, 'a', sizeof endless);
    memcpy(endless + sizeof endless - 5, ".test", 5);
    check(routes_find(&settings, span_make(endless, sizeof endless)) == &table.rows[0]);
    check(routes_find(&settings, span_make(endless + 145, 255)) == &table.rows[3]);
    check(routes_find(&settings, span_make(endless + 144, 256)) == &table.rows[0]);
    check_case = "without a default";
    settings.route_domains++;
    settings.route_domain_count--;
    check(routes_find(&settings, span_of("other")) == NULL);
}

static const struct way_case {
    const char *name;
    struct settings_route row; /* of ".test" */
    const char *smarthost, *to;
    unsigned at_one, at_two; /* messages that hop 0 and 1 got */
    int64_t at_bob, reports;
    size_t queued;
} way_cases[] = {
#define HOST_ROW(name, tls_, verify_)                                                              \
    {                                                                                              \
        .via = RELAY_VIA_HOST, .host = (name), .port = 25, .tls = (tls_), .verify = (verify_),     \
        .user = "", .password = "", .text = ""                                                     \
    }
#define VIA_ROW(via_, host_, text_)                                                                \
    {                                                                                              \
        .via = (via_), .host = (host_), .port = 25, .tls = RELAY_TLS_OFF, .verify = "off",         \
        .user = "", .password = "", .text = (text_)                                                \
    }
    {"a host", VIA_ROW(RELAY_VIA_HOST, "two.hop.test", ""), "", "r@one.test", 0, 1, 0, 0, 0},
    {"a host for a domain that DNS does not know", VIA_ROW(RELAY_VIA_HOST, "two.hop.test", ""), "",
     "r@nowhere.test", 0, 1, 0, 0, 0},
    {"an address", VIA_ROW(RELAY_VIA_HOST, "203.0.113.2", ""), "", "r@null.test", 0, 1, 0, 0, 0},
    {"lmtp", VIA_ROW(RELAY_VIA_LMTP, "two.hop.test", ""), "", "r@one.test s@two.test", 0, 2, 0, 0,
     0},
    {"mx around the smarthost", VIA_ROW(RELAY_VIA_MX, "", ""), "two.hop.test", "r@one.test", 1, 0,
     0, 0, 0},
    {"others to the smarthost", VIA_ROW(RELAY_VIA_HOST, "one.hop.test", ""), "two.hop.test",
     "r@example.com", 0, 1, 0, 0, 0},
    {"refused", VIA_ROW(RELAY_VIA_REFUSE, "", "gone away"), "two.hop.test", "r@one.test s@two.test",
     0, 0, 0, 2, 0},
    {"one refused, one not", VIA_ROW(RELAY_VIA_REFUSE, "", "gone away"), "two.hop.test",
     "r@one.test r@example.com", 0, 1, 0, 1, 0},
    {"a host that does not exist is waited for", VIA_ROW(RELAY_VIA_HOST, "nowhere.hop.test", ""),
     "", "r@one.test", 0, 0, 0, 0, 1},
    {"verified and good", HOST_ROW("mx.example.org", RELAY_TLS_STARTTLS, "required"), "",
     "bob@one.test", 0, 0, 1, 0, 0},
    {"verified and wrong", HOST_ROW("other.example.org", RELAY_TLS_STARTTLS, "required"), "",
     "bob@one.test", 0, 0, 0, 0, 1},
    {"may, but verified: nothing in plaintext", HOST_ROW("two.hop.test", RELAY_TLS_MAY, "required"),
     "", "bob@one.test", 0, 0, 0, 0, 1},
    {"wrong, but only looked at",
     HOST_ROW("other.example.org", RELAY_TLS_STARTTLS, "opportunistic"), "", "bob@one.test", 0, 0,
     1, 0, 0},
};

TEST(test_mail_arrives_by_its_route)
{
    for (size_t i = 0; i < sizeof way_cases / sizeof *way_cases; i++) {
        const struct way_case *row = &way_cases[i];
        struct relay_lab lab;
        struct table table = {0};
        struct buf report;
        check_case = row->name;
        buf_init(&report, 0);
        relay_lab_init(&lab);
        /* The server takes bob of one.test as well: his mail goes there by the route. */
        world_add_alias(&lab.world, span_of("bob@one.test"), span_of("bob@example.org"));
        static const char *const served[] = {"example.org", "one.test"};
        lab.server.domains = served;
        lab.server.domain_count = 2;
        add(&table, ".test", row->row);
        add(&table, "nowhere.test", row->row);
        add(&table, "null.test", row->row);
        add(&table, "one.test", row->row);
        add(&table, "two.test", row->row);
        use(&table, &lab.settings);
        lab.settings.smarthost = row->smarthost;
        lab.settings.smarthost_tls = RELAY_TLS_OFF;
        lab.settings.smarthost_verify = "off";
        relay_lab_mail(&lab, alice, row->to);
        relay_lab_run(&lab, RUN_MS);
        check_int(lab.hops[0].messages, row->at_one);
        check_int(lab.hops[1].messages, row->at_two);
        check_int(relay_lab_inbox(&lab, "bob@example.org", NULL), row->at_bob);
        check_int(relay_lab_inbox(&lab, alice, &report), row->reports);
        check_int(relay_lab_queue(&lab).count, row->queued);
        if (row->reports > 0) {
            check(span_find(buf_span(&report), span_of("5.7.1")) > 0);
            check(span_find(buf_span(&report), span_of("gone away")) > 0);
        }
        buf_release(&report);
        relay_lab_deinit(&lab);
    }
}

/* The same server behind four ways: a route with a login, one without, MX and the smarthost. */
TEST(test_no_connection_is_shared_between_routes)
{
    struct relay_lab lab;
    struct table table = {0};
    struct settings_route login = route_to(RELAY_VIA_HOST, "one.hop.test");
    login.user = "somebody";
    login.password = "wonderland";
    relay_lab_init(&lab);
    add(&table, "a.test", login);
    add(&table, "b.test", route_to(RELAY_VIA_HOST, "one.hop.test"));
    add(&table, "c.test", route_to(RELAY_VIA_HOST, "one.hop.test"));
    add(&table, "one.test", route_to(RELAY_VIA_MX, ""));
    use(&table, &lab.settings);
    lab.settings.smarthost = "one.hop.test";
    lab.settings.smarthost_tls = RELAY_TLS_OFF;
    lab.settings.smarthost_verify = "off";
    relay_lab_mail(&lab, alice, "r@b.test r@c.test r@one.test r@other.test s@other.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, 4);
    check_int(lab.hops[0].recipients, 5);
    /* A password is not sent in plaintext, so nothing of that route is delivered. */
    relay_lab_mail(&lab, alice, "r@a.test");
    relay_lab_run(&lab, 1000);
    check_int(lab.hops[0].connections, 5);
    check_int(lab.hops[0].recipients, 5);
    check_int(relay_lab_queue(&lab).count, 1);
    relay_lab_deinit(&lab);
}

/* RFC 8689: what a message demands goes beyond the route; what it waives does not weaken it. */
TEST(test_wishes_of_the_mail_on_a_route)
{
    static const struct {
        const char *name;
        unsigned flags;
        enum relay_tls tls;
        const char *verify;
        unsigned messages;
    } cases[] = {
        {"no wish", 0, RELAY_TLS_OFF, "off", 1},
        {"TLS demanded by the mail only", STORE_MAIL_REQUIRETLS, RELAY_TLS_OFF, "off", 0},
        {"TLS waived by the mail only", STORE_MAIL_TLS_OPTIONAL, RELAY_TLS_STARTTLS, "required", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct table table = {0};
        struct settings_route row = route_to(RELAY_VIA_HOST, "one.hop.test");
        check_case = cases[i].name;
        row.tls = cases[i].tls;
        row.verify = cases[i].verify;
        relay_lab_init(&lab);
        add(&table, "far.test", row);
        use(&table, &lab.settings);
        lab.mail_flags = cases[i].flags;
        relay_lab_mail(&lab, alice, "r@far.test");
        relay_lab_run(&lab, 1000);
        check_int(lab.hops[0].messages, cases[i].messages);
        relay_lab_deinit(&lab);
    }
}

/* Each text and number of a row, changed by a reload: what waits goes the new way at once. */
TEST(test_a_reload_reroutes_what_waits)
{
    enum { CHANGES = 4 };
    for (int change = 0; change < CHANGES; change++) {
        struct relay_lab lab;
        struct table before = {0}, after = {0};
        static const char *const names[] = {"host", "added", "refused", "removed"};
        check_case = names[change];
        relay_lab_init(&lab);
        add(&before, "far.test", route_to(RELAY_VIA_HOST, "one.hop.test"));
        use(&before, &lab.settings);
        lab.hops[0].rules[0] = (struct hop_rule){"CONNECT", 0, HOP_SILENT};
        relay_lab_mail(&lab, alice, "r@far.test");
        relay_lab_run(&lab, 1000);
        check_int(lab.hops[0].connections, 1);

        struct settings_relay next = lab.settings;
        if (change == 0)
            add(&after, "far.test", route_to(RELAY_VIA_HOST, "two.hop.test"));
        if (change == 1)
            add(&after, "*", route_to(RELAY_VIA_HOST, "one.hop.test"));
        if (change == 1)
            add(&after, "far.test", route_to(RELAY_VIA_HOST, "two.hop.test"));
        if (change == 2)
            add(&after, "far.test", route_to(RELAY_VIA_REFUSE, ""));
        use(&after, &next);
        if (change == 3) {
            next.smarthost = "two.hop.test";
            next.smarthost_tls = RELAY_TLS_OFF;
            next.smarthost_verify = "off";
        }
        lab.options.settings = &next;
        relay_set_options(lab.relay, &lab.options);
        memset(&before, 0xAA, sizeof before);
        relay_lab_run(&lab, 1000);
        check_int(lab.hops[1].messages, change != 2);
        check_int(relay_lab_inbox(&lab, alice, NULL), change == 2);
        check_int(relay_lab_queue(&lab).count, 0);
        relay_lab_deinit(&lab);
    }
}

/* Whether a kept connection ends: only when something of the row is another. */
static const struct {
    const char *name;
    size_t offset;
    bool is_text;
} members[] = {
#define MEMBER(field, is_text)                                                                     \
    {                                                                                              \
#field, offsetof(struct settings_route, field), is_text                                    \
    }
    MEMBER(host, true),     MEMBER(verify, true), MEMBER(user, true),
    MEMBER(password, true), MEMBER(text, true),   MEMBER(port, false),
    MEMBER(tls, false),     MEMBER(via, false),   MEMBER(domains, true),
};

TEST(test_a_reload_ends_connections_only_when_a_route_differs)
{
    for (size_t i = 0; i <= sizeof members / sizeof *members; i++) {
        bool is_same = i == sizeof members / sizeof *members;
        struct relay_lab lab;
        struct table before = {0}, after = {0};
        check_case = is_same ? "nothing" : members[i].name;
        relay_lab_init(&lab);
        add(&before, "far.test", route_to(RELAY_VIA_HOST, "one.hop.test"));
        add(&after, "far.test", route_to(RELAY_VIA_HOST, "one.hop.test"));
        use(&before, &lab.settings);
        relay_lab_mail(&lab, alice, "r@far.test");
        relay_lab_run(&lab, 1000);
        static const char *other[] = {"other.test"};
        char *field = is_same ? NULL : (char *)&after.rows[0] + members[i].offset;
        if (!is_same && strcmp(members[i].name, "domains") == 0)
            *(const char ***)(void *)field = other;
        else if (!is_same && members[i].is_text)
            *(const char **)(void *)field = "off";
        else if (!is_same)
            field[0] = 2;
        if (!is_same && strcmp(members[i].name, "verify") == 0)
            *(const char **)(void *)field = "opportunistic";
        struct settings_relay next = lab.settings;
        use(&after, &next);
        lab.options.settings = &next;
        relay_set_options(lab.relay, &lab.options);
        relay_lab_run(&lab, 100);
        check_int(lab.hops[0].quits, !is_same);
        if (is_same) { /* the texts of the old settings are gone; the connection is used again */
            memset(&before, 0xAA, sizeof before);
            relay_lab_mail(&lab, alice, "r@far.test");
            relay_lab_run(&lab, 1000);
            check_int(lab.hops[0].connections, 1);
            check_int(lab.hops[0].messages, 2);
        }
        relay_lab_deinit(&lab);
    }
}

CHECK_MAIN({"test_wishes_of_the_mail_on_a_route", test_wishes_of_the_mail_on_a_route},
           {"test_a_domain_goes_by_its_nearest_row", test_a_domain_goes_by_its_nearest_row},
           {"test_mail_arrives_by_its_route", test_mail_arrives_by_its_route},
           {"test_no_connection_is_shared_between_routes",
            test_no_connection_is_shared_between_routes},
           {"test_a_reload_reroutes_what_waits", test_a_reload_reroutes_what_waits},
           {"test_a_reload_ends_connections_only_when_a_route_differs",
            test_a_reload_ends_connections_only_when_a_route_differs})
