/*
 * tlsa.c: asks for the TLSA records of a host, one question after the other: at the name that its
 * name is an alias of, then at its own. Tests: tests/unit/test_dns_tlsa.c.
 */
#include "dns/tlsa.h"

#include <stdio.h>

#include "base/mem.h"

enum { NAMES_MAX = 2, QUESTION_SIZE = MX_NAME_SIZE + 16 };

struct tlsa_lookup {
    struct resolver *resolver;
    struct resolver_query *query;
    tlsa_fn *on_result;
    void *owner;
    uint16_t port;
    char names[NAMES_MAX][MX_NAME_SIZE]; /* to be asked at */
    size_t name_count, name;
    char why[MX_WHY_SIZE];
};

static dns_fn on_alias, on_records;

static void finish(struct tlsa_lookup *lookup, const struct tlsa_result *result)
{
    tlsa_fn *on_result = lookup->on_result;
    on_result(lookup->owner, result);
    mem_free(lookup);
}

static void finish_failed(struct tlsa_lookup *lookup, const char *question,
                          const struct dns_answer *answer)
{
    (void)snprintf(lookup->why, sizeof lookup->why, "%s: %s", question, answer->why);
    finish(lookup, &(struct tlsa_result){.state = TLSA_FAILED,
                                         .base = lookup->names[lookup->name],
                                         .why = lookup->why});
}

static void question_of(const struct tlsa_lookup *lookup, char out[QUESTION_SIZE])
{
    (void)snprintf(out, QUESTION_SIZE, "_%u._tcp.%s", lookup->port, lookup->names[lookup->name]);
}

/* A name too long for that has no such records. */
static bool ask_records(struct tlsa_lookup *lookup)
{
    char question[QUESTION_SIZE];
    for (; lookup->name < lookup->name_count; lookup->name++) {
        question_of(lookup, question);
        lookup->query = resolver_ask(lookup->resolver, question, DNS_TLSA, on_records, lookup);
        if (lookup->query != NULL)
            return true;
    }
    return false;
}

static void go_on(struct tlsa_lookup *lookup)
{
    if (!ask_records(lookup))
        finish(lookup, &(struct tlsa_result){.state = TLSA_NONE});
}

/* RFC 7672 2.1.1: an answer that is not signed is none; one that should be there and cannot be had,
 * or is forged, is an attack until it is not. */
static void on_records(void *owner, const struct dns_answer *answer)
{
    struct tlsa_lookup *lookup = owner;
    lookup->query = NULL;
    if (answer->err != 0 && answer->err != ERR_NOT_FOUND) {
        char question[QUESTION_SIZE];
        question_of(lookup, question);
        finish_failed(lookup, question, answer);
    } else if (answer->err == 0 && answer->is_secure && answer->count > 0) {
        finish(lookup, &(struct tlsa_result){.state = TLSA_FOUND,
                                             .base = lookup->names[lookup->name],
                                             .records = answer->records,
                                             .count = answer->count});
    } else {
        lookup->name++;
        go_on(lookup);
    }
}

/* RFC 7672 2.1.3: the addresses at the end of an alias are not signed, but whoever runs the host's
 * own name may have signed that it is one. */
static void on_alias(void *owner, const struct dns_answer *answer)
{
    struct tlsa_lookup *lookup = owner;
    lookup->query = NULL;
    if (answer->err != 0 && answer->err != ERR_NOT_FOUND) {
        finish_failed(lookup, lookup->names[0], answer);
        return;
    }
    if (answer->err != 0 || !answer->is_secure)
        lookup->name = lookup->name_count;
    go_on(lookup);
}

static void add_name(struct tlsa_lookup *lookup, const char *name)
{
    (void)snprintf(lookup->names[lookup->name_count++], MX_NAME_SIZE, "%s", name);
}

struct tlsa_lookup *tlsa_lookup_start(struct resolver *resolver, const struct mx_host *host,
                                      uint16_t port, tlsa_fn *on_result, void *owner)
{
    bool has_alias = host->alias[0] != '\0';
    if (!host->addresses_secure && !has_alias)
        return NULL;
    struct tlsa_lookup *lookup = mem_new(struct tlsa_lookup);
    lookup->resolver = resolver;
    lookup->on_result = on_result;
    lookup->owner = owner;
    lookup->port = port;
    if (host->addresses_secure && has_alias)
        add_name(lookup, host->alias);
    add_name(lookup, host->name);
    if (host->addresses_secure)
        (void)ask_records(lookup);
    else
        lookup->query = resolver_ask(resolver, host->name, DNS_CNAME, on_alias, lookup);
    if (lookup->query == NULL) {
        mem_free(lookup);
        return NULL;
    }
    return lookup;
}

void tlsa_lookup_cancel(struct tlsa_lookup **lookup)
{
    struct tlsa_lookup *old = *lookup;
    *lookup = NULL;
    if (old == NULL)
        return;
    resolver_cancel(old->resolver, &old->query);
    mem_free(old);
}
