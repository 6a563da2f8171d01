/* The order of TLS policies over the relay, attacked: forged MX records, records of two policies at
 * once, policies that appear while a destination is in use, look-ups that fail. The real server's
 * certificate is for mx.example.org. */
#include <gnutls/x509.h>
#include <stdio.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "store/accept.h"
#include "tests/fake/fetcher_table.h"
#include "tests/fake/relay_lab.h"
#include "tests/fake/tlsa_mint.h"

#define MX    "mx.example.org"
#define OTHER "other.example.org" /* the same server, whose certificate has not that name */

static const char alice[] = "alice@example.org", bob[] = "bob@example.org";

enum fate { DELIVERED, DEFERRED, REPORTED };

/* Of example.org; a policy of MTA-STS in enforce that names MX and one.hop.test. */
static const struct fetcher_row policies[] = {{"mta-sts.example.org", 0,
                                               "version: STSv1\nmode: enforce\nmx: " MX
                                               "\nmx: one.hop.test\nmax_age: 604800\n",
                                               0}},
                                no_policies[] = {{"mta-sts.example.org", ERR_TIMEOUT, "", 0}};

static const struct resolver_row sts_rows[] = {
    RESOLVER_ROW("_mta-sts.example.org", DNS_TXT, "\x10v=STSv1; id=1ab;"),
    RESOLVER_ROW("mta-sts.example.org", DNS_A, "\xcb\x00\x71\x09"),
};
static const struct resolver_row mx_other = {"example.org", DNS_MX, 0,
                                             RESOLVER_MX("\x0a", "\5other\7example\3org")};
static const struct resolver_row mx_none = {"example.org", DNS_MX, 0,
                                            RESOLVER_MX("\x0a", "\3one\3hop\4test")};

enum { ROWS_MAX = 40 };

/* A lab with more names, and policies to fetch. */
struct stage {
    struct relay_lab lab;
    struct fetcher_table fetcher;
    struct resolver_row rows[ROWS_MAX];
    struct buf rdata;
    char owner[300];
};

/* In place of the row of that name and type, or beside the others. */
static void put_row(struct stage *stage, struct resolver_row row)
{
    struct resolver_table *dns = &stage->lab.dns;
    size_t at = 0;
    while (at < dns->count &&
           (dns->rows[at].type != row.type || strcmp(dns->rows[at].name, row.name) != 0))
        at++;
    require(at < ROWS_MAX);
    stage->rows[at] = row;
    dns->count += at == dns->count;
}

static void set_up(struct stage *stage, bool has_policy)
{
    struct relay_lab *lab = &stage->lab;
    relay_lab_init(lab);
    lab->settings.mta_sts = true;
    lab->settings.mta_sts_timeout_ms = 60000;
    lab->settings.mta_sts_refresh_ms = 86400000;
    lab->settings.mta_sts_retry_ms = 300000;
    lab->settings.mta_sts_unused_ms = INT64_C(90) * 86400000;
    lab->settings.mta_sts_port = 443;
    require(lab->dns.count < ROWS_MAX);
    memcpy(stage->rows, lab->dns.rows, lab->dns.count * sizeof *stage->rows);
    lab->dns.rows = stage->rows;
    fetcher_table_init(&stage->fetcher, sim_loop(lab->world.sim), policies, 1);
    lab->options.fetcher = &stage->fetcher.fetcher;
    lab->options.trusted = "";
    buf_init(&stage->rdata, 0);
    for (size_t i = 0; has_policy && i < sizeof sts_rows / sizeof *sts_rows; i++)
        put_row(stage, sts_rows[i]);
}

static void take_down(struct stage *stage)
{
    relay_lab_deinit(&stage->lab);
    buf_release(&stage->rdata);
}

/* A TLSA record for the server's own certificate or one that is not. */
static void publish(struct stage *stage, const char *host, unsigned usage, bool is_right)
{
    struct fault fault;
    gnutls_x509_crt_t crt;
    char *pem = NULL;
    size_t len = 0;
    require(file_read_all(world_tls_lab()->chain_file, 100000, &pem, &len, &fault) == 0);
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    require(gnutls_x509_crt_init(&crt) == 0);
    require(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM) == 0);
    tlsa_mint(crt, usage, 1, 1, &stage->rdata);
    stage->rdata.data[stage->rdata.start + stage->rdata.len - 1] ^= (char)!is_right;
    gnutls_x509_crt_deinit(crt);
    mem_free(pem);
    struct span rdata = buf_span(&stage->rdata);
    (void)snprintf(stage->owner, sizeof stage->owner, "_25._tcp.%s", host);
    put_row(stage, (struct resolver_row){stage->owner, DNS_TLSA, 0, rdata.ptr, rdata.len});
}

static void check_fate(struct stage *stage, enum fate fate, const char *told)
{
    struct relay_lab *lab = &stage->lab;
    struct relay_lab_queue queue = relay_lab_queue(lab);
    struct buf report;
    buf_init(&report, 0);
    int64_t arrived =
        relay_lab_inbox(lab, bob, NULL) + lab->hops[0].messages + lab->hops[1].messages;
    check_int(arrived, fate == DELIVERED);
    check_int(queue.count, fate == DEFERRED);
    if (fate == DEFERRED && strstr(queue.last, told) == NULL)
        CHECK_FAILED("last outcome: \"%s\"", queue.last);
    check_int(relay_lab_inbox(lab, alice, &report), fate == REPORTED);
    if (fate == REPORTED)
        check(span_find(buf_span(&report), span_of(told)) >= 0);
    buf_release(&report);
}

/* ---- Two policies --------------------------------------------------------------------------- */

/* RFC 8461 has no DNSSEC to rest on: whoever forges the MX record names a host of his own, and can
 * sign TLSA records for it. */
TEST(test_a_forged_mx_with_good_tlsa_does_not_pass_by_an_mta_sts_policy)
{
    struct stage stage;
    set_up(&stage, true);
    put_row(&stage, mx_other);
    publish(&stage, OTHER, 3, true);
    stage.lab.dns.signed_zone = "r.example.org";
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "does not name it");
    check_int(stage.lab.server_connections, 0);
    take_down(&stage);
}

/* The same record, signed, is the domain's own word. */
TEST(test_a_signed_mx_with_tlsa_needs_no_mta_sts)
{
    struct stage stage;
    set_up(&stage, true);
    put_row(&stage, mx_other);
    publish(&stage, OTHER, 3, true);
    stage.lab.dns.signed_zone = ".org";
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DELIVERED, "");
    take_down(&stage);
}

/* A host that both speak of is held to its TLSA records. */
TEST(test_a_named_host_with_wrong_tlsa_is_not_used)
{
    struct stage stage;
    set_up(&stage, true);
    publish(&stage, MX, 3, false);
    stage.lab.dns.signed_zone = "x.example.org";
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "TLSA");
    take_down(&stage);
}

/* Records that prove nothing leave it to MTA-STS: then the MX's name counts, not its alias's. */
TEST(test_mta_sts_checks_the_name_of_the_mx_not_of_its_alias)
{
    struct stage stage;
    set_up(&stage, true);
    publish(&stage, "real.example.org", 1, true);
    stage.lab.dns.signed_zone = ".org";
    stage.lab.dns.alias = MX;
    stage.lab.dns.alias_of = "real.example.org";
    put_row(&stage, (struct resolver_row){"real.example.org", DNS_A, 0, "\xc6\x33\x64\x01", 4});
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DELIVERED, "");
    take_down(&stage);
}

TEST(test_waived_tls_waives_mta_sts_where_there_is_no_dane)
{
    struct stage stage;
    set_up(&stage, true);
    stage.lab.settings.dane = false;
    stage.lab.mail_flags = STORE_MAIL_TLS_OPTIONAL;
    put_row(&stage, mx_none);
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DELIVERED, "");
    take_down(&stage);
}

/* ---- Policies that change ------------------------------------------------------------------- */

/* Mail that never stops keeps a destination, its hosts and its connections; a policy that is
 * published meanwhile counts all the same. */
static void send_for(struct stage *stage, int64_t minutes)
{
    for (int64_t i = 0; i < minutes * 20; i++) {
        relay_lab_mail(&stage->lab, alice, "r@one.test");
        relay_lab_run(&stage->lab, 3000);
    }
}

TEST(test_a_busy_destination_hears_of_a_new_policy)
{
    struct stage stage;
    set_up(&stage, false);
    stage.lab.settings.messages_per_connection_max = 1000;
    relay_lab_run(&stage.lab, 0);
    send_for(&stage, 1);
    check_int(stage.lab.hops[0].messages, 20);
    check_int(stage.lab.hops[0].connections, 1);
    publish(&stage, "one.hop.test", 3, true);
    stage.lab.dns.signed_zone = ".test";
    send_for(&stage, 6);
    unsigned before = stage.lab.hops[0].messages;
    send_for(&stage, 1);
    check_int(stage.lab.hops[0].messages, before);
    check(strstr(relay_lab_queue(&stage.lab).last, "TLSA") != NULL);
    take_down(&stage);
}

/* Nobody waits while the same is found again. */
TEST(test_a_busy_destination_goes_on_when_nothing_changes)
{
    struct stage stage;
    set_up(&stage, false);
    stage.lab.settings.messages_per_connection_max = 1000;
    relay_lab_run(&stage.lab, 0);
    send_for(&stage, 12);
    check_int(stage.lab.hops[0].messages, 12 * 20);
    check(stage.lab.hops[0].connections <= 4);
    take_down(&stage);
}

/* Who is on the way goes on to the next host of those that he began with: what is old is looked up
 * when he has arrived. */
TEST(test_hosts_are_kept_for_who_is_on_the_way)
{
    struct stage stage;
    struct endpoint first;
    set_up(&stage, false);
    check(endpoint_parse(span_of("203.0.113.1"), 25, &first) == 0);
    sim_hang(stage.lab.world.sim, &first);
    stage.lab.settings.connect_timeout_ms = 360000;
    relay_lab_mail(&stage.lab, alice, "r@two.test");
    relay_lab_run(&stage.lab, 330000);
    stage.lab.dns.silent = DNS_MX;
    for (int i = 0; i < 8; i++)
        relay_lab_mail(&stage.lab, alice, "r@two.test");
    relay_lab_run(&stage.lab, 20000);
    check_int(stage.lab.dns.pending, 0);
    relay_lab_run(&stage.lab, 20000);
    check_int(stage.lab.hops[1].messages, 1);
    check_int(stage.lab.dns.pending, 1);
    take_down(&stage);
}

/* Whatever is being asked when settings and resolver change: the policy counts, nothing is lost. */
TEST(test_a_reload_in_the_middle_of_a_look_up)
{
    static const enum dns_type types[] = {DNS_MX, DNS_A, DNS_TLSA, DNS_TXT};
    for (size_t i = 0; i < 2 * sizeof types / sizeof *types; i++) {
        struct stage stage;
        struct relay_lab *lab = &stage.lab;
        bool has_new_resolver = i % 2 == 1;
        char name[40];
        (void)snprintf(name, sizeof name, "type %d, %s", (int)types[i / 2],
                       has_new_resolver ? "another resolver" : "the same");
        check_case = name;
        if (types[i / 2] == DNS_TXT && !has_new_resolver)
            continue; /* that question goes on, as it is not about routes */
        set_up(&stage, true);
        put_row(&stage, mx_none); /* which the policy names, but it has no TLS */
        lab->dns.is_signed = true;
        lab->dns.silent = types[i / 2];
        relay_lab_mail(lab, alice, bob);
        relay_lab_run(lab, 1000);
        check_int(lab->dns.pending, 1);
        struct resolver_table other = lab->dns;
        struct settings_relay settings = lab->settings;
        struct relay_options options = lab->options;
        other.silent = 0;
        other.pending = 0;
        settings.plaintext_fallback = !settings.plaintext_fallback;
        settings.mx_verify = "off";
        options.settings = &settings;
        if (has_new_resolver)
            options.resolver = &other.resolver;
        lab->dns.silent = has_new_resolver ? lab->dns.silent : 0;
        relay_set_options(lab->relay, &options);
        check(!has_new_resolver || lab->dns.pending == 0);
        relay_lab_run(lab, 90000);
        check_fate(&stage, DEFERRED, "the MTA-STS policy of example.org demands TLS");
        check_int(lab->hops[0].messages, 0);
        relay_free(&lab->relay); /* before the settings go */
        take_down(&stage);
    }
}

/* ---- Look-ups that fail --------------------------------------------------------------------- */

/* REQUIRETLS: that there is no policy is not sure, so the mail waits; it is not sent back. */
TEST(test_requiretls_waits_for_a_policy_that_cannot_be_had)
{
    struct stage stage;
    set_up(&stage, true);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    stage.fetcher.rows = no_policies;
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "MTA-STS");
    stage.fetcher.rows = policies;
    relay_lab_run(&stage.lab, (int64_t)2 * RELAY_LAB_RETRY_MS);
    check_int(relay_lab_queue(&stage.lab).count, 0);
    check_int(relay_lab_inbox(&stage.lab, bob, NULL), 1);
    take_down(&stage);
}

TEST(test_requiretls_waits_for_a_record_that_cannot_be_had)
{
    struct stage stage;
    set_up(&stage, true);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    put_row(&stage, (struct resolver_row){"_mta-sts.example.org", DNS_TXT, ERR_AGAIN, NULL, 0});
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "MTA-STS");
    take_down(&stage);
}

/* More proof than is asked for is no less: the policy names the host, which has good records, too.
 */
TEST(test_requiretls_goes_to_a_named_host_with_tlsa)
{
    struct stage stage;
    set_up(&stage, true);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    publish(&stage, MX, 3, true);
    stage.lab.dns.signed_zone = "x.example.org";
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DELIVERED, "");
    take_down(&stage);
}

/* More hosts than are dialled for one connection: the last was not asked, so nothing is final. */
TEST(test_requiretls_waits_when_not_every_host_was_tried)
{
    struct stage stage;
    set_up(&stage, false);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    stage.lab.dns.is_signed = true;
    put_row(&stage, mx_none);
    for (size_t i = 0; i < 12; i++)
        stage.rows[stage.lab.dns.count++] = mx_none;
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "STARTTLS");
    take_down(&stage);
}

/* Without a policy for sure it comes back at once. */
TEST(test_requiretls_without_a_policy_comes_back)
{
    struct stage stage;
    set_up(&stage, false);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    relay_lab_mail(&stage.lab, alice, bob);
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, REPORTED, "5.7.10");
    take_down(&stage);
}

/* The host that has no TLS is not the only one: the other's address cannot be had now. */
TEST(test_requiretls_waits_for_a_host_that_cannot_be_looked_up)
{
    struct stage stage;
    set_up(&stage, false);
    stage.lab.mail_flags = STORE_MAIL_REQUIRETLS;
    stage.lab.dns.is_signed = true;
    put_row(&stage, (struct resolver_row){"two.hop.test", DNS_A, ERR_AGAIN, NULL, 0});
    put_row(&stage, (struct resolver_row){"two.hop.test", DNS_AAAA, ERR_AGAIN, NULL, 0});
    relay_lab_mail(&stage.lab, alice, "r@two.test");
    relay_lab_run(&stage.lab, 60000);
    check_fate(&stage, DEFERRED, "STARTTLS");
    take_down(&stage);
}

CHECK_MAIN({"test_a_forged_mx_with_good_tlsa_does_not_pass_by_an_mta_sts_policy",
            test_a_forged_mx_with_good_tlsa_does_not_pass_by_an_mta_sts_policy},
           {"test_a_signed_mx_with_tlsa_needs_no_mta_sts",
            test_a_signed_mx_with_tlsa_needs_no_mta_sts},
           {"test_a_named_host_with_wrong_tlsa_is_not_used",
            test_a_named_host_with_wrong_tlsa_is_not_used},
           {"test_mta_sts_checks_the_name_of_the_mx_not_of_its_alias",
            test_mta_sts_checks_the_name_of_the_mx_not_of_its_alias},
           {"test_waived_tls_waives_mta_sts_where_there_is_no_dane",
            test_waived_tls_waives_mta_sts_where_there_is_no_dane},
           {"test_a_busy_destination_hears_of_a_new_policy",
            test_a_busy_destination_hears_of_a_new_policy},
           {"test_a_busy_destination_goes_on_when_nothing_changes",
            test_a_busy_destination_goes_on_when_nothing_changes},
           {"test_hosts_are_kept_for_who_is_on_the_way", test_hosts_are_kept_for_who_is_on_the_way},
           {"test_a_reload_in_the_middle_of_a_look_up", test_a_reload_in_the_middle_of_a_look_up},
           {"test_requiretls_waits_for_a_policy_that_cannot_be_had",
            test_requiretls_waits_for_a_policy_that_cannot_be_had},
           {"test_requiretls_waits_for_a_record_that_cannot_be_had",
            test_requiretls_waits_for_a_record_that_cannot_be_had},
           {"test_requiretls_goes_to_a_named_host_with_tlsa",
            test_requiretls_goes_to_a_named_host_with_tlsa},
           {"test_requiretls_waits_when_not_every_host_was_tried",
            test_requiretls_waits_when_not_every_host_was_tried},
           {"test_requiretls_without_a_policy_comes_back",
            test_requiretls_without_a_policy_comes_back},
           {"test_requiretls_waits_for_a_host_that_cannot_be_looked_up",
            test_requiretls_waits_for_a_host_that_cannot_be_looked_up})
