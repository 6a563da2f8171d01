/* Tests of dns/mx.h with a resolver that answers from a table. */
#include "dns/mx.h"
#include "tests/fake/resolver_table.h"
#include "tests/sim/sim.h"
#include "tests/unit/check.h"

static struct {
    unsigned calls;
    int err;
    char why[MX_WHY_SIZE];
    char hosts[256]; /* "mx1=192.0.2.1,... " */
} got;

static void on_result(void *owner, const struct mx_result *result)
{
    (void)owner;
    got.calls++;
    got.err = result->err;
    (void)snprintf(got.why, sizeof got.why, "%s", result->why);
    got.hosts[0] = '\0';
    for (size_t i = 0; i < result->count; i++) {
        char *end = got.hosts + strlen(got.hosts);
        end += snprintf(end, 100, "%s%s", i > 0 ? " " : "", result->hosts[i].name);
        for (size_t a = 0; a < result->hosts[i].address_count; a++) {
            char text[ENDPOINT_TEXT_SIZE];
            endpoint_host(&result->hosts[i].addresses[a], text);
            end += snprintf(end, 100, "%c%s", a == 0 ? '=' : ',', text);
        }
    }
}

static const struct resolver_row table[] = {
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x14", "\3mx2\3two\4test")},
    {"two.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3mx1\3two\4test")},
    RESOLVER_ROW("mx1.two.test", DNS_A, "\xc0\x00\x02\x01"),
    RESOLVER_ROW("mx1.two.test", DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
    RESOLVER_ROW("mx2.two.test", DNS_A, "\xc0\x00\x02\x02"),
    RESOLVER_ROW("both.test", DNS_A, "\xc0\x00\x02\x04"),
    RESOLVER_ROW("both.test", DNS_A, "\xc0\x00\x02\x05"),
    RESOLVER_ROW("both.test", DNS_A, "\xc0\x00\x02\x06"),
    RESOLVER_ROW("both.test", DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2"),
    RESOLVER_ROW("both.test", DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\3"),
    {"null.test", DNS_MX, 0, RESOLVER_MX("\0", "")},
    RESOLVER_ROW("implicit.test", DNS_A, "\xc0\x00\x02\x03"),
    {"later.test", DNS_MX, ERR_AGAIN, NULL, 0},
    {"lost.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\4lost\4test")},
    {"slow.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\4slow\4test")},
    {"mx.slow.test", DNS_A, ERR_AGAIN, NULL, 0},
    {"torn.test", DNS_MX, 0, "\0\x0a\x3fmx", 5},
    RESOLVER_ROW("bad.test", DNS_A, "\xc0\x00\x02"),
};

static const struct {
    const char *domain;
    int err;
    const char *hosts;
} cases[] = {
    {"two.test", 0, "mx1.two.test=2001:db8::1,192.0.2.1 mx2.two.test=192.0.2.2"},
    {"both.test", 0, "both.test=2001:db8::2,192.0.2.4,2001:db8::3,192.0.2.5,192.0.2.6"},
    {"null.test", ERR_REFUSED, ""},
    {"implicit.test", 0, "implicit.test=192.0.2.3"},
    {"later.test", ERR_AGAIN, ""},
    {"nowhere.test", ERR_NOT_FOUND, ""},
    {"lost.test", ERR_NOT_FOUND, ""},
    {"slow.test", ERR_AGAIN, ""},
    {"torn.test", ERR_NOT_FOUND, ""},
    {"bad.test", ERR_NOT_FOUND, ""},
    {"[192.0.2.7]", 0, "[192.0.2.7]=192.0.2.7"},
    {"[IPv6:2001:db8::7]", 0, "[IPv6:2001:db8::7]=2001:db8::7"},
    {"192.0.2.8", 0, "192.0.2.8=192.0.2.8"},
};

TEST(test_mail_servers_of_a_domain)
{
    struct sim *sim = sim_create(1);
    struct resolver_table fake;
    resolver_table_init(&fake, sim_loop(sim), table, sizeof table / sizeof *table);
    const struct mx_asker asker = {fake.loop, &fake.resolver, sim_entropy(sim)};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        check_case = cases[i].domain;
        memset(&got, 0, sizeof got);
        (void)mx_lookup_start(&asker, span_of(cases[i].domain), on_result, NULL);
        check_int(got.calls, 0);
        sim_run(sim);
        check_int(got.calls, 1);
        check_int(got.err, cases[i].err);
        check_text(got.hosts, cases[i].hosts);
    }
    sim_free(&sim);
}

/* A list longer than what is used: the best host counts, wherever it stands in the answer. */
TEST(test_the_best_of_many_mail_servers_are_kept)
{
    enum { MANY = 30 };
    struct resolver_row rows[MANY + 1];
    struct sim *sim = sim_create(1);
    struct resolver_table fake;
    for (size_t i = 0; i < MANY; i++)
        rows[i] = i < MANY - 1 ? (struct resolver_row){"many.test", DNS_MX, 0,
                                                       RESOLVER_MX("\x64", "\3bad\4many\4test")}
                               : (struct resolver_row){"many.test", DNS_MX, 0,
                                                       RESOLVER_MX("\x05", "\4best\4many\4test")};
    rows[MANY] = (struct resolver_row)RESOLVER_ROW("best.many.test", DNS_A, "\xc0\x00\x02\x09");
    resolver_table_init(&fake, sim_loop(sim), rows, MANY + 1);
    const struct mx_asker asker = {fake.loop, &fake.resolver, sim_entropy(sim)};
    memset(&got, 0, sizeof got);
    (void)mx_lookup_start(&asker, span_of("many.test"), on_result, NULL);
    sim_run(sim);
    check_text(got.hosts, "best.many.test=192.0.2.9");
    sim_free(&sim);
}

TEST(test_a_cancelled_look_up_tells_nothing)
{
    struct sim *sim = sim_create(1);
    struct resolver_table fake;
    resolver_table_init(&fake, sim_loop(sim), table, sizeof table / sizeof *table);
    const struct mx_asker asker = {fake.loop, &fake.resolver, sim_entropy(sim)};
    memset(&got, 0, sizeof got);
    struct mx_lookup *asked = mx_lookup_start(&asker, span_of("two.test"), on_result, NULL);
    struct mx_lookup *known = mx_lookup_start(&asker, span_of("192.0.2.8"), on_result, NULL);
    mx_lookup_cancel(&asked);
    mx_lookup_cancel(&known);
    sim_run(sim);
    check_int(got.calls, 0);
    sim_free(&sim);
}

/* What RFC 7672 asks of addresses: all answers signed, or they count as not signed. */
static struct mx_host first_host;

static void on_first(void *owner, const struct mx_result *result)
{
    (void)owner;
    got.calls++;
    got.err = result->err;
    first_host = result->count > 0 ? result->hosts[0] : (struct mx_host){0};
}

TEST(test_how_far_addresses_are_signed)
{
    static const struct resolver_row rows[] = {
        {"a.safe", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\4safe")},
        RESOLVER_ROW("mx.safe", DNS_A, "\xc0\x00\x02\x01"),
        {"b.safe", DNS_MX, 0, RESOLVER_MX("\x0a", "\2mx\5plain")},
        RESOLVER_ROW("mx.plain", DNS_A, "\xc0\x00\x02\x01"),
        {"c.safe", DNS_MX, 0, RESOLVER_MX("\x0a", "\3www\4safe")},
        {"d.safe", DNS_MX, 0, RESOLVER_MX("\x0a", "\6forged\4safe")},
        RESOLVER_ROW("forged.safe", DNS_A, "\xc0\x00\x02\x01"),
        {"forged.safe", DNS_AAAA, ERR_CORRUPT, NULL, 0},
    };
    static const struct {
        const char *domain, *alias_of, *alias;
        bool is_secure, addresses_secure;
        int err;
    } wanted[] = {
        {"a.safe", NULL, "", true, true, 0},
        {"b.safe", NULL, "", true, false, 0},
        {"c.safe", "mx.safe", "mx.safe", true, true, 0},
        {"c.safe", "mx.plain", "mx.plain", true, false, 0},
        {"d.safe", NULL, "", false, false, ERR_AGAIN},
    };
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        struct sim *sim = sim_create(1);
        struct resolver_table fake;
        resolver_table_init(&fake, sim_loop(sim), rows, sizeof rows / sizeof *rows);
        fake.signed_zone = ".safe";
        fake.alias = wanted[i].alias_of != NULL ? "www.safe" : NULL;
        fake.alias_of = wanted[i].alias_of;
        const struct mx_asker asker = {sim_loop(sim), &fake.resolver, sim_entropy(sim)};
        check_case = wanted[i].domain;
        (void)mx_lookup_start(&asker, span_of(wanted[i].domain), on_first, NULL);
        sim_run(sim);
        check_int(got.err, wanted[i].err);
        check_int(first_host.is_secure, wanted[i].is_secure);
        check_int(first_host.addresses_secure, wanted[i].addresses_secure);
        check_text(first_host.alias, wanted[i].alias);
        sim_free(&sim);
    }
}

CHECK_MAIN({"test_how_far_addresses_are_signed", test_how_far_addresses_are_signed},
           {"test_mail_servers_of_a_domain", test_mail_servers_of_a_domain},
           {"test_the_best_of_many_mail_servers_are_kept",
            test_the_best_of_many_mail_servers_are_kept},
           {"test_a_cancelled_look_up_tells_nothing", test_a_cancelled_look_up_tells_nothing})
