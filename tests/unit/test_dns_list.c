/* What DNS says of an address: reversed names, DNS lists, the name that leads back. */
#include <stdio.h>

#include "check.h"
#include "dns/dns_list.h"
#include "dns/rdns.h"
#include "dns/reverse.h"
#include "tests/fake/resolver_table.h"
#include "tests/sim/sim.h"

static struct endpoint peer(const char *text)
{
    struct endpoint endpoint;
    check_int(endpoint_parse(span_of(text), 25, &endpoint), 0);
    return endpoint;
}

TEST(test_addresses_turned_round)
{
    static const struct {
        const char *address, *zone, *wanted;
    } cases[] = {
        {"192.0.2.1", "zen.test", "1.2.0.192.zen.test"},
        {"::ffff:192.0.2.1", "zen.test", "1.2.0.192.zen.test"},
        {"255.254.253.252", "", "252.253.254.255.in-addr.arpa"},
        {"2001:db8::1", "",
         "1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa"},
        {"/run/x", "zen.test", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[REVERSE_NAME_SIZE];
        struct endpoint endpoint = peer(cases[i].address);
        check_case = cases[i].address;
        bool is_made = reverse_make(&endpoint, cases[i].zone, name);
        check_int(is_made, cases[i].wanted != NULL);
        if (is_made)
            check_text(name, cases[i].wanted);
    }
}

TEST(test_names_that_could_be_hosts)
{
    static const struct {
        const char *record;
        size_t len;
        const char *wanted;
    } cases[] = {
        {"\4mail\4test", 11, "mail.test"},
        {"\1a\0", 3, "a"},
        {"\4ma_l\1-\0", 8, "ma_l.-"},
        {"\4ma l\4test", 11, NULL},
        {"\4ma\r\n\4test", 11, NULL},
        {"\4mail\4tes", 9, NULL},
        {"\0", 1, NULL},
        {"", 0, NULL},
        {"\4ma.l\0", 6, NULL},
        {"\4mail\0x", 7, NULL},
        {"\300\14", 2, NULL},
        {"\4ma\"l\0", 6, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char name[REVERSE_NAME_SIZE];
        check_case = cases[i].record;
        bool is_read = reverse_read(span_make(cases[i].record, cases[i].len), name);
        check_int(is_read, cases[i].wanted != NULL);
        if (is_read)
            check_text(name, cases[i].wanted);
    }
}

TEST(test_rules_of_lists)
{
    static const struct {
        const char *text;
        bool is_good;
        uint32_t first, last;
        const char *shown; /* NULL: the zone */
    } cases[] = {
        {"zen.test", true, 0, 0, NULL},
        {"zen.test as z", true, 0, 0, "z"},
        {"zen.test=127.0.0.2 as zen-b.example", true, 0x7f000002, 0x7f000002, "zen-b.example"},
        {"zen.test as ", false, 0, 0, NULL},
        {"zen.test as", false, 0, 0, NULL},
        {"zen.test  as z", false, 0, 0, NULL},
        {"zen.test as a b", false, 0, 0, NULL},
        {"zen.test as z=127.0.0.2", false, 0, 0, NULL},
        {" as z", false, 0, 0, NULL},
        {"zen.test=127.0.0.2", true, 0x7f000002, 0x7f000002, NULL},
        {"zen.test=127.0.0.2-11", true, 0x7f000002, 0x7f00000b, NULL},
        {"zen.test=127.0.1.0-255", true, 0x7f000100, 0x7f0001ff, NULL},
        {"zen.test=127.0.0.11-2", false, 0, 0, NULL},
        {"zen.test=127.0.0.2-256", false, 0, 0, NULL},
        {"zen.test=192.0.2.1", false, 0, 0, NULL},
        {"zen.test=127.0.0", false, 0, 0, NULL},
        {"zen.test=", false, 0, 0, NULL},
        {"zen..test", false, 0, 0, NULL},
        {".zen.test", false, 0, 0, NULL},
        {"zen.test.", false, 0, 0, NULL},
        {"zen test", false, 0, 0, NULL},
        {"", false, 0, 0, NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_list_rule rule;
        check_case = cases[i].text;
        check_int(dns_list_rule_parse(span_of(cases[i].text), &rule), cases[i].is_good);
        if (!cases[i].is_good)
            continue;
        check_text(rule.zone, "zen.test");
        check_text(rule.shown, cases[i].shown != NULL ? cases[i].shown : "zen.test");
        check_int(rule.first, cases[i].first);
        check_int(rule.last, cases[i].last);
    }
}

static const struct resolver_row rows[] = {
    RESOLVER_ROW("2.2.0.192.zen.test", DNS_A, "\177\0\0\2"),
    RESOLVER_ROW("2.2.0.192.zen.test", DNS_TXT, "\5see \"\7\"http\r\n"),
    RESOLVER_ROW("3.2.0.192.zen.test", DNS_A, "\177\0\0\12"),
    RESOLVER_ROW("4.2.0.192.zen.test", DNS_A, "\300\0\2\1"), /* the domain was sold */
    RESOLVER_ROW("5.2.0.192.zen.test", DNS_A, "\177\377\377\376"),
    {"6.2.0.192.zen.test", DNS_A, ERR_AGAIN, NULL, 0},
    RESOLVER_ROW("2.2.0.192.in-addr.arpa", DNS_PTR, "\4mail\4test\0"),
    RESOLVER_ROW("mail.test", DNS_A, "\300\0\2\11"),
    RESOLVER_ROW("mail.test", DNS_A, "\300\0\2\2"),
    RESOLVER_ROW("3.2.0.192.in-addr.arpa", DNS_PTR, "\4mail\4test\0"), /* a lie */
    {"4.2.0.192.in-addr.arpa", DNS_PTR, ERR_AGAIN, NULL, 0},
    RESOLVER_ROW("5.2.0.192.in-addr.arpa", DNS_PTR, "\5b\r\nad\4test\0"),
    RESOLVER_ROW("6.2.0.192.in-addr.arpa", DNS_PTR, "\4late\4test\0"),
    {"late.test", DNS_A, ERR_AGAIN, NULL, 0},
    RESOLVER_ROW("7.2.0.192.in-addr.arpa", DNS_PTR, "\4mail\4test\0"),
    RESOLVER_ROW("7.2.0.192.in-addr.arpa", DNS_PTR, "\5other\4test\0"),
    RESOLVER_ROW("other.test", DNS_A, "\300\0\2\7"),
    RESOLVER_ROW("1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
                 DNS_PTR, "\3six\4test\0"),
    RESOLVER_ROW("six.test", DNS_AAAA, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1"),
};

static struct sim *sim;
static struct resolver_table table;
static struct dns_list_result result;
static unsigned answers;
static int name_err;
static char name[REVERSE_NAME_SIZE];

static void on_result(void *owner, const struct dns_list_result *got)
{
    (void)owner;
    result = *got;
    answers++;
}

static void on_name(void *owner, int err, const char *got)
{
    (void)owner;
    name_err = err;
    (void)snprintf(name, sizeof name, "%s", got != NULL ? got : "");
    answers++;
}

static void begin(void)
{
    sim = sim_create(1);
    resolver_table_init(&table, sim_loop(sim), rows, sizeof rows / sizeof *rows);
    answers = 0;
}

TEST(test_what_a_list_says)
{
    static const struct {
        const char *address, *rule;
        enum dns_list_outcome outcome;
        const char *why;
    } cases[] = {
        {"192.0.2.1", "zen.test", DNS_LIST_ABSENT, ""},
        {"192.0.2.2", "zen.test", DNS_LIST_LISTED, "see \"\"http??"},
        {"192.0.2.2", "zen.test=127.0.0.3-11", DNS_LIST_ABSENT, ""},
        {"192.0.2.3", "zen.test=127.0.0.3-11", DNS_LIST_LISTED, ""},
        {"192.0.2.3", "zen.test=127.0.0.3-9", DNS_LIST_ABSENT, ""},
        {"192.0.2.4", "zen.test", DNS_LIST_ABSENT, ""},
        {"192.0.2.5", "zen.test", DNS_LIST_FAILED,
         "it does not serve this resolver: its answer is 127.255.255.254"},
        {"192.0.2.6", "zen.test", DNS_LIST_FAILED, "try later"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_list_rule rule;
        struct endpoint endpoint = peer(cases[i].address);
        check_case = cases[i].address;
        check(dns_list_rule_parse(span_of(cases[i].rule), &rule));
        check(dns_list_ask(&table.resolver, &rule, &endpoint, on_result, NULL) != NULL);
        check_int(answers, i);
        sim_run(sim);
        check_int(answers, i + 1);
        check_int(result.outcome, cases[i].outcome);
        check_text(result.why, cases[i].why);
    }
    sim_free(&sim);
}

TEST(test_names_that_lead_back)
{
    static const struct {
        const char *address;
        int err;
        const char *name;
    } cases[] = {
        {"192.0.2.1", ERR_NOT_FOUND, ""},     {"192.0.2.2", 0, "mail.test"},
        {"192.0.2.3", ERR_NOT_FOUND, ""},     {"192.0.2.4", ERR_AGAIN, ""},
        {"192.0.2.5", ERR_NOT_FOUND, ""},     {"192.0.2.6", ERR_AGAIN, ""},
        {"192.0.2.7", 0, "other.test"},       {"2001:db8::1", 0, "six.test"},
        {"::ffff:192.0.2.2", 0, "mail.test"},
    };
    begin();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct endpoint endpoint = peer(cases[i].address);
        check_case = cases[i].address;
        check(rdns_ask(&table.resolver, &endpoint, on_name, NULL) != NULL);
        sim_run(sim);
        check_int(answers, i + 1);
        check_int(name_err, cases[i].err);
        check_text(name, cases[i].name);
    }
    sim_free(&sim);
}

/* Cancelled at each step, nothing is told and nothing leaks. */
TEST(test_cancelled)
{
    struct dns_list_rule rule;
    struct endpoint endpoint = peer("192.0.2.2"), local = peer("/run/x");
    begin();
    check(dns_list_rule_parse(span_of("zen.test"), &rule));
    struct dns_list_query *query = dns_list_ask(&table.resolver, &rule, &endpoint, on_result, NULL);
    check(!dns_list_is_listed(query));
    struct rdns *rdns = rdns_ask(&table.resolver, &endpoint, on_name, NULL);
    dns_list_cancel(&query);
    rdns_cancel(&rdns);
    check(query == NULL && rdns == NULL);
    sim_run(sim);
    check_int(answers, 0);
    check(dns_list_ask(&table.resolver, &rule, &local, on_result, NULL) == NULL);
    check(rdns_ask(&table.resolver, &local, on_name, NULL) == NULL);
    sim_free(&sim);
}

CHECK_MAIN({"turned", test_addresses_turned_round}, {"names", test_names_that_could_be_hosts},
           {"rules", test_rules_of_lists}, {"list", test_what_a_list_says},
           {"back", test_names_that_lead_back}, {"cancelled", test_cancelled})
