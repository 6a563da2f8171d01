/* DANE over the relay: which mail goes where, over which TLS, and what is told, by what DNS says
 * and how far that is signed. The real server's certificate is for mx.example.org. */
#include <gnutls/x509.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/require.h"
#include "check.h"
#include "store/accept.h"
#include "tests/fake/relay_lab.h"
#include "tests/fake/tlsa_mint.h"

static const char alice[] = "alice@example.org", bob[] = "bob@example.org";

enum fate { DELIVERED, DEFERRED };
enum whose { NO_RECORD, LEAF, AUTHORITY, NOBODYS };

/* The hosts that records can be published for. */
#define MX    "mx.example.org"
#define OTHER "other.example.org" /* the same server, whose certificate has not that name */
#define ONE   "one.hop.test"      /* hop 0: no TLS unless its rules say so */

struct published {
    const char *host; /* NULL: none */
    enum whose whose;
    unsigned usage, selector, matching;
    int err; /* that answer instead */
};

/* What is not as the lab has it. */
struct keys {
    unsigned mail_flags;
    const char *mx_verify, *mx_tls, *smarthost;
    bool is_off;              /* relay.dane = false */
    struct hop_rule rules[2]; /* of hop 0 */
};

static const struct dane_case {
    const char *name, *to;
    const char *mx; /* of example.org */
    struct published published;
    const char *signed_zone; /* NULL: nothing is */
    enum fate fate;
    const char *told;     /* in the queue, of DEFERRED */
    unsigned connections; /* to the real server and hop 0 together; 0: not looked at */
    struct keys keys;
} cases[] = {
    {"the right key", bob, MX, {MX, LEAF, 3, 1, 1, 0}, ".org", DELIVERED, "", 1, {0}},
    {"the wrong key",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DEFERRED,
     "fits none of the server's TLSA records",
     1,
     {0}},
    {"the wrong key, but not signed",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     NULL,
     DELIVERED,
     "",
     1,
     {0}},
    {"the wrong key, but switched off",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.is_off = true}},
    {"the wrong key tells who demands it",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DEFERRED,
     "the TLSA records of mx.example.org demand TLS",
     1,
     {0}},
    {"the right key is enough for required",
     bob,
     OTHER,
     {OTHER, LEAF, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.mx_verify = "required"}},
    {"and for REQUIRETLS",
     bob,
     OTHER,
     {OTHER, LEAF, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.mail_flags = STORE_MAIL_REQUIRETLS}},
    {"required without records stays",
     bob,
     OTHER,
     {NULL, 0, 0, 0, 0, 0},
     ".org",
     DEFERRED,
     "another name",
     1,
     {.mx_verify = "required"}},
    {"an authority of its own",
     bob,
     MX,
     {MX, AUTHORITY, 2, 0, 0, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {0}},
    {"an authority of its own, another name",
     bob,
     OTHER,
     {OTHER, AUTHORITY, 2, 0, 0, 0},
     ".org",
     DEFERRED,
     "another name",
     1,
     {0}},
    {"records that cannot be used",
     bob,
     OTHER,
     {OTHER, NOBODYS, 1, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {0}},
    {"they do not lower what is required",
     bob,
     OTHER,
     {OTHER, NOBODYS, 1, 1, 1, 0},
     ".org",
     DEFERRED,
     "another name",
     1,
     {.mx_verify = "required"}},
    {"they still demand TLS",
     "r@one.test",
     MX,
     {ONE, NOBODYS, 1, 1, 1, 0},
     ".test",
     DEFERRED,
     "STARTTLS",
     1,
     {0}},
    {"no answer about them",
     bob,
     MX,
     {MX, LEAF, 3, 1, 1, ERR_AGAIN},
     ".org",
     DEFERRED,
     "its TLSA records cannot be had",
     0,
     {0}},
    {"a forged answer about them",
     bob,
     MX,
     {MX, LEAF, 3, 1, 1, ERR_CORRUPT},
     ".org",
     DEFERRED,
     "its TLSA records cannot be had",
     0,
     {0}},
    {"no answer, but nothing is signed",
     bob,
     MX,
     {MX, LEAF, 3, 1, 1, ERR_AGAIN},
     NULL,
     DELIVERED,
     "",
     1,
     {0}},
    {"STARTTLS stripped",
     "r@one.test",
     MX,
     {ONE, LEAF, 3, 1, 1, 0},
     ".test",
     DEFERRED,
     "the TLSA records of one.hop.test demand TLS",
     1,
     {0}},
    {"STARTTLS refused",
     "r@one.test",
     MX,
     {ONE, LEAF, 3, 1, 1, 0},
     ".test",
     DEFERRED,
     "502",
     1,
     {.rules = {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "502 5.5.1 no"}}}},
    {"no TLS behind the go-ahead",
     "r@one.test",
     MX,
     {ONE, LEAF, 3, 1, 1, 0},
     ".test",
     DEFERRED,
     "TLSA",
     1,
     {.rules = {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "220 go"}}}},
    {"the same without records goes in plaintext",
     "r@one.test",
     MX,
     {NULL, 0, 0, 0, 0, 0},
     ".test",
     DELIVERED,
     "",
     2,
     {.rules = {{"EHLO", 0, "250-hop.test|250 STARTTLS"}, {"STARTTLS", 0, "220 go"}}}},
    {"stripped: the next host",
     "r@two.test",
     MX,
     {ONE, LEAF, 3, 1, 1, 0},
     ".test",
     DELIVERED,
     "",
     1,
     {0}},
    {"no answer: the next host",
     "r@two.test",
     MX,
     {ONE, LEAF, 3, 1, 1, ERR_AGAIN},
     ".test",
     DELIVERED,
     "",
     0,
     {0}},
    {"the message waives TLS",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.mail_flags = STORE_MAIL_TLS_OPTIONAL}},
    {"a smarthost's TLS is the configuration's",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.smarthost = MX}},
    {"TLS off is the configuration's",
     bob,
     MX,
     {MX, NOBODYS, 3, 1, 1, 0},
     ".org",
     DELIVERED,
     "",
     1,
     {.mx_tls = "off"}},
};

/* --- what is published --- */

enum { ROWS_MAX = 40 };

struct zone {
    struct resolver_row rows[ROWS_MAX];
    size_t count;
    char owner[300];
    struct buf rdata;
};

static gnutls_x509_crt_t load_certificate(const char *file)
{
    struct fault fault;
    gnutls_x509_crt_t crt;
    char *pem = NULL;
    size_t len = 0;
    require(file_read_all(file, 100000, &pem, &len, &fault) == 0);
    const gnutls_datum_t datum = {(unsigned char *)pem, (unsigned)len};
    require(gnutls_x509_crt_init(&crt) == 0);
    require(gnutls_x509_crt_import(crt, &datum, GNUTLS_X509_FMT_PEM) == 0);
    mem_free(pem);
    return crt;
}

static void mint_rdata(const struct published *published, struct buf *out)
{
    const struct tls_lab *tls = world_tls_lab();
    gnutls_x509_crt_t crt =
        load_certificate(published->whose == AUTHORITY ? tls->ca_file : tls->chain_file);
    tlsa_mint(crt, published->usage, published->selector, published->matching, out);
    if (published->whose == NOBODYS)
        out->data[out->start + out->len - 1] ^= 1;
    gnutls_x509_crt_deinit(crt);
}

static void publish(struct zone *zone, struct relay_lab *lab, const struct dane_case *row)
{
    const struct published *published = &row->published;
    const struct resolver_row mx = {"example.org", DNS_MX, 0,
                                    RESOLVER_MX("\x0a", "\5other\7example\3org")};
    *zone = (struct zone){.count = lab->dns.count};
    require(lab->dns.count + 1 < ROWS_MAX);
    memcpy(zone->rows, lab->dns.rows, lab->dns.count * sizeof *zone->rows);
    for (size_t i = 0; i < zone->count; i++) {
        if (strcmp(row->mx, OTHER) == 0 && strcmp(zone->rows[i].name, mx.name) == 0)
            zone->rows[i] = mx;
    }
    buf_init(&zone->rdata, 0);
    if (published->host != NULL) {
        mint_rdata(published, &zone->rdata);
        struct span rdata = buf_span(&zone->rdata);
        (void)snprintf(zone->owner, sizeof zone->owner, "_25._tcp.%s", published->host);
        zone->rows[zone->count++] =
            (struct resolver_row){zone->owner, DNS_TLSA, published->err, rdata.ptr, rdata.len};
    }
    lab->dns.rows = zone->rows;
    lab->dns.count = zone->count;
    lab->dns.signed_zone = row->signed_zone;
}

/* --- what became of it --- */

static void check_fate(struct relay_lab *lab, const struct dane_case *row)
{
    struct relay_lab_queue queue = relay_lab_queue(lab);
    int64_t arrived =
        relay_lab_inbox(lab, bob, NULL) + lab->hops[0].messages + lab->hops[1].messages;
    check_int(arrived, row->fate == DELIVERED);
    check_int(queue.count, row->fate == DEFERRED);
    if (row->fate == DEFERRED && strstr(queue.last, row->told) == NULL)
        CHECK_FAILED("last outcome: \"%s\"", queue.last);
    check_int(lab->server_connections + lab->hops[0].connections, row->connections);
}

static void set_up(struct relay_lab *lab, const struct dane_case *row)
{
    const struct keys *keys = &row->keys;
    relay_lab_init(lab);
    lab->mail_flags = keys->mail_flags;
    lab->settings.dane = !keys->is_off;
    if (keys->mx_verify != NULL)
        lab->settings.mx_verify = keys->mx_verify;
    if (keys->mx_tls != NULL)
        lab->settings.mx_tls = keys->mx_tls;
    if (keys->smarthost != NULL)
        lab->settings.smarthost = keys->smarthost;
    memcpy(lab->hops[0].rules, keys->rules, sizeof keys->rules);
}

TEST(test_what_records_demand)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct relay_lab lab;
        struct zone zone;
        check_case = cases[i].name;
        set_up(&lab, &cases[i]);
        publish(&zone, &lab, &cases[i]);
        relay_lab_mail(&lab, alice, cases[i].to);
        relay_lab_run(&lab, 60000);
        check_fate(&lab, &cases[i]);
        relay_lab_deinit(&lab);
        buf_release(&zone.rdata);
    }
}

/* A key that was changed before its record: the mail waits, and goes once the record is right. */
TEST(test_mail_goes_when_the_record_is_mended)
{
    struct relay_lab lab;
    struct zone zone;
    const struct dane_case row = {
        .mx = MX, .published = {MX, NOBODYS, 3, 1, 1, 0}, .signed_zone = ".org"};
    set_up(&lab, &row);
    publish(&zone, &lab, &row);
    relay_lab_mail(&lab, alice, bob);
    relay_lab_run(&lab, 60000);
    check_int(relay_lab_queue(&lab).count, 1);
    zone.rdata.data[zone.rdata.start + zone.rdata.len - 1] ^= 1;
    relay_lab_run(&lab, (int64_t)2 * RELAY_LAB_RETRY_MS);
    check_int(relay_lab_queue(&lab).count, 0);
    check_int(relay_lab_inbox(&lab, bob, NULL), 1);
    relay_lab_deinit(&lab);
    buf_release(&zone.rdata);
}

/* A forged address is none, whatever the other family says. */
TEST(test_forged_addresses_are_not_dialled)
{
    static const struct resolver_row rows[] = {
        {"one.test", DNS_MX, 0, RESOLVER_MX("\x0a", "\3one\3hop\4test")},
        RESOLVER_ROW("one.hop.test", DNS_A, "\xcb\x00\x71\x01"),
        {"one.hop.test", DNS_AAAA, ERR_CORRUPT, NULL, 0},
    };
    struct relay_lab lab;
    relay_lab_init(&lab);
    lab.dns.rows = rows;
    lab.dns.count = sizeof rows / sizeof *rows;
    relay_lab_mail(&lab, alice, "r@one.test");
    relay_lab_run(&lab, 60000);
    check_int(lab.hops[0].connections, 0);
    check_int(relay_lab_queue(&lab).count, 1);
    relay_lab_deinit(&lab);
}

/* The relay may go while an answer is awaited; so may the resolver, right after it. */
TEST(test_an_end_in_the_middle_of_a_look_up)
{
    static const enum dns_type types[] = {DNS_MX, DNS_A, DNS_TLSA};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        struct relay_lab lab;
        struct zone zone;
        set_up(&lab, &cases[0]);
        publish(&zone, &lab, &cases[0]);
        lab.dns.silent = types[i];
        relay_lab_mail(&lab, alice, bob);
        relay_lab_run(&lab, 1000);
        check_int(lab.server_connections, 0);
        check_int(lab.dns.pending, 1);
        relay_free(&lab.relay);
        check_int(lab.dns.pending, 0);
        relay_lab_deinit(&lab);
        buf_release(&zone.rdata);
    }
}

CHECK_MAIN({"test_what_records_demand", test_what_records_demand},
           {"test_mail_goes_when_the_record_is_mended", test_mail_goes_when_the_record_is_mended},
           {"test_forged_addresses_are_not_dialled", test_forged_addresses_are_not_dialled},
           {"test_an_end_in_the_middle_of_a_look_up", test_an_end_in_the_middle_of_a_look_up})
