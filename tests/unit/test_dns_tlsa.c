/* TLSA look-ups: where they are asked, and what each answer is worth (RFC 7672 2.1, 2.2). */
#include "check.h"
#include "dns/tlsa.h"
#include "tests/fake/resolver_table.h"
#include "tests/sim/sim.h"

static struct {
    unsigned calls;
    enum tlsa_state state;
    char base[MX_NAME_SIZE];
    size_t count;
    char why[MX_WHY_SIZE];
} got;

static void on_result(void *owner, const struct tlsa_result *result)
{
    (void)owner;
    got.calls++;
    got.state = result->state;
    got.count = result->count;
    (void)snprintf(got.base, sizeof got.base, "%s", result->base == NULL ? "" : result->base);
    (void)snprintf(got.why, sizeof got.why, "%s", result->why == NULL ? "" : result->why);
}

static const struct resolver_row table[] = {
    RESOLVER_ROW("_25._tcp.mx.safe", DNS_TLSA, "\3\1\1a"),
    RESOLVER_ROW("_25._tcp.mx.safe", DNS_TLSA, "\3\1\1b"),
    RESOLVER_ROW("_2525._tcp.mx.safe", DNS_TLSA, "\3\1\1c"),
    RESOLVER_ROW("_25._tcp.mx.plain", DNS_TLSA, "\3\1\1d"),
    RESOLVER_ROW("_25._tcp.both.safe", DNS_TLSA, "\3\1\1e"),
    RESOLVER_ROW("_25._tcp.end.safe", DNS_TLSA, "\3\1\1f"),
    {"_25._tcp.slow.safe", DNS_TLSA, ERR_AGAIN, NULL, 0},
    {"_25._tcp.forged.safe", DNS_TLSA, ERR_CORRUPT, NULL, 0},
    {"_25._tcp.forged-end.safe", DNS_TLSA, ERR_CORRUPT, NULL, 0},
    RESOLVER_ROW("mx.safe", DNS_CNAME, "\2mx\3far"),
    RESOLVER_ROW("mx.plain", DNS_CNAME, "\2mx\3far"),
    {"slow-alias.safe", DNS_CNAME, ERR_AGAIN, NULL, 0},
    {"forged-alias.safe", DNS_CNAME, ERR_CORRUPT, NULL, 0},
};

enum { NOT_ASKED = -1 };

static const struct {
    const char *what, *name, *alias;
    bool addresses_secure;
    uint16_t port;
    int state; /* or NOT_ASKED */
    const char *base;
    size_t count;
    unsigned asked;
} cases[] = {
    {"signed", "mx.safe", "", true, 25, TLSA_FOUND, "mx.safe", 2, 1},
    {"the port counts", "mx.safe", "", true, 2525, TLSA_FOUND, "mx.safe", 1, 1},
    {"none there", "mx2.safe", "", true, 25, TLSA_NONE, "", 0, 1},
    {"addresses not signed", "mx.safe", "", false, 25, NOT_ASKED, "", 0, 0},
    {"records not signed", "mx.plain", "", true, 25, TLSA_NONE, "", 0, 1},
    {"no answer", "slow.safe", "", true, 25, TLSA_FAILED, "slow.safe", 0, 1},
    {"forged", "forged.safe", "", true, 25, TLSA_FAILED, "forged.safe", 0, 1},
    {"an alias: at its end first", "both.safe", "end.safe", true, 25, TLSA_FOUND, "end.safe", 1, 1},
    {"an alias: else at the name", "both.safe", "bare.safe", true, 25, TLSA_FOUND, "both.safe", 1,
     2},
    {"an alias: nowhere", "x.safe", "y.safe", true, 25, TLSA_NONE, "", 0, 2},
    {"an alias: forged at its end is not looked past", "both.safe", "forged-end.safe", true, 25,
     TLSA_FAILED, "forged-end.safe", 0, 1},
    {"an alias out of the signed zone", "mx.safe", "mx.far", false, 25, TLSA_FOUND, "mx.safe", 2,
     2},
    {"an alias that is not signed", "mx.plain", "mx.far", false, 25, TLSA_NONE, "", 0, 1},
    {"an alias that is none", "no.safe", "mx.far", false, 25, TLSA_NONE, "", 0, 1},
    {"an alias that cannot be had", "slow-alias.safe", "mx.far", false, 25, TLSA_FAILED,
     "slow-alias.safe", 0, 1},
    {"an alias that is forged", "forged-alias.safe", "mx.far", false, 25, TLSA_FAILED,
     "forged-alias.safe", 0, 1},
};

static struct mx_host host_of(const char *name, const char *alias, bool addresses_secure)
{
    struct mx_host host = {.addresses_secure = addresses_secure};
    (void)snprintf(host.name, sizeof host.name, "%s", name);
    (void)snprintf(host.alias, sizeof host.alias, "%s", alias);
    return host;
}

TEST(test_each_answer)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sim *sim = sim_create(7);
        struct resolver_table fake;
        resolver_table_init(&fake, sim_loop(sim), table, sizeof table / sizeof *table);
        fake.signed_zone = ".safe";
        check_case = cases[i].what;
        memset(&got, 0, sizeof got);
        const struct mx_host host =
            host_of(cases[i].name, cases[i].alias, cases[i].addresses_secure);
        struct tlsa_lookup *lookup =
            tlsa_lookup_start(&fake.resolver, &host, cases[i].port, on_result, NULL);
        check_int(lookup != NULL, cases[i].state != NOT_ASKED);
        check_int(got.calls, 0);
        sim_run(sim);
        check_int(got.calls, cases[i].state != NOT_ASKED);
        check_int(fake.asked, cases[i].asked);
        if (cases[i].state != NOT_ASKED)
            check_int(got.state, cases[i].state);
        check_text(got.base, cases[i].base);
        check_int(got.count, cases[i].count);
        check_int(got.why[0] != '\0', cases[i].state == TLSA_FAILED);
        sim_free(&sim);
    }
}

TEST(test_one_that_is_cancelled_says_nothing)
{
    struct sim *sim = sim_create(7);
    struct resolver_table fake;
    resolver_table_init(&fake, sim_loop(sim), table, sizeof table / sizeof *table);
    fake.is_signed = true;
    memset(&got, 0, sizeof got);
    const struct mx_host host = host_of("mx.safe", "", true);
    struct tlsa_lookup *lookup = tlsa_lookup_start(&fake.resolver, &host, 25, on_result, NULL);
    check(lookup != NULL);
    tlsa_lookup_cancel(&lookup);
    check(lookup == NULL);
    tlsa_lookup_cancel(&lookup);
    sim_run(sim);
    check_int(got.calls, 0);
    sim_free(&sim);
}

CHECK_MAIN({"test_each_answer", test_each_answer},
           {"test_one_that_is_cancelled_says_nothing", test_one_that_is_cancelled_says_nothing})
