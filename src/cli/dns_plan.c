/*
 * dns_plan.c: which records a domain needs, from the configuration: names, ports and the key of the
 * certificate that clients of port 25 are shown. Tests: tests/clients/test_dns.py.
 */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/codec.h"
#include "base/mem.h"
#include "cli/dns.h"
#include "dns/rdata.h"
#include "pki/chain_file.h"
#include "pki/portrait.h"

struct wish {
    const char *purpose, *name, *wanted, *value;
    enum dns_type type;
    dns_judge_fn *judge;
};

static struct dns_row *add(struct dns_plan *plan, const struct wish *wish)
{
    if (plan->count == plan->capacity) {
        plan->capacity = plan->capacity * 2 + 16;
        plan->rows = mem_realloc(plan->rows, plan->capacity * sizeof(struct dns_row *));
    }
    struct dns_row *row = arena_alloc(&plan->arena, sizeof *row);
    *row = (struct dns_row){.plan = plan,
                            .purpose = wish->purpose,
                            .name = wish->name,
                            .type = wish->type,
                            .wanted = wish->wanted,
                            .value = wish->value,
                            .judge = wish->judge,
                            .why = ""};
    plan->rows[plan->count++] = row;
    return row;
}

/* ---- Mail comes in -------------------------------------------------------------------------- */

static void add_way_in(struct dns_plan *plan)
{
    struct arena *arena = &plan->arena;
    const char *host = plan->hostname;
    const struct wish wishes[] = {
        {"mail for the domain comes to this server", plan->domain,
         arena_printf(arena, "10 %s.", host), host, DNS_MX, dns_judge_mx},
        {"the server's IPv4 address", host, "", "", DNS_A, dns_judge_address},
        {"the server's IPv6 address", host, "", "", DNS_AAAA, dns_judge_address},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        (void)add(plan, &wishes[i]);
}

/* "4.3.2.1.in-addr.arpa", RFC 1035 3.5; nibbles under ip6.arpa, RFC 3596 2.5. */
static const char *reverse_name(struct arena *arena, enum dns_type type, struct span address)
{
    struct buf name;
    buf_init(&name, 0);
    for (size_t i = address.len; i-- > 0;) {
        unsigned byte = (unsigned char)address.ptr[i];
        if (type == DNS_A)
            buf_printf(&name, "%u.", byte);
        else
            buf_printf(&name, "%x.%x.", byte & 15, byte >> 4);
    }
    buf_puts(&name, type == DNS_A ? "in-addr.arpa" : "ip6.arpa");
    const char *text = arena_text(arena, buf_span(&name));
    buf_release(&name);
    return text;
}

struct dns_row *dns_plan_add_ptr(struct dns_plan *plan, enum dns_type type, struct span address)
{
    const struct wish wish = {"the address leads back to the server's name: many refuse mail else",
                              reverse_name(&plan->arena, type, address),
                              arena_printf(&plan->arena, "%s.", plan->hostname),
                              plan->hostname,
                              DNS_PTR,
                              dns_judge_ptr};
    return add(plan, &wish);
}

/* ---- Mail is trusted ------------------------------------------------------------------------ */

static void add_policies(struct dns_plan *plan)
{
    struct arena *arena = &plan->arena;
    char id[32];
    struct tm now;
    time_t seconds = (time_t)clock_wall_s(&clock_system);
    (void)gmtime_r(&seconds, &now);
    (void)strftime(id, sizeof id, "%Y%m%d%H%M%S", &now);
    const struct wish wishes[] = {
        {"which servers send the domain's mail (SPF)", plan->domain, "\"v=spf1 mx -all\"", "",
         DNS_TXT, dns_judge_spf},
        {"what others do with mail that is not the domain's (DMARC)",
         arena_printf(arena, "_dmarc.%s", plan->domain),
         arena_printf(arena, "\"v=DMARC1; p=none; rua=mailto:postmaster@%s\"", plan->domain), "",
         DNS_TXT, dns_judge_dmarc},
        {"there is an MTA-STS policy: others demand TLS (RFC 8461)",
         arena_printf(arena, "_mta-sts.%s", plan->domain),
         arena_printf(arena, "\"v=STSv1; id=%s\"", id), "", DNS_TXT, dns_judge_sts},
        {"where reports about TLS go (RFC 8460)",
         arena_printf(arena, "_smtp._tls.%s", plan->domain),
         arena_printf(arena, "\"v=TLSRPTv1; rua=mailto:postmaster@%s\"", plan->domain), "", DNS_TXT,
         dns_judge_tlsrpt},
    };
    for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++)
        (void)add(plan, &wishes[i]);
    plan->policy_url =
        arena_printf(arena, "https://mta-sts.%s/.well-known/mta-sts.txt", plan->domain);
    plan->policy_text = arena_printf(
        arena, "version: STSv1\nmode: testing\nmx: %s\nmax_age: 604800\n", plan->hostname);
}

/* ---- The certificate ------------------------------------------------------------------------ */

static bool has_name(const struct pki_portrait *portrait, const char *name)
{
    for (size_t i = 0; i < portrait->name_count; i++) {
        if (span_is_nocase(span_of(portrait->names[i]), name))
            return true;
    }
    return false;
}

/* RFC 7672 3.1.1: "3 1 1", the SHA-256 of the key; it outlives a renewal with the same key. */
static void add_tlsa(struct dns_plan *plan, const struct pki_portrait *portrait)
{
    struct buf pin;
    char hex[2 * 32 + 1] = "";
    buf_init(&pin, sizeof portrait->pin);
    if (codec_base64_decode(span_of(portrait->pin), &pin) == 0)
        codec_hex_encode(buf_span(&pin), hex);
    buf_release(&pin);
    const char *wanted = arena_printf(&plan->arena, "3 1 1 %s", hex);
    const struct wish wish = {"the key of the server's certificate (DANE, RFC 7672)",
                              arena_printf(&plan->arena, "_25._tcp.%s", plan->hostname),
                              wanted,
                              wanted,
                              DNS_TLSA,
                              dns_judge_tlsa};
    for (size_t i = 0; i < plan->count; i++) {
        if (plan->rows[i]->type == DNS_TLSA && strcmp(plan->rows[i]->wanted, wanted) == 0)
            return; /* two certificates of one key */
    }
    (void)add(plan, &wish);
}

/* Certificates that have the server's name; the default one in any case, as clients are shown it
 * when none has. */
static void add_certificates(struct dns_plan *plan)
{
    const struct settings_tls *tls = &plan->settings->tls;
    for (size_t i = 0; i < tls->pair_count; i++) {
        if (tls->pairs[i].certificate[0] == '\0')
            continue;
        struct pki_chain_file *chain =
            pki_chain_file_load(tls->pairs[i].certificate, &plan->trouble);
        struct pki_portrait *portrait = chain == NULL ? NULL : pki_portrait_create(chain->ders[0]);
        if (portrait != NULL && (i == 0 || has_name(portrait, plan->hostname)))
            add_tlsa(plan, portrait);
        pki_portrait_free(&portrait);
        pki_chain_file_free(&chain);
    }
}

/* ---- Mail programs -------------------------------------------------------------------------- */

static uint16_t find_port(const struct settings *settings, enum listener_protocol protocol,
                          enum listener_tls tls)
{
    for (size_t i = 0; i < settings->listener_count; i++) {
        const struct settings_listener *listener = &settings->listeners[i];
        if (listener->protocol == protocol && listener->tls == tls && listener->port != 0)
            return listener->port;
    }
    return 0;
}

/* RFC 6186 3, RFC 8314 5.1: what is not served is said to be so by a target of ".". */
static void add_services(struct dns_plan *plan)
{
    static const struct {
        const char *name;
        enum listener_protocol protocol;
        enum listener_tls tls;
    } services[] = {
        {"_submissions", LISTENER_SUBMISSION, LISTENER_IMPLICIT},
        {"_submission", LISTENER_SUBMISSION, LISTENER_STARTTLS},
        {"_imaps", LISTENER_IMAP, LISTENER_IMPLICIT},
        {"_imap", LISTENER_IMAP, LISTENER_STARTTLS},
        {"_pop3s", LISTENER_POP3, LISTENER_IMPLICIT},
        {"_pop3", LISTENER_POP3, LISTENER_STARTTLS},
    };
    for (size_t i = 0; i < sizeof services / sizeof *services; i++) {
        uint16_t port = find_port(plan->settings, services[i].protocol, services[i].tls);
        const struct wish wish = {
            port != 0 ? "mail programs find the server by themselves (RFC 6186)"
                      : "mail programs need not look: it is not served (RFC 6186)",
            arena_printf(&plan->arena, "%s._tcp.%s", services[i].name, plan->domain),
            port != 0 ? arena_printf(&plan->arena, "0 1 %u %s.", port, plan->hostname) : "0 0 0 .",
            plan->hostname,
            DNS_SRV,
            port != 0 ? dns_judge_srv : dns_judge_no_srv};
        struct dns_row *row = add(plan, &wish);
        row->port = port;
        row->is_optional = port == 0;
    }
}

/* ---- Life ----------------------------------------------------------------------------------- */

void dns_plan_init(struct dns_plan *plan, const struct settings *settings, const char *domain)
{
    *plan = (struct dns_plan){.settings = settings, .hostname = settings->server.hostname};
    arena_init(&plan->arena);
    fault_clear(&plan->trouble);
    char *name = arena_text(&plan->arena, span_of(domain));
    for (char *at = name; *at != '\0'; at++)
        *at = (char)(*at >= 'A' && *at <= 'Z' ? *at + 32 : *at);
    plan->domain = name;
    for (size_t i = 0; i < settings->server.domain_count; i++)
        plan->is_kept =
            plan->is_kept || span_is_nocase(span_of(domain), settings->server.domains[i]);
    add_way_in(plan);
    add_policies(plan);
    add_certificates(plan);
    add_services(plan);
}

void dns_plan_deinit(struct dns_plan *plan)
{
    mem_free(plan->rows);
    arena_reset(&plan->arena);
}
